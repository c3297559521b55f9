//! Who is answered, and what browsers are told to forbid.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::{
    problem::Problem,
    source::Hosts,
    token::{self, Entry},
};

/// What a page of ours may do: load and ask its own origin, nothing else, and never inside a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Who is answered.
#[derive(Debug, Clone)]
pub(crate) struct Guarded {
    /// By which names this machine is called.
    pub(crate) hosts: Hosts,
    /// What has to be shown, if anything.
    pub(crate) token: Option<String>,
}

/// Refuses foreign `Host` headers, whoever lacks the token, and changes by pages of other sites; adds the headers that
/// every answer carries.
pub(crate) async fn guard(
    State(guarded): State<Arc<Guarded>>,
    request: Request,
    next: Next,
) -> Response {
    let host = host(request.headers(), request.uri());
    let entry = guarded.token.as_deref().map(|token| token::enter(token, &request));
    let mut response = if !answers(&guarded.hosts, host) {
        Problem::foreign_host(host.unwrap_or_default()).into_response()
    } else if let Some(Entry::Out(answer)) = entry {
        *answer
    } else if request.method() != Method::GET && is_foreign(request.headers()) {
        Problem::foreign_site().into_response()
    } else {
        next.run(request).await
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether the browser says that another site's page sent it.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    site.is_some_and(|site| !matches!(site, "same-origin" | "none"))
}

fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let named = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    named.or_else(|| uri.authority().map(axum::http::uri::Authority::as_str))
}

fn answers(hosts: &Hosts, host: Option<&str>) -> bool {
    let named = match hosts {
        Hosts::Any => return true,
        Hosts::Loopback => &[][..],
        Hosts::Named(named) => named,
    };
    let Some(name) = host.and_then(without_port) else { return false };
    is_loopback(name) || named.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The name or address before the port; `None` if what follows it is no port.
fn without_port(host: &str) -> Option<&str> {
    if let Some(rest) = host.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        return (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(address);
    }
    match host.split_once(':') {
        None => Some(host),
        Some((name, port)) => is_port(port).then_some(name),
    }
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

fn is_loopback(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hosts: &Hosts, host: &str, expected: bool) {
        assert_eq!(answers(hosts, Some(host)), expected, "{host}");
    }

    #[test]
    fn loopback_names_are_answered_at_any_port() {
        for host in
            ["localhost", "LOCALHOST:7070", "127.0.0.1:7070", "127.8.0.1", "[::1]", "[::1]:1"]
        {
            check(&Hosts::Loopback, host, true);
        }
    }

    #[test]
    fn other_names_are_refused_unless_they_are_known() {
        for host in [
            "",
            "evil.example",
            "localhost.evil.example:7070",
            "127.0.0.1.nip.io",
            "::1:7070",
            "[::1",
            "localhost:x",
        ] {
            check(&Hosts::Loopback, host, false);
            check(&Hosts::Any, host, true);
        }
        let named = Hosts::Named(vec!["taut.example".to_owned()]);
        check(&named, "Taut.example:443", true);
        check(&named, "localhost", true);
        check(&named, "other.example", false);
    }

    #[test]
    fn pages_of_other_sites_change_nothing() {
        let is_foreign = |site: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(site) = site {
                headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            }
            is_foreign(&headers)
        };
        assert!(is_foreign(Some("cross-site")) && is_foreign(Some("same-site")));
        assert!(!is_foreign(Some("same-origin")) && !is_foreign(Some("none")) && !is_foreign(None));
    }

    #[test]
    fn a_request_without_a_host_is_refused_on_loopback() {
        assert!(!answers(&Hosts::Loopback, None));
    }
}
