//! Where spans of Taut's own work go.

use std::fmt;

/// What every endpoint of OTLP over HTTP for traces ends with, as the OTLP specification has it.
const TRACES: &str = "/v1/traces";

/// The port that the OTLP specification registers for HTTP.
const PORT: u16 = 4318;

/// A collector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Collector {
    /// None.
    #[default]
    Off,
    /// Taut itself.
    Here,
    /// One that takes OTLP over HTTP, unencrypted.
    Http {
        /// A name or an address, IPv6 without its brackets.
        host: String,
        /// Its port.
        port: u16,
        /// Where it takes traces: `/v1/traces`.
        path: String,
    },
}

impl Collector {
    /// Reads `off`, `self`, or the base address of a collector; `None` for all else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "off" => return Some(Self::Off),
            "self" => return Some(Self::Here),
            _ => {}
        }
        let rest = text.strip_prefix("http://")?;
        let (authority, base) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = port.map_or(Some(PORT), |port| port.parse().ok().filter(|port| *port != 0))?;
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_host) || !is_plain(base) {
            return None;
        }
        let base = base.trim_end_matches('/');
        let path = match base {
            "" => TRACES.to_owned(),
            _ if format!("/{base}").ends_with(TRACES) => format!("/{base}"),
            _ => format!("/{base}{TRACES}"),
        };
        Some(Self::Http { host: host.to_owned(), port, path })
    }
}

impl fmt::Display for Collector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => out.write_str("off"),
            Self::Here => out.write_str("self"),
            Self::Http { host, port, path } => {
                let base = path.strip_suffix(TRACES).unwrap_or(path);
                if host.contains(':') {
                    write!(out, "http://[{host}]:{port}{base}")
                } else {
                    write!(out, "http://{host}:{port}{base}")
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, u16, &str)>) {
        let expected = expected.map(|(host, port, path)| Collector::Http {
            host: host.to_owned(),
            port,
            path: path.to_owned(),
        });
        assert_eq!(Collector::parse(text), expected, "{text}");
        if let Some(collector) = expected {
            assert_eq!(Collector::parse(&collector.to_string()), Some(collector), "{text}");
        }
    }

    #[test]
    fn an_address_is_that_of_the_collector_or_of_its_traces() {
        check("http://127.0.0.1:4318", Some(("127.0.0.1", 4318, "/v1/traces")));
        check("http://collector", Some(("collector", 4318, "/v1/traces")));
        check("http://[::1]:9000/otlp/", Some(("::1", 9000, "/otlp/v1/traces")));
        check("http://c:1/v1/traces", Some(("c", 1, "/v1/traces")));
    }

    #[test]
    fn what_could_break_a_request_is_refused() {
        for text in [
            "",
            "collector",
            "https://c",
            "http://",
            "http://c:0",
            "http://c:x",
            "http://a b",
            "http://c/\r\nx: y",
            "http://[::1",
            "http://[::1]9",
            "http://user@c",
        ] {
            check(text, None);
        }
    }
}
