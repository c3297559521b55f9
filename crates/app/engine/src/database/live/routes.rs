//! Which operations run which statements, by the spans that came lately.

use std::{collections::BTreeMap, time::Duration};

use find::RequestView;
use model::{
    Moment, OperationKey, SpanId, Trace, TraceId,
    database::{Database, Routes, Session},
};

/// Statements of which it is known who runs them, in each half of the window.
const STATEMENTS_MAX: usize = 20_000;
/// Operations of one statement; past it the rest is not told apart.
const OPERATIONS_MAX: usize = 64;
/// Traces that a session named in a comment and that have not come yet: a few minutes of samples.
const NAMED_MAX: usize = 10_000;

/// Operations by the fingerprint of the statement that they run.
type Seen = BTreeMap<u64, Routes>;

/// Who ran what lately. Two halves: the young one is filled; when half the window is over it becomes the old one.
#[derive(Debug)]
pub(super) struct RoutesSeen {
    half: Duration,
    began: Moment,
    young: Seen,
    old: Seen,
    /// Statements of sessions whose comment names a trace.
    named: BTreeMap<TraceId, (SpanId, u64, f64)>,
}

impl RoutesSeen {
    pub(super) fn new(window: Duration) -> Self {
        Self {
            half: window / 2,
            began: Moment::default(),
            young: Seen::new(),
            old: Seen::new(),
            named: BTreeMap::new(),
        }
    }

    /// Remembers what a trace's requests ran.
    pub(super) fn add(&mut self, trace: &Trace, now: Moment) {
        if self.half <= now.since(self.began) {
            self.old = std::mem::take(&mut self.young);
            self.began = now;
        }
        let named = self.named.remove(&trace.id);
        for entry in &trace.entries {
            let view = RequestView::new(trace, *entry);
            let mut knows_named = false;
            for group in &view.statements {
                let fingerprint = group.text.fingerprint;
                knows_named |= named.is_some_and(|(_, named, _)| named == fingerprint);
                let millis = view.spent(&group.places).as_secs_f64() * 1e3;
                self.count(fingerprint, &view.key, u64::from(group.count), millis);
            }
            // Its spans do not tell of the statement that its session was seen running.
            if let Some((span, fingerprint, millis)) = named
                && !knows_named
                && trace.request(*entry).any(|place| trace.nodes[place].call.span_id == span)
            {
                self.count(fingerprint, &view.key, 1, millis);
            }
        }
    }

    fn count(&mut self, fingerprint: u64, key: &OperationKey, runs: u64, millis: f64) {
        if STATEMENTS_MAX <= self.young.len() && !self.young.contains_key(&fingerprint) {
            return;
        }
        let routes = self.young.entry(fingerprint).or_default();
        if OPERATIONS_MAX <= routes.len() && !routes.contains_key(key) {
            return;
        }
        let route = routes.entry(key.clone()).or_default();
        *route = (route.0.saturating_add(runs), route.1 + millis);
    }

    /// Remembers which trace a session works for, as the comment in its statement says.
    pub(super) fn name(&mut self, sessions: &[Session], sample_millis: f64) {
        for session in sessions.iter().filter(|session| session.state == "active") {
            let (Some((trace, span)), Some(text)) =
                (ids(&session.traceparent), session.statement.as_ref())
            else {
                continue;
            };
            if NAMED_MAX <= self.named.len() {
                self.named.pop_first();
            }
            let named = self.named.entry(trace).or_insert((span, text.fingerprint, 0.0));
            named.2 += sample_millis;
        }
    }

    /// Tells each statement who runs it. Spans are a sample, so that their shares are what counts: together they
    /// stand for all runs. What comments told already stays only where no span tells.
    pub(super) fn tie(&self, database: &mut Database) {
        for statement in &mut database.statements {
            let fingerprint = statement.text.fingerprint;
            let halves = [&self.old, &self.young].map(|half| half.get(&fingerprint));
            let mut routes = Routes::new();
            for (key, (runs, millis)) in halves.into_iter().flatten().flatten() {
                let route = routes.entry(key.clone()).or_default();
                *route = (route.0.saturating_add(*runs), route.1 + millis);
            }
            if !routes.is_empty() {
                statement.routes =
                    shared_out(&routes, statement.runs.calls, statement.runs.total_millis);
            } else if !statement.routes.is_empty() {
                let told = std::mem::take(&mut statement.routes);
                statement.routes =
                    shared_out(&told, statement.runs.calls, statement.runs.total_millis);
            }
        }
    }
}

/// All runs and all time, by each operation's share of the time that was seen.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shares of counts"
)]
fn shared_out(seen: &Routes, calls: u64, total_millis: f64) -> Routes {
    let millis_seen: f64 = seen.values().map(|(_, millis)| millis).sum();
    let runs_seen: u64 = seen.values().map(|(runs, _)| runs).sum();
    let of_time = |millis: f64, runs: u64| {
        if 0.0 < millis_seen { millis / millis_seen } else { runs as f64 / runs_seen.max(1) as f64 }
    };
    let of_runs = |millis: f64, runs: u64| {
        if 0 < runs_seen { runs as f64 / runs_seen as f64 } else { of_time(millis, runs) }
    };
    let share = |(key, (runs, millis)): (&OperationKey, &(u64, f64))| {
        let runs_share = (calls as f64 * of_runs(*millis, *runs)).round() as u64;
        (key.clone(), (runs_share, total_millis * of_time(*millis, *runs)))
    };
    seen.iter().map(share).collect()
}

/// Trace and span of a `traceparent`.
fn ids(traceparent: &str) -> Option<(TraceId, SpanId)> {
    let mut parts = traceparent.split('-').skip(1);
    Some((TraceId::from_hex(parts.next()?)?, SpanId::from_hex(parts.next()?)?))
}
