//! Answers made smaller for those who are not on this machine.
//!
//! Only whole answers of texts: a body of unknown length is a stream (live updates), and what is
//! compressed already (fonts, pictures) only gets larger. It runs on the threads for blocking work.

use std::io::Write as _;

use axum::{
    body::{Body, HttpBody as _, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use flate2::{Compression, write::GzEncoder};

use crate::problem::Problem;

/// What is smaller fits a packet anyway (an Ethernet frame carries 1,460 bytes of TCP).
const BYTES_MIN: u64 = 1_400;

/// What is larger is sent as it is: it would be held twice, and for long.
const BYTES_MAX: u64 = 64 << 20;

/// Compresses what gets smaller if the one who asks takes gzip.
pub(crate) async fn compress(request: Request, next: Next) -> Response {
    let wanted = takes_gzip(request.headers());
    let mut response = next.run(request).await;
    if !is_text(response.headers()) {
        return response;
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let length = response.body().size_hint().exact();
    let fits = length.is_some_and(|length| (BYTES_MIN..=BYTES_MAX).contains(&length));
    if !wanted || !fits || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let body = match gzip(body).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(head, Body::from(body))
}

async fn gzip(body: Body) -> Result<Vec<u8>, Problem> {
    let limit = usize::try_from(BYTES_MAX).unwrap_or(usize::MAX);
    let plain = to_bytes(body, limit)
        .await
        .map_err(|error| Problem::bug(format!("an answer of known length failed: {error}")))?;
    let task = tokio::task::spawn_blocking(move || {
        // The fast level: on a local network time counts for more than the last tenth of size.
        let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
        encoder.write_all(&plain)?;
        encoder.finish()
    });
    match task.await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(Problem::bug(format!("failed to compress an answer: {error}"))),
        Err(error) => Err(Problem::bug(format!("failed to compress an answer: {error}"))),
    }
}

/// Whether `Accept-Encoding` names gzip, or anything, with more than no weight (RFC 9110, 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let mut any = None;
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        let Ok(text) = value.to_str() else { continue };
        for part in text.split(',') {
            let (coding, parameters) = part.split_once(';').unwrap_or((part, ""));
            let coding = coding.trim();
            if coding.eq_ignore_ascii_case("gzip") {
                return has_weight(parameters);
            }
            if coding == "*" {
                any = Some(has_weight(parameters));
            }
        }
    }
    any == Some(true)
}

fn has_weight(parameters: &str) -> bool {
    let weight = parameters.split_once('=').map_or("", |(_, weight)| weight.trim());
    weight.is_empty() || weight.parse::<f32>().is_ok_and(|weight| 0.0 < weight)
}

fn is_text(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.map_or("", |text| text.split_once(';').map_or(text, |(media, _)| media));
    media != "text/event-stream"
        && (media.starts_with("text/")
            || media == "image/svg+xml"
            || media == "application/json"
            || media == "application/problem+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accepts: &[&'static str], expected: bool) {
        let mut headers = HeaderMap::new();
        for accept in accepts {
            headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(accept));
        }
        assert_eq!(takes_gzip(&headers), expected, "{accepts:?}");
    }

    #[test]
    fn gzip_is_taken_where_it_is_named_with_weight() {
        check(&["gzip"], true);
        check(&["br, GZIP;q=0.5"], true);
        check(&["br", "gzip"], true);
        check(&["*"], true);
        check(&["*;q=0, gzip"], true);
    }

    #[test]
    fn gzip_is_not_taken_where_it_is_refused_or_unnamed() {
        check(&[], false);
        check(&["br, zstd"], false);
        check(&["gzip;q=0"], false);
        check(&["*, gzip; q=0.000"], false);
        check(&["gzip;q=many"], false);
        check(&["identity"], false);
    }
}
