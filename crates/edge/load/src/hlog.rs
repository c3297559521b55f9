//! Histograms as `.hlog`, the log format of `HdrHistogram`: lines that other tools plot, and that add up.

use std::{
    str,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{
        Deserializer, V2DeflateSerializer,
        interval_log::{IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag},
    },
};

use crate::{Outcome, record::histogram};

/// Latencies of a run or of several, in nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Latencies {
    /// From intended start to answer.
    pub corrected: Histogram<u64>,
    /// From sending to answer.
    pub uncorrected: Histogram<u64>,
}

impl Latencies {
    /// As a log, with the same two lines as that of a run; of what, is a comment in it. When they were measured is not known.
    #[must_use]
    pub fn to_hlog(&self, of: &str) -> String {
        let times = (SystemTime::UNIX_EPOCH, Duration::ZERO);
        log(of, times, (&self.corrected, &self.uncorrected))
    }
}

/// The log of a run: one line corrected, one not, each with its tag. Values are nanoseconds; maxima are told in
/// milliseconds.
#[must_use]
pub fn write_hlog(outcome: &Outcome) -> String {
    let began = SystemTime::UNIX_EPOCH + Duration::from_millis(outcome.began_unix_millis);
    let length = Duration::try_from_secs_f64(outcome.seconds).unwrap_or_default();
    let of = format!("{}: {}", outcome.target, outcome.load);
    log(&of, (began, length), (&outcome.corrected, &outcome.uncorrected))
}

fn log(
    of: &str,
    (began, length): (SystemTime, Duration),
    (corrected, uncorrected): (&Histogram<u64>, &Histogram<u64>),
) -> String {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let written = IntervalLogWriterBuilder::new()
        .add_comment(&format!("taut load {}", of.replace(['\n', '\r'], " ")))
        .with_start_time(began)
        .with_max_value_divisor(1e6)
        .begin_log_with(&mut bytes, &mut serializer)
        .ok()
        .is_some_and(|mut log| {
            [("corrected", corrected), ("uncorrected", uncorrected)].into_iter().all(
                |(tag, histogram)| {
                    log.write_histogram(histogram, Duration::ZERO, length, Tag::new(tag)).is_ok()
                },
            )
        });
    // Writing to memory does not fail.
    if written { String::from_utf8(bytes).unwrap_or_default() } else { String::new() }
}

/// Adds up the histograms of logs. Lines of other tags, or of none, count as corrected.
///
/// # Errors
///
/// A sentence that says which line is none.
pub fn read_hlog(texts: &[&str]) -> Result<Latencies, String> {
    let (mut corrected, mut uncorrected) = (histogram(), histogram());
    for text in texts {
        for (place, entry) in IntervalLogIterator::new(text.as_bytes()).enumerate() {
            let entry =
                entry.map_err(|_wrong| format!("entry {} is no line of a .hlog", place + 1))?;
            let LogEntry::Interval(interval) = entry else { continue };
            let is_other = interval.tag().is_some_and(|tag| tag.as_str() == "uncorrected");
            let bytes = STANDARD
                .decode(interval.encoded_histogram())
                .map_err(|error| format!("entry {} has no histogram: {error}", place + 1))?;
            let one: Histogram<u64> = Deserializer::new()
                .deserialize(&mut bytes.as_slice())
                .map_err(|error| format!("entry {} has no histogram: {error:?}", place + 1))?;
            let sum = if is_other { &mut uncorrected } else { &mut corrected };
            sum.add(one)
                .map_err(|error| format!("entry {} cannot be added: {error:?}", place + 1))?;
        }
    }
    Ok(Latencies { corrected, uncorrected })
}
