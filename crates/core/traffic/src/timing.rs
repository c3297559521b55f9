//! `Server-Timing` (W3C): where the time of a request went, for the browser's tools and for people with `curl -i`.

use std::{fmt::Write as _, time::Duration};

use http::{HeaderName, HeaderValue};

/// Its name.
pub const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Phases of a request in a gateway, in the order in which they happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for a connection that is free.
    Queue,
    /// Making a connection.
    Connect,
    /// From sending the request until the head of the answer.
    Upstream,
    /// Looking into the cache.
    Cache,
    /// Compressing what was there at once; what passes through is compressed later than its head is sent.
    Compress,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Queue, Self::Connect, Self::Upstream, Self::Cache, Self::Compress];

    /// Its name in the header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Connect => "connect",
            Self::Upstream => "upstream",
            Self::Cache => "cache",
            Self::Compress => "compress",
        }
    }
}

/// How long the phases of one request took; of one that happened more than once, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    took: [Option<Duration>; Phase::ALL.len()],
}

impl Phases {
    /// Adds time to a phase.
    pub fn add(&mut self, phase: Phase, took: Duration) {
        let place = &mut self.took[phase as usize];
        *place = Some(place.unwrap_or_default().saturating_add(took));
    }

    /// How long a phase took, if it happened.
    #[must_use]
    pub fn get(&self, phase: Phase) -> Option<Duration> {
        self.took[phase as usize]
    }

    /// The header: milliseconds of each phase that happened, and of all of it. It stands beside what the member said
    /// of its own, in a line of its own.
    #[must_use]
    pub fn header(&self, total: Duration) -> Option<HeaderValue> {
        let mut text = String::new();
        for phase in Phase::ALL {
            if let Some(took) = self.get(phase) {
                // Writing into a text cannot fail.
                let _ok = write!(text, "{};dur={:.3}, ", phase.name(), millis(took));
            }
        }
        let _ok = write!(text, "gateway;dur={:.3}", millis(total));
        HeaderValue::from_str(&text).ok()
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// The time that a request says it has left, in milliseconds; `None` for what is no such time.
#[must_use]
pub fn time_left(told: &[u8]) -> Option<Duration> {
    // Nine digits are eleven days.
    let digits = (1..=9).contains(&told.len()) && told.iter().all(u8::is_ascii_digit);
    let millis = std::str::from_utf8(told).ok().filter(|_| digits)?.parse().ok()?;
    Some(Duration::from_millis(millis))
}
