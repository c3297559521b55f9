//! What `taut up` does with an export, on one thread: the steps of the engine's live mode in its order, so that
//! each can be timed. Time is made up: an export comes every so often, whatever the machine.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::Arc,
    time::Duration,
};

use engine::{Analysis, SeenBefore, Settled, Settler, SettlerLimits};
use model::{Call, Moment, Span, Stack, Trace, TraceId};
use store::{Batch, Folder, Options, RequestFact, Store as _, StoreError, Syncing};

use crate::clock::{Reading, Took};

/// Spans that come in a second of made-up time: the goal.
pub const SPANS_PER_SECOND: u64 = 150_000;

/// How often complete traces are looked for, and detectors run over the window: as in `taut up`.
const TURN: Duration = Duration::from_millis(200);
const WINDOW_TURN: Duration = Duration::from_secs(2);

/// Traces of which it is remembered what was reported: as in `taut up`.
const RECENT_MAX: usize = 100_000;

/// A step of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Bytes to spans.
    Decode,
    /// Bytes to disk.
    Append,
    /// Spans to calls, statements normalised.
    Call,
    /// Calls to their traces in flight.
    Join,
    /// Spans are freed.
    Free,
    /// Traces that are complete are taken out.
    Settle,
    /// Calls to a tree.
    Assemble,
    /// Detectors over a trace, and the facts of its requests.
    Detect,
    /// Detectors over the window.
    Window,
    /// Facts to disk.
    Record,
}

impl Stage {
    /// What the step is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Append => "append",
            Self::Call => "call (with SQL)",
            Self::Join => "join",
            Self::Free => "free spans",
            Self::Settle => "settle",
            Self::Assemble => "assemble",
            Self::Detect => "detect",
            Self::Window => "detect over the window",
            Self::Record => "record facts",
        }
    }
}

/// Whether each step is timed, which costs a little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// Only the whole.
    Whole,
    /// Each step too.
    Stages,
}

/// How it is set up.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// What an export survives once it is acknowledged; `None` keeps nothing.
    pub sync: Option<Syncing>,
    /// Bound on spans in flight.
    pub spans_max: usize,
    /// Silence after which a trace is complete.
    pub settle: Duration,
    /// What is timed.
    pub timing: Timing,
}

/// Takes exports.
#[derive(Debug)]
pub struct Pipeline {
    store: Option<Folder>,
    settler: Settler,
    analysis: Analysis,
    statements: sql::Statements,
    recent: rustc_hash::FxHashMap<TraceId, SeenBefore>,
    order: VecDeque<TraceId>,
    now: Moment,
    turn_due: Moment,
    window_due: Moment,
    received: u64,
    requests: u64,
    stages: Stages,
}

/// Time of each step.
#[derive(Debug)]
struct Stages {
    timing: Timing,
    took: BTreeMap<Stage, Took>,
}

impl Stages {
    fn run<T>(&mut self, stage: Stage, what: impl FnOnce() -> T) -> T {
        if self.timing == Timing::Whole {
            return what();
        }
        let begun = Reading::now();
        let result = what();
        *self.took.entry(stage).or_default() += begun.took();
        result
    }
}

impl Pipeline {
    /// Nothing came yet; spans and facts go to `folder`.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn new(folder: &Path, setup: Setup) -> Result<Self, StoreError> {
        let open = |sync| Folder::open(folder, Options { sync, ..Options::default() });
        let store = setup.sync.map(open).transpose()?.map(|(store, _)| store);
        let limits = SettlerLimits {
            spans_max: setup.spans_max,
            settle: setup.settle,
            settle_max: Duration::from_mins(1),
        };
        let now = Moment { nanos: 1_795_000_000_000_000_000 };
        Ok(Self {
            store,
            settler: Settler::new(limits),
            analysis: Analysis::new(
                find::Settings::default(),
                find::Targets::default(),
                find::Levels::default(),
                Some(Duration::from_hours(1)),
            ),
            statements: sql::Statements::default(),
            recent: rustc_hash::FxHashMap::default(),
            order: VecDeque::new(),
            now,
            turn_due: now,
            window_due: now,
            received: 0,
            requests: 0,
            stages: Stages { timing: setup.timing, took: BTreeMap::new() },
        })
    }

    /// Takes an export, and whatever is due.
    ///
    /// # Errors
    ///
    /// It is no OTLP protobuf, or the disk fails.
    pub fn accept(&mut self, otlp: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
        let spans = self.stages.run(Stage::Decode, || observe::otlp::decode(otlp))?.spans;
        self.received += spans.len() as u64;
        let nanos = spans.len() as u64 * 1_000_000_000 / SPANS_PER_SECOND;
        self.now = self.now + Duration::from_nanos(nanos);
        if let Some(store) = &self.store {
            let batch = Batch { spans: &spans, otlp: Some(otlp), received: self.now };
            self.stages.run(Stage::Append, || store.append(&batch))?;
        }
        let mut stacks: BTreeMap<Arc<str>, Stack> = BTreeMap::new();
        let calls =
            self.stages.run(Stage::Call, || read(&spans, &mut self.statements, &mut stacks));
        self.stages.run(Stage::Join, || self.settler.add(calls, &stacks, self.now));
        self.stages.run(Stage::Free, || drop(spans));
        if self.turn_due <= self.now {
            self.turn()?;
            self.turn_due = self.now + TURN;
        }
        Ok(())
    }

    /// Takes everything in flight as complete.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn finish(&mut self) -> Result<(), StoreError> {
        let settled = self.stages.run(Stage::Settle, || self.settler.settle_all());
        self.look_at(settled)?;
        self.stages.run(Stage::Window, || self.analysis.look_at_window());
        Ok(())
    }

    /// Spans that came.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Requests that were looked at.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Findings so far.
    #[must_use]
    pub fn findings(&self) -> usize {
        self.analysis.outcome().findings.len()
    }

    /// Spans of traces that are not complete.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.settler.spans()
    }

    /// Time of each step, if they are timed.
    pub fn stages(&self) -> impl Iterator<Item = (Stage, Took)> {
        self.stages.took.iter().map(|(stage, took)| (*stage, *took))
    }

    fn turn(&mut self) -> Result<(), StoreError> {
        let settled = self.stages.run(Stage::Settle, || {
            self.settler.settle(|id| self.recent.contains_key(&id), self.now)
        });
        self.look_at(settled)?;
        if self.window_due <= self.now {
            self.stages.run(Stage::Window, || self.analysis.look_at_window());
            self.window_due = self.now + WINDOW_TURN;
        }
        Ok(())
    }

    fn look_at(&mut self, settled: Vec<Settled>) -> Result<(), StoreError> {
        let mut facts: Vec<RequestFact> = Vec::new();
        if self.stages.timing == Timing::Whole {
            for settled in settled {
                self.detect(&settled.assemble(), &mut facts);
            }
        } else {
            // Few at a time: all of a turn would fall out of the caches between the steps.
            let mut settled = settled.into_iter();
            while settled.len() != 0 {
                let some = settled.by_ref().take(32);
                let traces: Vec<Trace> =
                    self.stages.run(Stage::Assemble, || some.map(Settled::assemble).collect());
                let begun = Reading::now();
                for trace in traces {
                    self.detect(&trace, &mut facts);
                }
                *self.stages.took.entry(Stage::Detect).or_default() += begun.took();
            }
        }
        self.requests += facts.len() as u64;
        match &self.store {
            Some(store) if !facts.is_empty() => {
                self.stages.run(Stage::Record, || store.record(facts))
            }
            _ => Ok(()),
        }
    }

    fn detect(&mut self, trace: &Trace, facts: &mut Vec<RequestFact>) {
        if !self.recent.contains_key(&trace.id) {
            if RECENT_MAX <= self.order.len()
                && let Some(oldest) = self.order.pop_front()
            {
                self.recent.remove(&oldest);
            }
            self.order.push_back(trace.id);
        }
        let before = self.recent.entry(trace.id).or_default();
        facts.extend(self.analysis.add(trace, before));
    }
}

fn read(
    spans: &[Span],
    statements: &mut sql::Statements,
    stacks: &mut BTreeMap<Arc<str>, Stack>,
) -> Vec<(TraceId, Call)> {
    let read = |span: &Span| {
        observe::stack(span, stacks);
        (span.trace_id, observe::call(span, statements))
    };
    spans.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made::{Traffic, Workload};

    #[test]
    fn every_request_is_looked_at_once_and_lists_are_found() {
        for timing in [Timing::Whole, Timing::Stages] {
            let folder = tempfile::tempdir().unwrap();
            let setup = Setup {
                sync: Some(Syncing::Os),
                spans_max: 1_000_000,
                settle: Duration::from_millis(100),
                timing,
            };
            let mut pipeline = Pipeline::new(folder.path(), setup).unwrap();
            for export in Traffic::new(Workload::Lists, 1).exports(30_000) {
                pipeline.accept(&export).unwrap();
            }
            pipeline.finish().unwrap();
            assert_eq!((pipeline.received(), pipeline.in_flight()), (59 * 512, 0));
            assert!((70..200).contains(&pipeline.requests()), "{}", pipeline.requests());
            assert!(0 < pipeline.findings());
            assert_eq!(pipeline.stages().count(), if timing == Timing::Whole { 0 } else { 10 });
        }
    }
}
