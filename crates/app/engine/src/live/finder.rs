//! The finder: takes complete traces out, looks for faults, and keeps a fact per request.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::atomic::Ordering,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use model::{Moment, Trace};
use store::StoreError;

use super::{Live, lock, now, problems::Work};
use crate::{
    metrics::{self, counted},
    settler::Settled,
    turns::Turns,
};

/// How often detectors run over the window: their figures move slowly.
const WINDOW_TURN: Duration = Duration::from_secs(2);

/// How often old data is dropped and the memory saved.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

/// Facts that wait while the disk is full; beyond it the oldest are dropped and rebuilt at the next start.
const WAITING_FACTS_MAX: usize = 100_000;

/// How far other machines' clocks may be ahead: beyond it, what they say of the time is not believed.
const CLOCK_AHEAD_MAX: Duration = Duration::from_mins(5);

impl Live {
    /// Runs until the engine stops.
    pub(super) fn run(&self) {
        let mut turns = Turns::default();
        if let Err(error) = self.catch_up(&mut turns) {
            self.tell(Work::Look, &error);
        }
        let mut window_due = Instant::now();
        let mut housekeeping_due = Instant::now() + HOUSEKEEPING;
        let mut note_due = Instant::now();
        while !self.stopping.load(Ordering::Acquire) {
            if note_due <= Instant::now() {
                self.own.note(self.standing());
                note_due = Instant::now() + metrics::NOTE_EVERY;
            }
            let settled = lock(&self.settler).settle(|id| turns.knows(id), now());
            self.look_at(settled, &mut turns);
            if turns.is_window_old && window_due <= Instant::now() {
                self.look_at_window();
                turns.is_window_old = false;
                window_due = Instant::now() + WINDOW_TURN;
                self.changes.send_modify(|version| *version += 1);
            }
            // The first turn has looked at all that had settled meanwhile, which may be most of it.
            self.catching_up.store(false, Ordering::Release);
            if housekeeping_due <= Instant::now() {
                self.keep_house();
                housekeeping_due = Instant::now() + HOUSEKEEPING;
            }
            self.rest();
        }
        let settled = lock(&self.settler).settle_all();
        self.look_at(settled, &mut turns);
        self.keep_house();
        for thread in [&self.watcher, &self.keeper, &self.copying] {
            let thread = lock(thread).take();
            // What it met is its own; here all is done.
            drop(thread.map(JoinHandle::join));
        }
    }

    /// Goes through what was received before the start: the window for its findings, and what had not
    /// settled for its facts.
    fn catch_up(&self, turns: &mut Turns) -> Result<(), StoreError> {
        let window_begin = now() - self.settings.engine.window;
        let since = match self.store.recorded_until() {
            Some(until) => window_begin.min(until - self.settings.engine.settle_max),
            None => Moment::default(),
        };
        // From a little earlier on, for what had not settled by then.
        let begin = since - self.settings.engine.settle_max;
        self.store.replay(begin, &mut |received, spans| {
            if self.stopping.load(Ordering::Acquire) {
                return;
            }
            if received < since {
                // What came of these before the beginning is in the store alone. They are read from there, as what comes late is:
                // half a trace would replace the fact of all of it.
                for span in &spans {
                    turns.before(span.trace_id);
                }
            }
            self.join(&spans, received);
            let settled = lock(&self.settler).settle(|id| turns.knows(id), received);
            if since <= received {
                self.look_at(settled, turns);
            }
        })
    }

    fn look_at_window(&self) {
        let (start, begun) = (now(), Instant::now());
        lock(&self.analysis).look_at_window();
        self.own.counts.window_looks.add(begun.elapsed());
        let others = self.own.others.swap(0, Ordering::Relaxed);
        // What came since may be about Taut alone.
        if 0 < others {
            self.own.did("look at the window", start, None, &[("taut.traces", others)]);
        }
    }

    /// Looks at complete traces.
    fn look_at(&self, settled: Vec<Settled>, turns: &mut Turns) {
        let is_news = !settled.is_empty();
        let (start, begun, count) = (now(), Instant::now(), settled.len());
        let others = settled.iter().filter(|settled| !self.own.spans.is_own(settled.id)).count();
        self.look_at_each(settled, turns);
        turns.is_window_old |= is_news;
        let has_recorded = self.record(turns);
        if is_news {
            counted(&self.own.counts.traces_settled, count);
            self.own.counts.looks.add(begun.elapsed());
            self.own.others.fetch_add(others, Ordering::Relaxed);
            if 0 < others {
                self.own.did("look at traces", start, None, &[("taut.traces", count)]);
            }
        }
        if is_news || has_recorded {
            self.changes.send_modify(|version| *version += 1);
        }
    }

    fn look_at_each(&self, settled: Vec<Settled>, turns: &mut Turns) {
        lock(&self.analysis).ignore_after(now() + CLOCK_AHEAD_MAX);
        for settled in settled {
            let id = settled.id;
            // A trace that meets a bug costs itself, not all that come after it.
            let looked = panic::catch_unwind(AssertUnwindSafe(|| {
                let trace = if turns.knows(id) { self.whole(settled) } else { settled.assemble() };
                self.databases.observe(&trace, now());
                lock(&self.analysis).add(&trace, turns.before(id))
            }));
            if let Ok(facts) = looked {
                counted(&self.own.counts.requests, facts.len());
                turns.facts.extend(facts);
            } else {
                counted(&self.own.counts.bugs, 1);
                let problem = format!("a bug in taut: failed to look at trace {id}");
                lock(&self.problems).failed(Work::Look, problem);
            }
        }
    }

    /// A trace that was complete once and got more spans: all of it, from the store.
    fn whole(&self, settled: Settled) -> Trace {
        match self.store.trace(settled.id) {
            Ok(spans) if !spans.is_empty() => self.with_statements(|statements| {
                observe::assemble_spans(settled.id, &spans, statements)
            }),
            _ => settled.assemble(),
        }
    }

    /// Keeps what waits to be kept; tells whether there was something, and it worked.
    fn record(&self, turns: &mut Turns) -> bool {
        if turns.facts.is_empty() {
            return false;
        }
        match self.store.record(turns.facts.clone()) {
            Ok(()) => {
                turns.facts.clear();
                // A trace that met a bug is told until others are looked at and kept.
                let mut problems = lock(&self.problems);
                problems.succeeded(Work::Record);
                problems.succeeded(Work::Look);
                true
            }
            Err(error) => {
                self.tell(Work::Record, &error);
                let surplus = turns.facts.len().saturating_sub(WAITING_FACTS_MAX);
                turns.facts.drain(..surplus);
                counted(&self.own.counts.facts_dropped, surplus);
                false
            }
        }
    }
}
