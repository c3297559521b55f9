//! A value for every known key, read by the kind of its setting, and whether the values fit together.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use toml::de::DeValue;

use super::Listed;
use crate::{
    Check, ClickHouse, ClickHouseTables, Collector, Copies, DatabaseUrl, ObservePostgres,
    PostgresEnvironment, check,
    problem::Problem,
    table::{Setting, known},
    value::{self, Value},
    written::{Origin, Written},
};

/// A value for every known key.
pub(super) struct Values(pub(super) BTreeMap<&'static str, Written>);

/// Why a value is of its kind: every one was read by its setting's kind, and a test reads them all.
const OF_ITS_KIND: &str = "the table says what kind this setting is of";

impl Values {
    /// What holds where nothing was written.
    pub(super) fn defaults() -> Self {
        Self(known().iter().map(default).collect())
    }

    fn get(&self, key: &str) -> &Value {
        &self.0.get(key).expect("every setting has a default").value
    }

    pub(super) fn address(&self, key: &str) -> Option<SocketAddr> {
        match self.get(key) {
            Value::Address(address) => *address,
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    pub(super) fn whole(&self, key: &str) -> u64 {
        match self.get(key) {
            Value::Bytes(whole) | Value::Count(whole) => *whole,
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    pub(super) fn size(&self, key: &str) -> usize {
        usize::try_from(self.whole(key)).unwrap_or(usize::MAX)
    }

    pub(super) fn duration(&self, key: &str) -> Duration {
        match self.get(key) {
            Value::Duration(duration) => *duration,
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    pub(super) fn number(&self, key: &str) -> f64 {
        match self.get(key) {
            Value::Number(number) => *number,
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    pub(super) fn text(&self, key: &str) -> &str {
        match self.get(key) {
            Value::Choice(word) => word,
            Value::Currency(letters) => letters,
            Value::Name(name) => name,
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    pub(super) fn folder(&self, key: &str) -> PathBuf {
        match self.get(key) {
            Value::Folder(folder) => folder.clone(),
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    fn server(&self, key: &str) -> Option<String> {
        match self.get(key) {
            Value::Server(server) => server.clone(),
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    pub(super) fn collector(&self, key: &str) -> Collector {
        match self.get(key) {
            Value::Collector(collector) => collector.clone(),
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    pub(super) fn copy(&self) -> Copies {
        Copies {
            to: match self.get("store.copy.to") {
                Value::Objects(address) => address.clone(),
                _ => unreachable!("{OF_ITS_KIND}"),
            },
            endpoint: self.server("store.copy.endpoint"),
            region: self.text("store.copy.region").to_owned(),
            after: self.duration("store.copy.after"),
            access: None,
        }
    }

    pub(super) fn clickhouse(&self) -> ClickHouse {
        ClickHouse {
            url: self.server("store.clickhouse.url"),
            database: self.text("store.clickhouse.database").to_owned(),
            user: self.text("store.clickhouse.user").to_owned(),
            password: String::new(),
            tables: ClickHouseTables::of(self.text("store.clickhouse.tables")),
            cluster: self.text("store.clickhouse.cluster").to_owned(),
        }
    }

    pub(super) fn databases(&self, key: &str) -> Vec<DatabaseUrl> {
        match self.get(key) {
            Value::Databases(urls) => urls.clone(),
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    pub(super) fn postgres(&self) -> ObservePostgres {
        ObservePostgres {
            urls: self.databases("observe.postgres.url"),
            standbys: self.databases("observe.postgres.standbys"),
            sample: self.duration("observe.postgres.sample"),
            poll: self.duration("observe.postgres.poll"),
            catalog: self.duration("observe.postgres.catalog"),
            keep: self.duration("observe.postgres.keep"),
            tables_max: u32::try_from(self.whole("observe.postgres.tables-max"))
                .unwrap_or(u32::MAX),
            log: match self.get("observe.postgres.log") {
                Value::File(file) => file.clone(),
                _ => unreachable!("{OF_ITS_KIND}"),
            },
            environment: PostgresEnvironment::default(),
        }
    }

    pub(super) fn check_of_runs(&self) -> Check {
        let baseline = match self.get("check.baseline") {
            Value::File(file) => file.clone(),
            _ => unreachable!("{OF_ITS_KIND}"),
        };
        let times = self.text("check.times") == "on";
        let rules = prove::gate::Rules {
            budgets: Vec::new(),
            refuse: self.detectors("check.refuse"),
            level: check::level(self.text("check.level")),
            more: self.number("check.more"),
            slower: times.then(|| self.number("check.slower")),
        };
        Check { baseline, rules }
    }

    fn detectors(&self, key: &str) -> BTreeSet<String> {
        match self.get(key) {
            Value::Detectors(names) => names.iter().map(|name| (*name).to_owned()).collect(),
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    pub(super) fn find(&self) -> find::Settings {
        let disabled = self.detectors("find.disable");
        let knobs = self.0.iter().filter_map(|(key, written)| {
            let (detector, knob) = key.strip_prefix("find.")?.split_once('.')?;
            match written.value {
                // Detectors know their defaults, and are faster when nothing is set.
                Value::Number(number) if written.origin != Origin::Default => {
                    Some(((detector.to_owned(), knob.to_owned()), number))
                }
                _ => None,
            }
        });
        find::Settings { disabled, knobs: knobs.collect() }
    }

    pub(super) fn listed(&self) -> Vec<Listed> {
        let listed = known().iter().map(|setting| {
            let written = self.0.get(&*setting.key).expect("every setting has a default");
            let (value, origin) = (written.value.to_toml(), written.origin.clone());
            Listed { key: &setting.key, value, origin }
        });
        listed.collect()
    }

    /// Whether the values fit together.
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        for (less, more) in [
            ("engine.settle", "engine.settle-max"),
            ("targets.p95", "targets.p99"),
            ("levels.medium-hours", "levels.high-hours"),
            ("levels.high-hours", "levels.critical-hours"),
            ("observe.postgres.sample", "observe.postgres.poll"),
            ("receive.body-bytes-max", "receive.bytes-in-flight-max"),
        ] {
            if self.get(more).amount() < self.get(less).amount() {
                self.clash(problems, &format!("`{less}` exceeds `{more}`"), (less, more));
            }
        }
        if 1 < self.databases("store.ledger").len() {
            let key = "store.ledger";
            self.clash(problems, "`store.ledger` is one database", (key, key));
        }
        let listeners = ["receive.grpc", "receive.http", "web.listen"];
        for (place, first) in listeners.into_iter().enumerate() {
            for second in listeners.into_iter().skip(place + 1) {
                if let (Some(one), Some(other)) = (self.address(first), self.address(second))
                    && one.port() == other.port()
                    && one.port() != 0
                    && (one.ip() == other.ip()
                        || one.ip().is_unspecified()
                        || other.ip().is_unspecified())
                {
                    let title = format!("`{first}` and `{second}` listen on the same port");
                    self.clash(problems, &title, (first, second));
                }
            }
        }
    }

    /// Says that two settings do not fit, and points at what the user wrote of them.
    fn clash(&self, problems: &mut Vec<Problem>, title: &str, (first, second): (&str, &str)) {
        let place = |key: &str| self.0.get(key)?.place.clone();
        let label = |key: &str| format!("`{key}`");
        let (pointed, other) =
            if place(first).is_some() { (first, second) } else { (second, first) };
        let hint = place(other)
            .is_none()
            .then(|| format!("`{other}` is {} unless set", self.get(other).to_toml()));
        // Defaults fit together, so at least one of the two was written.
        if let Some(at) = place(pointed) {
            let problem = Problem::new(title, at, label(pointed));
            problems.push(problem.beside(place(other), label(other)).hint(hint));
        }
    }
}

fn default(setting: &'static Setting) -> (&'static str, Written) {
    let parsed = DeValue::parse(&setting.default).expect("defaults are valid TOML");
    let value = value::from_toml(setting.kind, parsed.get_ref()).expect("defaults are valid");
    (&setting.key, Written { value, origin: Origin::Default, place: None })
}

impl Value {
    /// What two values of the same kind are compared by.
    fn amount(&self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53, or equal")]
            Self::Bytes(whole) | Self::Count(whole) => *whole as f64,
            Self::Duration(duration) => duration.as_secs_f64(),
            Self::Number(number) => *number,
            _ => 0.0,
        }
    }
}
