//! Recorded requests as they are sent again, and answers as they are compared.

use capture::{Redactor, is_pseudonym};
use model::{AnswerSeen, BodySeen, Kept, RequestSeen};

use crate::response::Answer;

/// Hides in an answer what was hidden in recorded ones.
pub(super) fn hide(redactor: &Redactor, answer: &mut AnswerSeen) {
    let kind = answer.header("content-type").map(str::to_owned);
    redactor.body(&mut answer.body, kind.as_deref());
    redactor.headers(&mut answer.headers);
}

pub(super) fn seen(answer: Answer) -> AnswerSeen {
    let kept = if answer.body.len() as u64 == answer.body_bytes { Kept::Whole } else { Kept::Cut };
    AnswerSeen {
        status: answer.status,
        headers: answer.headers,
        body: BodySeen {
            sent_bytes: answer.body_bytes,
            kept,
            bytes: answer.body,
            ..BodySeen::default()
        },
        ..AnswerSeen::default()
    }
}

/// Whether a request carries what was hidden.
pub(super) fn is_hidden(request: &RequestSeen) -> bool {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "~@.".contains(letter);
    let has = |text: &str| text.split(|letter: char| !is_word(letter)).any(is_pseudonym);
    // Who asked is hidden in these, and no answer depends on it.
    let told = request.headers.iter().filter(|(name, _)| !FORWARDED.contains(&name.as_str()));
    has(&request.target)
        || told.into_iter().any(|(_, value)| has(value))
        || has(&String::from_utf8_lossy(&request.body.bytes))
}

const FORWARDED: &[&str] = &[
    "x-forwarded-for",
    "x-real-ip",
    "forwarded",
    "cf-connecting-ip",
    "true-client-ip",
    "x-client-ip",
];

/// Headers that are of a connection, or that would make answers that cannot be compared.
const LEFT_OUT: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The request as it is sent. What was unpacked is sent unpacked.
pub(super) fn written(request: &RequestSeen, authority: &str) -> Vec<u8> {
    let clean = |text: &str| text.replace(['\r', '\n'], " ");
    let target = clean(&request.target).replace(' ', "%20");
    let mut text = format!(
        "{} {target} HTTP/1.1\r\nHost: {authority}\r\nAccept-Encoding: identity\r\n",
        clean(&request.method)
    );
    let unpacked = !request.body.unpacked.is_empty();
    for (name, value) in &request.headers {
        let is_coding = unpacked && name == "content-encoding";
        if !LEFT_OUT.contains(&name.as_str())
            && !FORWARDED.contains(&name.as_str())
            && !is_coding
            && !name.contains([':', ' ', '\r', '\n'])
        {
            text.push_str(&format!("{name}: {}\r\n", clean(value)));
        }
    }
    let body = &request.body.bytes;
    if !body.is_empty() || matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}
