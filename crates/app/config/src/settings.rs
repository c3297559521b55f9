//! What the settings mean, once everything that was written has been read and fits together.

mod values;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use self::values::Values;
use crate::{
    Check, ClickHouse, Collector, Copies, DatabaseUrl, ObservePostgres, file, page,
    problem::SettingsError,
    sources::{self, Sources},
    written::Origin,
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
    /// price is set, or while nobody knows which share of the database's it is: it is that of several.
    #[must_use]
    pub fn per_month(&self, waste: &find::Waste) -> Option<f64> {
        let is_known = 0.0 < self.database_per_month || 0.0 < self.workers_per_month;
        let is_of_one = waste.whole != find::Whole::Several || self.database_per_month <= 0.0;
        (is_known && is_of_one).then_some(
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
        let mut values = Values::defaults();
        if let Some((path, text)) = &sources.file {
            let mut said = file::read(path, text, &mut problems);
            values.0.append(&mut said.values);
            gateway = said.gateway;
            budgets = said.budgets;
        }
        values.0.append(&mut sources::read_environment(&sources.environment, &mut problems));
        values.0.append(&mut sources::read_flags(&sources.flags, &mut problems));
        problems.extend(sources.unusable_web_token());
        let admin_token = sources.gateway_admin_token();
        if gateway.is_some() && !admin_token.is_empty() {
            sources::check_admin_token(&admin_token, &mut problems);
        }
        // What is wrong in itself need not be compared with others.
        if problems.is_empty() {
            values.check(&mut problems);
        }
        if problems.is_empty() {
            let file = sources.file.as_ref().map(|(path, _)| path.clone());
            let mut settings = Self::new(&values, file);
            settings.postgres.environment.clone_from(&sources.postgres);
            if let Some(plan) = gateway.as_mut().filter(|_| !admin_token.is_empty()) {
                plan.admin_token = Some(traffic::plan::Secret(admin_token));
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
                errors: values.number("targets.errors"),
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
            own_spans: values.collector("observe.self.endpoint"),
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
