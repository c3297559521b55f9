//! Which indexes a whole workload wants, chosen together.
//!
//! What each statement needs of each table (`sql::analyse`) gives candidates; a planner ([`Costs`]) says what
//! each statement costs with some of them there; a search picks the set that takes most time off the workload
//! within a budget of bytes and of writes. A plan is worth more than its cost: it names the indexes that it used,
//! so that every set that holds those and none that was not offered costs the same, and need not be asked for.

mod beyond;
mod bits;
mod candidates;
mod choice;
mod costs;
mod explore;
mod model_costs;
mod needs;
mod options;
mod pool;
mod proposal;
mod rates;
mod redundant;
pub mod size;
mod sizes;
mod statements;
pub mod write_cost;

use model::{IndexSet, database::Database};

pub use costs::{CostError, Costs, Planned};
pub use model_costs::{ModelCosts, Planner};
pub use options::{Options, Sizes};
pub use statements::{AdvisedStatement, workload};

use beyond::Beyond;
use bits::Bits;
use candidates::Candidates;
use choice::Limits;
use pool::{Known, Pool};
use proposal::Proposal;
use sizes::{Measured, Writers};

/// Rounds of choosing and of asking around what was chosen: each finds less than the one before.
const ROUNDS_MAX: usize = 8;
/// Plans of each statement, on average, after which single additions are no longer tried: twice what finding the
/// bundles takes.
const PLANS_OF_STATEMENT_MAX: u64 = 55;
/// The indexes that take most time off `statements` within `options`, and those that become redundant.
///
/// The same input and the same costs give the same answer. Statements whose costs cannot be had are named in the
/// notes.
#[must_use]
pub fn advise(
    database: &Database,
    statements: &[AdvisedStatement],
    costs: &mut dyn Costs,
    options: &Options<'_>,
) -> IndexSet {
    let mut notes = Vec::new();
    let needs = needs::of(database, statements, costs, &mut notes);
    let mut candidates = Candidates::of(&needs, database, costs, options);
    let known = candidates.of_statement.iter().cloned().map(Known::of).collect();
    let writers = Writers::of(database, statements, &needs);
    let mut pool = Pool::new(costs, known, options.plans_max);
    weigh(&mut pool, statements, &candidates);
    let mut sizes = Measured::default();
    sizes.measure(&candidates.indexes, &writers, &mut pool, options);
    let chosen = chosen(&mut pool, &mut candidates, &mut sizes, &writers, options);
    let budget = options.budget_bytes.unwrap_or(u64::MAX);
    let taken: u64 = chosen.iter().map(|place| sizes.bytes[place]).sum();
    let room = budget.saturating_sub(taken);
    let beyond = Beyond { database, statements, candidates: &candidates, chosen: &chosen, options };
    let extras = beyond.extras(room, &pool);
    let proposal = Proposal {
        database,
        statements,
        needs: &needs,
        candidates: &candidates,
        sizes: &sizes,
        writers: &writers,
        options,
        notes,
    };
    proposal.of(&chosen, &extras, &mut pool)
}

/// Explores what plans there are, then chooses and asks around what was chosen, until nothing new comes up.
fn chosen(
    pool: &mut Pool<'_>,
    candidates: &mut Candidates,
    sizes: &mut Measured,
    writers: &Writers<'_>,
    options: &Options<'_>,
) -> Bits {
    let budget = options.budget_bytes.unwrap_or(u64::MAX);
    let largest = sizes.bytes.iter().copied().max().unwrap_or(0);
    let explored = budget.min(largest);
    explore::explore(pool, candidates, &sizes.bytes, explored);
    explore::merge(pool, candidates);
    sizes.measure(&candidates.indexes, writers, pool, options);
    let limits = Limits {
        bytes: &sizes.bytes,
        write: &sizes.write,
        budget,
        indexes_max: options.indexes_max,
    };
    let mut chosen = Bits::default();
    for _ in 0..ROUNDS_MAX {
        let (set, _) = choice::best(pool, &limits, std::slice::from_ref(&chosen));
        let spare = budget.saturating_sub(limits.size(&set)).min(explored);
        let mut new = explore::around(pool, candidates, &sizes.bytes, &set, spare);
        if set == chosen || !new {
            let plans_max = PLANS_OF_STATEMENT_MAX * pool.known.len() as u64;
            new |= explore::beside(pool, candidates, &limits, &set, plans_max);
        }
        let same = set == chosen;
        chosen = set;
        if same || !new {
            break;
        }
    }
    worthwhile(chosen, pool, candidates, &limits, options)
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

/// A statement as notes show it.
fn shown(statement: &AdvisedStatement) -> String {
    let text = statement.text.text.as_str();
    let end = text.floor_char_boundary(120);
    let more = if end < text.len() { " …" } else { "" };
    format!("`{}{more}`", text.get(..end).unwrap_or_default())
}

/// Milliseconds of a unit of cost where nothing was measured: TPC-H at scale 0.1 takes 0.011
/// (docs/benchmarks.md).
const MILLIS_OF_COST: f64 = 0.01;

/// Gives each statement its weight: calls a day times milliseconds for each unit of the planner's cost.
fn weigh(pool: &mut Pool<'_>, statements: &[AdvisedStatement], candidates: &Candidates) {
    let bases: Vec<f64> = (0..statements.len())
        .map(|statement| pool.cost(statement, &Bits::default(), &candidates.indexes))
        .collect();
    let mut rates: Vec<f64> = statements
        .iter()
        .zip(&bases)
        .filter_map(|(statement, base)| Some(statement.mean_millis? / base))
        .filter(|rate| rate.is_finite() && 0.0 < *rate)
        .collect();
    rates.sort_by(f64::total_cmp);
    let usual = rates.get(rates.len() / 2).copied().unwrap_or(MILLIS_OF_COST);
    for ((known, statement), base) in pool.known.iter_mut().zip(statements).zip(&bases) {
        let rate =
            statement.mean_millis.map(|millis| millis / base).filter(|rate| rate.is_finite());
        known.weight = statement.calls_per_day * rate.unwrap_or(usual);
    }
}
