//! What samples of sessions tell: load by wait, who runs a statement, and for which route.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use model::{
    OperationKey, Text,
    database::{Database, Routes, Session, WaitLoad},
};

use super::Load;
use crate::read::{Sample, wait_loads};

/// Statements of which it is known who runs them: as many as the server counts.
const STATEMENTS_MAX: usize = 5_000;
/// Applications and routes of one statement: past a few dozen nobody reads the list.
const EACH_MAX: usize = 32;

/// Load, summed over samples.
#[derive(Debug, Clone, Default)]
pub(super) struct LoadSum {
    load: Load,
    samples: u64,
    every: Duration,
}

impl LoadSum {
    pub(super) fn add(&mut self, more: &Self) {
        for (wait, sessions) in &more.load {
            *self.load.entry(wait.clone()).or_default() += sessions;
        }
        self.samples += more.samples;
        self.every = more.every;
    }

    /// Average active sessions, most first.
    #[expect(clippy::cast_precision_loss, reason = "2^53 samples take longer than any window")]
    pub(super) fn average(&self) -> Vec<WaitLoad> {
        wait_loads(&self.load, self.samples as f64)
    }

    /// Seconds that sessions were active.
    pub(super) fn session_seconds(&self) -> f64 {
        self.load.values().sum::<f64>() * self.every.as_secs_f64()
    }
}

/// Who was seen running a statement.
#[derive(Debug, Default)]
struct Runners {
    applications: BTreeSet<Text>,
    routes: Routes,
}

/// What samples told so far.
#[derive(Debug)]
pub(super) struct Seen {
    every: Duration,
    load: LoadSum,
    runners: BTreeMap<u64, Runners>,
}

impl Seen {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, load: LoadSum { every, ..LoadSum::default() }, runners: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, database: &str, sample: &Sample) {
        let load = LoadSum { load: sample.load(database), samples: 1, every: self.every };
        self.load.add(&load);
        let is_client = |session: &&Session| {
            session.database == database && session.backend == "client backend"
        };
        for session in sample.sessions.iter().filter(is_client) {
            self.run(session);
        }
    }

    fn run(&mut self, session: &Session) {
        let Some(statement) = &session.statement else { return };
        let is_known = self.runners.contains_key(&statement.fingerprint);
        if !is_known && STATEMENTS_MAX <= self.runners.len() {
            return;
        }
        let runners = self.runners.entry(statement.fingerprint).or_default();
        let application = &session.application;
        if !application.is_empty() && runners.applications.len() < EACH_MAX {
            runners.applications.insert(application.clone());
        }
        if session.route.is_empty() || session.state != "active" {
            return;
        }
        let key = OperationKey {
            service: application.as_str().into(),
            operation: session.route.as_str().into(),
        };
        if runners.routes.len() < EACH_MAX || runners.routes.contains_key(&key) {
            // One session seen stands for the time between two samples.
            runners.routes.entry(key).or_default().1 += self.every.as_secs_f64() * 1e3;
        }
    }

    /// The load since this was asked last.
    pub(super) fn take_load(&mut self) -> LoadSum {
        let next = LoadSum { every: self.every, ..LoadSum::default() };
        std::mem::replace(&mut self.load, next)
    }

    pub(super) fn routes(&self) -> impl Iterator<Item = (u64, &Routes)> {
        self.runners.iter().map(|(fingerprint, runners)| (*fingerprint, &runners.routes))
    }

    /// Fills in who runs each statement.
    pub(super) fn tell(&self, database: &mut Database) {
        for statement in &mut database.statements {
            let Some(runners) = self.runners.get(&statement.text.fingerprint) else { continue };
            statement.applications = runners.applications.iter().cloned().collect();
            statement.routes.clone_from(&runners.routes);
        }
    }
}
