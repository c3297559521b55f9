//! TCP keepalive: the system asks a peer that says nothing whether it is there, so that a connection whose other end
//! vanished without a word (a battery, a cable, a machine) is not kept for ever.

use std::{os::fd::BorrowedFd, time::Duration};

use rustix::{io, net::sockopt};

/// How long a peer says nothing before it is asked. Linux would wait for two hours, which routers on the way do not.
const IDLE: Duration = Duration::from_mins(1);

/// How long it has to answer before it is asked again.
const INTERVAL: Duration = Duration::from_secs(10);

/// How often it is asked: after two minutes in all it is gone.
const PROBES: u32 = 6;

/// Has it asked. Connections that a listening socket accepts have what that has, so that they cost no call.
pub(crate) fn set(socket: BorrowedFd<'_>) -> io::Result<()> {
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, IDLE)?;
    sockopt::set_tcp_keepintvl(socket, INTERVAL)?;
    sockopt::set_tcp_keepcnt(socket, PROBES)
}

#[cfg(test)]
mod tests {
    use std::{
        net::{TcpListener, TcpStream},
        os::fd::AsFd as _,
    };

    use super::*;
    use crate::worker;

    fn check(stream: &TcpStream) {
        assert!(sockopt::socket_keepalive(stream).unwrap());
        assert_eq!(sockopt::tcp_keepidle(stream).unwrap(), IDLE);
        assert_eq!(sockopt::tcp_keepintvl(stream).unwrap(), INTERVAL);
        assert_eq!(sockopt::tcp_keepcnt(stream).unwrap(), PROBES);
    }

    #[test]
    fn clients_are_asked_because_the_socket_that_accepts_them_is() {
        let listener = worker::listen(([127, 0, 0, 1], 0).into()).unwrap();
        listener.set_nonblocking(false).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        check(&listener.accept().unwrap().0);
    }

    #[test]
    fn a_connection_that_was_made_is_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(!sockopt::socket_keepalive(&stream).unwrap(), "nobody asks unless told");
        set(stream.as_fd()).unwrap();
        check(&stream);
    }
}
