//! Asks the API of a `taut up` on this machine, or the admin port of a gateway: one question, one JSON answer, no connection
//! kept.

use std::{
    fmt::Write as _,
    io::{ErrorKind, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;
use web::OrderProblem;

use crate::say::Failure;

/// Somebody on this machine takes a connection at once, or nobody is there.
const CONNECT_TIME: Duration = Duration::from_secs(2);

/// The API ends a question after ten seconds; others may be before it.
const ANSWER_TIME: Duration = Duration::from_mins(1);

/// A thousand groups with a thousand steps each, and more.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// Nobody listens there.
    Nobody,
    /// Somebody does, and does not answer as asked.
    Problem(Failure),
}

/// Asks for a path.
pub(crate) fn get(listen: SocketAddr, path: &str) -> Result<Value, Unanswered> {
    let address = reachable(listen);
    let failed = |error: &std::io::Error| {
        let hint = format!("is it a `taut up` that listens on {address}? see `web.listen`");
        Unanswered::Problem(Failure::world(error).hint(hint))
    };
    let mut stream = match TcpStream::connect_timeout(&address, CONNECT_TIME) {
        Ok(stream) => stream,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            return Err(Unanswered::Nobody);
        }
        Err(error) => return Err(failed(&error)),
    };
    let mut answer = Vec::new();
    let asked = stream
        .set_read_timeout(Some(ANSWER_TIME))
        .and_then(|()| {
            let head = "Accept: application/json\r\nConnection: close\r\n\r\n";
            write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n{head}")
        })
        .and_then(|()| stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer));
    asked.map_err(|error| failed(&error))?;
    let (status, body) = split(&answer).ok_or_else(|| {
        let what = format!("what listens on {address} does not speak HTTP");
        Unanswered::Problem(Failure::of_the_world(what).hint("see `web.listen`"))
    })?;
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if status == 200 && !body.is_null() {
        return Ok(body);
    }
    let text = |key: &str| body[key].as_str().map(str::to_owned);
    let failure = match (status, text("detail")) {
        (400, Some(detail)) => Failure::use_of(detail),
        (_, Some(detail)) => Failure::of_the_world(detail),
        (404, None) => Failure::of_the_world(format!(
            "what listens on {address} is another program, or an older taut"
        )),
        (status, None) => Failure::of_the_world(format!("{address} answered with {status}")),
    };
    let hint =
        text("hint").unwrap_or_else(|| "see `web.listen`, and `taut --version` there".to_owned());
    Err(Unanswered::Problem(failure.hint(hint)))
}

/// What the admin port of a gateway is asked.
struct ToAdmin<'a> {
    method: &'static str,
    path: &'a str,
    token: Option<&'a str>,
    body: &'a str,
    /// How long it may say nothing.
    time: Duration,
}

/// Has a gateway that runs read its settings again; the status of its answer.
pub(crate) fn reload(listen: SocketAddr, token: &str) -> std::io::Result<u16> {
    let (method, path, body, time) = ("POST", "/reload", "", CONNECT_TIME);
    admin(listen, &ToAdmin { method, path, token: Some(token), body, time })
        .map(|(status, _)| status)
}

/// What the admin port of a gateway tells; why it tells nothing, in words.
pub(crate) fn told_by_admin(
    listen: SocketAddr,
    path: &str,
    token: Option<&str>,
) -> Result<Value, String> {
    let (method, body, time) = ("GET", "", CONNECT_TIME);
    let (status, told) = admin(listen, &ToAdmin { method, path, token, body, time })
        .map_err(|error| format!("no gateway answers there: {error}"))?;
    match status {
        200 => Ok(told),
        401 => Err("it wants its token: set `TAUT_GATEWAY_ADMIN_TOKEN` here as well".to_owned()),
        _ => Err(format!("it answered {status}")),
    }
}

/// Gives an order to a gateway through its admin port; what it says of what it did.
pub(crate) fn ordered_by_admin(
    listen: SocketAddr,
    path: &str,
    order: &Value,
    token: Option<&str>,
) -> Result<Value, OrderProblem> {
    let path = path.split('/').map(encoded).collect::<Vec<_>>().join("/");
    let body = if order.is_null() { String::new() } else { order.to_string() };
    let asked = ToAdmin { method: "POST", path: &path, token, body: &body, time: ANSWER_TIME };
    let away = |error: std::io::Error| {
        OrderProblem::Away(match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                "the gateway did not say within a minute that it is done".to_owned()
            }
            _ => format!("no gateway answers there: {error}"),
        })
    };
    let (status, told) = admin(listen, &asked).map_err(away)?;
    if status == 200 {
        return Ok(told);
    }
    let detail =
        told["detail"].as_str().map_or_else(|| format!("it answered {status}"), str::to_owned);
    Err(OrderProblem::Refused { status, detail })
}

/// The status of its answer, and what JSON it has.
fn admin(listen: SocketAddr, asked: &ToAdmin<'_>) -> std::io::Result<(u16, Value)> {
    let ToAdmin { method, path, token, body, time } = asked;
    let address = reachable(listen);
    let mut stream = TcpStream::connect_timeout(&address, CONNECT_TIME)?;
    stream.set_read_timeout(Some(*time))?;
    stream.set_write_timeout(Some(*time))?;
    let shown =
        token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{shown}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    let (status, body) = split(&answer).ok_or_else(|| {
        std::io::Error::new(ErrorKind::InvalidData, "what listens there does not speak HTTP")
    })?;
    Ok((status, serde_json::from_slice(body).unwrap_or_default()))
}

/// What listens everywhere is reached by loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Status and body of an answer whose length is known or that ends with the connection.
fn split(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = answer.split_at_checked(end + 4)?;
    let head = std::str::from_utf8(head).ok()?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, body))
}

/// A value in an address, with all but letters, digits and a few signs escaped.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            write!(encoded, "%{byte:02X}").ok();
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_answers_are_cut_in_two() {
        assert_eq!(encoded("a = \"ä&b\""), "a%20%3D%20%22%C3%A4%26b%22");
        assert_eq!(split(b"HTTP/1.1 200 OK\r\na: b\r\n\r\n{}"), Some((200, &b"{}"[..])));
        for broken in [&b""[..], b"\r\n\r\n", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 2"] {
            assert_eq!(split(broken), None);
        }
        let anywhere = "0.0.0.0:7070".parse().unwrap();
        assert_eq!(reachable(anywhere).to_string(), "127.0.0.1:7070");
    }
}
