//! The pages, embedded from `web/dist`.

use std::borrow::Cow;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{Html, IntoResponse as _, Response},
};
use rust_embed::RustEmbed;

use crate::{problem::Problem, wire::hex};

#[derive(RustEmbed)]
#[folder = "../../../web/dist"]
#[allow_missing = true]
struct Dist;

/// Where a file of the pages is looked up; `None` if there is none of that name.
type Files = fn(&str) -> Option<File>;

struct File {
    bytes: Cow<'static, [u8]>,
    hash: [u8; 32],
}

fn embedded(path: &str) -> Option<File> {
    let file = Dist::get(path)?;
    Some(File { hash: file.metadata.sha256_hash(), bytes: file.data })
}

/// Any path outside of the API: a file of the pages, or the one page that routes by itself.
pub(crate) async fn page(uri: Uri, headers: HeaderMap) -> Response {
    page_of(embedded, &uri, &headers)
}

fn page_of(files: Files, uri: &Uri, headers: &HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") {
        return Problem::unknown(
            "path",
            format!("nothing answers `/{path}`"),
            "/api/v1/openapi.json lists what does",
        )
        .into_response();
    }
    if let Some(file) = files(path) {
        return answer(path, file, headers);
    }
    if path.starts_with("assets/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    match files("index.html") {
        Some(index) => answer("index.html", index, headers),
        None => (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response(),
    }
}

const NOT_BUILT: &str = "<!doctype html><html lang=en><title>taut</title>\
    <h1>The pages are not built</h1>\
    <p>This binary was compiled without them; its API answers all the same.</p>\
    <p>Build them, then compile again:</p><pre>cargo xtask web</pre>";

fn answer(path: &str, file: File, headers: &HeaderMap) -> Response {
    let tag = tag(&file.hash);
    let fresh = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag));
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(Bytes::from_owner(file.bytes)).into_response()
    };
    // Vite writes a hash into the names below `assets/`; what has such a name never changes.
    let hashed = path.starts_with("assets/");
    let keep = if hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Sixteen digits of the content's hash: enough to tell two builds of one file apart. Weak, since the
/// bytes differ with the encoding.
fn tag(hash: &[u8]) -> String {
    format!("W/\"{}\"", hex(hash.get(..8).unwrap_or(hash)))
}

/// The media types that a Vite build of ours produces.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "js" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(files: Files, path: &'static str, headers: &HeaderMap) -> (StatusCode, Response) {
        let response = page_of(files, &Uri::from_static(path), headers);
        (response.status(), response)
    }

    fn built(path: &str) -> Option<File> {
        let data = match path {
            "index.html" => "<!doctype html>",
            "assets/index-1.js" => "1",
            _ => return None,
        };
        Some(File { bytes: data.as_bytes().into(), hash: [7; 32] })
    }

    #[tokio::test]
    async fn pages_that_were_not_built_say_how_to_build_them() {
        let (status, response) = ask(|_| None, "/", &HeaderMap::new());
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains("cargo xtask web"), "{body}");
        assert_eq!(ask(|_| None, "/assets/index-1.js", &HeaderMap::new()).0, StatusCode::NOT_FOUND);
    }

    #[test]
    fn a_page_is_fresh_and_what_is_named_by_its_hash_is_kept() {
        for (path, cached) in [
            ("/", "no-cache"),
            ("/findings/1", "no-cache"),
            ("/assets/index-1.js", "public, max-age=31536000, immutable"),
        ] {
            let (status, response) = ask(built, path, &HeaderMap::new());
            assert_eq!(status, StatusCode::OK, "{path}");
            assert_eq!(response.headers()[header::CACHE_CONTROL], cached, "{path}");
        }
        assert_eq!(ask(built, "/assets/gone.js", &HeaderMap::new()).0, StatusCode::NOT_FOUND);
    }

    #[test]
    fn what_is_known_already_is_not_sent_again() {
        let (_, first) = ask(built, "/", &HeaderMap::new());
        let headers = [(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone())];
        let (status, _) = ask(built, "/", &headers.into_iter().collect());
        assert_eq!(status, StatusCode::NOT_MODIFIED);
    }
}
