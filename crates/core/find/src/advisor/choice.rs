//! Which set of indexes is best, by the plans that are known: no planner is asked here.
//!
//! Every known plan is a bundle of indexes that belong together. A greedy start takes the bundle that saves most
//! for its bytes; then bundles are put in and what is worth least for its bytes is taken out, as long as that
//! helps. Starts that weigh bytes differently end in different sets; the best is taken.

use std::collections::BTreeSet;

use super::{bits::Bits, pool::Pool};

/// How much bytes weigh in the greedy start: fully, half, not at all.
const EXPONENTS: [f64; 4] = [1.0, 0.7, 0.4, 0.0];
/// Exchanges at most from one start: each makes the set better, and sets are small.
const EXCHANGES_MAX: usize = 64;
/// An exchange has to save this share to be one.
const GAIN_MIN: f64 = 1e-6;

/// What a choice may take.
pub(super) struct Limits<'a> {
    pub(super) bytes: &'a [u64],
    /// What an index costs writers, in the unit of the workload.
    pub(super) write: &'a [f64],
    pub(super) budget: u64,
    pub(super) indexes_max: usize,
}

/// Plans of all statements, cheapest first, and their bundles.
struct Book {
    statements: Vec<Page>,
    bundles: Vec<Bits>,
    /// Statements that have a plan with this candidate.
    with: Vec<Vec<usize>>,
}

struct Page {
    weight: f64,
    plans: Vec<(Bits, f64)>,
}

/// The best set that can be told from the pool, and its cost; `from` are sets to start from besides none.
pub(super) fn best(pool: &Pool<'_>, limits: &Limits<'_>, from: &[Bits]) -> (Bits, f64) {
    let book = Book::of(pool, limits);
    let mut starts: Vec<Bits> = EXPONENTS.iter().map(|power| book.greedy(limits, *power)).collect();
    starts.extend(from.iter().filter(|set| limits.allow(set)).cloned());
    let mut best = (Bits::default(), book.cost(&Bits::default(), limits));
    let mut seen = BTreeSet::new();
    for start in starts {
        if !seen.insert(start.clone()) {
            continue;
        }
        let found = book.improved(start, limits);
        if found.1 < best.1 * (1.0 - GAIN_MIN) {
            best = found;
        }
    }
    best
}

impl Limits<'_> {
    pub(super) fn size(&self, set: &Bits) -> u64 {
        set.iter().map(|place| self.bytes[place]).fold(0, u64::saturating_add)
    }

    fn allow(&self, set: &Bits) -> bool {
        self.size(set) <= self.budget && set.iter().count() <= self.indexes_max
    }
}

impl Book {
    fn of(pool: &Pool<'_>, limits: &Limits<'_>) -> Self {
        let mut bundles = BTreeSet::new();
        let mut with: Vec<Vec<usize>> = vec![Vec::new(); limits.bytes.len()];
        let mut statements = Vec::new();
        for (number, known) in pool.known.iter().enumerate() {
            let mut plans: Vec<(Bits, f64)> =
                pool.plans(number).iter().filter(|(used, _)| limits.allow(used)).cloned().collect();
            plans.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
            // A dearer plan that needs all that a cheaper one needs, and more, is never taken.
            let mut kept: Vec<(Bits, f64)> = Vec::new();
            for plan in plans {
                if !kept.iter().any(|(used, _)| used.is_within(&plan.0)) {
                    kept.push(plan);
                }
            }
            for (used, _) in &kept {
                for place in used.iter() {
                    if with[place].last() != Some(&number) {
                        with[place].push(number);
                    }
                }
                if !used.is_empty() {
                    bundles.insert(used.clone());
                }
            }
            statements.push(Page { weight: known.weight, plans: kept });
        }
        Self { statements, bundles: bundles.into_iter().collect(), with }
    }

    fn statement_cost(&self, statement: usize, set: &Bits) -> f64 {
        let page = &self.statements[statement];
        let plan = page.plans.iter().find(|(used, _)| used.is_within(set));
        plan.map_or(0.0, |(_, cost)| cost * page.weight)
    }

    fn cost(&self, set: &Bits, limits: &Limits<'_>) -> f64 {
        let read: f64 =
            (0..self.statements.len()).map(|place| self.statement_cost(place, set)).sum();
        read + set.iter().map(|place| limits.write[place]).sum::<f64>()
    }

    /// What changes if `more` is added and `less` taken away: negative is a saving.
    fn change(&self, set: &Bits, after: &Bits, moved: &Bits, limits: &Limits<'_>) -> f64 {
        let mut touched: Vec<usize> =
            moved.iter().flat_map(|place| self.with[place].iter().copied()).collect();
        touched.sort_unstable();
        touched.dedup();
        let read: f64 = touched
            .into_iter()
            .map(|statement| {
                self.statement_cost(statement, after) - self.statement_cost(statement, set)
            })
            .sum();
        let write =
            |set: &Bits| moved.and(set).iter().map(|place| limits.write[place]).sum::<f64>();
        read + write(after) - write(set)
    }

    fn greedy(&self, limits: &Limits<'_>, power: f64) -> Bits {
        let mut set = Bits::default();
        loop {
            let mut best: Option<(f64, Bits)> = None;
            for bundle in &self.bundles {
                let missing = bundle.without(&set);
                let after = set.or(bundle);
                if missing.is_empty() || !limits.allow(&after) {
                    continue;
                }
                let gain = -self.change(&set, &after, &missing, limits);
                #[expect(clippy::cast_precision_loss, reason = "bytes of a bundle, for a ratio")]
                let worth = gain / (limits.size(&missing).max(1) as f64).powf(power);
                if gain > 0.0 && best.as_ref().is_none_or(|(most, _)| *most < worth) {
                    best = Some((worth, after));
                }
            }
            match best {
                Some((_, after)) => set = after,
                None => return set,
            }
        }
    }

    fn improved(&self, start: Bits, limits: &Limits<'_>) -> (Bits, f64) {
        let mut set = start;
        let mut cost = self.cost(&set, limits);
        for _ in 0..EXCHANGES_MAX {
            let mut best: Option<(f64, Bits)> = None;
            let dropped = set.iter().map(|place| set.without(&Bits::from_iter([place])));
            let dropped: Vec<Bits> = dropped.collect();
            let put_in = self.bundles.iter().filter(|bundle| !bundle.is_within(&set));
            for after in
                put_in.filter_map(|bundle| self.exchanged(&set, bundle, limits)).chain(dropped)
            {
                let moved = after.without(&set).or(&set.without(&after));
                let change = self.change(&set, &after, &moved, limits);
                if best.as_ref().is_none_or(|(least, _)| change < *least) {
                    best = Some((change, after));
                }
            }
            match best {
                Some((change, after)) if change < -cost * GAIN_MIN => {
                    set = after;
                    cost += change;
                }
                _ => break,
            }
        }
        let cost = self.cost(&set, limits);
        (set, cost)
    }

    /// `bundle` put in, and what is worth least for its bytes taken out until the rest fits.
    fn exchanged(&self, set: &Bits, bundle: &Bits, limits: &Limits<'_>) -> Option<Bits> {
        let mut after = set.or(bundle);
        while !limits.allow(&after) {
            let over = limits.size(&after).saturating_sub(limits.budget);
            let mut least: Option<(f64, usize)> = None;
            for place in after.without(bundle).iter() {
                let gone = Bits::from_iter([place]);
                let loss = self.change(&after, &after.without(&gone), &gone, limits).max(0.0);
                // Bytes past what is needed are worth nothing.
                #[expect(clippy::cast_precision_loss, reason = "bytes of an index, for a ratio")]
                let freed = limits.bytes[place].min(over.max(1)).max(1) as f64;
                let worth = loss / freed;
                if least.is_none_or(|(least, _)| worth < least) {
                    least = Some((worth, place));
                }
            }
            after.remove(least?.1);
        }
        // What fits beside it after all.
        let gone = set.without(&after);
        for place in gone.iter() {
            let mut fuller = after.clone();
            fuller.insert(place);
            let moved = Bits::from_iter([place]);
            if limits.allow(&fuller) && self.change(&after, &fuller, &moved, limits) < 0.0 {
                after = fuller;
            }
        }
        Some(after)
    }
}
