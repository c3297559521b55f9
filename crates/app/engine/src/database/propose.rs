//! Indexes for what a database runs: by hypothetical plans where `HypoPG` is, else by a model of the planner.
//!
//! Sizes that hang on how many combinations of values several columns have are looked up in a sample of the table, as
//! much as `ANALYZE` reads, each within seconds. What writing costs is not measured here: that writes, if only into
//! what is rolled back, and looking never does.

use std::{sync::Arc, time::Duration};

use find::advisor::{self, AdvisedStatement, Costs, ModelCosts, Options, size};
use model::{
    IndexSet,
    database::{Database, IndexKey, NewIndex},
};
use postgres::{Limits, PlainPlans, WhatIf, WhatIfError};

use super::find_in::{DatabaseRequest, Step};

/// Groups of columns that are sampled: more are more than anybody reviews.
const SAMPLES_MAX: usize = 8;
/// A sample of 30,000 rows takes a second on a slow disk.
const SAMPLE_TIMEOUT: Duration = Duration::from_secs(5);
/// Sizes that change less are chosen by as before.
const SIZE_CHANGE: f64 = 0.1;

/// Has indexes chosen.
pub(super) fn propose(
    request: &DatabaseRequest,
    database: &Database,
    notes: &mut Vec<String>,
    tell: &mut dyn FnMut(Step),
) -> Option<IndexSet> {
    let statements: Vec<AdvisedStatement> = advisor::workload(database);
    if statements.is_empty() {
        return None;
    }
    tell(Step::Advising(statements.len()));
    let first = match advise(request, database, &statements) {
        Ok(set) => set,
        Err(error) => {
            notes.push(format!("no indexes were chosen for the workload: {error}"));
            return None;
        }
    };
    let unknown = unknown_groups(&first, database);
    if unknown.is_empty() {
        return Some(first);
    }
    let mut database = database.clone();
    if !sample(request, &mut database, &unknown) {
        return Some(first);
    }
    let database = &database;
    let resized = |one: &model::ProposedIndex| {
        let bytes = fresh_bytes(&one.index, database)?;
        Some((lossy(bytes) / lossy(one.bytes.max(1))).ln().abs())
    };
    if first.create.iter().filter_map(resized).all(|change| change < SIZE_CHANGE) {
        return Some(first);
    }
    // What came out by the wrong sizes is better than nothing, should the server be gone meanwhile.
    Some(advise(request, database, &statements).unwrap_or(first))
}

fn advise(
    request: &DatabaseRequest,
    database: &Database,
    statements: &[AdvisedStatement],
) -> Result<IndexSet, WhatIfError> {
    let texts: Vec<Arc<str>> = statements.iter().map(|it| Arc::clone(&it.sql)).collect();
    let options = Options { budget_bytes: request.budget_bytes, ..Options::default() };
    let advise = |costs: &mut dyn Costs| advisor::advise(database, statements, costs, &options);
    match WhatIf::open(&request.target, database, &texts) {
        Ok(mut planner) => Ok(advise(&mut planner)),
        Err(WhatIfError::NoHypopg { .. }) => {
            let mut plans = PlainPlans::open(&request.target, database, &texts)?;
            Ok(advise(&mut ModelCosts::new(database, &texts, &mut plans)))
        }
        Err(error) => Err(error),
    }
}

/// Columns of proposed indexes whose combinations are not known and matter: table by its place, columns.
fn unknown_groups(set: &IndexSet, database: &Database) -> Vec<(usize, Vec<i16>)> {
    let mut groups = Vec::new();
    for proposed in &set.create {
        let index = &proposed.index;
        let Some(place) = database.tables.iter().position(|table| table.name == index.table) else {
            continue;
        };
        let estimate = size::fresh_bytes(&database.tables[place], index, 1.0);
        let columns: Option<Vec<i16>> = index.keys.iter().map(|key| column(&key.key)).collect();
        let Some(columns) = columns.filter(|_| index.predicate.is_empty()) else { continue };
        let group = (place, columns);
        if estimate.basis == size::SizeBasis::Combinations
            && groups.len() < SAMPLES_MAX
            && !groups.contains(&group)
        {
            groups.push(group);
        }
    }
    groups
}

fn column(key: &IndexKey) -> Option<i16> {
    match key {
        IndexKey::Column(number) => Some(*number),
        IndexKey::Expression(_) => None,
    }
}

/// Samples the groups; whether anything came of it. A table that cannot be sampled stays as it is known.
fn sample(
    request: &DatabaseRequest,
    database: &mut Database,
    groups: &[(usize, Vec<i16>)],
) -> bool {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return false;
    };
    runtime.block_on(async {
        let limits = Limits { statement: SAMPLE_TIMEOUT, ..Limits::default() };
        let Ok(connection) = postgres::connect(&request.target, &limits).await else {
            return false;
        };
        let mut any = false;
        for (place, columns) in groups {
            let table = &mut database.tables[*place];
            let found = postgres::sampled_combinations(&connection, table, columns).await;
            if let Ok(Some(combinations)) = found {
                table.distinct_groups.push((columns.clone(), combinations));
                any = true;
            }
        }
        any
    })
}

fn fresh_bytes(index: &NewIndex, database: &Database) -> Option<u64> {
    let table = database.tables.iter().find(|table| table.name == index.table)?;
    index.predicate.is_empty().then(|| size::fresh_bytes(table, index, 1.0).bytes)
}

#[expect(clippy::cast_precision_loss, reason = "bytes of an index, for a ratio")]
fn lossy(bytes: u64) -> f64 {
    bytes as f64
}
