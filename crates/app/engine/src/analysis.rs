//! Traces in, findings and request facts out: detectors, board and remedies put together.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use find::{Board, Outcome, RequestView, Seen, Workload};
use model::{FindingId, Moment, SpanId, Stack, Trace, TraceId, Work};
use store::RequestFact;

use crate::facts::fact;

/// Everything that is known from the traces that were added.
#[derive(Debug)]
pub struct Analysis {
    settings: find::Settings,
    targets: find::Targets,
    levels: find::Levels,
    window: Option<Duration>,
    earliest: Moment,
    latest: Moment,
    board: Board,
    workload: Workload,
    stacks: BTreeMap<Arc<str>, Stack>,
    sightings: u64,
}

/// What was reported of a trace already, so that spans that come late do not make it count twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeenBefore {
    /// Entry spans of requests that were counted.
    pub requests: BTreeSet<SpanId>,
    /// Entry spans that had not come when what they caused was counted.
    pub absent: BTreeSet<SpanId>,
    /// What was found in which request.
    pub findings: BTreeSet<(SpanId, FindingId)>,
}

impl Analysis {
    /// Nothing seen yet. Findings cover the last `window`, or everything.
    #[must_use]
    pub fn new(
        settings: find::Settings,
        targets: find::Targets,
        levels: find::Levels,
        window: Option<Duration>,
    ) -> Self {
        Self {
            settings,
            targets,
            levels,
            window,
            earliest: Moment::default(),
            latest: Moment { nanos: u64::MAX },
            board: Board::new(window),
            workload: Workload::default(),
            stacks: BTreeMap::new(),
            sightings: 0,
        }
    }

    /// Requests in which a fault was seen so far, once for each fault.
    #[must_use]
    pub fn sightings(&self) -> u64 {
        self.sightings
    }

    /// Says that what begins after `latest` was told by a wrong clock. It is not counted: the window
    /// would move to it, and everything else would be too old.
    pub fn ignore_after(&mut self, latest: Moment) {
        self.latest = latest;
    }

    /// Says the same of what begins before `earliest`: one span of 1970 would make a recording of a
    /// minute one of half a century, and every rate nothing.
    pub fn ignore_before(&mut self, earliest: Moment) {
        self.earliest = earliest;
    }

    /// Looks at a trace; returns a fact for each of its requests. What `before` names is not counted
    /// again; what is new is added to it.
    pub fn add(&mut self, trace: &Trace, before: &mut SeenBefore) -> Vec<RequestFact> {
        for (service, stack) in &trace.stacks {
            let known = self.stacks.entry(Arc::clone(service)).or_default();
            known.language = known.language.or(stack.language);
            known.frameworks.extend(stack.frameworks.iter().copied());
        }
        let mut facts = Vec::with_capacity(trace.entries.len());
        for entry in &trace.entries {
            let view = RequestView::new(trace, *entry);
            facts.push(fact(&view));
            let start = view.entry_call().start;
            if start < self.earliest || self.latest < start {
                continue;
            }
            let request = view.entry_call().span_id;
            let counted = match view.entry_call().work {
                Work::Missing => &mut before.absent,
                _ => &mut before.requests,
            };
            if counted.insert(request) {
                self.board.count(&view);
                self.workload.observe(&view);
            }
            let seen = Seen {
                statements: view.statement_count(),
                awaited: view.is_awaited(),
                stack: self.stacks.get(&view.key.service),
            };
            for sighting in find::sightings(&view, &self.settings) {
                if before.findings.insert((request, find::identity(&sighting))) {
                    self.board.add(sighting, seen);
                    self.sightings += 1;
                }
            }
        }
        facts
    }

    /// Runs the detectors that look at a window, and forgets what is older than it.
    pub fn look_at_window(&mut self) {
        if let (Some(window), Some(seen)) = (self.window, self.workload.window()) {
            self.workload.forget_before(seen.to - window);
            self.board.forget_old();
        }
        self.board.forget_window_findings();
        let sightings = find::window_sightings(&self.workload, &self.settings);
        if sightings.is_empty() {
            return;
        }
        let requests: BTreeMap<(TraceId, SpanId), (u32, bool)> = self
            .workload
            .operations
            .values()
            .flat_map(|work| &work.requests)
            .map(|request| {
                ((request.trace_id, request.span_id), (request.statements, request.awaited))
            })
            .collect();
        for sighting in sightings {
            let key = (sighting.trace_id, sighting.request_span_id);
            let (statements, awaited) = requests.get(&key).copied().unwrap_or((0, true));
            let stack = self.stacks.get(&sighting.operation.service);
            self.board.add(sighting, Seen { statements, awaited, stack });
        }
    }

    /// What was found, ranked, each with what to do about it.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let mut outcome = self.board.outcome(&self.targets, &self.levels);
        for finding in &mut outcome.findings {
            if let Some(calls_after) = fix::calls_after(finding) {
                let others = finding.statements_now.saturating_sub(finding.calls_now);
                finding.calls_after = calls_after;
                finding.statements_after = others.saturating_add(calls_after);
            }
            finding.advice = fix::advise(finding);
        }
        outcome
    }

    /// Tells when findings of an earlier run were first seen.
    pub fn remember(&mut self, first_seen: impl IntoIterator<Item = (FindingId, Moment)>) {
        for (id, moment) in first_seen {
            self.board.remember(id, moment);
        }
    }

    /// When each finding was first seen.
    #[must_use]
    pub fn memory(&self) -> &BTreeMap<FindingId, Moment> {
        self.board.memory()
    }
}
