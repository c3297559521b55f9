//! Every setting: its key, what it may be, what it is unless set, and why.

use std::{borrow::Cow, sync::LazyLock, time::Duration};

use crate::{check, clickhouse, copies, observe};

/// A setting.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Section and name, as in `taut.toml`: `receive.grpc`.
    pub key: Cow<'static, str>,
    /// What it may be.
    pub kind: Kind,
    /// What it is unless set, as `taut.toml` would have it.
    pub default: Cow<'static, str>,
    /// What it decides.
    pub doc: Cow<'static, str>,
    /// Where the default is from.
    pub source: Cow<'static, str>,
}

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// An address and port to listen on.
    Address,
    /// An address and port to listen on, or `off`.
    AddressOrOff,
    /// A size in bytes, with its unit.
    Bytes {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A whole number.
    Count {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A duration, with its unit.
    Duration {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// A number.
    Number {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
        /// Its unit, for people.
        unit: &'static str,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A folder.
    Folder,
    /// A file, or `off`.
    FileOrOff,
    /// The address of a collector, `self` or `off`.
    CollectorOrOff,
    /// Addresses of databases.
    Databases,
    /// The `http://` or `https://` address of a server, or `off`.
    ServerOrOff,
    /// A folder of a bucket in S3-compatible storage, or `off`.
    ObjectsOrOff,
    /// A name of letters, digits, `.`, `_` and `-`.
    Name,
    /// Names of detectors.
    Detectors(Among),
    /// A currency by its three letters (ISO 4217).
    Currency,
}

/// Which detectors may be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// All of them.
    All,
    /// Those whose faults show in spans, and not in a database's statistics alone.
    OfSpans,
}

impl Setting {
    /// The environment variable of the same meaning: `TAUT_RECEIVE_GRPC`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("TAUT_{}", self.key.to_uppercase().replace(['.', '-'], "_"))
    }

    /// The section it stands in, and its name there.
    #[must_use]
    pub fn section_and_name(&self) -> (&str, &str) {
        self.key.rsplit_once('.').unwrap_or(("", &self.key))
    }
}

/// Every setting, those of detectors included.
#[must_use]
pub fn known() -> &'static [Setting] {
    static KNOWN: LazyLock<Vec<Setting>> = LazyLock::new(|| {
        let of_databases = observe::SETTINGS.iter().cloned();
        let of_copies = copies::SETTINGS.iter().chain(clickhouse::SETTINGS).cloned();
        let of_checks = check::SETTINGS.iter().cloned();
        let of_others = of_copies.chain(of_databases).chain(of_checks);
        SETTINGS.iter().cloned().chain(of_others).chain(knobs()).collect()
    });
    &KNOWN
}

/// The environment variable with what has to be shown to see the pages.
pub(crate) const WEB_TOKEN: &str = "TAUT_WEB_TOKEN";

/// The environment variable with what has to be shown at the admin port of the gateway.
pub(crate) const GATEWAY_ADMIN_TOKEN: &str = "TAUT_GATEWAY_ADMIN_TOKEN";

/// Environment variables that are not settings, with what they are for.
pub const OTHER_VARIABLES: &[(&str, &str)] = &[
    ("TAUT_CONFIG", "the settings file to read instead of `taut.toml`"),
    (
        "AWS_ACCESS_KEY_ID",
        "the key for copies in S3-compatible storage; without it requests are not signed",
    ),
    ("AWS_SECRET_ACCESS_KEY", "its secret; shown nowhere"),
    ("AWS_SESSION_TOKEN", "its token, of keys that last for hours only; shown nowhere"),
    (
        WEB_TOKEN,
        "what has to be shown to see the pages and to ask the API: set it where `web.listen` is open to others; shown \
         nowhere",
    ),
    (
        GATEWAY_ADMIN_TOKEN,
        "what has to be shown at the gateway's admin port, and lets things be changed there; over `admin-token` in \
         `[gateway]`; shown nowhere",
    ),
    (clickhouse::PASSWORD, "the password of `store.clickhouse.user`; shown nowhere"),
];

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// From 1 ms, below which clocks of different hosts disagree anyway, to one hour.
const TARGET: Kind = Kind::Duration { min: Duration::from_millis(1), max: Duration::from_hours(1) };

const ON_OFF: Kind = Kind::Choice(&["on", "off"]);

const HOURS: Kind = Kind::Number { min: 0.0, max: 1e6, unit: "hours a day" };

const MONEY: Kind = Kind::Number { min: 0.0, max: 1e9, unit: "a month" };

/// Every setting but those of databases and detectors, in the order of the example.
pub const SETTINGS: &[Setting] = &[
    setting(
        "receive.grpc",
        Kind::AddressOrOff,
        "\"127.0.0.1:4317\"",
        "Where OTLP over gRPC is received; `off` for nowhere.",
        "The port that the OTLP specification registers; loopback until you say otherwise.",
    ),
    setting(
        "receive.http",
        Kind::AddressOrOff,
        "\"127.0.0.1:4318\"",
        "Where OTLP over HTTP is received; `off` for nowhere.",
        "The port that the OTLP specification registers; loopback until you say otherwise.",
    ),
    setting(
        "receive.body-bytes-max",
        Kind::Bytes { min: 64 << 10, max: GIB },
        "\"64 MiB\"",
        "The largest request, before and after it is uncompressed.",
        "What the OTLP specification recommends to servers.",
    ),
    setting(
        "receive.requests-in-flight-max",
        Kind::Count { min: 1, max: 512 },
        "256",
        "Requests that are read or stored at the same time; senders of more are asked to wait.",
        "Each may hold one of the 512 threads that wait for the disk; half of them are left to others.",
    ),
    setting(
        "receive.bytes-in-flight-max",
        Kind::Bytes { min: MIB, max: 64 * GIB },
        "\"256 MiB\"",
        "Bytes of all requests in flight; senders of more are asked to wait.",
        "Four of the largest requests, or some thousand of the usual 50 to 500 kB.",
    ),
    setting(
        "receive.logs",
        ON_OFF,
        "\"on\"",
        "Whether log records are received and kept; while `off`, their senders are told that nobody takes them.",
        "They are shown beside the spans during which they were written.",
    ),
    setting(
        "receive.metrics",
        ON_OFF,
        "\"on\"",
        "Whether metrics are received and kept; while `off`, their senders are told that nobody takes them.",
        "What a host and a process lack is told by them: CPU, memory, connections.",
    ),
    setting(
        "store.folder",
        Kind::Folder,
        "\".taut\"",
        "Where everything is kept. In a file, relative to that file; else to the working folder.",
        "Beside the project, where it is found, ignored by version control and deleted with ease.",
    ),
    setting(
        "store.age-max",
        Kind::Duration { min: Duration::from_mins(1), max: DAY.saturating_mul(3660) },
        "\"14d\"",
        "Spans, log records and metrics that are older are deleted.",
        "Two weeks hold the same weekday twice, which before and after need.",
    ),
    setting(
        "store.bytes-max",
        Kind::Bytes { min: 16 * MIB, max: 1 << 50 },
        "\"10 GiB\"",
        "Past this the oldest spans are deleted, whatever their age.",
        "A laptop has it to spare; at 80 bytes a span it keeps 130 million.",
    ),
    setting(
        "store.sync",
        Kind::Choice(&["always", "os"]),
        "\"always\"",
        "`always` acknowledges spans once they are on the disk; `os` once the system has them, which \
         is faster and loses the last seconds if the machine (not Taut) crashes.",
        "Nothing that was acknowledged may be lost.",
    ),
    setting(
        "store.ledger",
        Kind::Databases,
        "[]",
        "A PostgreSQL database that has the ledger, where several machines share it; its tables are in the schema \
         `taut_ledger`. Away, it takes no entries, and what was to be noted says so.",
        "One machine needs no server: the ledger is a file in the folder.",
    ),
    setting(
        "keep.all",
        Kind::Duration { min: Duration::from_mins(1), max: DAY.saturating_mul(3660) },
        "\"1d\"",
        "So long every span is kept, and at least for `engine.window`. Of older ones, traces stay that were slow for their \
         operation, that failed or that a finding names, and a fair sample of the rest, each row of which counts as many \
         times as it stands for: until `store.age-max`.",
        "Who looks into an incident does so within a day; what is looked at later is mostly what was slow or failed.",
    ),
    setting(
        "keep.notable-per-minute",
        Kind::Count { min: 1, max: 1_000_000 },
        "240",
        "Slow and failed requests of a service and minute that stay of older spans; of more, a fair share does.",
        "Four a second: all that are slow where a service has 80 requests a second, and enough to compare where it has more.",
    ),
    setting(
        "keep.others-per-minute",
        Kind::Count { min: 1, max: 1_000_000 },
        "60",
        "Requests of a service and minute that stay of older spans though nothing is special about them.",
        "One a second: an hour has 3,600, which tell a median to 2 %.",
    ),
    setting(
        "keep.minutes",
        Kind::Duration { min: Duration::from_mins(1), max: DAY.saturating_mul(3660) },
        "\"90d\"",
        "So long it is known how many spans of a kind there were in each minute and how long they took, whether or not the \
         spans are kept.",
        "A quarter of a year; a minute of a kind of span takes some hundred bytes, however many spans there were.",
    ),
    setting(
        "web.listen",
        Kind::Address,
        "\"127.0.0.1:7070\"",
        "Where the pages are served. Whoever reaches them sees them, unless `TAUT_WEB_TOKEN` is set.",
        "A free port on loopback.",
    ),
    setting(
        "engine.spans-in-flight-max",
        Kind::Count { min: 1_000, max: 1_000_000_000 },
        "1000000",
        "Spans of traces that are not complete yet; past it the oldest traces are closed early.",
        "About 1 GB at most; ten seconds of 100,000 spans a second.",
    ),
    setting(
        "engine.settle",
        Kind::Duration { min: Duration::from_millis(100), max: Duration::from_hours(1) },
        "\"5s\"",
        "A trace counts as complete when no span of it came for so long.",
        "Exporters send every 5 s by default.",
    ),
    setting(
        "engine.settle-max",
        Kind::Duration { min: SECOND, max: DAY },
        "\"1m\"",
        "A trace counts as complete after so long, even if spans still come.",
        "Longer than any request that somebody waits for.",
    ),
    setting(
        "engine.window",
        Kind::Duration { min: Duration::from_mins(1), max: DAY.saturating_mul(31) },
        "\"1h\"",
        "Impact and rates are computed over the last so long.",
        "Long enough for rare endpoints, short enough to see a fix work.",
    ),
    setting(
        "targets.p95",
        TARGET,
        "\"200ms\"",
        "What 95 of 100 requests are meant to stay below.",
        DESIGN,
    ),
    setting(
        "targets.p99",
        TARGET,
        "\"500ms\"",
        "What 99 of 100 requests are meant to stay below.",
        DESIGN,
    ),
    setting(
        "targets.statement",
        TARGET,
        "\"50ms\"",
        "What a critical statement is meant to stay below.",
        DESIGN,
    ),
    setting(
        "targets.errors",
        Kind::Number { min: 0.0, max: 1.0, unit: "of the requests" },
        "0.01",
        "The part of a service's requests that may fail; above it the service misses its objective.",
        "One of a hundred, as many as p99 lets be slow; `0` tolerates none.",
    ),
    setting(
        "levels.critical-hours",
        HOURS,
        "4",
        "A finding is critical from so many user-hours a day.",
        LEVEL,
    ),
    setting(
        "levels.high-hours",
        HOURS,
        "1",
        "A finding is high from so many user-hours a day.",
        LEVEL,
    ),
    setting(
        "levels.medium-hours",
        HOURS,
        "0.25",
        "A finding is medium from so many user-hours a day.",
        LEVEL,
    ),
    setting(
        "find.disable",
        Kind::Detectors(Among::All),
        "[]",
        "Detectors that do not run, by name or code.",
        "All of them run.",
    ),
    setting(
        "price.currency",
        Kind::Currency,
        "\"GBP\"",
        "The currency of the prices below.",
        "Money is shown only when a price is set.",
    ),
    setting(
        "price.database-per-month",
        MONEY,
        "0",
        "What the database costs; 0 if unknown, and then no money is shown.",
        "Nobody's bill can be guessed.",
    ),
    setting(
        "price.workers-per-month",
        MONEY,
        "0",
        "What the application's servers cost; 0 if unknown, and then no money is shown.",
        "Nobody's bill can be guessed.",
    ),
];

const DESIGN: &str = "Customary for pages that people wait for; it loosens where traffic is low.";
const LEVEL: &str =
    "1.2 s lost 50,000 times a day is critical, 0.4 s 30,000 times high, 3 s 200 times low.";

pub(crate) const fn setting(
    key: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
    source: &'static str,
) -> Setting {
    Setting {
        key: Cow::Borrowed(key),
        kind,
        default: Cow::Borrowed(default),
        doc: Cow::Borrowed(doc),
        source: Cow::Borrowed(source),
    }
}

/// What can be set of each detector: `find.n-plus-one.repeats-min`; and of notes on plans: `find.plan.rows-min`.
fn knobs() -> impl Iterator<Item = Setting> {
    let of_detectors = find::DETECTORS.iter().map(|detector| (detector.name, detector.knobs));
    let of_plans = [(find::plan::PLAN_SECTION, find::plan::PLAN_KNOBS)];
    of_detectors.chain(of_plans).flat_map(|(section, knobs)| {
        knobs.iter().map(move |knob| Setting {
            key: format!("find.{section}.{}", knob.key).into(),
            kind: Kind::Number { min: 0.0, max: knob_max(knob), unit: knob.unit },
            default: knob.default.to_string().into(),
            doc: knob.doc.into(),
            source: "".into(),
        })
    })
}

/// A share is at most the whole; of anything else nobody sets a trillion.
fn knob_max(knob: &find::Knob) -> f64 {
    if knob.unit.starts_with("of ") { 1.0 } else { 1e12 }
}
