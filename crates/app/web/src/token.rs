//! Who may look, where the pages are open to other machines: whoever has the token, as a cookie or as a bearer.
//!
//! It comes once as `?token=…`, from a link or the form of [`refuse`], and is a cookie from then on; scripts and
//! scrapers send `Authorization: Bearer …`.

use axum::{
    extract::{Query, Request},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{Html, IntoResponse as _, Response},
};
use serde::Deserialize;

use crate::problem::Problem;

/// Name of the cookie.
const COOKIE: &str = "taut-token";

/// Seconds that a browser keeps it: a year.
const KEPT_SECS: u32 = 31_536_000;

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Entry {
    /// It is let in.
    In,
    /// The answer that it gets instead.
    Out(Box<Response>),
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    token: Option<String>,
}

/// Lets in whoever has the token.
pub(crate) fn enter(token: &str, request: &Request) -> Entry {
    let asked = Query::<Asked>::try_from_uri(request.uri()).ok().and_then(|asked| asked.0.token);
    if let Some(asked) = asked.filter(|_| request.method() == Method::GET) {
        let answer = if is_same(token, &asked) {
            welcome(token, request.uri())
        } else {
            refuse(request.uri(), "That is not the token.")
        };
        return Entry::Out(Box::new(answer));
    }
    if shown(request.headers()).any(|shown| is_same(token, shown)) {
        return Entry::In;
    }
    Entry::Out(Box::new(refuse(request.uri(), "These pages want a token.")))
}

/// What a request shows: its bearer, and its cookies of that name.
fn shown(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let texts = |name| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let bearer = texts(header::AUTHORIZATION).filter_map(|value| value.strip_prefix("Bearer "));
    let pairs = texts(header::COOKIE).flat_map(|value| value.split(';'));
    let cookies = pairs.filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    });
    bearer.chain(cookies)
}

/// Looks at every byte, so that the time it takes says nothing of where they differ.
fn is_same(token: &str, shown: &str) -> bool {
    let differences =
        token.bytes().zip(shown.bytes()).fold(0, |all, (one, other)| all | (one ^ other));
    token.len() == shown.len() && differences == 0
}

/// To the same page without the token, which is a cookie now.
fn welcome(token: &str, uri: &Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    let rest: Vec<&str> =
        query.split('&').filter(|pair| !pair.starts_with("token=") && !pair.is_empty()).collect();
    let path = uri.path();
    let to = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
    let cookie =
        format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={KEPT_SECS}");
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    // A path that begins with two slashes would lead to another host.
    let to = if to.starts_with("//") { "/".to_owned() } else { to };
    if let (Ok(to), Ok(cookie)) = (HeaderValue::from_str(&to), HeaderValue::from_str(&cookie)) {
        headers.insert(header::LOCATION, to);
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A problem for programs, a form for people.
fn refuse(uri: &Uri, words: &str) -> Response {
    if uri.path().starts_with("/api/") || uri.path() == "/metrics" {
        return Problem::no_token(words).into_response();
    }
    let page = format!(
        "<!doctype html><html lang=en><meta name=viewport content=\"width=device-width\">\
         <title>taut</title><h1>{words}</h1>\
         <p>It is what <code>TAUT_WEB_TOKEN</code> is set to where <code>taut up</code> runs.</p>\
         <form><label>Token <input name=token type=password autocomplete=current-password \
         required></label> <button>Enter</button></form>"
    );
    (StatusCode::UNAUTHORIZED, Html(page)).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const TOKEN: &str = "a-long-secret";

    fn ask(uri: &str, headers: &[(&str, &str)]) -> Entry {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        enter(TOKEN, &request.body(Body::empty()).unwrap())
    }

    fn status(entry: Entry) -> u16 {
        match entry {
            Entry::In => 200,
            Entry::Out(response) => response.status().as_u16(),
        }
    }

    #[test]
    fn whoever_has_the_token_is_let_in() {
        assert_eq!(status(ask("/", &[("authorization", "Bearer a-long-secret")])), 200);
        assert_eq!(status(ask("/", &[("cookie", "x=y; taut-token=a-long-secret")])), 200);
    }

    #[test]
    fn whoever_has_none_or_another_one_is_not() {
        for headers in [
            &[][..],
            &[("authorization", "Bearer a-long-secreT")],
            &[("authorization", "Bearer ")],
            &[("cookie", "taut-token=")],
            &[("cookie", "other=a-long-secret")],
            &[("cookie", "taut-token=a-long-secret-and-more")],
        ] {
            for uri in ["/", "/api/v1/findings", "/assets/x.js", "/metrics"] {
                assert_eq!(status(ask(uri, headers)), 401, "{uri} {headers:?}");
            }
        }
        assert_eq!(status(ask("/?token=wrong", &[])), 401);
    }

    #[test]
    fn the_token_in_a_link_becomes_a_cookie_and_leaves_the_address() {
        let Entry::Out(response) = ask("/findings?level=high&token=a-long-secret", &[]) else {
            panic!("it is let in without a cookie");
        };
        let header = |name| response.headers()[name].to_str().unwrap();
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(header("location"), "/findings?level=high");
        assert!(header("set-cookie").starts_with("taut-token=a-long-secret; Path=/; HttpOnly"));
        let Entry::Out(response) = ask("//evil.example/?token=a-long-secret", &[]) else {
            panic!("it is let in without a cookie");
        };
        assert!(!response.headers()["location"].to_str().unwrap().starts_with("//"));
    }
}
