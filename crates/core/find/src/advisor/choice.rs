//! Which set of indexes is best, by the plans that are known: no planner is asked here.
//!
//! Every known plan is a bundle of indexes that belong together. A greedy start takes the bundle that saves most
//! for its bytes; then bundles are put in and what is worth least for its bytes is taken out, as long as that
//! helps. Starts that weigh bytes differently end in different sets. From the best of them some indexes are taken
//! away by lot and the rest is made good again, which finds what no single exchange does (iterated local search:
//! Lourenço, Martin, Stützle, 2003). The lots are the same each time.

use std::collections::BTreeSet;

use super::{
    bits::Bits,
    book::{Book, Bundle, Held},
    pool::Pool,
};

/// How much bytes weigh in the greedy start: fully, half, not at all.
const EXPONENTS: [f64; 4] = [1.0, 0.7, 0.4, 0.0];
/// Exchanges at most from one start: each makes the set better, and sets are small.
const EXCHANGES_MAX: usize = 64;
/// An exchange has to save this share to be one.
const GAIN_MIN: f64 = 1e-6;
/// Times that some indexes are taken away by lot.
const KICKS_MAX: usize = 16;

/// What a choice may take.
pub(super) struct Limits<'a> {
    pub(super) bytes: &'a [u64],
    /// What an index costs writers, in the unit of the workload.
    pub(super) write: &'a [f64],
    pub(super) budget: u64,
    pub(super) indexes_max: usize,
}

/// How long a search goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// Until no exchange helps.
    Exchanges,
    /// Then by lot.
    Lots,
}

/// The best set that can be told from the pool, and its cost; `from` are sets to start from besides none.
pub(super) fn best(
    pool: &Pool<'_>,
    limits: &Limits<'_>,
    from: &[Bits],
    effort: Effort,
) -> (Bits, f64) {
    let book = Book::of(pool, limits);
    let search = Search { book: &book, limits };
    let mut starts: Vec<Held> =
        from.iter().filter(|set| limits.allow(set)).map(|set| book.held(set)).collect();
    starts.extend(EXPONENTS.iter().map(|power| search.filled(book.nothing(), *power)));
    let mut best = book.nothing();
    let mut seen = BTreeSet::new();
    for start in starts {
        if seen.insert(book.bits(&start)) {
            let found = search.improved(start);
            if found.cost < best.cost * (1.0 - GAIN_MIN) {
                best = found;
            }
        }
    }
    if effort == Effort::Lots {
        best = search.kicked(best);
    }
    (book.bits(&best), best.cost)
}

impl Limits<'_> {
    pub(super) fn size(&self, set: &Bits) -> u64 {
        set.iter().map(|place| self.bytes[place]).fold(0, u64::saturating_add)
    }

    pub(super) fn allow(&self, set: &Bits) -> bool {
        self.size(set) <= self.budget && set.iter().count() <= self.indexes_max
    }
}

struct Search<'a> {
    book: &'a Book,
    limits: &'a Limits<'a>,
}

impl Search<'_> {
    fn fits(&self, held: &Held) -> bool {
        held.bytes <= self.limits.budget && held.count <= self.limits.indexes_max
    }

    fn has_room(&self, held: &Held, (bytes, count): (u64, usize)) -> bool {
        held.bytes.saturating_add(bytes) <= self.limits.budget
            && held.count + count <= self.limits.indexes_max
    }

    /// The set with what saves most for its bytes, which weigh as `power` says, until nothing more fits.
    fn filled(&self, mut held: Held, power: f64) -> Held {
        loop {
            let mut best: Option<(f64, &Bundle)> = None;
            for bundle in &self.book.bundles {
                let lacks = self.book.lacks(&held, bundle);
                if lacks.1 == 0 || !self.has_room(&held, lacks) {
                    continue;
                }
                let gain = self.book.gain(&held, bundle);
                #[expect(clippy::cast_precision_loss, reason = "bytes of a bundle, for a ratio")]
                let worth = gain / (lacks.0.max(1) as f64).powf(power);
                if gain > 0.0 && best.is_none_or(|(most, _)| most < worth) {
                    best = Some((worth, bundle));
                }
            }
            match best {
                Some((_, bundle)) => self.book.add(&mut held, &bundle.numbers),
                None => return held,
            }
        }
    }

    fn improved(&self, start: Held) -> Held {
        let mut held = start;
        for _ in 0..EXCHANGES_MAX {
            match self.better(&held) {
                Some(after) => held = after,
                None => break,
            }
        }
        held
    }

    /// The best set that is one exchange away, if it is better.
    fn better(&self, held: &Held) -> Option<Held> {
        let least = held.cost * (1.0 - GAIN_MIN);
        let mut best: Option<Held> = None;
        let mut consider = |after: Held| {
            if after.cost < best.as_ref().map_or(least, |best| best.cost) {
                best = Some(after);
            }
            best.as_ref().map_or(least, |best| best.cost)
        };
        for number in held.members().collect::<Vec<_>>() {
            if self.book.loss(held, number) < 0.0 {
                let mut after = held.clone();
                self.book.remove(&mut after, number);
                consider(after);
            }
        }
        let mut gains: Vec<(f64, usize)> = Vec::new();
        for (place, bundle) in self.book.bundles.iter().enumerate() {
            let gain = self.book.gain(held, bundle);
            if 0.0 < gain {
                gains.push((gain, place));
            }
        }
        gains.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let mut bound = least;
        for (gain, place) in gains {
            // Whatever has to go for it makes it worth less.
            if bound <= held.cost - gain {
                break;
            }
            if let Some(after) = self.exchanged(held, &self.book.bundles[place]) {
                bound = consider(after);
            }
        }
        best
    }

    /// `bundle` put in, and what is worth least for its bytes taken out until the rest fits.
    fn exchanged(&self, held: &Held, bundle: &Bundle) -> Option<Held> {
        let mut after = held.clone();
        self.book.add(&mut after, &bundle.numbers);
        let mut gone = Vec::new();
        while !self.fits(&after) {
            let number = self.least(&after, &bundle.numbers)?;
            self.book.remove(&mut after, number);
            gone.push(number);
        }
        // What fits beside it after all.
        for number in gone {
            if self.has_room(&after, (self.book.bytes[number], 1)) {
                let mut fuller = after.clone();
                self.book.add(&mut fuller, &[number]);
                if fuller.cost < after.cost {
                    after = fuller;
                }
            }
        }
        Some(after)
    }

    /// What is worth least for the bytes that it frees, `bundle` left alone.
    fn least(&self, held: &Held, bundle: &[usize]) -> Option<usize> {
        let over = held.bytes.saturating_sub(self.limits.budget).max(1);
        let mut least: Option<(f64, usize)> = None;
        for number in held.members().filter(|number| !bundle.contains(number)) {
            // Bytes past what is needed are worth nothing.
            #[expect(clippy::cast_precision_loss, reason = "bytes of an index, for a ratio")]
            let freed = self.book.bytes[number].min(over).max(1) as f64;
            let worth = self.book.loss(held, number).max(0.0) / freed;
            if least.is_none_or(|(least, _)| worth < least) {
                least = Some((worth, number));
            }
        }
        least.map(|(_, number)| number)
    }

    /// The best that is found where some indexes are taken away by lot and others put in.
    fn kicked(&self, start: Held) -> Held {
        let mut best = start;
        let mut lots = Lots(0x9e37_79b9_7f4a_7c15);
        if self.book.bundles.is_empty() {
            return best;
        }
        for kick in 0..KICKS_MAX {
            let mut held = best.clone();
            let bundle = &self.book.bundles[lots.below(self.book.bundles.len())];
            if kick % 2 == 0
                && let Some(after) = self.exchanged(&held, bundle)
            {
                held = after;
            }
            for _ in 0..=lots.below(4) {
                let members: Vec<usize> = held.members().collect();
                if !members.is_empty() {
                    self.book.remove(&mut held, members[lots.below(members.len())]);
                }
            }
            let held = self.filled(held, EXPONENTS[lots.below(EXPONENTS.len())]);
            let held = self.improved(held);
            if held.cost < best.cost * (1.0 - GAIN_MIN) {
                best = held;
            }
        }
        best
    }
}

/// Numbers by lot, the same each time (`xorshift`, Marsaglia 2003).
struct Lots(u64);

impl Lots {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % end.max(1)
    }
}
