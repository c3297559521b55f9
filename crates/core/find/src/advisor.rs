//! Which indexes a whole workload wants, chosen together.
//!
//! What each statement needs of each table (`sql::analyse`) gives candidates; a planner ([`Costs`]) says what
//! each statement costs with some of them there; a search picks the set that takes most time off the workload
//! within a budget of bytes and of writes. A plan is worth more than its cost: it names the indexes that it used,
//! so that every set that holds those and none that was not offered costs the same, and need not be asked for.

mod beyond;
mod bits;
mod book;
mod candidates;
mod choice;
mod costs;
mod explore;
mod model_costs;
mod needs;
mod options;
mod ordered;
mod pool;
mod proposal;
mod rates;
mod redundant;
mod search;
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
use ordered::Ordered;
use pool::{Known, Pool};
use proposal::Proposal;
use sizes::{Measured, Writers};

/// The indexes that take most time off `statements` within `options`, and those that become redundant.
///
/// The same input and the same costs give the same answer, in whatever order statements come. Statements whose costs cannot be had are named in the
/// notes.
#[must_use]
pub fn advise(
    database: &Database,
    statements: &[AdvisedStatement],
    costs: &mut dyn Costs,
    options: &Options<'_>,
) -> IndexSet {
    let order = ordered::order(statements);
    let statements: Vec<AdvisedStatement> =
        order.iter().map(|place| statements[*place].clone()).collect();
    let statements = statements.as_slice();
    let costs = &mut Ordered { costs, order };
    let mut notes = Vec::new();
    let needs = needs::of(database, statements, costs, &mut notes);
    let mut candidates = Candidates::of(&needs, database, costs, options);
    let known = candidates.of_statement.iter().cloned().map(Known::of).collect();
    let writers = Writers::of(database, statements, &needs);
    let mut pool = Pool::new(costs, known, options.plans_max);
    weigh(&mut pool, statements, &candidates);
    let mut sizes = Measured::default();
    sizes.measure(&candidates.indexes, &writers, &mut pool, options);
    let chosen = search::chosen(&mut pool, &mut candidates, &mut sizes, &writers, options);
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
