//! W3C Trace Context: to which trace a request belongs, and whether its spans are kept.
//!
//! A `traceparent` that is right is continued, one of a later version as far as it is known; one that is wrong is as
//! if it were not there, and `tracestate` with it (level 2 of the recommendation, sections 3.2 and 4).

use http::{HeaderMap, HeaderName, HeaderValue};
use model::{SpanId, TraceId};

use crate::Dice;

/// `traceparent`
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// `tracestate`
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The bit that says that spans are kept.
const SAMPLED: u8 = 1;

/// The bit that says that the trace's id is by chance.
const RANDOM: u8 = 2;

/// `00-` and 32, 16 and 2 digits with a line between them.
const PARENT_BYTES: usize = 55;

/// Who called, as `traceparent` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// The trace.
    pub trace: TraceId,
    /// The span of whoever called.
    pub span: SpanId,
    /// Flags that are known: sampled, random.
    pub flags: u8,
}

impl Parent {
    /// Reads the header of a request; `None` if there is none, more than one, or one that is wrong.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(TRACEPARENT).iter();
        let (first, second) = (lines.next()?, lines.next());
        if second.is_some() {
            return None;
        }
        Self::parse(first.to_str().ok()?)
    }

    /// Reads a `traceparent`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let version = hex(text.get(..2)?)?;
        let exact = text.len() == PARENT_BYTES;
        let longer = version > 0 && text.as_bytes().get(PARENT_BYTES) == Some(&b'-');
        if version == 0xff || !(exact || longer) {
            return None;
        }
        let mut parts = text.get(3..PARENT_BYTES)?.split('-');
        let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
        let lower = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let whole = text.as_bytes().get(2) == Some(&b'-') && parts.next().is_none();
        let right = (trace.len(), span.len(), flags.len()) == (32, 16, 2) && whole;
        if !right || !lower(trace) || !lower(span) {
            return None;
        }
        let parent = Self {
            trace: TraceId::from_hex(trace)?,
            span: SpanId::from_hex(span)?,
            flags: hex(flags)? & (SAMPLED | RANDOM),
        };
        (!parent.trace.is_zero() && !parent.span.is_zero()).then_some(parent)
    }

    /// Whether whoever called keeps its span.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The header for whoever is called next.
    #[must_use]
    pub fn header(&self) -> Option<HeaderValue> {
        let Self { trace, span, flags } = self;
        HeaderValue::from_str(&format!("00-{trace}-{span}-{flags:02x}")).ok()
    }
}

/// Two digits in lower case.
fn hex(text: &str) -> Option<u8> {
    let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    lower.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

/// The trace of one request in the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// Its id.
    pub id: TraceId,
    /// The gateway's own span.
    pub span: SpanId,
    /// The span of whoever called.
    pub parent: Option<SpanId>,
    /// What is told to whoever is called next.
    pub flags: u8,
}

impl Trace {
    /// Continues the trace of a request, or begins one: of those that begin here this share is kept, of others those
    /// that whoever began them keeps.
    #[must_use]
    pub fn new(parent: Option<Parent>, share: f64, dice: &mut Dice) -> Self {
        let span = SpanId(dice.throw().max(1).to_be_bytes());
        if let Some(Parent { trace, span: parent, flags }) = parent {
            return Self { id: trace, span, parent: Some(parent), flags };
        }
        let (high, low) = (dice.throw(), dice.throw().max(1));
        let id = (u128::from(high) << 64) | u128::from(low);
        let flags = RANDOM | if dice.share() < share { SAMPLED } else { 0 };
        Self { id: TraceId(id.to_be_bytes()), span, parent: None, flags }
    }

    /// Whether its spans are kept.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// What a span of it tells whoever it calls.
    #[must_use]
    pub fn told_by(&self, span: SpanId) -> Option<HeaderValue> {
        Parent { trace: self.id, span, flags: self.flags }.header()
    }
}
