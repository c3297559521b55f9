//! The format: a line of JSON for each exchange, after a line that says what it is.
//!
//! Lines, so that whatever looks into text looks into captures, and half a file is read up to where it ends. Bodies of text
//! are texts within the JSON, byte for byte; others are base64.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::{AnswerEnd, AnswerSeen, BodySeen, Exchange, Kept, Moment, RequestSeen, TraceId};
use serde::{Deserialize, Serialize};

/// The version of the format; one that is not known is refused.
pub const FORMAT: &str = "taut-capture-1";

/// A line at most: two bodies of 4 MiB in base64, and their heads.
pub const LINE_BYTES_MAX: usize = 12 << 20;

/// What a file says of itself in its first line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Head {
    /// [`FORMAT`].
    pub format: String,
    /// When it was begun, since 1970.
    pub began_unix_nanos: u64,
    /// What wrote it.
    pub by: String,
    /// One request in so many is in it, in words: `1 % of api, by client`.
    #[serde(default)]
    pub sampled: String,
    /// A number that is the same where pseudonyms are: made of the key, and telling nothing of it.
    #[serde(default)]
    pub pseudonyms: String,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// The first one.
    Head(Head),
    /// All others.
    Exchange(Box<Exchange>),
}

/// Why a line is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Not JSON, or not with what has to be there.
    #[error("it is no line of a capture: {0}")]
    Line(String),
    /// A version that is not known.
    #[error("it is of the format `{0}`, and only `{FORMAT}` is known here")]
    Version(String),
    /// A body that is no base64.
    #[error("a body in it is no base64")]
    Base64,
}

/// The first line of a file, with its end.
#[must_use]
pub fn write_head(head: &Head) -> Vec<u8> {
    lined(head)
}

/// The line of an exchange, with its end.
#[must_use]
pub fn write_exchange(exchange: &Exchange) -> Vec<u8> {
    lined(&Wire::of(exchange))
}

/// Reads a line, without its end.
///
/// # Errors
///
/// It is none, or of another version.
pub fn parse(line: &[u8]) -> Result<Line, FormatError> {
    let wrong = |error: serde_json::Error| FormatError::Line(error.to_string());
    let error = match serde_json::from_slice::<Wire>(line) {
        Ok(wire) => return wire.read().map(|exchange| Line::Exchange(Box::new(exchange))),
        Err(error) => error,
    };
    match serde_json::from_slice::<Head>(line) {
        Ok(head) if head.format == FORMAT => Ok(Line::Head(head)),
        Ok(head) => Err(FormatError::Version(head.format)),
        Err(_no_head_either) => Err(wrong(error)),
    }
}

fn lined(line: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).expect("texts and numbers alone");
    bytes.push(b'\n');
    bytes
}

/// An exchange as it is written.
#[derive(Serialize, Deserialize)]
struct Wire {
    began_unix_nanos: u64,
    #[serde(default)]
    took_nanos: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    route: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    trace_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    client: String,
    request: WireRequest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<WireAnswer>,
}

#[derive(Serialize, Deserialize)]
struct WireRequest {
    method: String,
    target: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<WireBody>,
}

#[derive(Serialize, Deserialize)]
struct WireAnswer {
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<WireBody>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    end: String,
}

#[derive(Serialize, Deserialize, Default)]
struct WireBody {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    sent_bytes: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    kept: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    unpacked: String,
}

impl Wire {
    fn of(exchange: &Exchange) -> Self {
        let Exchange { began, took, route, trace_id, client, request, answer } = exchange;
        Self {
            began_unix_nanos: began.nanos,
            took_nanos: u64::try_from(took.as_nanos()).unwrap_or(u64::MAX),
            route: route.clone(),
            trace_id: trace_id.map(|id| id.to_string()).unwrap_or_default(),
            client: client.clone(),
            request: WireRequest {
                method: request.method.clone(),
                target: request.target.clone(),
                headers: request.headers.clone(),
                body: WireBody::of(&request.body),
            },
            answer: answer.as_ref().map(|answer| WireAnswer {
                status: answer.status,
                headers: answer.headers.clone(),
                body: WireBody::of(&answer.body),
                end: match answer.end {
                    AnswerEnd::Whole => "",
                    AnswerEnd::Broken => "broken",
                    AnswerEnd::Left => "left",
                }
                .to_owned(),
            }),
        }
    }

    fn read(self) -> Result<Exchange, FormatError> {
        let answer = match self.answer {
            None => None,
            Some(answer) => Some(AnswerSeen {
                status: answer.status,
                headers: answer.headers,
                body: WireBody::read(answer.body)?,
                end: match answer.end.as_str() {
                    "broken" => AnswerEnd::Broken,
                    "left" => AnswerEnd::Left,
                    _ => AnswerEnd::Whole,
                },
            }),
        };
        Ok(Exchange {
            began: Moment { nanos: self.began_unix_nanos },
            took: Duration::from_nanos(self.took_nanos),
            route: self.route,
            trace_id: TraceId::from_hex(&self.trace_id),
            client: self.client,
            request: RequestSeen {
                method: self.request.method,
                target: self.request.target,
                headers: self.request.headers,
                body: WireBody::read(self.request.body)?,
            },
            answer,
        })
    }
}

impl WireBody {
    /// `None` where there was no body.
    fn of(body: &BodySeen) -> Option<Self> {
        if *body == BodySeen::default() {
            return None;
        }
        let text = std::str::from_utf8(&body.bytes).ok();
        let is_there = !body.bytes.is_empty();
        Some(Self {
            text: text.filter(|_| is_there).map(str::to_owned),
            base64: text.is_none().then(|| STANDARD.encode(&body.bytes)),
            sent_bytes: body.sent_bytes,
            kept: match body.kept {
                Kept::Whole => "",
                Kept::Cut => "cut",
                Kept::LeftOut => "left-out",
            }
            .to_owned(),
            unpacked: body.unpacked.clone(),
        })
    }

    fn read(body: Option<Self>) -> Result<BodySeen, FormatError> {
        let Some(body) = body else { return Ok(BodySeen::default()) };
        let bytes = match (body.text, body.base64) {
            (Some(text), _) => text.into_bytes(),
            (None, Some(coded)) => {
                STANDARD.decode(coded).map_err(|_not_coded| FormatError::Base64)?
            }
            (None, None) => Vec::new(),
        };
        let kept = match body.kept.as_str() {
            "cut" => Kept::Cut,
            "left-out" => Kept::LeftOut,
            _ => Kept::Whole,
        };
        Ok(BodySeen { bytes, sent_bytes: body.sent_bytes, kept, unpacked: body.unpacked })
    }
}
