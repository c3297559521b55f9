//! Databases as text: what its statistics and catalogs say, line by line, so that a case for a detector is a small file.
//!
//! ```text
//! expect unused-index
//! database shop days:30
//! table orders rows:1000000 mb:200 idx:500/500 ins:40000
//!   id int8
//!   status int2 width:2
//!   key id
//! index orders_pkey orders (id) mb:21 scans:500 primary unique
//! index orders_status_idx orders (status) mb:7 scans:0
//! statement calls:500 ms:50 rows:500 SELECT * FROM orders WHERE id = $1
//!   route 500 50 web GET /orders/{id}
//! ```
//!
//! A plan is its statement's place and its text: `explain 1 runs:20 ms:80`, then lines that begin with `|`.
//!
//! The first line that is no `expect` is `database`. Words are `key:value` or flags; `~` stands for a space within a
//! value. Lines below a line are indented. What a line leaves out is zero, or what is usual.

mod objects;
mod words;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use model::{
    IndexSet, Moment, OperationKey, Plan, PlanNode, ProposedIndex, StatementEffect, StatementText,
    Text, Window,
    database::{
        Blocking, ConnectionCount, Database, LoggedFiles, LoggedWait, Progress, ReplicationSlot,
        RunStatistics, ServerStatement, Session, Setting, Standby, TableName, WaitLoad,
    },
    plan::{Actual, Conditions, Estimate},
};

use words::Words;

/// What a script about a database says.
#[derive(Debug)]
pub struct DatabaseScript {
    /// Faults that must be found, and no others.
    pub expected: BTreeSet<String>,
    /// The database.
    pub database: Database,
    /// Indexes that the advisor proposes; `None` if it was not asked.
    pub proposal: Option<IndexSet>,
    /// Plans that were seen.
    pub plans: Vec<ScriptPlan>,
}

/// A plan of a script.
#[derive(Debug)]
pub struct ScriptPlan {
    /// The statement that it is of.
    pub statement: Arc<StatementText>,
    /// The plan.
    pub plan: Plan,
    /// As `EXPLAIN` printed it; empty if the script does not say.
    pub text: String,
    /// Runs that were seen with it.
    pub runs: u64,
    /// Their mean time, in milliseconds.
    pub millis: f64,
}

/// When databases of scripts are read: 2026-01-01.
const NOW: Moment = Moment { nanos: 1_767_225_600_000_000_000 };

impl DatabaseScript {
    /// Whether a script is about a database, and not about traces.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.lines().any(|line| line.starts_with("database "))
    }

    /// Reads a script.
    ///
    /// # Panics
    ///
    /// The script is wrong; it is part of a test, and the message names the line.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let database = Database { server: objects::server(15), ..Database::default() };
        let mut script =
            Self { expected: BTreeSet::new(), database, proposal: None, plans: Vec::new() };
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if line.trim_start().starts_with("--") {
                continue;
            }
            if let Some(line) = line.strip_prefix('|') {
                let last = script.plans.last_mut().expect("lines of a plan below `explain`");
                last.text.push_str(&format!("{line}\n"));
                continue;
            }
            let is_below = line.starts_with(' ');
            script.line(&Words::new(line.trim()), is_below);
        }
        for seen in script.plans.iter_mut().filter(|seen| !seen.text.is_empty()) {
            let plans = sql::plan::read(&seen.text).expect("a plan below `explain`");
            seen.plan = plans.into_iter().next().expect("a plan below `explain`");
        }
        script
    }

    fn line(&mut self, words: &Words<'_>, is_below: bool) {
        let database = &mut self.database;
        match (words.verb(), is_below) {
            ("expect", _) if words.rest() == "nothing" => {}
            ("expect", _) => drop(self.expected.insert(words.rest().to_owned())),
            ("database", _) => head(database, words),
            ("server", _) => {
                let started = database.server.started;
                database.server = objects::server(words.plain(0).parse().expect("a version"));
                database.server.started = started;
            }
            ("setting", _) => {
                let value = Setting {
                    value: Text::from(words.plain(1)),
                    raw: Text::from(words.value("raw")),
                    unit: Text::from(words.value("unit")),
                    boot: Text::from(words.value("boot")),
                    source: Text::from("default"),
                    context: Text::from(words.or("context", "user")),
                    pending_restart: false,
                };
                database.settings.insert(Text::from(words.plain(0)), value);
            }
            ("table", _) => database.tables.push(objects::table(words, &database.tables, NOW)),
            ("key", true) => {
                let table = database.tables.last_mut().expect("a key below a table");
                table.primary_key = objects::numbers(table, words.rest());
            }
            ("index", _) => database.indexes.push(objects::index(words, database)),
            ("fk", _) => database.foreign_keys.push(objects::foreign_key(words, database)),
            ("sequence", _) => database.sequences.push(objects::sequence(words)),
            ("statement", _) => database.statements.push(statement(words)),
            ("route", true) => {
                let statement = database.statements.last_mut().expect("a route below a statement");
                let key = OperationKey {
                    service: words.plain(2).into(),
                    operation: words.after(3).into(),
                };
                let told = |place| words.plain(place).parse::<f64>().expect("a number");
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "small"
                )]
                statement.routes.insert(key, (told(0) as u64, told(1)));
            }
            ("propose", _) => self.propose(words),
            ("plan", _) => self.plan(words),
            ("explain", _) => self.explain(words),
            ("logged", _) => logged(database, words),
            (
                "session" | "blocking" | "connections" | "load" | "standby" | "slot" | "progress",
                _,
            ) => {
                activity(database, words);
            }
            (_, true) => {
                let table = database.tables.last_mut().expect("a column below a table");
                table.columns.push(objects::column(words, table));
            }
            (other, false) => panic!("`{other}` is not known at the left margin"),
        }
    }

    /// `plan 1 orders rows:10/50000 where:(a~=~1)`: of the first statement, one scan, rows expected and come.
    fn plan(&mut self, words: &Words<'_>) {
        let place: usize = words.plain(0).parse().expect("the place of a statement");
        let statement = self.database.statements.get(place - 1).expect("a statement above");
        let (expected, came) = words.two("rows");
        #[expect(clippy::cast_precision_loss, reason = "small in tests")]
        let node = PlanNode {
            node_type: Text::from("Seq Scan"),
            relation: Some(Text::from(words.plain(1))),
            estimate: Some(Estimate { rows: expected as f64, ..Estimate::default() }),
            actual: Some(Actual { rows: came as f64, loops: 1.0, ..Actual::default() }),
            conditions: Conditions {
                filter: words.set("where").map(|_| Text::from(words.value("where"))),
                ..Conditions::default()
            },
            ..PlanNode::default()
        };
        let plan = Plan { nodes: vec![node], ..Plan::default() };
        let statement = Arc::clone(&statement.text);
        self.plans.push(ScriptPlan { statement, plan, text: String::new(), runs: 1, millis: 0.0 });
    }

    /// `explain 1 runs:20 ms:80`: a plan of the first statement, printed in the lines below that begin with `|`.
    fn explain(&mut self, words: &Words<'_>) {
        let place: usize = words.plain(0).parse().expect("the place of a statement");
        let statement = self.database.statements.get(place - 1).expect("a statement above");
        let statement = Arc::clone(&statement.text);
        let millis = words.number("ms", 50.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let runs = words.number("runs", 10.0) as u64;
        self.plans.push(ScriptPlan {
            statement,
            plan: Plan::default(),
            text: String::new(),
            runs,
            millis,
        });
    }

    fn propose(&mut self, words: &Words<'_>) {
        let database = &self.database;
        let index = objects::new_index(words, database);
        let table = objects::table_named(database, &index.table.to_string());
        let name = sql::index_name(&index, table, &|_| false);
        let ddl = sql::create_index(&index, table, &name, sql::Locking::Concurrently);
        let places = words.value("helps");
        let helped = places.split(',').filter_map(|place| {
            let statement =
                database.statements.get(place.parse::<usize>().ok()?.checked_sub(1)?)?;
            let now = statement.runs.mean_millis();
            let then = words.number("to", 0.5);
            Some(StatementEffect {
                text: Arc::clone(&statement.text),
                query_id: statement.query_id,
                calls_per_day: words.number("calls-a-day", 1_000.0),
                cost: (now * 10.0, then * 10.0),
                millis: (now, then),
                plans: (String::new(), String::new()),
            })
        });
        let proposed = ProposedIndex {
            bytes: words.mega("mb"),
            helped: helped.collect(),
            index,
            name,
            ddl,
            ..ProposedIndex::default()
        };
        self.proposal.get_or_insert_default().create.push(proposed);
    }
}

/// Name, window and totals of the database.
fn head(database: &mut Database, words: &Words<'_>) {
    database.name = Text::from(words.plain(0));
    database.bytes = words.mega("mb");
    let days = words.number("days", 30.0);
    database.window = Window { from: NOW - days_of(days), to: NOW };
    database.since_reset = true;
    database.server.statistics_reset = database.window.from;
    database.totals.blocks_hit = words.count("hit");
    database.totals.blocks_read = words.count("read");
    database.totals.read_millis = words.number("read-ms", 0.0);
    let (requested, timed) = words.two("checkpoints");
    database.checkpoints.requested = requested;
    database.checkpoints.timed = timed;
    database.transaction_age = words.count("age");
    database.server.started = NOW - days_of(days + 1.0);
}

fn days_of(days: f64) -> Duration {
    Duration::from_secs_f64(days * 86_400.0)
}

fn statement(words: &Words<'_>) -> ServerStatement {
    let generic = words.sentence();
    let text = sql::Statements::default().read(&generic).0;
    let runs = RunStatistics {
        calls: words.count("calls"),
        total_millis: words.number("ms", 0.0),
        max_millis: words.number("max", 0.0),
        rows: words.count("rows"),
        shared_hit: words.count("hit"),
        shared_read: words.count("read"),
        temp_written: words.count("temp"),
        temp_read: words.count("temp"),
        read_millis: words.number("read-ms", 0.0),
        jit_millis: words.number("jit-ms", 0.0),
        ..RunStatistics::default()
    };
    ServerStatement {
        query_id: i64::from_be_bytes(text.fingerprint.to_be_bytes()),
        text,
        generic: generic.into(),
        users: vec![Text::from("shop")],
        applications: Vec::new(),
        nested: words.flag("nested"),
        runs,
        routes: model::database::Routes::new(),
    }
}

/// `logged wait waits:5 s:40 application:web UPDATE … <- UPDATE …`: who waits, and who holds; or
/// `logged files count:5 mb:80 SELECT …`.
fn logged(database: &mut Database, words: &Words<'_>) {
    let mut statements = sql::Statements::default();
    let mut read = |text: &str| Some(statements.read(text.trim()).0);
    let log = &mut database.log;
    log.followed = true;
    log.since = NOW - Duration::from_hours(1);
    let text = words.sentence();
    match words.plain(0) {
        "wait" => {
            let (waiter, holder) = text.split_once(" <- ").expect("a waiter and a holder");
            let total_millis = words.number("s", 10.0) * 1e3;
            log.lock_waits.push(LoggedWait {
                waiter: read(waiter),
                holder: read(holder),
                holder_application: Text::from(words.value("application")),
                mode: Text::from("ShareLock"),
                lock_type: Text::from("transaction"),
                waits: words.count("waits"),
                total_millis,
                max_millis: total_millis,
                ..LoggedWait::default()
            });
        }
        "files" => log.temp_files.push(LoggedFiles {
            statement: read(&text),
            files: words.count("count"),
            bytes: words.mega("mb"),
            largest_bytes: words.mega("mb"),
            ..LoggedFiles::default()
        }),
        other => panic!("`{other}` is nothing that a log tells"),
    }
}

fn activity(database: &mut Database, words: &Words<'_>) {
    let pid = |text: &str| text.parse().expect("a process id");
    match words.verb() {
        "session" => {
            let since = NOW - Duration::from_secs_f64(words.number("for", 0.0));
            let (wait_type, wait_event) = words.pair("wait");
            let text = words.sentence();
            database.sessions.push(Session {
                pid: pid(words.plain(0)),
                user: Text::from(words.or("user", "shop")),
                database: database.name.clone(),
                application: Text::from(words.or("app", "web")),
                backend: Text::from("client backend"),
                state: Text::from(words.or("state", "active")),
                wait_type,
                wait_event,
                transaction_started: Some(since),
                query_started: Some(since),
                state_changed: Some(since),
                statement: (!text.is_empty()).then(|| sql::Statements::default().read(&text).0),
                ..Session::default()
            });
        }
        "blocking" => database.blocking.push(Blocking {
            waiter_pid: pid(words.plain(0)),
            holder_pids: words.value("by").split(',').map(pid).collect(),
            lock_type: Text::from(words.or("lock", "transactionid")),
            mode: Text::from(words.or("mode", "ShareLock")),
            table: words.set("table").map(|name| TableName::new("public", name)),
            waited: Duration::from_secs_f64(words.number("waited", 0.0)),
        }),
        "connections" => {
            let narrow = |count| u32::try_from(count).expect("few");
            database.connections.max = narrow(words.count("max"));
            database.connections.reserved = narrow(words.count("reserved"));
            database.connections.counts.push(ConnectionCount {
                database: database.name.clone(),
                user: Text::from("shop"),
                application: Text::from(words.or("app", "web")),
                state: Text::from(words.or("state", "idle")),
                count: narrow(words.count("used")),
            });
        }
        "load" => {
            let (wait_type, wait_event) = words.split(0);
            let sessions = words.plain(1).parse().expect("sessions");
            database.load.push(WaitLoad { wait_type, wait_event, sessions });
        }
        "standby" => database.standbys.push(Standby {
            application: Text::from(words.plain(0)),
            state: Text::from(words.or("state", "streaming")),
            sync: Text::from("async"),
            replay_lag_bytes: words.mega("lag-mb"),
            replay_lag: Some(Duration::from_secs_f64(words.number("lag", 0.0))),
            ..Standby::default()
        }),
        "slot" => database.slots.push(ReplicationSlot {
            name: Text::from(words.plain(0)),
            active: words.flag("active"),
            retained_bytes: words.mega("mb"),
        }),
        _ => database.progress.push(Progress {
            command: Text::from(words.plain(0).replace('~', " ")),
            table: TableName::new("public", &words.value("table")),
            ..Progress::default()
        }),
    }
}
