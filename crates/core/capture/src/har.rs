//! HAR 1.2: what browsers and proxies export.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::{AnswerSeen, BodySeen, Exchange, Kept, Moment, RequestSeen};
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

/// What a HAR has of one host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Har {
    /// Whom it was asked of: a name, with a port where one was written.
    pub host: String,
    /// What, in the order of the file. All of one page are of one client.
    pub exchanges: Vec<Exchange>,
    /// What others were asked, by their names: what is left out. The most often first.
    pub others: Vec<(String, usize)>,
}

/// What was asked of this host; without one, of the host of the first page that was seen (or, without any page, of the first request): a page
/// asks others for fonts, advertisements and the like, which are nobody's own. Other schemes than HTTP are left out.
///
/// # Errors
///
/// It is none.
pub fn har(bytes: &[u8], host: Option<&str>) -> Result<Har, HarError> {
    let document: Value =
        serde_json::from_slice(bytes).map_err(|error| HarError::Json(error.to_string()))?;
    let entries =
        document.pointer("/log/entries").and_then(Value::as_array).ok_or(HarError::NoEntries)?;
    let all: Vec<(String, Exchange)> = entries.iter().take(ENTRIES_MAX).filter_map(one).collect();
    let is_page = |exchange: &Exchange| {
        exchange.answer.as_ref().is_some_and(|answer| {
            let kind = answer.header("content-type").unwrap_or_default();
            (200..300).contains(&answer.status) && kind.contains("text/html")
        })
    };
    let page = all.iter().find(|(_, exchange)| is_page(exchange)).or_else(|| all.first());
    let own = page.map(|(host, _)| host.clone()).unwrap_or_default();
    let mut har = Har { host: host.map_or(own, str::to_ascii_lowercase), ..Har::default() };
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    for (host, exchange) in all {
        if host == har.host {
            har.exchanges.push(exchange);
        } else {
            *others.entry(host).or_default() += 1;
        }
    }
    har.others = others.into_iter().collect();
    har.others.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(har)
}

/// With the host that was asked.
fn one(entry: &Value) -> Option<(String, Exchange)> {
    let request = entry.get("request")?;
    let url = text(request, "url");
    let (scheme, rest) = url.split_once("://")?;
    if !scheme.starts_with("http") {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let target = rest.find(['/', '?']).and_then(|place| rest.get(place..)).unwrap_or("/");
    let target = target.split('#').next().unwrap_or("/");
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    let body = request.pointer("/postData/text").and_then(Value::as_str).unwrap_or_default();
    let millis = entry.get("time").and_then(Value::as_f64).unwrap_or_default();
    let method = text(request, "method").to_ascii_uppercase();
    let exchange = Exchange {
        began: Moment::from_date(&text(entry, "startedDateTime")).unwrap_or_default(),
        took: Duration::try_from_secs_f64(millis / 1e3).unwrap_or_default(),
        client: text(entry, "pageref"),
        request: RequestSeen {
            target,
            headers: headers(request),
            body: BodySeen::whole(body.as_bytes().to_vec()),
            method: method.clone(),
        },
        answer: entry.get("response").and_then(|response| answer(response, &method)),
        ..Exchange::default()
    };
    Some((host, exchange))
}

fn answer(response: &Value, method: &str) -> Option<AnswerSeen> {
    // 0 is what browsers write where there was no answer.
    let status = response.get("status").and_then(Value::as_u64).filter(|status| 0 < *status)?;
    let status = u16::try_from(status).ok()?;
    let is_bare = method == "HEAD" || matches!(status, 204 | 304);
    let body = content(response, is_bare);
    Some(AnswerSeen { status, headers: headers(response), body, ..AnswerSeen::default() })
}

/// The body; exported without its content it was not kept, which is no empty one.
fn content(response: &Value, is_bare: bool) -> BodySeen {
    let content = |key: &str| response.get("content")?.get(key);
    let size = content("size").and_then(Value::as_u64);
    let text = content("text").and_then(Value::as_str);
    let is_coded = content("encoding").and_then(Value::as_str) == Some("base64");
    let bytes = match text {
        Some(text) if is_coded => STANDARD.decode(text).ok(),
        Some(text) => Some(text.as_bytes().to_vec()),
        None if is_bare || size == Some(0) => Some(Vec::new()),
        None => None,
    };
    bytes.map_or_else(
        || BodySeen {
            sent_bytes: size.unwrap_or_default(),
            kept: Kept::LeftOut,
            ..BodySeen::default()
        },
        BodySeen::whole,
    )
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
        let seen = har(HAR.as_bytes(), None).unwrap().exchanges;
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
        assert_eq!(har(b"{}", None), Err(HarError::NoEntries));
        assert!(matches!(har(b"<html>", None), Err(HarError::Json(_))));
    }

    #[test]
    fn what_others_were_asked_is_left_out_and_counted() {
        let entry = |url: &str, kind: &str| {
            serde_json::json!({"request": {"method": "GET", "url": url, "headers": []},
                "response": {"status": 200, "headers": [{"name": "content-type", "value": kind}], "content": {"size": 0}}})
        };
        let text = serde_json::json!({"log": {"entries": [
            entry("https://cdn.example/early.js", "text/javascript"),
            entry("https://me@Shop.example:8443/", "text/html; charset=utf-8"),
            entry("https://ads.example?x", "image/gif"),
            entry("https://shop.example:8443/api/orders/", "application/json"),
            entry("https://cdn.example/late.js", "text/javascript"),
        ]}})
        .to_string();
        let paths = |har: &Har| -> Vec<String> {
            har.exchanges.iter().map(|one| one.request.target.clone()).collect()
        };
        let own = har(text.as_bytes(), None).unwrap();
        assert_eq!(
            (own.host.as_str(), paths(&own)),
            ("shop.example:8443", vec!["/".to_owned(), "/api/orders/".to_owned()])
        );
        assert_eq!(own.others, [("cdn.example".to_owned(), 2), ("ads.example".to_owned(), 1)]);
        let other = har(text.as_bytes(), Some("CDN.example")).unwrap();
        assert_eq!(
            (paths(&other), other.others.len()),
            (vec!["/early.js".to_owned(), "/late.js".to_owned()], 2)
        );
        assert!(har(text.as_bytes(), Some("nobody.example")).unwrap().exchanges.is_empty());
    }

    #[test]
    fn an_answer_without_content_was_not_kept() {
        let kept = |method: &str, status: u16, content: Value| {
            let entry = serde_json::json!({"request": {"method": method, "url": "http://a/", "headers": []},
                "response": {"status": status, "headers": [], "content": content}});
            let text = serde_json::json!({"log": {"entries": [entry]}}).to_string();
            let seen = har(text.as_bytes(), None).unwrap().exchanges.remove(0);
            let body = seen.answer.unwrap().body;
            (body.kept, body.sent_bytes)
        };
        let json = |text: &str| serde_json::from_str(text).unwrap();
        assert_eq!(kept("GET", 200, json("{\"size\": 52000}")), (Kept::LeftOut, 52_000));
        assert_eq!(kept("GET", 200, json("{\"size\": -1}")), (Kept::LeftOut, 0));
        assert_eq!(
            kept("GET", 200, json("{\"text\": \"?\", \"encoding\": \"base64\"}")).0,
            Kept::LeftOut
        );
        assert_eq!(kept("GET", 200, json("{\"size\": 0}")).0, Kept::Whole);
        assert_eq!(kept("GET", 200, json("{\"text\": \"ok\"}")), (Kept::Whole, 2));
        assert_eq!(kept("GET", 304, json("{}")).0, Kept::Whole);
        assert_eq!(kept("HEAD", 200, json("{\"size\": 7}")).0, Kept::Whole);
    }
}
