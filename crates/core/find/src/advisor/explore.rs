//! Which plans a statement could have: asked with much on offer, then with less.
//!
//! One question with all candidates names the best of them; the next one without those names the second best.
//! Questions with small candidates alone find what a small budget can buy. Candidates that no plan ever used are
//! out of the race without a question of their own.

use std::collections::BTreeSet;

use model::database::{IndexColumn, IndexKey, IndexMethod, NewIndex};

use super::{bits::Bits, candidates::Candidates, choice::Limits, pool::Pool};

/// How often the best indexes are taken away to see the next best.
const LAYERS_MAX: usize = 6;
/// The same where something is known already.
const LAYERS_AGAIN_MAX: usize = 3;
/// Shares of the budget that an index may take, one search each.
const SIZE_SHARES: [f64; 5] = [1.0, 0.5, 0.3, 0.15, 0.05];
/// The same where something is known already.
const SIZE_SHARES_AGAIN: [f64; 3] = [1.0, 0.3, 0.1];
/// A plan this much cheaper is worth knowing; less is noise of the estimates.
const GAIN_MIN: f64 = 0.002;
/// Parts of one bundle that are asked for: all of three indexes, most of four.
const PARTS_MAX: usize = 10;
/// Smaller ones in the place of a bundle that does not fit: two steps down for each of two indexes.
const SMALLER_MAX: usize = 6;
/// Indexes for two statements at once that are tried.
const MERGED_MAX: usize = 48;
/// The same where keys are appended.
const APPENDED_MAX: usize = 16;
/// Columns of `INCLUDE` of such an index.
const MERGED_INCLUDE_MAX: usize = 10;

/// What is explored: candidates that are new, and those before that plans used.
pub(super) struct Explored<'a> {
    pub(super) bytes: &'a [u64],
    /// Bytes of the largest index that is looked at.
    pub(super) room: u64,
    /// Bytes that all may take together.
    pub(super) budget: u64,
    /// The new ones of each statement.
    pub(super) new: &'a [Bits],
}

/// Asks for plans of every statement, so that the search has something to choose from. Afterwards only candidates
/// that some plan used are left: each that is on offer makes planning slower.
pub(super) fn explore(pool: &mut Pool<'_>, candidates: &mut Candidates, explored: &Explored<'_>) {
    for statement in 0..pool.known.len() {
        let base = pool.cost(statement, &Bits::default(), &candidates.indexes);
        if !base.is_finite() || explored.new[statement].is_empty() {
            continue;
        }
        let before = candidates.of_statement[statement].clone();
        let shares = if before.is_empty() { &SIZE_SHARES[..] } else { &SIZE_SHARES_AGAIN[..] };
        for share in shares {
            #[expect(
                clippy::cast_precision_loss,
                reason = "bytes of an index as a share of a budget"
            )]
            let fits =
                |place: &usize| explored.bytes[*place] as f64 <= explored.room as f64 * share;
            let new = explored.new[statement].iter().filter(fits).collect();
            let before = before.iter().filter(fits).collect();
            peel(pool, statement, (new, &before), candidates, explored);
        }
        let plans = pool.plans(statement).iter();
        candidates.of_statement[statement] =
            plans.flat_map(|(used, _)| used.iter().collect::<Vec<_>>()).collect();
    }
}

/// Asks with all of `new` beside what was there before, then without those that were used, and so on.
fn peel(
    pool: &mut Pool<'_>,
    statement: usize,
    (mut new, before): (Bits, &Bits),
    candidates: &Candidates,
    explored: &Explored<'_>,
) {
    let base = pool.at_most(statement, &Bits::default());
    let layers = if before.is_empty() { LAYERS_MAX } else { LAYERS_AGAIN_MAX };
    for _ in 0..layers {
        if new.is_empty() {
            return;
        }
        let Some((used, cost)) = pool.plan(statement, &new.or(before), &candidates.indexes) else {
            return;
        };
        if used.and(&new).is_empty() || base * (1.0 - GAIN_MIN) < cost {
            return;
        }
        take_apart(pool, statement, used.clone(), base, candidates);
        let offered = new.or(before);
        make_smaller(pool, statement, (offered, used.clone()), candidates, explored);
        new = new.without(&used);
    }
}

/// Where indexes fit alone but not together, asks for plans with smaller ones in the place of each.
fn make_smaller(
    pool: &mut Pool<'_>,
    statement: usize,
    bundle: (Bits, Bits),
    candidates: &Candidates,
    explored: &Explored<'_>,
) {
    let bytes = |set: &Bits| -> u64 {
        set.iter().map(|place| explored.bytes[place]).fold(0, u64::saturating_add)
    };
    let mut open = vec![bundle];
    let mut asked = 0;
    while let Some((offered, used)) = open.pop() {
        if bytes(&used) <= explored.budget {
            continue;
        }
        for place in used.iter() {
            let as_large = |other: &usize| {
                candidates.indexes[*other].table == candidates.indexes[place].table
                    && explored.bytes[place] <= explored.bytes[*other]
            };
            let smaller = offered.without(&offered.iter().filter(as_large).collect());
            if SMALLER_MAX <= asked || pool.has_asked(statement, &smaller) {
                continue;
            }
            asked += 1;
            if let Some((used, _)) = pool.plan(statement, &smaller, &candidates.indexes) {
                open.push((smaller, used));
            }
        }
    }
}

/// Asks for plans with parts of a bundle: a budget may have room for some of its indexes only.
fn take_apart(
    pool: &mut Pool<'_>,
    statement: usize,
    bundle: Bits,
    base: f64,
    candidates: &Candidates,
) {
    let mut open = vec![bundle];
    let mut asked = 0;
    while let Some(bundle) = open.pop() {
        let members: Vec<usize> = bundle.iter().collect();
        if members.len() < 2 {
            continue;
        }
        for place in members {
            let mut rest = bundle.clone();
            rest.remove(place);
            if PARTS_MAX <= asked || pool.has_asked(statement, &rest) {
                continue;
            }
            asked += 1;
            let plan = pool.plan(statement, &rest, &candidates.indexes);
            if let Some((used, cost)) = plan
                && cost < base * (1.0 - GAIN_MIN)
            {
                open.push(used);
            }
        }
    }
}

/// Asks what each single index would add to `set`, as long as there are plans left to ask for. Whether anything new
/// came up.
pub(super) fn beside(
    pool: &mut Pool<'_>,
    candidates: &Candidates,
    limits: &Limits<'_>,
    set: &Bits,
    plans_max: u64,
) -> bool {
    let mut new = false;
    for statement in 0..pool.known.len() {
        let now = pool.at_most(statement, set);
        let useful: Bits = pool
            .plans(statement)
            .iter()
            .filter(|(_, cost)| *cost < now * (1.0 - GAIN_MIN))
            .flat_map(|(used, _)| used.iter().collect::<Vec<_>>())
            .filter(|place| limits.bytes[*place] <= limits.budget && !set.contains(*place))
            .collect();
        for place in useful.iter() {
            if plans_max <= pool.asked() {
                return new;
            }
            let before = pool.plans(statement).len();
            let mut offered = set.clone();
            offered.insert(place);
            pool.plan(statement, &offered, &candidates.indexes);
            new |= before < pool.plans(statement).len();
        }
    }
    new
}

/// How two indexes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merge {
    /// One's keys begin as the other's: what else that one has is included.
    Include,
    /// Where one holds all that a statement reads, or begins as the other does, its keys come after the other's; so
    /// many at most.
    Append {
        /// Keys at most.
        keys_max: usize,
    },
}

impl Merge {
    fn of(self, one: usize, other: usize, candidates: &Candidates) -> Option<NewIndex> {
        let (first, second) = (&candidates.indexes[one], &candidates.indexes[other]);
        match self {
            Self::Include => (one < other).then(|| merged(first, second))?,
            Self::Append { keys_max } => {
                let serves =
                    candidates.whole.contains(other) || second.keys.starts_with(&first.keys);
                let index = serves.then(|| appended(first, second))?;
                index.filter(|index| index.keys.len() <= keys_max)
            }
        }
    }

    /// Pairs that are tried.
    fn pairs_max(self) -> usize {
        match self {
            Self::Include => MERGED_MAX,
            Self::Append { .. } => APPENDED_MAX,
        }
    }
}

/// Adds indexes that serve two statements at once where each has its own, and asks for plans with them.
pub(super) fn merge(pool: &mut Pool<'_>, candidates: &mut Candidates, how: Merge) {
    for (one, other, index) in pairs(pool, candidates, how) {
        let place = candidates.place(index);
        if place == one || (place == other && how == Merge::Include) {
            continue;
        }
        for statement in 0..pool.known.len() {
            let both = Bits::from_iter([one, other]);
            let wanted: Vec<Bits> = pool
                .plans(statement)
                .iter()
                .map(|(used, _)| used.clone())
                .filter(|used| !used.and(&both).is_empty())
                .collect();
            if wanted.is_empty() {
                continue;
            }
            pool.known[statement].relevant.insert(place);
            candidates.of_statement[statement].insert(place);
            let mut best: Vec<(f64, Bits)> =
                wanted.into_iter().map(|used| (pool.at_most(statement, &used), used)).collect();
            best.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (_, used) in best.into_iter().take(2) {
                let mut offered = used.without(&both);
                offered.insert(place);
                pool.plan(statement, &offered, &candidates.indexes);
            }
        }
    }
}

/// Pairs of indexes on the same table that plans of different statements use, those that save most first, and what
/// they become.
fn pairs(pool: &Pool<'_>, candidates: &Candidates, how: Merge) -> Vec<(usize, usize, NewIndex)> {
    let mut gains: Vec<(usize, usize, f64)> = Vec::new();
    for statement in 0..pool.known.len() {
        let base = pool.at_most(statement, &Bits::default());
        let mut plans: Vec<&(Bits, f64)> = pool.plans(statement).iter().collect();
        plans.sort_by(|a, b| a.1.total_cmp(&b.1));
        for (used, cost) in plans.into_iter().take(4) {
            let gain = (base - cost) * pool.known[statement].weight;
            gains.extend(used.iter().map(|place| (statement, place, gain)));
        }
    }
    let mut pairs: Vec<(f64, usize, usize, NewIndex)> = Vec::new();
    let mut seen = BTreeSet::new();
    for (statement, one, gain) in &gains {
        for (other_statement, other, other_gain) in &gains {
            if one != other
                && statement != other_statement
                && let Some(index) = how.of(*one, *other, candidates)
                && seen.insert((*one, *other))
            {
                pairs.push((gain + other_gain, *one, *other, index));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
    pairs
        .into_iter()
        .take(how.pairs_max())
        .map(|(_, one, other, index)| (one, other, index))
        .collect()
}

/// The first index with the keys of the second after its own.
fn appended(first: &NewIndex, second: &NewIndex) -> Option<NewIndex> {
    let same = first.table == second.table && first.method == second.method;
    let plain = |index: &NewIndex| index.predicate.is_empty() && index.include.is_empty();
    if !same || first.method != IndexMethod::Btree || !plain(first) || !plain(second) {
        return None;
    }
    let mut keys = first.keys.clone();
    for key in &second.keys {
        if !keys.iter().any(|known| known.key == key.key) {
            keys.push(key.clone());
        }
    }
    (keys.len() > first.keys.len()).then(|| NewIndex { keys, ..first.clone() })
}

/// One index that does what both do, if their keys begin alike.
pub(super) fn merged(one: &NewIndex, other: &NewIndex) -> Option<NewIndex> {
    let same =
        one.table == other.table && one.predicate == other.predicate && one.method == other.method;
    if !same || one.method != IndexMethod::Btree || one == other {
        return None;
    }
    let (long, short) = if one.keys.len() < other.keys.len() { (other, one) } else { (one, other) };
    if long.keys.first() != short.keys.first() {
        return None;
    }
    let number = |key: &IndexColumn| match key.key {
        IndexKey::Column(number) => Some(number),
        IndexKey::Expression(_) => None,
    };
    let keys: Vec<i16> = long.keys.iter().filter_map(number).collect();
    let mut include: Vec<i16> = long.include.clone();
    for column in short.keys.iter().filter_map(number).chain(short.include.iter().copied()) {
        if !keys.contains(&column) && !include.contains(&column) {
            include.push(column);
        }
    }
    include.sort_unstable();
    (include.len() <= MERGED_INCLUDE_MAX).then(|| NewIndex { include, ..long.clone() })
}

/// Asks what each statement would take in the place of what it has of `set`, within the bytes that this frees.
/// Whether anything new came up.
pub(super) fn around(
    pool: &mut Pool<'_>,
    candidates: &Candidates,
    bytes: &[u64],
    set: &Bits,
    spare: u64,
) -> bool {
    let mut new = false;
    for statement in 0..pool.known.len() {
        let before = pool.plans(statement).len();
        let has = pool.used(statement, set);
        let mut offers = vec![(set.clone(), spare)];
        offers.extend(has.iter().map(|place| {
            let mut rest = set.clone();
            rest.remove(place);
            (rest, spare + bytes[place])
        }));
        for (rest, room) in offers {
            let mut offered = rest;
            for place in candidates.of_statement[statement].iter() {
                if bytes[place] <= room && !has.contains(place) {
                    offered.insert(place);
                }
            }
            pool.plan(statement, &offered, &candidates.indexes);
        }
        new |= before < pool.plans(statement).len();
    }
    new
}
