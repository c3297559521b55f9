//! A program that runs beside the steps, until it is ended.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command},
    time::{Duration, Instant},
};

use crate::{
    causes,
    failure::Failure,
    screen::End,
    shell::{Shell, end, tail},
};

/// A running program; ended when dropped.
#[derive(Debug)]
pub(crate) struct Service {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts a program and waits until it listens on `port`.
    pub(crate) fn start(
        shell: &Shell,
        name: &str,
        command: &mut Command,
        port: u16,
    ) -> Result<Self, Failure> {
        const LIMIT: Duration = Duration::from_mins(1);
        let mut step = shell.screen.begin(name);
        let log = shell.log_path(name);
        let child = Shell::spawn(command, &log)?;
        let mut service = Self { name: name.to_owned(), child, log };
        let since = Instant::now();
        while !listens(port) {
            if let Some(failure) = service.ended() {
                step.end(End::Failed, "");
                return Err(failure);
            }
            if since.elapsed() > LIMIT {
                step.end(End::Failed, "");
                return Err(Failure::world(format!("{name} does not listen on port {port}"))
                    .cause(causes::last_line(&tail(&service.log, 4096))));
            }
            step.tick(String::new);
            shell.sleep(Duration::from_millis(100))?;
        }
        step.end(End::Done, &format!("port {port}"));
        Ok(service)
    }

    /// Why it ended, if it did though nobody told it to.
    pub(crate) fn ended(&mut self) -> Option<Failure> {
        let status = self.child.try_wait().ok()??;
        let mut failure = Failure::world(format!("{} ended by itself", self.name))
            .cause(format!("it ended with {status}; it printed"));
        failure.cause.extend(causes::causes(&tail(&self.log, 65_536)));
        Some(failure.hint(format!("all that it printed: {}", self.log.display())))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// `preferred` if nobody listens there, else a free port.
pub(crate) fn free_port(preferred: u16) -> Result<u16, Failure> {
    TcpListener::bind(("127.0.0.1", preferred))
        .or_else(|_| TcpListener::bind(("127.0.0.1", 0)))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| Failure::world("there is no free port on 127.0.0.1").cause(error))
}

fn listens(port: u16) -> bool {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
}
