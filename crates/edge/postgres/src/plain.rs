//! Plans of statements as they stand, for a model of what indexes would change: the way without `HypoPG`.

use std::{collections::BTreeMap, sync::Arc};

use find::advisor::{CostError, Planner};
use model::{
    Plan,
    database::{Database, TableName},
};

use crate::{
    connect::Target,
    planning::{Planning, Waiting, WhatIfError},
};

/// Conditions that the planner is asked about: some hundred statements with a handful each, a millisecond or so for one.
const CONDITIONS_MAX: usize = 4_000;

/// A session that plans statements as they stand.
pub struct PlainPlans {
    session: Waiting<Planning>,
    /// Rows that pass a condition, by table and condition.
    known: BTreeMap<(TableName, String), Option<f64>>,
}

impl std::fmt::Debug for PlainPlans {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("PlainPlans").field("known", &self.known.len()).finish_non_exhaustive()
    }
}

impl PlainPlans {
    /// Opens a session for these statements, which are known by their places from then on.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn open(
        target: &Target,
        database: &Database,
        statements: &[Arc<str>],
    ) -> Result<Self, WhatIfError> {
        let session = Waiting::open(async || {
            let planning = Planning::open(target, database, statements).await?;
            // What the model knows are plans of one process.
            let settings = "set /* taut */ max_parallel_workers_per_gather = 0";
            planning.connection.batch_execute(settings).await.map_err(WhatIfError::Server)?;
            Ok(planning)
        })?;
        Ok(Self { session, known: BTreeMap::new() })
    }
}

impl Planner for PlainPlans {
    fn plans(&mut self, statement: usize) -> Result<Vec<(f64, Plan)>, CostError> {
        let texts = self.session.run(async |it| it.explained(statement, "json, verbose").await)?;
        texts.into_iter().map(|(share, text)| Ok((share, parsed(&text)?))).collect()
    }

    fn rows_where(&mut self, table: &TableName, alias: &str, condition: &str) -> Option<f64> {
        let key = (table.clone(), condition.to_owned());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        if CONDITIONS_MAX <= self.known.len() {
            return None;
        }
        let rows = self.session.run(async |it| it.rows_where(table, alias, condition).await);
        self.known.insert(key, rows);
        rows
    }

    fn plan_text(&mut self, statement: usize) -> String {
        self.session.run(async |it| it.explained_usual(statement, "text").await).unwrap_or_default()
    }

    fn view(&mut self, name: &str) -> Option<String> {
        self.session.run(async |it| it.view(name).await)
    }

    fn has_extension(&mut self, name: &str) -> bool {
        self.session.run(async |it| it.has_extension(name).await)
    }
}

/// One plan in JSON.
pub(crate) fn parsed(text: &str) -> Result<Plan, CostError> {
    let failed = |cause: String| CostError { cause, fatal: false };
    let plans = sql::plan::read(text).map_err(|error| failed(error.to_string()))?;
    plans.into_iter().next().ok_or_else(|| failed("there is no plan".to_owned()))
}
