//! Which requests are captured.
//!
//! Drawn by chance, by the id of the trace (all gateways take the same ones, and whole traces), or by client (whole visits, which
//! a replay needs where answers give what later requests use).

use std::{path::PathBuf, time::Duration};

use model::Redaction;

use crate::{
    Dice,
    dice::hash,
    plan::{Plan, Secret},
};

/// What is captured, and what it may take.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptureRules {
    /// Where files are written.
    pub folder: PathBuf,
    /// The share of requests, unless the route says otherwise.
    pub share: f64,
    /// How they are drawn.
    pub by: DrawBy,
    /// Bytes of a body that are kept.
    pub body_bytes_max: usize,
    /// Bytes after which another file is begun.
    pub file_bytes_max: u64,
    /// Time after which another file is begun.
    pub file_age_max: Duration,
    /// Bytes of all files; the oldest go first.
    pub total_bytes_max: u64,
    /// Bytes that wait to be written; what comes beyond is not captured.
    pub waiting_bytes_max: usize,
    /// The key of pseudonyms; `None` for one that is made once and kept beside the files.
    pub key: Option<Secret>,
    /// What is replaced.
    pub redaction: Redaction,
    /// Where whole files are moved to; `None` to leave them in the folder.
    pub to: Option<CaptureTo>,
}

impl CaptureRules {
    /// Rules for this folder, as they are unless told otherwise; nothing is replaced by them.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            share: 0.01,
            by: DrawBy::default(),
            body_bytes_max: 256 << 10,
            file_bytes_max: 64 << 20,
            file_age_max: Duration::from_hours(1),
            total_bytes_max: 1 << 30,
            waiting_bytes_max: 32 << 20,
            key: None,
            redaction: Redaction::default(),
            to: None,
        }
    }
}

/// A folder of a bucket in S3-compatible storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureTo {
    /// `s3://bucket/folder`
    pub bucket: String,
    /// The server.
    pub endpoint: String,
    /// The region.
    pub region: String,
}

/// How requests are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DrawBy {
    /// Each by chance.
    #[default]
    Chance,
    /// By the id of the trace that the client names in `traceparent`; by chance without one.
    Trace,
    /// By the client's address.
    Client,
}

impl DrawBy {
    /// As settings have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chance => "chance",
            Self::Trace => "trace",
            Self::Client => "client",
        }
    }

    /// A number from 0 up to, but not, 1: a request is captured if it is below the share of its route.
    #[must_use]
    pub fn point(self, trace: Option<&[u8]>, client: &[u8], dice: &mut Dice) -> f64 {
        let number = match (self, trace) {
            (Self::Trace, Some(trace)) => hash(trace),
            (Self::Client, _) => hash(client),
            _ => dice.throw(),
        };
        // 53 bits fit into the number.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let share = (number >> 11) as f64 / (1_u64 << 53) as f64;
        share
    }
}

/// The largest share that any route has: whoever draws more is not captured, whatever the route.
#[must_use]
pub fn share_max(plan: &Plan) -> f64 {
    let usual = plan.capture.as_ref().map_or(0.0, |capture| capture.share);
    plan.routes.iter().map(|route| route.capture.unwrap_or(usual)).fold(0.0, f64::max)
}

/// The id within a `traceparent` (W3C Trace Context); `None` if it is none.
#[must_use]
pub fn trace_of(traceparent: &[u8]) -> Option<&[u8]> {
    let id = traceparent.get(3..35)?;
    let is_one = traceparent.get(2) == Some(&b'-')
        && traceparent.get(35) == Some(&b'-')
        && id.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte))
        && id.iter().any(|byte| *byte != b'0');
    is_one.then_some(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PARENT: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_share_that_is_asked_for_is_drawn() {
        let mut dice = Dice::new(7);
        let mut share = |by: DrawBy| {
            let drawn = (0..20_000_u32).filter(|number| {
                let key = number.to_string();
                by.point(Some(key.as_bytes()), key.as_bytes(), &mut dice) < 0.1
            });
            drawn.count()
        };
        for by in [DrawBy::Chance, DrawBy::Trace, DrawBy::Client] {
            // Five standard deviations of 20,000 tries at a tenth.
            let drawn = share(by);
            assert!((1_788..2_212).contains(&drawn), "{drawn} by {}", by.name());
        }
    }

    #[test]
    fn a_trace_is_told_by_its_id_alone() {
        assert_eq!(trace_of(PARENT), Some(&b"4bf92f3577b34da6a3ce929d0e0e4736"[..]));
        assert_eq!(trace_of(b"00-00000000000000000000000000000000-00f067aa0ba902b7-01"), None);
        assert_eq!(trace_of(b"00-4bf9"), None);
    }

    proptest! {
        #[test]
        fn who_is_drawn_by_trace_or_client_is_always_drawn(key: Vec<u8>, seed: u64, other: u64) {
            for by in [DrawBy::Trace, DrawBy::Client] {
                let point = |seed| by.point(Some(&key), &key, &mut Dice::new(seed));
                prop_assert!((point(seed) - point(other)).abs() < f64::EPSILON);
                prop_assert!((0.0..1.0).contains(&point(seed)));
            }
        }

        #[test]
        fn any_header_is_a_trace_or_none(header: Vec<u8>) {
            let id = trace_of(&header);
            prop_assert!(id.is_none_or(|id| id.len() == 32));
        }
    }
}
