//! Figures as text: Prometheus' exposition format 0.0.4, and `OpenMetrics` 1.0.
//!
//! The two differ in how counters and infos are announced, in units, and in the mark at the end. The formats are those
//! of <https://prometheus.io/docs/instrumenting/exposition_formats/> and the `OpenMetrics` specification.

use std::{fmt::Write as _, time::Duration};

use stats::{TIMING_BOUNDS_MICROS, TimingsSeen};

use super::{METRICS, Metric, MetricKind, Reading, Sample, Unit, Value};

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposition {
    /// Prometheus' text, version 0.0.4.
    Prometheus,
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
}

impl Exposition {
    /// The format that an `Accept` header asks for: what it names with the higher weight, Prometheus' own if in doubt.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let mut best = (Self::Prometheus, 0.0);
        for part in accept.split(',') {
            let mut parameters = part.split(';').map(str::trim);
            let format = match parameters.next().unwrap_or_default() {
                "application/openmetrics-text" => Self::OpenMetrics,
                "text/plain" | "text/*" | "*/*" => Self::Prometheus,
                _ => continue,
            };
            let weight = parameters.find_map(|it| it.strip_prefix("q="));
            let weight = weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0));
            if best.1 < weight {
                best = (format, weight);
            }
        }
        best.0
    }

    /// What it is announced as.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// All figures as text.
#[must_use]
pub fn expose(reading: &Reading, format: Exposition) -> String {
    // Some 70 figures of 200 to 400 bytes; histograms take more.
    let mut text = String::with_capacity(32 << 10);
    for metric in METRICS.iter().copied().flatten() {
        announce(&mut text, metric, format);
        for sample in (metric.read)(reading) {
            write_sample(&mut text, metric, &sample);
        }
    }
    if format == Exposition::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn announce(text: &mut String, metric: &Metric, format: Exposition) {
    let (family, kind) = match (format, metric.kind) {
        (Exposition::OpenMetrics, MetricKind::Counter) => {
            (metric.name.trim_end_matches("_total"), metric.kind.word())
        }
        (Exposition::OpenMetrics, MetricKind::Info) => {
            (metric.name.trim_end_matches("_info"), metric.kind.word())
        }
        (Exposition::Prometheus, MetricKind::Info) => (metric.name, MetricKind::Gauge.word()),
        _ => (metric.name, metric.kind.word()),
    };
    line(text, format_args!("# HELP {family} {}", escaped(metric.help, format)));
    line(text, format_args!("# TYPE {family} {kind}"));
    if format == Exposition::OpenMetrics && metric.unit != Unit::None {
        line(text, format_args!("# UNIT {family} {}", metric.unit.word()));
    }
}

fn write_sample(text: &mut String, metric: &Metric, sample: &Sample) {
    let pairs = metric.labels.iter().zip(&sample.labels);
    let labels: Vec<String> = pairs
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value, Exposition::OpenMetrics)))
        .collect();
    let name = metric.name;
    match sample.value {
        Value::Whole(count) => line(text, format_args!("{name}{} {count}", braces(&labels))),
        Value::Time(time) => {
            line(text, format_args!("{name}{} {}", braces(&labels), seconds(time)));
        }
        Value::Times(seen) => write_histogram(text, name, &labels, &seen),
    }
}

fn write_histogram(text: &mut String, name: &str, labels: &[String], seen: &TimingsSeen) {
    let mut below = 0;
    let bounds = TIMING_BOUNDS_MICROS.map(|bound| seconds(Duration::from_micros(bound)));
    let bounds = bounds.iter().map(String::as_str).chain(["+Inf"]);
    for (bound, count) in bounds.zip(seen.classes) {
        below += count;
        let mut labels = labels.to_vec();
        labels.push(format!("le=\"{bound}\""));
        line(text, format_args!("{name}_bucket{} {below}", braces(&labels)));
    }
    line(text, format_args!("{name}_sum{} {}", braces(labels), seconds(seen.sum)));
    line(text, format_args!("{name}_count{} {below}", braces(labels)));
}

/// Seconds, exact to the nanosecond; always with a point, as `OpenMetrics` wants of bounds.
fn seconds(time: Duration) -> String {
    let digits = format!("{}.{:09}", time.as_secs(), time.subsec_nanos());
    let short = digits.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

fn braces(labels: &[String]) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) }
}

/// A quote is escaped in labels everywhere, and in the help of `OpenMetrics`.
fn escaped(value: &str, format: Exposition) -> String {
    let value = value.replace('\\', "\\\\").replace('\n', "\\n");
    match format {
        Exposition::Prometheus => value,
        Exposition::OpenMetrics => value.replace('"', "\\\""),
    }
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    writeln!(text, "{words}").expect("a text can always grow");
}
