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
    pub(crate) started: u64,
    pub(crate) answered: u64,
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
    pub(crate) fn new(routes: usize, bin_nanos: u64) -> Self {
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
            started: 0,
            answered: 0,
            failed: 0,
            body_bytes: 0,
            connections: 0,
            lately: Bin::default(),
        }
    }

    /// A request was meant to start; the generator came to it so much later.
    pub(crate) fn start(&mut self, intended_nanos: u64, late_nanos: u64) {
        self.started += 1;
        self.lately.started += 1;
        self.late.saturating_record(late_nanos);
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
                self.lately.answered += 1;
                self.body_bytes += answer.body_bytes;
                *self.statuses.entry(answer.status).or_default() += 1;
            }
            Err(trouble) => *self.troubles.entry(trouble).or_default() += 1,
        }
        self.failed += u64::from(!is_good);
        self.lately.failed += u64::from(!is_good);
        // Who waited until the time was up has waited; who was turned away has not.
        let counts = matches!(done, Ok(_) | Err(Trouble::TimedOut));
        if counts {
            self.corrected.saturating_record(corrected);
            self.uncorrected.saturating_record(ended.over_nanos.saturating_sub(ended.sent_nanos));
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
        self.started += other.started;
        self.answered += other.answered;
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
