//! What a run came to, and the file that keeps it.

use std::{collections::BTreeMap, time::Duration};

use base64::engine::general_purpose::STANDARD;
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, V2DeflateSerializer},
};
use serde::{Deserialize, Serialize};

use crate::{record::Recorder, samples::Sample};

/// The version of the file; one that is not known is refused.
pub const FORMAT: &str = "taut-load-1";
/// A result file at most: 200,000 samples are some 20 MB.
pub const FILE_BYTES_MAX: u64 = 256 << 20;

/// What a run came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// [`FORMAT`].
    pub format: String,
    /// URL or scenario, as it was given.
    pub target: String,
    /// In words: `1,000 a second for 10 s, open model`.
    pub load: String,
    /// Requests start whatever the server does.
    pub is_open: bool,
    /// When it began, since 1970.
    pub began_unix_millis: u64,
    /// How long requests were started.
    pub seconds: f64,
    /// How long answers were waited for after that.
    #[serde(default)]
    pub tail_seconds: f64,
    /// Requests a second that were meant to start, on average; of a closed model, that did start.
    pub asked_rate: f64,
    /// It was ended early.
    pub is_interrupted: bool,
    /// Requests that were started.
    pub started: u64,
    /// Requests that got an answer.
    pub answered: u64,
    /// Of them, those within [`seconds`](Self::seconds) from the first answer on: the rest waited for a server that did not keep up. `None` in
    /// files of versions that did not tell them apart.
    #[serde(default)]
    pub in_time: Option<u64>,
    /// Passes through a flow that began; 0 in files of versions that did not count them.
    #[serde(default)]
    pub flows: u64,
    /// Of them, those that the end of the run cut.
    #[serde(default)]
    pub cut: u64,
    /// Requests that got none, or not the right one.
    pub failed: u64,
    /// Requests that were still under way when it was ended early.
    pub unfinished: u64,
    /// Bytes of bodies that came back.
    pub body_bytes: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Connections that may be open at once.
    pub connections_max: usize,
    /// `HTTP/1.1` or `HTTP/2`; empty in files of versions that knew only the former.
    #[serde(default)]
    pub protocol: String,
    /// Answers by status.
    pub statuses: Vec<(u16, u64)>,
    /// What went wrong, in words, and how often.
    pub troubles: Vec<(String, u64)>,
    /// Each route, in the order of the scenario.
    pub routes: Vec<RouteOutcome>,
    /// The course of the run.
    pub intervals: Vec<Interval>,
    /// How long an interval is.
    pub interval_seconds: f64,
    /// From intended start to answer, in nanoseconds.
    #[serde(with = "packed")]
    pub corrected: Histogram<u64>,
    /// From sending to answer, in nanoseconds: what a tool shows that does not correct.
    #[serde(with = "packed")]
    pub uncorrected: Histogram<u64>,
    /// How late the generator itself was, in nanoseconds.
    #[serde(with = "packed")]
    pub late: Histogram<u64>,
    /// Processor time that the generator took, in seconds.
    pub processor_seconds: f64,
    /// Threads of it.
    pub threads: usize,
    /// One request in so many is kept as a sample.
    pub samples_every: u64,
    /// Single requests, in the order of their start.
    pub samples: Vec<Sample>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteOutcome {
    /// Its name.
    pub name: String,
    /// Requests with a latency.
    pub count: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Median, from the intended start, in nanoseconds.
    pub p50: u64,
    /// 95th percentile.
    pub p95: u64,
    /// 99th percentile.
    pub p99: u64,
}

/// A part of the run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Requests that were meant to start in it.
    pub started: u64,
    /// Of them, answered.
    pub answered: u64,
    /// Of them, failed.
    pub failed: u64,
    /// Median of their latencies, in nanoseconds; `None` if none of them has one.
    pub p50: Option<u64>,
    /// 95th percentile.
    pub p95: Option<u64>,
    /// 99th percentile.
    pub p99: Option<u64>,
}

/// Latencies a quarter of a power of two wide, and how many requests had them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// From which on, in nanoseconds.
    pub from_nanos: f64,
    /// Up to which.
    pub to_nanos: f64,
    /// Requests, by their latency from the intended start.
    pub corrected: u64,
    /// By that from sending.
    pub uncorrected: u64,
}

/// Whether the generator kept up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lateness {
    /// 99th percentile of how late starts were.
    pub p99: Duration,
    /// The latest.
    pub max: Duration,
    /// Share of its threads' time that they worked, 0 to 1.
    pub busy: f64,
    /// Its own lateness is large enough to be seen in the figures.
    pub is_bottleneck: bool,
}

/// What is known of a run besides its figures.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) target: String,
    pub(crate) load: String,
    pub(crate) is_open: bool,
    pub(crate) began_unix_millis: u64,
    pub(crate) length: Duration,
    pub(crate) tail: Duration,
    pub(crate) asked_rate: Option<f64>,
    pub(crate) is_interrupted: bool,
    pub(crate) connections_max: usize,
    pub(crate) is_two: bool,
    pub(crate) processor: Duration,
    pub(crate) threads: usize,
    pub(crate) interval: Duration,
    pub(crate) routes: Vec<String>,
}

impl Outcome {
    pub(crate) fn new(about: About, recorder: Recorder) -> Self {
        let ended = recorder.answered + recorder.troubles.values().sum::<u64>();
        let seconds = about.length.as_secs_f64();
        let quantile = |sketch: &stats::Sketch, q| sketch.quantile(q);
        let routes = about.routes.into_iter().zip(&recorder.routes).map(|(name, route)| {
            let at = |q| quantile(&route.latencies, q).unwrap_or_default();
            let count = route.latencies.count();
            RouteOutcome {
                name,
                count,
                failed: route.failed,
                p50: at(0.5),
                p95: at(0.95),
                p99: at(0.99),
            }
        });
        let intervals = recorder.bins.iter().map(|bin| Interval {
            started: bin.started,
            answered: bin.answered,
            failed: bin.failed,
            p50: quantile(&bin.latencies, 0.5),
            p95: quantile(&bin.latencies, 0.95),
            p99: quantile(&bin.latencies, 0.99),
        });
        let samples_every = recorder.samples.every();
        Self {
            format: FORMAT.to_owned(),
            target: about.target,
            load: about.load,
            is_open: about.is_open,
            began_unix_millis: about.began_unix_millis,
            seconds,
            tail_seconds: about.tail.as_secs_f64(),
            asked_rate: about
                .asked_rate
                .unwrap_or_else(|| float(recorder.started) / seconds.max(1e-9)),
            is_interrupted: about.is_interrupted,
            started: recorder.started,
            answered: recorder.answered,
            in_time: Some(recorder.in_time),
            flows: recorder.flows,
            cut: recorder.cut,
            failed: recorder.failed,
            unfinished: recorder.started.saturating_sub(ended),
            body_bytes: recorder.body_bytes,
            connections: recorder.connections,
            connections_max: about.connections_max,
            protocol: if about.is_two { "HTTP/2" } else { "HTTP/1.1" }.to_owned(),
            statuses: recorder.statuses.into_iter().collect(),
            troubles: recorder
                .troubles
                .into_iter()
                .map(|(trouble, count)| (trouble.words().to_owned(), count))
                .collect(),
            routes: routes.collect(),
            intervals: intervals.collect(),
            interval_seconds: about.interval.as_secs_f64(),
            corrected: recorder.corrected,
            uncorrected: recorder.uncorrected,
            late: recorder.late,
            processor_seconds: about.processor.as_secs_f64(),
            threads: about.threads,
            samples_every,
            samples: recorder.samples.sorted(),
        }
    }

    /// Reads a result file.
    ///
    /// # Errors
    ///
    /// A sentence that says why it is none.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let head: Head = serde_json::from_slice(bytes)
            .map_err(|error| format!("it is not a result of `taut load`: {error}"))?;
        if head.format != FORMAT {
            return Err(format!("its format is `{}`; this version reads `{FORMAT}`", head.format));
        }
        serde_json::from_slice(bytes).map_err(|error| format!("it is damaged: {error}"))
    }

    /// For a file.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Answers a second, while requests were started: what a server that did not keep up answered afterwards is no part of it.
    #[must_use]
    pub fn rate(&self) -> f64 {
        float(self.in_time.unwrap_or(self.answered)) / self.seconds.max(1e-9)
    }

    /// Requests of a pass through a flow, on average.
    #[must_use]
    pub fn requests_each(&self) -> f64 {
        if self.flows == 0 { 1.0 } else { float(self.started) / float(self.flows) }
    }

    /// Share of passes through a flow that its end cut, 0 to 1.
    #[must_use]
    pub fn cut_share(&self) -> f64 {
        float(self.cut) / float(self.flows.max(1))
    }

    /// Share of requests that failed, 0 to 1.
    #[must_use]
    pub fn error_share(&self) -> f64 {
        float(self.failed) / float(self.started.max(1))
    }

    /// A latency by quantile, from the intended start.
    #[must_use]
    pub fn latency(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.corrected.value_at_quantile(quantile))
    }

    /// How latencies are spread, from the shortest to the longest without a gap. Bounds are the same in every run, so that two can be laid one
    /// over the other.
    #[must_use]
    pub fn spread(&self) -> Vec<Spread> {
        let (corrected, uncorrected) = (classes(&self.corrected), classes(&self.uncorrected));
        let known = || corrected.keys().chain(uncorrected.keys()).copied();
        let (Some(first), Some(last)) = (known().min(), known().max()) else { return Vec::new() };
        let bound = |class: i32| 2_f64.powf(f64::from(class) / 4.0);
        let one = |class: i32| Spread {
            from_nanos: bound(class),
            to_nanos: bound(class + 1),
            corrected: corrected.get(&class).copied().unwrap_or(0),
            uncorrected: uncorrected.get(&class).copied().unwrap_or(0),
        };
        (first..=last).map(one).collect()
    }

    /// Requests at work at once, on average, by Little's law.
    #[must_use]
    pub fn at_once(&self) -> f64 {
        self.rate() * self.uncorrected.mean() / 1e9
    }

    /// Processor time of the generator for each answer.
    #[must_use]
    pub fn processor_each(&self) -> Duration {
        Duration::try_from_secs_f64(self.processor_seconds / float(self.answered.max(1)))
            .unwrap_or_default()
    }

    /// Whether the generator kept up: late by more than a millisecond and by more than a tenth of what was measured. Of an open model, flows are
    /// late that were due; of a closed one, a look at the clock every ten milliseconds.
    #[must_use]
    pub fn lateness(&self) -> Lateness {
        let p99 = Duration::from_nanos(self.late.value_at_quantile(0.99));
        let threads = f64::from(u32::try_from(self.threads.max(1)).unwrap_or(1));
        let worked = (self.seconds + self.tail_seconds) * threads;
        let busy = self.processor_seconds / worked.max(1e-9);
        let seen = self.latency(0.99).mul_f64(0.1).max(Duration::from_millis(1));
        Lateness {
            p99,
            max: Duration::from_nanos(self.late.max()),
            busy,
            is_bottleneck: seen < p99,
        }
    }
}

/// How many have a latency of each class, four of them to a power of two.
fn classes(histogram: &Histogram<u64>) -> BTreeMap<i32, u64> {
    let mut classes: BTreeMap<i32, u64> = BTreeMap::new();
    for value in histogram.iter_recorded() {
        #[expect(clippy::cast_possible_truncation, reason = "a logarithm")]
        let class = (float(value.value_iterated_to().max(1)).log2() * 4.0).floor() as i32;
        *classes.entry(class).or_default() += value.count_since_last_iteration();
    }
    classes
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn float(value: u64) -> f64 {
    value as f64
}

/// Histograms as text: `HdrHistogram`'s compressed form, which other tools read and add up.
pub(crate) mod packed {
    use super::{Deserialize as _, Deserializer, Histogram, STANDARD, V2DeflateSerializer};
    use base64::Engine as _;
    use hdrhistogram::serialization::Serializer as _;
    use serde::de::Error as _;

    pub(crate) fn serialize<S: serde::Serializer>(
        histogram: &Histogram<u64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(histogram, &mut bytes)
            .map_err(|error| serde::ser::Error::custom(format!("{error:?}")))?;
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Histogram<u64>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| D::Error::custom(format!("a histogram: {error:?}")))
    }
}
