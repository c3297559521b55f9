//! Which indexes a whole workload wants, chosen together.
//!
//! What each statement needs of each table (`sql::analyse`) gives candidates; a planner ([`Costs`]) says what
//! each statement costs with some of them there; a search picks the set that takes most time off the workload
//! within a budget of bytes and of writes. A plan is worth more than its cost: it names the indexes that it used,
//! so that every set that holds those and none that was not offered costs the same, and need not be asked for.

mod bits;
mod candidates;
mod choice;
mod costs;
mod explore;
mod options;
mod pool;
mod proposal;
mod sizes;
pub mod size;
mod statements;
pub mod write_cost;

use model::{IndexSet, database::Database};
use sql::TableNeeds;

pub use costs::{CostError, Costs, Planned};
pub use options::{Options, Sizes};
pub use statements::{AdvisedStatement, workload};

use bits::Bits;
use candidates::Candidates;
use choice::Limits;
use pool::{Known, Pool};

/// Rounds of choosing and of asking around what was chosen: each finds less than the one before.
const ROUNDS_MAX: usize = 8;
/// Views within views that are looked through.
const VIEWS_DEPTH_MAX: usize = 4;

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
    let needs = needs(database, statements, costs, &mut notes);
    let mut candidates = Candidates::of(&needs, database, options);
    let known = candidates
        .of_statement
        .iter()
        .map(|relevant| Known::of(relevant.clone()))
        .collect();
    let mut pool = Pool::new(costs, known, options.plans_max);
    weigh(&mut pool, statements, &candidates);
    let mut sizes = sizes::Measured::default();
    sizes.measure(&candidates.indexes, database, &mut pool, options);
    let budget = options.budget_bytes.unwrap_or(u64::MAX);
    let explored =
        options.budget_bytes.unwrap_or_else(|| sizes.bytes.iter().copied().max().unwrap_or(0));
    explore::explore(&mut pool, &candidates, &sizes.bytes, explored);
    explore::merge(&mut pool, &mut candidates);
    sizes.measure(&candidates.indexes, database, &mut pool, options);
    let mut chosen = Bits::default();
    for _ in 0..ROUNDS_MAX {
        let limits = Limits {
            bytes: &sizes.bytes,
            write: &sizes.write,
            budget,
            indexes_max: options.indexes_max,
        };
        let (set, _) = choice::best(&pool, &limits, std::slice::from_ref(&chosen));
        let spare = budget.saturating_sub(limits.size(&set)).min(explored);
        let new = explore::around(&mut pool, &candidates, &sizes.bytes, &set, spare);
        let same = set == chosen;
        chosen = set;
        if same || !new {
            break;
        }
    }
    proposal::Proposal {
        database,
        statements,
        needs: &needs,
        candidates: &candidates,
        sizes: &sizes,
        options,
        notes,
    }
    .of(chosen, &mut pool)
}

/// What each statement needs, views looked through.
fn needs(
    database: &Database,
    statements: &[AdvisedStatement],
    costs: &mut dyn Costs,
    notes: &mut Vec<String>,
) -> Vec<Vec<TableNeeds>> {
    let mut all = Vec::new();
    for statement in statements {
        let mut tables = Vec::new();
        let mut open = vec![(statement.sql.to_string(), 0)];
        while let Some((text, depth)) = open.pop() {
            let Some(analysis) = sql::analyse(&text, database) else {
                if statement.text.truncated {
                    notes.push(format!(
                        "cut by the server, so that it cannot be planned: {}",
                        shown(statement)
                    ));
                } else if depth == 0 {
                    notes.push(format!(
                        "not understood, so that no index is tried for it: {}",
                        shown(statement)
                    ));
                }
                continue;
            };
            tables.extend(analysis.tables);
            for name in analysis.unknown {
                if depth < VIEWS_DEPTH_MAX
                    && let Some(definition) = costs.view(&name)
                {
                    open.push((definition, depth + 1));
                }
            }
        }
        all.push(tables);
    }
    all
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
