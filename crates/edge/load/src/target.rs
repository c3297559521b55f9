//! Where requests go: a URL taken apart, and whether it is near.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

/// A server: where it is and whether to encrypt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name or address of the host, as it is resolved and as TLS wants it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What the `Host` header says.
    pub authority: String,
    /// Over TLS.
    pub is_encrypted: bool,
}

/// Why something is no target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Not a URL.
    #[error("`{0}` is not a URL")]
    Url(String, #[source] url::ParseError),
    /// Another scheme.
    #[error("`{0}` is neither http nor https")]
    Scheme(String),
    /// A name that nobody knows.
    #[error("failed to find the address of `{0}`")]
    Unknown(String, #[source] std::io::Error),
}

/// How near an address is: load goes to strangers only if they are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// This machine.
    Here,
    /// A private network.
    Private,
    /// Anybody's.
    Public,
}

impl Target {
    /// Takes a URL apart; also gives its path with the query.
    ///
    /// # Errors
    ///
    /// It is none, or not of HTTP.
    pub fn parse(text: &str) -> Result<(Self, String), TargetError> {
        let url = Url::parse(text).map_err(|error| TargetError::Url(text.to_owned(), error))?;
        let is_encrypted = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(TargetError::Scheme(text.to_owned())),
        };
        let host = match url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => return Err(TargetError::Scheme(text.to_owned())),
        };
        let port = url.port_or_known_default().unwrap_or(80);
        let shown = url.host_str().unwrap_or(&host);
        let authority =
            url.port().map_or_else(|| shown.to_owned(), |port| format!("{shown}:{port}"));
        let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
        Ok((Self { host, port, authority, is_encrypted }, format!("{}{query}", url.path())))
    }

    /// Its addresses; there is at least one.
    ///
    /// # Errors
    ///
    /// Nobody knows the name.
    pub async fn addresses(&self) -> Result<Vec<SocketAddr>, TargetError> {
        let unknown = |error| TargetError::Unknown(self.host.clone(), error);
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found: Vec<SocketAddr> = found.map_err(unknown)?.collect();
        if found.is_empty() {
            return Err(unknown(std::io::Error::other("the name has no address")));
        }
        Ok(found)
    }
}

impl Place {
    /// Where an address is.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        let (here, private) = match address.to_canonical() {
            IpAddr::V4(address) => {
                (address.is_loopback(), address.is_private() || address.is_link_local())
            }
            IpAddr::V6(address) => (
                address.is_loopback(),
                address.is_unique_local() || address.is_unicast_link_local(),
            ),
        };
        match (here, private) {
            (true, _) => Self::Here,
            (false, true) => Self::Private,
            (false, false) => Self::Public,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_target_and_a_path() {
        let (target, path) = Target::parse("http://localhost:8000/api/?a=1#x").unwrap();
        assert_eq!((target.authority.as_str(), target.port), ("localhost:8000", 8000));
        assert_eq!((path.as_str(), target.is_encrypted), ("/api/?a=1", false));
        let (target, path) = Target::parse("https://[::1]").unwrap();
        assert_eq!((target.host.as_str(), target.authority.as_str()), ("::1", "[::1]"));
        assert_eq!((path.as_str(), target.port), ("/", 443));
        assert!(matches!(Target::parse("ftp://x"), Err(TargetError::Scheme(_))));
        assert!(matches!(Target::parse("x"), Err(TargetError::Url(..))));
    }

    #[test]
    fn near_and_far_are_told_apart() {
        let place = |text: &str| Place::of(text.parse().unwrap());
        assert_eq!([place("127.0.0.1"), place("::1"), place("::ffff:127.0.0.1")], [Place::Here; 3]);
        assert_eq!(
            [place("10.1.2.3"), place("192.168.0.7"), place("fd00::1")],
            [Place::Private; 3]
        );
        assert_eq!([place("93.184.216.34"), place("2606:2800::1")], [Place::Public; 2]);
    }
}
