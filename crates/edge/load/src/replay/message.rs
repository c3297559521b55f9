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
pub(crate) fn is_hidden(target: &str, headers: &[(String, String)], body: &[u8]) -> bool {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "~@.".contains(letter);
    let has = |text: &str| text.split(|letter: char| !is_word(letter)).any(is_pseudonym);
    // Who asked is hidden in these, and no answer depends on it.
    let forwards = |name: &str| FORWARDED.iter().any(|known| known.eq_ignore_ascii_case(name));
    let mut told = headers.iter().filter(|(name, _)| !forwards(name));
    has(target) || told.any(|(_, value)| has(value)) || has(&String::from_utf8_lossy(body))
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
        let is = |known: &&str| name.eq_ignore_ascii_case(known);
        let is_coding = unpacked && is(&"content-encoding");
        if !LEFT_OUT.iter().any(is)
            && !FORWARDED.iter().any(is)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_left_out_however_a_capture_spells_them() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let request = RequestSeen {
            method: "GET".to_owned(),
            target: "/a b".to_owned(),
            headers: vec![
                header("Accept-Encoding", "gzip, br"),
                header("HOST", "elsewhere"),
                header("X-Forwarded-For", "192.0.2.1"),
                header("X-Tier", "gold\r\nx-evil: 1"),
            ],
            ..RequestSeen::default()
        };
        let text = String::from_utf8(written(&request, "here:80")).unwrap();
        assert_eq!(
            text,
            "GET /a%20b HTTP/1.1\r\nHost: here:80\r\nAccept-Encoding: identity\r\nX-Tier: gold  x-evil: 1\r\n\r\n"
        );
    }
}
