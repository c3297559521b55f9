//! Whether a server takes queries, and a way to ask some.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::Stdio,
    time::Duration,
};

use super::binaries;

/// A server on the same machine answers within milliseconds; a busy one is asked again.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// A port that nobody listened on a moment ago.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a listener has an address").port()
}

/// Whether a new connection gets further than "the database system is starting up".
pub(super) fn takes_queries(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, ANSWER_MAX)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        // Length, protocol 3.0, user and database.
        let words = b"user\0postgres\0database\0postgres\0\0";
        let length = u32::try_from(words.len() + 8).unwrap_or(0);
        let mut message = length.to_be_bytes().to_vec();
        message.extend(196_608_u32.to_be_bytes());
        message.extend(words);
        stream.write_all(&message)?;
        let mut kind = [0];
        stream.read_exact(&mut kind)?;
        // An error is what a server says that starts or ends; everything else is a beginning.
        Ok(kind != *b"E")
    };
    ask().unwrap_or(false)
}

/// What psql prints for statements; what it complains about if one fails.
pub(super) fn psql(url: &str, statements: &str) -> Result<String, String> {
    let mut command = binaries::client("psql")?;
    command
        .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"])
        .args(["--set", "ON_ERROR_STOP=1", "--file", "-", "--dbname", url])
        .env("PGCONNECT_TIMEOUT", "10")
        .env("PGCLIENTENCODING", "UTF8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("failed to start psql: {error}"))?;
    let mut stdin = child.stdin.take().ok_or("psql has no stdin")?;
    let text = statements.to_owned();
    // psql may print more than a pipe holds before it has read everything.
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().map_err(|error| format!("psql: {error}"))?;
    // A psql that stops at an error does not read the rest; the error is told below.
    drop(writer.join());
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned())
}
