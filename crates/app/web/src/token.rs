//! Who may look, where the pages are open to other machines: whoever has the token, as a cookie or as a bearer.
//!
//! It comes once as `?token=…`, from a link or the form of [`refuse`], and is a cookie from then on; scripts and
//! scrapers send `Authorization: Bearer …`. Who asks whether the process runs and is ready has none, and needs none.

use axum::{
    extract::{Query, Request},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{Html, IntoResponse as _, Response},
};
use serde::Deserialize;

use crate::{api::health::OPEN, problem::Problem};

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

/// Where the form has its looks from; whoever asks for the form may have them.
const STYLE_PATH: &str = "/token.css";

/// Calm, and dark where the system is.
const STYLE: &str = "\
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}\
body{max-width:26rem;margin:15vh auto 0;padding:0 1rem}\
h1{font-size:1.35rem}\
label{display:block;margin:1.2rem 0 .8rem}\
input{display:block;box-sizing:border-box;width:100%;margin-top:.3rem}\
input,button{font:inherit;padding:.4rem .6rem}";

/// Lets in whoever has the token.
pub(crate) fn enter(token: &str, request: &Request) -> Entry {
    if request.uri().path() == STYLE_PATH {
        let kind = (header::CONTENT_TYPE, "text/css; charset=utf-8");
        return Entry::Out(Box::new(([kind], STYLE).into_response()));
    }
    if OPEN.contains(&request.uri().path()) {
        return Entry::In;
    }
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
    // Lax: a link in a chat or a mail opens without the form; other sites still send nothing that changes anything.
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={KEPT_SECS}");
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
    let kept = kept(uri);
    let page = format!(
        "<!doctype html><html lang=en><meta name=viewport content=\"width=device-width\">\
         <title>taut</title><link rel=stylesheet href={STYLE_PATH}><main><h1>{words}</h1>\
         <p>It is what <code>TAUT_WEB_TOKEN</code> is set to where <code>taut up</code> runs.</p>\
         <form>{kept}<label>Token <input name=token type=password autocomplete=current-password \
         required autofocus></label> <button>Enter</button></form></main>"
    );
    (StatusCode::UNAUTHORIZED, Html(page)).into_response()
}

/// Fields with the rest of the query: a form replaces it, and a shared link is to lead where it says.
fn kept(uri: &Uri) -> String {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri).map(|pairs| pairs.0);
    let mut fields = String::new();
    for (name, value) in pairs.unwrap_or_default() {
        if name != "token" {
            let (name, value) = (escaped(&name), escaped(&value));
            fields.push_str(&format!("<input type=hidden name=\"{name}\" value=\"{value}\">"));
        }
    }
    fields
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
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

    #[tokio::test]
    async fn the_form_keeps_where_a_link_leads_and_takes_no_script() {
        let uri = "/endpoint?service=shop&operation=GET+%2F%22%3E%3Cscript%3E&token=wrong";
        let Entry::Out(response) = ask(uri, &[]) else { panic!("it is let in") };
        let page = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let page = String::from_utf8(page.to_vec()).unwrap();
        assert!(page.contains("<input type=hidden name=\"service\" value=\"shop\">"), "{page}");
        assert!(page.contains("value=\"GET /&quot;>&lt;script>\">"), "{page}");
        assert!(!page.contains("<script>") && !page.contains("wrong"), "{page}");
        assert_eq!(status(ask("/token.css", &[])), 200);
    }

    #[test]
    fn the_token_in_a_link_becomes_a_cookie_and_leaves_the_address() {
        let Entry::Out(response) = ask("/findings?level=high&token=a-long-secret", &[]) else {
            panic!("it is let in without a cookie");
        };
        let header = |name| response.headers()[name].to_str().unwrap();
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(header("location"), "/findings?level=high");
        let cookie = header("set-cookie");
        assert!(cookie.starts_with("taut-token=a-long-secret; Path=/; HttpOnly; SameSite=Lax"));
        let Entry::Out(response) = ask("//evil.example/?token=a-long-secret", &[]) else {
            panic!("it is let in without a cookie");
        };
        assert!(!response.headers()["location"].to_str().unwrap().starts_with("//"));
    }
}
