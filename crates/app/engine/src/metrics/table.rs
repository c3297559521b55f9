//! Every figure: its name, what it is, and where it is read.

use std::time::Duration;

use stats::TimingsSeen;

use super::{
    LOSSES, LossKind, Reading,
    rows::{ENGINE, PROCESS, RECEIVER, STORE},
};

/// A figure.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// As Prometheus has it: `taut_spans_kept_total`.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// Its unit.
    pub unit: Unit,
    /// What it tells apart.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
    /// Its samples; none where nothing is known.
    pub read: fn(&Reading) -> Vec<Sample>,
}

/// What a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It rises until the process ends.
    Counter,
    /// It rises and falls.
    Gauge,
    /// Durations, counted in classes.
    Histogram,
    /// Words: always 1.
    Info,
}

/// A unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A count of what the name says.
    None,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

/// A value and what it is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Values of the labels, in the order of [`Metric::labels`].
    pub labels: Vec<String>,
    /// The value.
    pub value: Value,
}

/// A value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A whole number.
    Whole(u64),
    /// A time, in seconds once it is told.
    Time(Duration),
    /// Many times.
    Times(TimingsSeen),
}

impl MetricKind {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

impl Unit {
    /// As it stands at the end of names; empty for none.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
        }
    }
}

/// Every figure, by where it is from.
pub const METRICS: &[&[Metric]] = &[RECEIVER, ENGINE, STORE, PROCESS];

impl Metric {
    pub(super) const fn counter(
        name: &'static str,
        help: &'static str,
        read: fn(&Reading) -> Vec<Sample>,
    ) -> Self {
        Self { name, kind: MetricKind::Counter, unit: Unit::None, labels: &[], help, read }
    }

    pub(super) const fn gauge(
        name: &'static str,
        help: &'static str,
        read: fn(&Reading) -> Vec<Sample>,
    ) -> Self {
        Self { kind: MetricKind::Gauge, ..Self::counter(name, help, read) }
    }

    pub(super) const fn histogram(
        name: &'static str,
        help: &'static str,
        read: fn(&Reading) -> Vec<Sample>,
    ) -> Self {
        Self { kind: MetricKind::Histogram, ..Self::counter(name, help, read) }.seconds()
    }

    pub(super) const fn info(
        name: &'static str,
        help: &'static str,
        read: fn(&Reading) -> Vec<Sample>,
    ) -> Self {
        Self { kind: MetricKind::Info, ..Self::counter(name, help, read) }
    }

    pub(super) const fn by(self, labels: &'static [&'static str]) -> Self {
        Self { labels, ..self }
    }

    pub(super) const fn bytes(self) -> Self {
        Self { unit: Unit::Bytes, ..self }
    }

    pub(super) const fn seconds(self) -> Self {
        Self { unit: Unit::Seconds, ..self }
    }
}

/// A page of the manual, in Markdown: every figure, and every reason for which something is lost.
#[must_use]
pub fn manual() -> String {
    let mut text = String::new();
    for (title, group) in ["Receiver", "Engine", "Store", "Process"].iter().zip(METRICS) {
        text.push_str(&format!(
            "\n### {title}\n\n| name | type | labels | what it tells |\n|---|---|---|---|\n"
        ));
        for metric in *group {
            let labels: Vec<String> = metric.labels.iter().map(|it| format!("`{it}`")).collect();
            text.push_str(&format!(
                "| `{}` | {} | {} | {} |\n",
                metric.name,
                metric.kind.word(),
                labels.join(", "),
                metric.help
            ));
        }
    }
    text.push_str("\n## What is lost or refused\n\n| reason | what | what happened | what to do |\n|---|---|---|---|\n");
    for loss in LOSSES {
        let becomes = match loss.kind {
            LossKind::Refused => "refused",
            LossKind::Dropped => "dropped",
        };
        text.push_str(&format!(
            "| `{}` | {} {becomes} | They {}. | {} |\n",
            loss.reason, loss.unit, loss.words, loss.hint
        ));
    }
    text
}
