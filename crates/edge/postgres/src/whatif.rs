//! What statements would cost with indexes that are not there, by `HypoPG`.
//!
//! Only `EXPLAIN` is ever sent, never `ANALYZE`, in a read-only session. Hypothetical indexes belong to the session
//! and are kept from one question to the next: only what differs is created or dropped.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use find::advisor::{CostError, Costs, Planned};
use model::{
    Basis, Plan, Text,
    database::{Database, IndexMethod, NewIndex, Table, TableName},
};
use sql::Locking;
use tokio_postgres::SimpleQueryMessage;

use crate::{
    connect::Target,
    explain,
    plain::parsed,
    planning::{Planning, Waiting, WhatIfError, failed, said},
};

/// `HypoPG` takes numbers for its indexes from a range of some 2,500 and gives none back before a reset.
const CREATED_MAX: usize = 2_000;
/// A session that plans with indexes that are not there.
pub struct WhatIf {
    session: Waiting<Session>,
}

struct Session {
    planning: Planning,
    tables: BTreeMap<TableName, Table>,
    /// Schema of the extension, quoted.
    schema: String,
    alive: BTreeMap<NewIndex, u32>,
    created: usize,
    refused: BTreeMap<NewIndex, String>,
    asked: u64,
}

impl WhatIf {
    /// Opens a session for these statements, which are known by their places from then on.
    ///
    /// # Errors
    /// When there is no connection, or no `HypoPG` in the database.
    pub fn open(
        target: &Target,
        database: &Database,
        statements: &[Arc<str>],
    ) -> Result<Self, WhatIfError> {
        let session = Waiting::open(async || Session::open(target, database, statements).await)?;
        Ok(Self { session })
    }

    /// Runs settings in the session, such as `set enable_bitmapscan = off`.
    ///
    /// # Errors
    /// When the server refuses them.
    pub fn configure(&mut self, settings: &str) -> Result<(), WhatIfError> {
        self.session
            .run(async |session| session.planning.connection.batch_execute(settings).await)
            .map_err(WhatIfError::Server)
    }
}

impl std::fmt::Debug for WhatIf {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("WhatIf")
            .field("asked", &self.session.session().asked)
            .finish_non_exhaustive()
    }
}

impl Costs for WhatIf {
    fn basis(&self) -> Basis {
        Basis::WhatIf
    }

    fn cost(&mut self, statement: usize, indexes: &[&NewIndex]) -> Result<Planned, CostError> {
        self.session.run(async |session| session.cost(statement, indexes).await)
    }

    fn bytes(&mut self, index: &NewIndex) -> Option<u64> {
        self.session.run(async |session| session.bytes(index).await)
    }

    fn can_plan(&self, index: &NewIndex) -> bool {
        matches!(index.method, IndexMethod::Btree | IndexMethod::Brin | IndexMethod::Hash)
    }

    fn plan_text(&mut self, statement: usize, indexes: &[&NewIndex]) -> String {
        self.session
            .run(async |session| {
                session.ensure(indexes).await.ok()?;
                session.planning.explained_usual(statement, "text").await.ok()
            })
            .unwrap_or_default()
    }

    fn plan(&mut self, statement: usize) -> Option<Plan> {
        let text = self.session.run(async |session| {
            session.ensure(&[]).await.ok()?;
            session.planning.explained_usual(statement, "json, verbose").await.ok()
        })?;
        parsed(&text).ok()
    }

    fn view(&mut self, name: &str) -> Option<String> {
        self.session.run(async |session| session.planning.view(name).await)
    }

    fn selectivity(&mut self, index: &NewIndex) -> Option<f64> {
        self.session.run(async |session| session.selectivity(index).await)
    }

    fn has_extension(&mut self, name: &str) -> bool {
        self.session.run(async |session| session.planning.has_extension(name).await)
    }

    fn asked(&self) -> u64 {
        self.session.session().asked
    }
}

impl Session {
    async fn open(
        target: &Target,
        database: &Database,
        statements: &[Arc<str>],
    ) -> Result<Self, WhatIfError> {
        let planning = Planning::open(target, database, statements).await?;
        let question = "select /* taut */ n.nspname \
            from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'hypopg'";
        let found = planning.connection.query_opt(question, &[]).await;
        let Some(row) = found.map_err(WhatIfError::Server)? else {
            return Err(WhatIfError::NoHypopg { database: target.database().to_owned() });
        };
        let schema: String = row.try_get(0).map_err(WhatIfError::Server)?;
        let tables = database.tables.iter();
        Ok(Self {
            planning,
            tables: tables.map(|table| (table.name.clone(), table.clone())).collect(),
            schema: sql::identifier(&schema).into_owned(),
            alive: BTreeMap::new(),
            created: 0,
            refused: BTreeMap::new(),
            asked: 0,
        })
    }

    async fn cost(
        &mut self,
        statement: usize,
        indexes: &[&NewIndex],
    ) -> Result<Planned, CostError> {
        self.ensure(indexes).await?;
        self.asked += 1;
        let places: BTreeMap<u32, usize> = indexes
            .iter()
            .enumerate()
            .filter_map(|(place, index)| Some((*self.alive.get(*index)?, place)))
            .collect();
        let mut planned = Planned::default();
        for (share, json) in self.planning.explained(statement, "json").await? {
            let (cost, names) = explain::costs(&json).ok_or_else(|| CostError {
                cause: "the plan has no cost".to_owned(),
                fatal: false,
            })?;
            planned.cost += share * cost;
            for name in names {
                match hypothetical(&name).and_then(|oid| places.get(&oid)) {
                    Some(place) => planned.used.push(*place),
                    None => planned.existing.push(Text::from(name)),
                }
            }
        }
        planned.used.sort_unstable();
        planned.used.dedup();
        Ok(planned)
    }

    /// Makes exactly these indexes hypothetical, as far as `HypoPG` can.
    async fn ensure(&mut self, indexes: &[&NewIndex]) -> Result<(), CostError> {
        let wanted: BTreeSet<&NewIndex> =
            indexes.iter().copied().filter(|index| !self.refused.contains_key(*index)).collect();
        if CREATED_MAX < self.created + wanted.len() {
            self.reset().await?;
        }
        let mut script = String::new();
        let gone: Vec<NewIndex> =
            self.alive.keys().filter(|index| !wanted.contains(index)).cloned().collect();
        for index in gone {
            if let Some(oid) = self.alive.remove(&index) {
                script.push_str(&format!(
                    "select /* taut */ {}.hypopg_drop_index({oid}) is null; ",
                    self.schema
                ));
            }
        }
        let new: Vec<&NewIndex> =
            wanted.into_iter().filter(|index| !self.alive.contains_key(*index)).collect();
        for index in &new {
            script.push_str(&self.creation(index, ""));
            script.push_str("; ");
        }
        if script.is_empty() {
            return Ok(());
        }
        match self.planning.connection.simple_query(&script).await {
            Ok(messages) => {
                let oids = messages.iter().filter_map(created_oid);
                self.alive.extend(new.iter().map(|index| (*index).clone()).zip(oids));
                self.created += new.len();
                Ok(())
            }
            Err(error) if error.is_closed() => Err(failed(&error)),
            Err(_) => self.one_by_one(indexes).await,
        }
    }

    /// After one of many was refused: which.
    async fn one_by_one(&mut self, indexes: &[&NewIndex]) -> Result<(), CostError> {
        self.reset().await?;
        for index in indexes {
            if self.refused.contains_key(*index) || self.alive.contains_key(*index) {
                continue;
            }
            match self.planning.connection.simple_query(&self.creation(index, "")).await {
                Ok(messages) => {
                    if let Some(oid) = messages.iter().find_map(created_oid) {
                        self.alive.insert((*index).clone(), oid);
                        self.created += 1;
                    }
                }
                Err(error) if error.is_closed() => return Err(failed(&error)),
                Err(error) => {
                    self.refused.insert((*index).clone(), said(&error));
                }
            }
        }
        Ok(())
    }

    async fn reset(&mut self) -> Result<(), CostError> {
        self.alive.clear();
        self.created = 0;
        let script = format!("select /* taut */ {}.hypopg_reset()", self.schema);
        self.planning
            .connection
            .simple_query(&script)
            .await
            .map(drop)
            .map_err(|error| failed(&error))
    }

    /// A query that creates the hypothetical index and returns its number.
    fn creation(&self, index: &NewIndex, more: &str) -> String {
        let Some(table) = self.tables.get(&index.table) else {
            return "select /* taut */ null::oid where false".to_owned();
        };
        let ddl = sql::create_index(index, table, "taut_whatif", Locking::Blocking);
        format!(
            "select /* taut */ 'oid' as made, indexrelid{more} from {}.hypopg_create_index({})",
            self.schema,
            sql::literal(&ddl)
        )
    }

    async fn bytes(&mut self, index: &NewIndex) -> Option<u64> {
        if CREATED_MAX <= self.created {
            self.reset().await.ok()?;
        }
        let more = format!(", {}.hypopg_relation_size(indexrelid)", self.schema);
        let messages =
            self.planning.connection.simple_query(&self.creation(index, &more)).await.ok()?;
        self.created += 1;
        let (oid, bytes) = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((row.get(1)?.to_owned(), row.get(2)?.parse().ok()))
            }
            _ => None,
        })?;
        let script = format!("select /* taut */ {}.hypopg_drop_index({oid})", self.schema);
        self.planning.connection.simple_query(&script).await.ok()?;
        bytes
    }

    async fn selectivity(&mut self, index: &NewIndex) -> Option<f64> {
        let rows = self.tables.get(&index.table)?.rows.filter(|rows| 0.0 < *rows)?;
        self.asked += 1;
        Some(self.planning.rows_where(&index.table, "", &index.predicate).await? / rows)
    }
}

/// The number in the name of a hypothetical index: `<13556>btree_t_a`.
fn hypothetical(name: &str) -> Option<u32> {
    let (number, _) = name.strip_prefix('<')?.split_once('>')?;
    number.parse().ok()
}

fn created_oid(message: &SimpleQueryMessage) -> Option<u32> {
    match message {
        SimpleQueryMessage::Row(row) if row.len() > 1 && row.get(0) == Some("oid") => {
            row.get(1)?.parse().ok()
        }
        _ => None,
    }
}
