//! How members are spoken to, as settings have it.

use std::{path::PathBuf, time::Duration};

use crate::{plan::Certificate, proxy_protocol::Version};

/// How the members of a service are spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wire {
    /// Which HTTP.
    pub http: Http,
    /// How it is encrypted, if it is.
    pub tls: Option<MemberTls>,
    /// How they are told who asks before anything else is said.
    pub proxy_protocol: Option<Version>,
}

impl Wire {
    /// Whether it is HTTP/1.1, and nothing besides.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// Which HTTP members are spoken to with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Http {
    /// HTTP/1.1.
    #[default]
    One,
    /// HTTP/2, or nothing.
    Two,
    /// HTTP/2 where they agree to it while the encryption is set up, else HTTP/1.1.
    Offered,
}

/// How connections to members are encrypted. Who they are is always verified.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberTls {
    /// Who is believed, PEM; `None` for whom the system believes.
    pub authorities: Option<PathBuf>,
    /// The name in their certificates; `None` for the host of their address.
    pub name: Option<String>,
    /// What the gateway shows of itself.
    pub identity: Option<Certificate>,
}

/// How the names of members are looked up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup {
    /// The longest time between two look-ups; what the answer says may be shorter.
    pub interval: Duration,
}

/// How the address of a member begins.
///
/// `None` for what is no known beginning.
#[must_use]
pub fn scheme(text: &str) -> Option<(Http, bool)> {
    match text {
        "http" => Some((Http::One, false)),
        "https" => Some((Http::Offered, true)),
        "h2" => Some((Http::Two, true)),
        "h2c" => Some((Http::Two, false)),
        _ => None,
    }
}

/// Whether this is the host and port of a member: a name, an IPv4 address, or an IPv6 address in brackets.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host = match bracketed {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(named),
    };
    host && port.parse::<u16>().is_ok_and(|port| port != 0)
}
