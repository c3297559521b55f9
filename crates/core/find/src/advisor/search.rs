//! The search for a set: what plans there are, which set they make the best, what stands beside it.
//!
//! Simple indexes come first, then wider ones, covering ones, partial ones. Each stage asks only about what it
//! brings along, and begins with the best set of the stage before: whoever allows more gets no less.

use super::{
    bits::Bits,
    candidates::{Candidates, Stage},
    choice::{self, Effort, Limits},
    explore::{self, Explored, Merge},
    options::Options,
    pool::Pool,
    sizes::{Measured, Writers},
};

/// Rounds of choosing and of asking around what was chosen: each finds less than the one before.
const ROUNDS_MAX: usize = 8;
/// Plans of each statement, on average, after which single additions are no longer tried: on TPC-H they bring nothing
/// that asking around the set did not.
const PLANS_OF_STATEMENT_MAX: u64 = 30;

/// Explores what plans there are, then chooses and asks around what was chosen, until nothing new comes up.
pub(super) fn chosen(
    pool: &mut Pool<'_>,
    candidates: &mut Candidates,
    sizes: &mut Measured,
    writers: &Writers<'_>,
    options: &Options<'_>,
) -> Bits {
    let budget = options.budget_bytes.unwrap_or(u64::MAX);
    let all = std::mem::take(&mut candidates.of_statement);
    candidates.of_statement = vec![Bits::default(); all.len()];
    let mut chosen = Bits::default();
    for stage in Stage::ALL {
        let new: Vec<Bits> = all
            .iter()
            .map(|all| {
                all.iter().filter(|at| Stage::of(&candidates.indexes[*at]) == stage).collect()
            })
            .collect();
        if new.iter().all(Bits::is_empty) {
            continue;
        }
        let places = || new.iter().flat_map(Bits::iter);
        let largest = places().map(|place| sizes.bytes[place]).max().unwrap_or(0);
        let room = budget.min(largest);
        let explored = Explored { bytes: &sizes.bytes, room, budget, new: &new };
        explore::explore(pool, candidates, &explored);
        let merge = match stage {
            Stage::Plain => Some(Merge::Append { keys_max: options.keys_max.min(2) }),
            Stage::Wide => Some(Merge::Append { keys_max: options.keys_max }),
            Stage::Covering => Some(Merge::Include),
            Stage::Partial => None,
        };
        if let Some(merge) = merge {
            explore::merge(pool, candidates, merge);
            sizes.measure(&candidates.indexes, writers, pool, options);
        }
        let limits = Limits {
            bytes: &sizes.bytes,
            write: &sizes.write,
            budget,
            indexes_max: options.indexes_max,
        };
        chosen = settled(chosen, pool, candidates, &limits, room);
    }
    let limits = Limits {
        bytes: &sizes.bytes,
        write: &sizes.write,
        budget,
        indexes_max: options.indexes_max,
    };
    worthwhile(chosen, pool, candidates, &limits, options)
}

/// The best set from `start` on, once asking around it brings nothing new.
fn settled(
    start: Bits,
    pool: &mut Pool<'_>,
    candidates: &Candidates,
    limits: &Limits<'_>,
    room: u64,
) -> Bits {
    let mut chosen = start;
    for _ in 0..ROUNDS_MAX {
        let from = std::slice::from_ref(&chosen);
        let (set, _) = choice::best(pool, limits, from, Effort::Exchanges);
        let spare = limits.budget.saturating_sub(limits.size(&set)).min(room);
        let mut new = explore::around(pool, candidates, limits.bytes, &set, spare);
        if set == chosen || !new {
            let plans_max = PLANS_OF_STATEMENT_MAX * pool.known.len() as u64;
            new |= explore::beside(pool, candidates, limits, &set, plans_max);
        }
        let same = set == chosen;
        chosen = set;
        if same || !new {
            break;
        }
    }
    choice::best(pool, limits, &[chosen], Effort::Lots).0
}

/// The set without indexes whose absence is hardly felt.
fn worthwhile(
    chosen: Bits,
    pool: &mut Pool<'_>,
    candidates: &Candidates,
    limits: &Limits<'_>,
    options: &Options<'_>,
) -> Bits {
    let mut total = |set: &Bits| -> f64 {
        let statements = 0..pool.known.len();
        let costs = statements.map(|statement| {
            pool.cost(statement, set, &candidates.indexes) * pool.known[statement].weight
        });
        costs.filter(|cost| cost.is_finite()).sum()
    };
    let least_gain = total(&Bits::default()) * options.gain_min;
    let mut set = chosen;
    loop {
        let with = total(&set);
        let mut least: Option<(f64, usize)> = None;
        for place in set.iter() {
            let mut rest = set.clone();
            rest.remove(place);
            let loss = total(&rest) - with - limits.write[place];
            if least.is_none_or(|(least, _)| loss < least) {
                least = Some((loss, place));
            }
        }
        match least {
            Some((loss, place)) if loss <= least_gain => set.remove(place),
            _ => return set,
        }
    }
}
