//! HAR 1.2: what browsers and proxies export.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::{AnswerSeen, BodySeen, Exchange, Moment, RequestSeen};
use serde_json::Value;

/// Why something is no HAR.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HarError {
    /// Not JSON.
    #[error("it is no JSON: {0}")]
    Json(String),
    /// Without a list of what was asked.
    #[error("it has no `log.entries`, which every HAR has")]
    NoEntries,
}

/// Entries at most: what a browser keeps of a long day.
const ENTRIES_MAX: usize = 200_000;

/// Exchanges of a HAR, in the order of the file; those of other schemes than HTTP are left out. All of one page are of one
/// client.
///
/// # Errors
///
/// It is none.
pub fn har(bytes: &[u8]) -> Result<Vec<Exchange>, HarError> {
    let document: Value =
        serde_json::from_slice(bytes).map_err(|error| HarError::Json(error.to_string()))?;
    let entries =
        document.pointer("/log/entries").and_then(Value::as_array).ok_or(HarError::NoEntries)?;
    Ok(entries.iter().take(ENTRIES_MAX).filter_map(one).collect())
}

fn one(entry: &Value) -> Option<Exchange> {
    let request = entry.get("request")?;
    let url = text(request, "url");
    let (scheme, rest) = url.split_once("://")?;
    if !scheme.starts_with("http") {
        return None;
    }
    let target = rest.find(['/', '?']).and_then(|place| rest.get(place..)).unwrap_or("/");
    let target = target.split('#').next().unwrap_or("/");
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    let body = request.pointer("/postData/text").and_then(Value::as_str).unwrap_or_default();
    let millis = entry.get("time").and_then(Value::as_f64).unwrap_or_default();
    Some(Exchange {
        began: Moment::from_date(&text(entry, "startedDateTime")).unwrap_or_default(),
        took: Duration::try_from_secs_f64(millis / 1e3).unwrap_or_default(),
        client: text(entry, "pageref"),
        request: RequestSeen {
            method: text(request, "method").to_ascii_uppercase(),
            target,
            headers: headers(request),
            body: BodySeen::whole(body.as_bytes().to_vec()),
        },
        answer: entry.get("response").and_then(answer),
        ..Exchange::default()
    })
}

fn answer(response: &Value) -> Option<AnswerSeen> {
    // 0 is what browsers write where there was no answer.
    let status = response.get("status").and_then(Value::as_u64).filter(|status| 0 < *status)?;
    let content = response.pointer("/content/text").and_then(Value::as_str).unwrap_or_default();
    let is_coded = response.pointer("/content/encoding").and_then(Value::as_str) == Some("base64");
    let bytes = if is_coded {
        STANDARD.decode(content).unwrap_or_default()
    } else {
        content.as_bytes().to_vec()
    };
    Some(AnswerSeen {
        status: u16::try_from(status).ok()?,
        headers: headers(response),
        body: BodySeen::whole(bytes),
        ..AnswerSeen::default()
    })
}

/// Without the pseudo-headers of HTTP/2.
fn headers(message: &Value) -> Vec<(String, String)> {
    let all =
        message.get("headers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let named =
        all.iter().map(|header| (text(header, "name").to_ascii_lowercase(), text(header, "value")));
    named.filter(|(name, _)| !name.is_empty() && !name.starts_with(':')).collect()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HAR: &str = r#"{"log": {"entries": [
        {"startedDateTime": "2026-11-22T00:51:00.000Z", "time": 12.5, "pageref": "page_1",
         "request": {"method": "post", "url": "https://shop.example/api/login?next=%2F#top",
                     "headers": [{"name": ":authority", "value": "shop.example"}, {"name": "Content-Type", "value": "application/json"}],
                     "postData": {"mimeType": "application/json", "text": "{}"}},
         "response": {"status": 200, "headers": [{"name": "X", "value": "1"}], "content": {"text": "b2s=", "encoding": "base64"}}},
        {"request": {"method": "GET", "url": "https://shop.example", "headers": []}, "response": {"status": 0}},
        {"request": {"method": "GET", "url": "data:text/plain,x"}}
    ]}}"#;

    #[test]
    fn a_har_is_what_was_asked_and_answered() {
        let seen = har(HAR.as_bytes()).unwrap();
        assert_eq!(seen.len(), 2);
        let first = &seen[0];
        assert_eq!(
            (first.request.method.as_str(), first.request.target.as_str()),
            ("POST", "/api/login?next=%2F")
        );
        assert_eq!(
            first.request.headers,
            [("content-type".to_owned(), "application/json".to_owned())]
        );
        assert_eq!(
            (first.request.body.bytes.as_slice(), first.client.as_str()),
            (&b"{}"[..], "page_1")
        );
        let answer = first.answer.as_ref().unwrap();
        assert_eq!((answer.status, answer.body.bytes.as_slice()), (200, &b"ok"[..]));
        assert_eq!((seen[1].request.target.as_str(), seen[1].answer.is_none()), ("/", true));
        assert_eq!(har(b"{}"), Err(HarError::NoEntries));
        assert!(matches!(har(b"<html>"), Err(HarError::Json(_))));
    }
}
