//! Made-up traffic of a fleet over a day: six services behind a gateway, with the attributes, statements and ids of the current
//! conventions, 10 to 14 attributes a span. The same for the same seed and count.
//!
//! Requests begin at even distances over 24 hours, however many spans there are; a process exports 512 spans at a time.

mod spans;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use model::{Moment, Resource, Scope, Span};

use crate::made::{BATCH_SPANS, Dice};
use spans::{Fleet, SPANS_EACH};

/// When the day begins.
pub const BEGIN: Moment = Moment { nanos: 1_795_046_400_000_000_000 };

/// How long it is.
pub const LENGTH: Duration = Duration::from_hours(24);

/// Makes exports until the day is over.
#[derive(Debug)]
pub struct Day {
    fleet: Fleet,
    dice: Dice,
    requests: u64,
    begun: u64,
    ready: Vec<VecDeque<Span>>,
}

/// A process and its instrumentation.
#[derive(Debug, Clone)]
struct Process {
    resource: Arc<Resource>,
    scope: Arc<Scope>,
}

impl Day {
    /// A day of about so many spans.
    #[must_use]
    pub fn new(spans: usize, seed: u64) -> Self {
        let mut dice = Dice(seed);
        let fleet = Fleet::new(&mut dice);
        let ready = vec![VecDeque::new(); fleet.processes.len()];
        Self { fleet, dice, requests: (spans as u64 / SPANS_EACH).max(1), begun: 0, ready }
    }

    /// The next export: spans of one process.
    pub fn batch(&mut self) -> Option<Vec<Span>> {
        loop {
            if let Some(full) = self.ready.iter_mut().find(|it| BATCH_SPANS <= it.len()) {
                return Some(full.drain(..BATCH_SPANS).collect());
            }
            if self.begun == self.requests {
                let rest = self.ready.iter_mut().find(|it| !it.is_empty())?;
                return Some(rest.drain(..).collect());
            }
            let passed = u128::from(self.begun) * LENGTH.as_nanos() / u128::from(self.requests);
            let begin = BEGIN + Duration::from_nanos(u64::try_from(passed).unwrap_or(u64::MAX));
            self.begun += 1;
            for (process, span) in self.fleet.request(begin, &mut self.dice) {
                if let Some(ready) = self.ready.get_mut(process) {
                    ready.push_back(span);
                }
            }
        }
    }
}

impl Iterator for Day {
    type Item = Vec<u8>;

    /// The next export as OTLP protobuf.
    fn next(&mut self) -> Option<Vec<u8>> {
        self.batch().map(|spans| observe::otlp::encode(&spans))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_day_is_as_long_as_told_and_the_same_for_the_same_seed() {
        let all =
            |seed| Day::new(20_000, seed).flat_map(|it| observe::otlp::decode(&it).unwrap().spans);
        let spans: Vec<Span> = all(1).collect();
        assert!((18_000..22_000).contains(&spans.len()), "{}", spans.len());
        assert!(spans.iter().all(|span| BEGIN <= span.start && span.start < BEGIN + LENGTH * 2));
        assert!(all(1).eq(spans.iter().cloned()) && !all(2).eq(spans.iter().cloned()));
    }

    #[test]
    fn spans_say_as_much_as_those_of_real_fleets() {
        let mut traces: BTreeMap<model::TraceId, u64> = BTreeMap::new();
        let (mut bytes, mut count) = (0, 0);
        for export in Day::new(20_000, 3) {
            bytes += export.len();
            for span in observe::otlp::decode(&export).unwrap().spans {
                count += 1;
                assert!((10..=15).contains(&span.attributes.0.len()), "{span:?}");
                *traces.entry(span.trace_id).or_default() += 1;
            }
        }
        assert!(traces.values().all(|spans| *spans == SPANS_EACH), "{traces:?}");
        assert!((350..650).contains(&(bytes / count)), "{} bytes a span", bytes / count);
    }
}
