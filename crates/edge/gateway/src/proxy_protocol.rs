//! The PROXY protocol on a connection that was accepted: read byte for byte up to its end, so that what follows is left
//! to who comes next.

use std::io;

use tokio::{io::AsyncReadExt as _, net::TcpStream};
use traffic::proxy_protocol::{self, Ends, Read};

/// Who asks; `None` if that is who connected.
///
/// # Errors
///
/// The connection does not begin with a header, or ended.
pub(crate) async fn read(stream: &mut TcpStream) -> io::Result<Option<Ends>> {
    let mut bytes = Vec::with_capacity(64);
    loop {
        let odd = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        match proxy_protocol::read(&bytes).map_err(odd)? {
            Read::Header { ends, .. } => return Ok(ends),
            // The core sees to it that this comes to an end.
            Read::More(count) => {
                let from = bytes.len();
                bytes.resize(from + count, 0);
                let Some(rest) = bytes.get_mut(from..) else { return Ok(None) };
                stream.read_exact(rest).await?;
            }
        }
    }
}
