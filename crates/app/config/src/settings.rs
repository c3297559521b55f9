//! What the settings mean, once everything that was written has been read and fits together.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use toml::de::DeValue;

use crate::{
    Check, ClickHouse, ClickHouseTables, Collector, Copies, DatabaseUrl, ObservePostgres,
    PostgresEnvironment, check, file, page,
    problem::{Problem, SettingsError},
    sources::{self, Sources},
    table::{Setting, known},
    value::{self, Value},
    written::{Origin, Written},
};

/// What the settings mean.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How telemetry is received.
    pub receive: Receive,
    /// How it is kept.
    pub store: Store,
    /// What of it stays, and for how long.
    pub keep: Keep,
    /// How the pages are served.
    pub web: Web,
    /// How traces become findings.
    pub engine: Engine,
    /// What requests and statements are meant to take.
    pub targets: find::Targets,
    /// From when a finding has which level.
    pub levels: find::Levels,
    /// Which detectors run, and with which figures.
    pub find: find::Settings,
    /// What things cost.
    pub price: Price,
    /// How PostgreSQL is watched.
    pub postgres: ObservePostgres,
    /// Where spans of Taut's own work go.
    pub own_spans: Collector,
    /// What a test run may do.
    pub check: Check,
    /// The plan of the gateway, if the file has a section of it.
    pub gateway: Option<traffic::plan::Plan>,
    /// The file that was read.
    pub file: Option<PathBuf>,
    listed: Vec<Listed>,
}

/// How telemetry is received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receive {
    /// Where OTLP over gRPC is received; `None` for nowhere.
    pub grpc: Option<SocketAddr>,
    /// Where OTLP over HTTP is received; `None` for nowhere.
    pub http: Option<SocketAddr>,
    /// The largest request, before and after it is uncompressed.
    pub body_bytes_max: usize,
    /// Requests in flight.
    pub requests_in_flight_max: usize,
    /// Bytes of all requests in flight.
    pub bytes_in_flight_max: usize,
    /// Whether log records are.
    pub logs: bool,
    /// Whether metrics are.
    pub metrics: bool,
}

/// How telemetry is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Where.
    pub folder: PathBuf,
    /// For how long.
    pub age_max: Duration,
    /// How much of it.
    pub bytes_max: u64,
    /// When it counts as kept.
    pub sync: Sync,
    /// Where old blocks are copied to.
    pub copy: Copies,
    /// Where what is cold is kept, if not in the folder.
    pub clickhouse: ClickHouse,
    /// The database that has the ledger, if it is not in the folder.
    pub ledger: Option<DatabaseUrl>,
}

impl Store {
    /// The address of the database that has the ledger, with its password.
    #[must_use]
    pub fn ledger_server(&self) -> Option<String> {
        self.ledger.as_ref().map(|url| url.secret().to_owned())
    }
}

/// What stays, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// So long every span is kept.
    pub all: Duration,
    /// Slow and failed requests of a service and minute that stay of older spans.
    pub notable_per_minute: u64,
    /// Other requests of a service and minute that stay of older spans.
    pub others_per_minute: u64,
    /// So long roll-ups are kept.
    pub minutes: Duration,
}

/// When something counts as kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// Once it is on the disk.
    Always,
    /// Once the operating system has it.
    Os,
}

/// How the pages are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Where.
    pub listen: SocketAddr,
    /// What has to be shown to see them, of the environment.
    pub token: Token,
}

/// A text that is shown nowhere; empty for none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Token(pub String);

impl std::fmt::Debug for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(if self.0.is_empty() { "none" } else { "…" })
    }
}

/// How traces become findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Engine {
    /// Spans of traces that are not complete yet.
    pub spans_in_flight_max: usize,
    /// Silence after which a trace counts as complete.
    pub settle: Duration,
    /// Time after which a trace counts as complete in any case.
    pub settle_max: Duration,
    /// The stretch of time over which impact is computed.
    pub window: Duration,
}

/// What things cost a month; zero is unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// Three letters (ISO 4217).
    pub currency: String,
    /// The database.
    pub database_per_month: f64,
    /// The application's servers.
    pub workers_per_month: f64,
}

impl Price {
    /// What is wasted a month: a share of the database's price and of the workers'. `None` while no
    /// price is set.
    #[must_use]
    pub fn per_month(&self, waste: &find::Waste) -> Option<f64> {
        let known = 0.0 < self.database_per_month || 0.0 < self.workers_per_month;
        known.then_some(
            waste.database_share * self.database_per_month
                + waste.worker_share * self.workers_per_month,
        )
    }
}

/// A listener that others than this machine can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposed {
    /// The setting: `receive.grpc`.
    pub key: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
}

/// A setting as it is in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Section and name: `receive.grpc`.
    pub key: &'static str,
    /// Its value, as `taut.toml` would have it.
    pub value: String,
    /// Where the value is from.
    pub origin: Origin,
}

impl Settings {
    /// Reads everything that was written.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its line and what would be right.
    pub fn load(sources: &Sources) -> Result<Self, SettingsError> {
        let mut problems = Vec::new();
        let mut gateway = None;
        let mut budgets = Vec::new();
        let mut values = Values(known().iter().map(default).collect());
        if let Some((path, text)) = &sources.file {
            let mut said = file::read(path, text, &mut problems);
            values.0.append(&mut said.values);
            gateway = said.gateway;
            budgets = said.budgets;
        }
        values.0.append(&mut sources::read_environment(&sources.environment, &mut problems));
        values.0.append(&mut sources::read_flags(&sources.flags, &mut problems));
        // What is wrong in itself need not be compared with others.
        if problems.is_empty() {
            values.check(&mut problems);
        }
        if problems.is_empty() {
            let file = sources.file.as_ref().map(|(path, _)| path.clone());
            let mut settings = Self::new(&values, file);
            settings.postgres.environment.clone_from(&sources.postgres);
            let token = sources.gateway_admin_token();
            if let Some(plan) = gateway.as_mut().filter(|_| !token.is_empty()) {
                plan.admin_token = Some(traffic::plan::Secret(token));
            }
            settings.gateway = gateway;
            settings.check.rules.budgets = budgets;
            settings.store.copy.access.clone_from(&sources.access);
            settings.store.clickhouse.password = sources.clickhouse_password();
            settings.web.token = Token(sources.web_token());
            Ok(settings)
        } else {
            Err(SettingsError::new(&problems))
        }
    }

    fn new(values: &Values, file: Option<PathBuf>) -> Self {
        Self {
            receive: Receive {
                grpc: values.address("receive.grpc"),
                http: values.address("receive.http"),
                body_bytes_max: values.size("receive.body-bytes-max"),
                requests_in_flight_max: values.size("receive.requests-in-flight-max"),
                bytes_in_flight_max: values.size("receive.bytes-in-flight-max"),
                logs: values.text("receive.logs") == "on",
                metrics: values.text("receive.metrics") == "on",
            },
            store: Store {
                folder: values.folder("store.folder"),
                age_max: values.duration("store.age-max"),
                bytes_max: values.whole("store.bytes-max"),
                sync: match values.text("store.sync") {
                    "os" => Sync::Os,
                    _ => Sync::Always,
                },
                copy: values.copy(),
                clickhouse: values.clickhouse(),
                ledger: values.databases("store.ledger").into_iter().next(),
            },
            keep: Keep {
                all: values.duration("keep.all").max(values.duration("engine.window")),
                notable_per_minute: values.whole("keep.notable-per-minute"),
                others_per_minute: values.whole("keep.others-per-minute"),
                minutes: values.duration("keep.minutes"),
            },
            web: Web {
                listen: values.address("web.listen").expect("`off` is not among its values"),
                token: Token::default(),
            },
            engine: Engine {
                spans_in_flight_max: values.size("engine.spans-in-flight-max"),
                settle: values.duration("engine.settle"),
                settle_max: values.duration("engine.settle-max"),
                window: values.duration("engine.window"),
            },
            targets: find::Targets {
                p95: values.duration("targets.p95"),
                p99: values.duration("targets.p99"),
                statement: values.duration("targets.statement"),
            },
            levels: find::Levels {
                critical_hours: values.number("levels.critical-hours"),
                high_hours: values.number("levels.high-hours"),
                medium_hours: values.number("levels.medium-hours"),
            },
            find: values.find(),
            price: Price {
                currency: values.text("price.currency").to_owned(),
                database_per_month: values.number("price.database-per-month"),
                workers_per_month: values.number("price.workers-per-month"),
            },
            postgres: values.postgres(),
            own_spans: match values.get("observe.self.endpoint") {
                Value::Collector(collector) => collector.clone(),
                _ => unreachable!("{OF_ITS_KIND}"),
            },
            check: values.check_of_runs(),
            gateway: None,
            file,
            listed: values.listed(),
        }
    }

    /// A `taut.toml` in which every setting is explained and left at its default.
    #[must_use]
    pub fn example() -> String {
        page::example()
    }

    /// The manual's page, in Markdown: every setting with its default, its variable and its reason.
    #[must_use]
    pub fn manual() -> String {
        page::manual()
    }

    /// Every setting as it is in effect, in the order of the table.
    #[must_use]
    pub fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// Listeners that others than this machine can reach.
    #[must_use]
    pub fn exposed(&self) -> Vec<Exposed> {
        let listeners = [
            ("receive.grpc", self.receive.grpc),
            ("receive.http", self.receive.http),
            ("web.listen", Some(self.web.listen)),
        ];
        listeners
            .into_iter()
            .filter_map(|(key, address)| Some(Exposed { key, address: address? }))
            .filter(|listener| !listener.address.ip().is_loopback())
            .collect()
    }
}

fn default(setting: &'static Setting) -> (&'static str, Written) {
    let parsed = DeValue::parse(&setting.default).expect("defaults are valid TOML");
    let value = value::from_toml(setting.kind, parsed.get_ref()).expect("defaults are valid");
    (&setting.key, Written { value, origin: Origin::Default, place: None })
}

/// A value for every known key.
struct Values(BTreeMap<&'static str, Written>);

/// Why a value is of its kind: every one was read by its setting's kind, and a test reads them all.
const OF_ITS_KIND: &str = "the table says what kind this setting is of";

impl Values {
    fn get(&self, key: &str) -> &Value {
        &self.0.get(key).expect("every setting has a default").value
    }

    fn address(&self, key: &str) -> Option<SocketAddr> {
        match self.get(key) {
            Value::Address(address) => *address,
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    fn whole(&self, key: &str) -> u64 {
        match self.get(key) {
            Value::Bytes(whole) | Value::Count(whole) => *whole,
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    fn size(&self, key: &str) -> usize {
        usize::try_from(self.whole(key)).unwrap_or(usize::MAX)
    }

    fn duration(&self, key: &str) -> Duration {
        match self.get(key) {
            Value::Duration(duration) => *duration,
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    fn number(&self, key: &str) -> f64 {
        match self.get(key) {
            Value::Number(number) => *number,
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    fn text(&self, key: &str) -> &str {
        match self.get(key) {
            Value::Choice(word) => word,
            Value::Currency(letters) => letters,
            Value::Name(name) => name,
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    fn folder(&self, key: &str) -> PathBuf {
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

    fn copy(&self) -> Copies {
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

    fn clickhouse(&self) -> ClickHouse {
        ClickHouse {
            url: self.server("store.clickhouse.url"),
            database: self.text("store.clickhouse.database").to_owned(),
            user: self.text("store.clickhouse.user").to_owned(),
            password: String::new(),
            tables: ClickHouseTables::of(self.text("store.clickhouse.tables")),
            cluster: self.text("store.clickhouse.cluster").to_owned(),
        }
    }

    fn databases(&self, key: &str) -> Vec<DatabaseUrl> {
        match self.get(key) {
            Value::Databases(urls) => urls.clone(),
            _ => unreachable!("{OF_ITS_KIND}"),
        }
    }

    fn postgres(&self) -> ObservePostgres {
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

    fn check_of_runs(&self) -> Check {
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

    fn find(&self) -> find::Settings {
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

    fn listed(&self) -> Vec<Listed> {
        let listed = known().iter().map(|setting| {
            let written = self.0.get(&*setting.key).expect("every setting has a default");
            let (value, origin) = (written.value.to_toml(), written.origin.clone());
            Listed { key: &setting.key, value, origin }
        });
        listed.collect()
    }

    /// Whether the values fit together.
    fn check(&self, problems: &mut Vec<Problem>) {
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
