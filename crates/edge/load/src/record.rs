//! What a thread has measured.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use stats::Sketch;

use crate::{
    connection::Trouble,
    response::Answer,
    samples::{Sample, Samples},
};

/// Longer than an hour is told as an hour.
pub(crate) const NANOS_MAX: u64 = 3_600_000_000_000;
/// Three digits that count, as `wrk2` and others have them.
const DIGITS: u8 = 3;
/// Parts of a run that are told one by one: as many as a chart has room for.
pub(crate) const BINS_MAX: u64 = 600;

/// A request, once it is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) place: u64,
    pub(crate) route: u32,
    /// All since the beginning of the run.
    pub(crate) intended_nanos: u64,
    pub(crate) sent_nanos: u64,
    pub(crate) over_nanos: u64,
}

/// Figures of a thread; they add up.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// From the intended start.
    pub(crate) corrected: Histogram<u64>,
    /// From when it was sent.
    pub(crate) uncorrected: Histogram<u64>,
    /// From the intended start to when the generator got to it.
    pub(crate) late: Histogram<u64>,
    pub(crate) routes: Vec<Route>,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) troubles: BTreeMap<Trouble, u64>,
    pub(crate) bins: Vec<Bin>,
    bin_nanos: u64,
    pub(crate) samples: Samples,
    /// Passes through a flow that began.
    pub(crate) flows: u64,
    /// Of them, those that were not done when the run was over.
    pub(crate) cut: u64,
    pub(crate) started: u64,
    pub(crate) answered: u64,
    /// Answers within the length of the run, from this thread's first one on: what waits for a slow server is answered later.
    pub(crate) in_time: u64,
    first_answer_nanos: Option<u64>,
    length_nanos: u64,
    pub(crate) failed: u64,
    pub(crate) body_bytes: u64,
    pub(crate) connections: u64,
    /// The same since the last look.
    pub(crate) lately: Bin,
}

/// Figures of a route.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route {
    pub(crate) failed: u64,
    pub(crate) latencies: Sketch,
}

/// Figures of a part of the run, by intended start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bin {
    pub(crate) started: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) latencies: Sketch,
}

impl Bin {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.started += other.started;
        self.answered += other.answered;
        self.failed += other.failed;
        self.latencies.merge(&other.latencies);
    }
}

pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(NANOS_MAX, DIGITS).expect("bounds are sound, and constant")
}

impl Recorder {
    pub(crate) fn new(routes: usize, bin_nanos: u64, length_nanos: u64) -> Self {
        Self {
            corrected: histogram(),
            uncorrected: histogram(),
            late: histogram(),
            routes: vec![Route::default(); routes],
            statuses: BTreeMap::new(),
            troubles: BTreeMap::new(),
            bins: Vec::new(),
            bin_nanos: bin_nanos.max(1),
            samples: Samples::default(),
            flows: 0,
            cut: 0,
            started: 0,
            answered: 0,
            in_time: 0,
            first_answer_nanos: None,
            length_nanos,
            failed: 0,
            body_bytes: 0,
            connections: 0,
            lately: Bin::default(),
        }
    }

    /// A pass through a flow was meant to start, with its first request.
    pub(crate) fn begin(&mut self, intended_nanos: u64) {
        self.flows += 1;
        self.start(intended_nanos);
    }

    /// The generator came so much later to what was due. Only what has a moment of its own counts: a hundred steps that are never late would
    /// hide a start that was.
    pub(crate) fn late(&mut self, late_nanos: u64) {
        self.late.saturating_record(late_nanos);
    }

    /// A request was meant to start.
    pub(crate) fn start(&mut self, intended_nanos: u64) {
        self.started += 1;
        self.lately.started += 1;
        if let Some(bin) = self.bin(intended_nanos) {
            bin.started += 1;
        }
    }

    /// A request is over.
    pub(crate) fn end(&mut self, ended: Ended, done: Result<(&Answer, bool), Trouble>) {
        let is_good = matches!(done, Ok((_, true)));
        let corrected = ended.over_nanos.saturating_sub(ended.intended_nanos);
        match done {
            Ok((answer, _)) => {
                self.answered += 1;
                let first = *self.first_answer_nanos.get_or_insert(ended.over_nanos);
                let since = ended.over_nanos.saturating_sub(first);
                self.in_time += u64::from(since <= self.length_nanos);
                self.lately.answered += 1;
                self.body_bytes += answer.body_bytes;
                *self.statuses.entry(answer.status).or_default() += 1;
            }
            Err(trouble) => *self.troubles.entry(trouble).or_default() += 1,
        }
        self.failed += u64::from(!is_good);
        self.lately.failed += u64::from(!is_good);
        // Who waited until the time was up has waited; who was turned away has not.
        let was_sent = matches!(done, Ok(_) | Err(Trouble::TimedOut));
        let counts = was_sent || matches!(done, Err(Trouble::Waited));
        if was_sent {
            self.uncorrected.saturating_record(ended.over_nanos.saturating_sub(ended.sent_nanos));
        }
        if counts {
            self.corrected.saturating_record(corrected);
            self.lately.latencies.add(corrected);
        }
        if let Some(route) =
            usize::try_from(ended.route).ok().and_then(|place| self.routes.get_mut(place))
        {
            route.failed += u64::from(!is_good);
            if counts {
                route.latencies.add(corrected);
            }
        }
        if let Some(bin) = self.bin(ended.intended_nanos) {
            bin.answered += u64::from(done.is_ok());
            bin.failed += u64::from(!is_good);
            if counts {
                bin.latencies.add(corrected);
            }
        }
        self.samples.add(Sample {
            place: ended.place,
            start_nanos: ended.intended_nanos,
            took_nanos: corrected,
            route: ended.route,
            failed: !is_good,
        });
    }

    /// Adds another thread's figures.
    pub(crate) fn merge(&mut self, other: &Self) {
        // All are made alike, so that they can be added.
        for (own, others) in [
            (&mut self.corrected, &other.corrected),
            (&mut self.uncorrected, &other.uncorrected),
            (&mut self.late, &other.late),
        ] {
            own.add(others).expect("histograms of the same bounds");
        }
        for (own, others) in self.routes.iter_mut().zip(&other.routes) {
            own.failed += others.failed;
            own.latencies.merge(&others.latencies);
        }
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        for (trouble, count) in &other.troubles {
            *self.troubles.entry(*trouble).or_default() += count;
        }
        if self.bins.len() < other.bins.len() {
            self.bins.resize_with(other.bins.len(), Bin::default);
        }
        for (own, others) in self.bins.iter_mut().zip(&other.bins) {
            own.merge(others);
        }
        self.samples.merge(&other.samples);
        self.flows += other.flows;
        self.cut += other.cut;
        self.started += other.started;
        self.answered += other.answered;
        self.in_time += other.in_time;
        self.failed += other.failed;
        self.body_bytes += other.body_bytes;
        self.connections += other.connections;
    }

    fn bin(&mut self, intended_nanos: u64) -> Option<&mut Bin> {
        let place = usize::try_from((intended_nanos / self.bin_nanos).min(BINS_MAX)).ok()?;
        if self.bins.len() <= place {
            self.bins.resize_with(place + 1, Bin::default);
        }
        self.bins.get_mut(place)
    }
}
