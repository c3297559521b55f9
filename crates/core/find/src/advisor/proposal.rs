//! What was chosen, told: DDL, whom it helps and whom it hurts, what it takes, why it looks as it does.

use std::sync::Arc;

use model::{
    IndexSet, ProposedIndex, StatementEffect, StatementKind, Text, WriteCost,
    database::{Database, IndexKey, IndexMethod, NewIndex, Table},
};
use sql::{Locking, TableNeeds};

use super::{
    bits::Bits, candidates::Candidates, options::Options, pool::Pool, sizes::Measured,
    statements::AdvisedStatement,
};

/// A cost that differs by less is the same plan.
const SAME: f64 = 0.005;
/// Rows that a build sorts and writes a second, on one busy core: TPC-H's lineitem took 0.35 s for 600,000.
const BUILD_ROWS_A_SECOND: f64 = 1_000_000.0;
/// Bytes of heap that a build reads a second when nothing is in memory.
const BUILD_BYTES_A_SECOND: f64 = 200e6;

/// All that a proposal is made from.
pub(super) struct Proposal<'a> {
    pub(super) database: &'a Database,
    pub(super) statements: &'a [AdvisedStatement],
    pub(super) needs: &'a [Vec<TableNeeds>],
    pub(super) candidates: &'a Candidates,
    pub(super) sizes: &'a Measured,
    pub(super) options: &'a Options<'a>,
    pub(super) notes: Vec<String>,
}

/// Costs of a statement now and with the set, and the indexes that it then uses.
struct Effect {
    now: f64,
    then: f64,
    used: Bits,
}

impl Proposal<'_> {
    /// The proposal for `chosen`, without what turns out to be worth too little.
    pub(super) fn of(mut self, chosen: Bits, pool: &mut Pool<'_>) -> IndexSet {
        let set = self.worthwhile(chosen, pool);
        let effects: Vec<Effect> = (0..self.statements.len())
            .map(|statement| self.effect(statement, &set, pool))
            .collect();
        let total = |of: fn(&Effect) -> f64| {
            let costs =
                effects.iter().zip(&pool.known).map(|(effect, known)| of(effect) * known.weight);
            costs.filter(|cost| cost.is_finite()).sum::<f64>()
        };
        let (cost_now, cost_then) = (total(|effect| effect.now), total(|effect| effect.then));
        for (statement, known) in self.statements.iter().zip(&pool.known) {
            if let Some(cause) = &known.failed {
                self.notes.push(format!("not planned ({cause}): {}", super::shown(statement)));
            }
        }
        let mut taken: Vec<Text> =
            self.database.indexes.iter().map(|index| index.name.clone()).collect();
        taken.extend(self.database.tables.iter().map(|table| table.name.name.clone()));
        let mut create: Vec<ProposedIndex> = Vec::new();
        for place in set.iter() {
            let index = &self.candidates.indexes[place];
            let Some(table) = self.database.tables.iter().find(|table| table.name == index.table)
            else {
                continue;
            };
            let proposed = self.proposed(place, table, &effects, &set, &taken, pool);
            taken.push(proposed.name.clone());
            create.push(proposed);
        }
        create.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then_with(|| a.name.cmp(&b.name)));
        IndexSet {
            create,
            drop: Vec::new(),
            basis: pool.costs().basis(),
            budget_bytes: self.options.budget_bytes,
            cost_now,
            cost_then,
            plans_asked: pool.asked(),
            notes: self.notes,
        }
    }

    /// Without indexes whose absence is hardly felt.
    fn worthwhile(&self, chosen: Bits, pool: &mut Pool<'_>) -> Bits {
        let mut set = chosen;
        loop {
            let total = self.total(&Bits::default(), pool);
            let with = self.total(&set, pool);
            let mut least: Option<(f64, usize)> = None;
            for place in set.iter() {
                let mut rest = set.clone();
                rest.remove(place);
                let loss = self.total(&rest, pool) - with - self.sizes.write[place];
                if least.is_none_or(|(least, _)| loss < least) {
                    least = Some((loss, place));
                }
            }
            match least {
                Some((loss, place)) if loss < total * self.options.gain_min => set.remove(place),
                _ => return set,
            }
        }
    }

    fn total(&self, set: &Bits, pool: &mut Pool<'_>) -> f64 {
        let cost = |statement: usize, pool: &mut Pool<'_>| {
            pool.cost(statement, set, &self.candidates.indexes) * pool.known[statement].weight
        };
        let costs = (0..self.statements.len()).map(|statement| cost(statement, pool));
        costs.filter(|cost| cost.is_finite()).sum()
    }

    fn effect(&self, statement: usize, set: &Bits, pool: &mut Pool<'_>) -> Effect {
        let now = pool.cost(statement, &Bits::default(), &self.candidates.indexes);
        let (used, then) =
            pool.plan(statement, set, &self.candidates.indexes).unwrap_or((Bits::default(), now));
        Effect { now, then, used }
    }

    fn proposed(
        &self,
        place: usize,
        table: &Table,
        effects: &[Effect],
        set: &Bits,
        taken: &[Text],
        pool: &mut Pool<'_>,
    ) -> ProposedIndex {
        let index = &self.candidates.indexes[place];
        let name = sql::index_name(index, table, &|name| taken.iter().any(|known| known == name));
        let mut helped = Vec::new();
        let mut hurt = Vec::new();
        for (statement, effect) in effects.iter().enumerate() {
            if !effect.used.contains(place) {
                continue;
            }
            if effect.then < effect.now * (1.0 - SAME) {
                helped.push(self.told(statement, effect, set, pool));
            } else if effect.now * (1.0 + SAME) < effect.then {
                hurt.push(self.told(statement, effect, set, pool));
            }
        }
        let saved =
            |effect: &StatementEffect| (effect.millis.0 - effect.millis.1) * effect.calls_per_day;
        helped.sort_by(|a, b| saved(b).total_cmp(&saved(a)));
        let write_cost = self.write_cost(place);
        hurt.extend(self.writers(table, &write_cost));
        let rows = table.rows.unwrap_or(0.0) * self.sizes.share[place];
        #[expect(clippy::cast_precision_loss, reason = "bytes of a table, for seconds")]
        let heap = table.bytes.max(table.pages * 8192) as f64;
        ProposedIndex {
            index: index.clone(),
            ddl: sql::create_index(index, table, &name, Locking::Concurrently),
            name,
            bytes: self.sizes.bytes[place],
            bytes_grown: self.grown(place, table),
            write_cost,
            // Twice over the heap: CONCURRENTLY reads it again to find what was written meanwhile.
            build_seconds: rows / BUILD_ROWS_A_SECOND + 2.0 * heap / BUILD_BYTES_A_SECOND,
            why: self.why(index, table),
            helped,
            hurt,
        }
    }

    fn told(
        &self,
        statement: usize,
        effect: &Effect,
        set: &Bits,
        pool: &mut Pool<'_>,
    ) -> StatementEffect {
        let advised = &self.statements[statement];
        let per_cost = pool.known[statement].weight / advised.calls_per_day.max(f64::MIN_POSITIVE);
        let now = advised.mean_millis.unwrap_or(effect.now * per_cost);
        let plans = if self.options.plan_texts {
            let list: Vec<&NewIndex> =
                set.iter().map(|place| &self.candidates.indexes[place]).collect();
            let before = pool.costs().plan_text(statement, &[]);
            (before, pool.costs().plan_text(statement, &list))
        } else {
            (String::new(), String::new())
        };
        StatementEffect {
            text: Arc::clone(&advised.text),
            query_id: advised.query_id,
            calls_per_day: advised.calls_per_day,
            cost: (effect.now, effect.then),
            millis: (now, now * effect.then / effect.now),
            plans,
        }
    }

    fn grown(&self, place: usize, table: &Table) -> u64 {
        let _ = table;
        self.sizes.bytes[place]
    }

    fn write_cost(&self, place: usize) -> WriteCost {
        let _ = place;
        WriteCost::default()
    }

    /// Statements that write to the table: each row takes a little longer.
    fn writers(&self, table: &Table, cost: &WriteCost) -> Vec<StatementEffect> {
        let writes = |statement: &&AdvisedStatement| {
            matches!(statement.text.kind, StatementKind::Insert | StatementKind::Update)
                && statement.text.tables.first().is_some_and(|name| *name == table.name.to_string())
        };
        let slower = |statement: &AdvisedStatement| {
            let now = statement.mean_millis?;
            let then = now + cost.cpu_micros_per_row / 1000.0;
            (now * 1.1 < then).then(|| StatementEffect {
                text: Arc::clone(&statement.text),
                query_id: statement.query_id,
                calls_per_day: statement.calls_per_day,
                cost: (0.0, 0.0),
                millis: (now, then),
                plans: (String::new(), String::new()),
            })
        };
        self.statements.iter().filter(writes).filter_map(slower).collect()
    }

    /// Which clause each part is for.
    fn why(&self, index: &NewIndex, table: &Table) -> Vec<String> {
        let mut why = Vec::new();
        let needs: Vec<&TableNeeds> =
            self.needs.iter().flatten().filter(|needs| needs.table == index.table).collect();
        for key in &index.keys {
            let name = key_name(&key.key, table);
            let compared =
                needs.iter().flat_map(|needs| &needs.conditions).find(|one| one.key == key.key);
            let clause = if let Some(condition) = compared {
                condition_words(condition.kind)
            } else if needs.iter().any(|needs| needs.joins.contains(&key.key)) {
                "joins"
            } else if needs.iter().any(|needs| needs.order.iter().any(|order| order.key == key.key))
            {
                "is in the order asked for, so that nothing is sorted"
            } else if needs.iter().any(|needs| needs.group.contains(&key.key)) {
                "is grouped by"
            } else {
                "is read, so that the table need not be"
            };
            why.push(format!("`{name}` {clause}"));
        }
        if !index.include.is_empty() {
            let names: Vec<String> = index
                .include
                .iter()
                .map(|number| format!("`{}`", key_name(&IndexKey::Column(*number), table)))
                .collect();
            why.push(format!(
                "{} {} read from the index alone",
                names.join(", "),
                if names.len() == 1 { "is" } else { "are" }
            ));
        }
        if !index.predicate.is_empty() {
            why.push(format!("only rows with `{}` are asked for", index.predicate));
        }
        if index.method == IndexMethod::Brin {
            why.push(
                "rows lie on disk in this order, so that a summary of pages is enough".to_owned(),
            );
        }
        why
    }
}

fn condition_words(kind: sql::ConditionKind) -> &'static str {
    use sql::ConditionKind as Kind;
    match kind {
        Kind::Equal => "is compared for equality",
        Kind::In => "is one of some values",
        Kind::Range => "is a range",
        Kind::Prefix => "begins with a text",
        Kind::Pattern => "is searched for a pattern",
        Kind::Contains => "is asked what it contains",
        Kind::Search => "is searched for words",
    }
}

fn key_name(key: &IndexKey, table: &Table) -> String {
    match key {
        IndexKey::Column(number) => table
            .column(*number)
            .map_or_else(|| format!("column {number}"), |column| column.name.to_string()),
        IndexKey::Expression(text) => text.clone(),
    }
}

/// Milliseconds a day saved for each byte.
fn worth(proposed: &ProposedIndex) -> f64 {
    let saved: f64 = proposed
        .helped
        .iter()
        .map(|effect| (effect.millis.0 - effect.millis.1) * effect.calls_per_day)
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "bytes of an index, for a ratio")]
    let bytes = proposed.bytes.max(1) as f64;
    saved / bytes
}
