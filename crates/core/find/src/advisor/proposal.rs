//! What was chosen, told: DDL, whom it helps and whom it hurts, what it takes, why it looks as it does.

use std::{collections::BTreeSet, sync::Arc};

use model::{
    Basis, IndexSet, ProposedIndex, StatementEffect, StatementKind, Text, WriteCost,
    database::{Database, IndexKey, IndexMethod, NewIndex, Table},
};
use sql::{Locking, TableNeeds};

use super::{
    beyond::Extra,
    bits::Bits,
    candidates::Candidates,
    options::Options,
    pool::Pool,
    rates,
    redundant::redundant,
    size,
    sizes::{Measured, Writers},
    statements::AdvisedStatement,
    write_cost,
};

/// A cost that differs by less is the same plan.
const SAME: f64 = 0.005;
/// Share of a statement's cost that an index has to take off for one statement at least: what costs of two indexes on the
/// same key differ by, by their sizes and heights alone.
const NOTICED: f64 = 0.05;
/// A statement that writes is said to be hurt where it takes this much longer.
const HURT: f64 = 0.05;

/// What is said of a proposal whose costs no planner gave.
const MODELLED: &str = "HypoPG is not installed: costs are Taut's own model of the planner, tied to today's plans; \
    rehearse before you apply (CREATE EXTENSION hypopg lets the planner itself be asked)";

/// The same at each index.
const MODELLED_ONE: &str =
    "what it saves is told by a model, not by the planner: rehearse it before you apply it";

/// All that a proposal is made from.
pub(super) struct Proposal<'a> {
    pub(super) database: &'a Database,
    pub(super) statements: &'a [AdvisedStatement],
    pub(super) needs: &'a [Vec<TableNeeds>],
    pub(super) candidates: &'a Candidates,
    pub(super) sizes: &'a Measured,
    pub(super) writers: &'a Writers<'a>,
    pub(super) options: &'a Options<'a>,
    pub(super) notes: Vec<String>,
}

/// Costs of a statement now and with the set, and the indexes that it then uses.
struct Effect {
    now: f64,
    then: f64,
    used: Bits,
    plans: (String, String),
}

/// An index, before it is told.
struct Drawn<'a> {
    index: &'a NewIndex,
    bytes: u64,
    share: f64,
    helped: Vec<StatementEffect>,
    hurt: Vec<StatementEffect>,
    why: Vec<String>,
}

impl Proposal<'_> {
    /// The proposal for the indexes of `set` and those whose worth is modelled.
    pub(super) fn of(mut self, set: &Bits, extras: &[Extra], pool: &mut Pool<'_>) -> IndexSet {
        let set = &self.noticed(set, pool);
        let effects: Vec<Effect> =
            (0..self.statements.len()).map(|statement| self.effect(statement, set, pool)).collect();
        let total = |of: fn(&Effect) -> f64| {
            let costs =
                effects.iter().zip(&pool.known).map(|(effect, known)| of(effect) * known.weight);
            costs.filter(|cost| cost.is_finite()).sum::<f64>()
        };
        let saved: f64 =
            extras.iter().filter(|extra| !extra.effects.is_empty()).map(|extra| extra.saved).sum();
        let (cost_now, cost_then) = (total(|effect| effect.now), total(|effect| effect.then));
        for (statement, known) in self.statements.iter().zip(&pool.known) {
            if let Some(cause) = &known.failed {
                self.notes.push(format!("not planned ({cause}): {}", super::shown(statement)));
            }
        }
        let drawn = set.iter().map(|place| self.drawn(place, &effects, pool));
        let extra = extras.iter().map(|extra| self.drawn_extra(extra, pool));
        let mut drawn: Vec<Drawn<'_>> = drawn.chain(extra).collect();
        let basis = pool.costs().basis();
        if basis == Basis::Model {
            for one in &mut drawn {
                one.why.push(MODELLED_ONE.to_owned());
            }
        }
        let create = self.told(drawn);
        if basis == Basis::Model && !create.is_empty() {
            self.notes.insert(0, MODELLED.to_owned());
        }
        let written: BTreeSet<_> = create.iter().map(|one| &one.index.table).collect();
        let tables = self.database.tables.iter().filter(|table| written.contains(&table.name));
        self.notes.extend(rates::notes(self.database, &tables.collect::<Vec<_>>()));
        let drop = if self.options.drop_redundant {
            let created: Vec<(Text, NewIndex)> =
                create.iter().map(|one| (one.name.clone(), one.index.clone())).collect();
            redundant(self.database, &created)
        } else {
            Vec::new()
        };
        IndexSet {
            create,
            drop,
            basis,
            budget_bytes: self.options.budget_bytes,
            cost_now,
            cost_then: (cost_then - saved).max(0.0),
            plans_asked: pool.asked(),
            notes: self.notes,
        }
    }

    /// The set without indexes that no statement would notice.
    fn noticed(&self, set: &Bits, pool: &mut Pool<'_>) -> Bits {
        let indexes = &self.candidates.indexes;
        let mut set = set.clone();
        loop {
            let mut noticed = Bits::default();
            for statement in 0..self.statements.len() {
                let now = pool.cost(statement, &Bits::default(), indexes);
                let plan = pool.plan(statement, &set, indexes);
                for place in plan
                    .iter()
                    .filter(|(_, then)| *then < now * (1.0 - NOTICED))
                    .flat_map(|(used, _)| used.iter())
                {
                    noticed.insert(place);
                }
            }
            let kept = set.and(&noticed);
            if kept == set {
                return set;
            }
            // What others did for a plan, the rest may do for it now.
            set = kept;
        }
    }

    fn effect(&self, statement: usize, set: &Bits, pool: &mut Pool<'_>) -> Effect {
        let indexes = &self.candidates.indexes;
        let now = pool.cost(statement, &Bits::default(), indexes);
        let (used, then) =
            pool.plan(statement, set, indexes).unwrap_or_else(|| (Bits::default(), now));
        let mut plans = (String::new(), String::new());
        if self.options.plan_texts && !used.is_empty() {
            let list: Vec<&NewIndex> = set.iter().map(|place| &indexes[place]).collect();
            plans.0 = pool.costs().plan_text(statement, &[]);
            plans.1 = pool.costs().plan_text(statement, &list);
        }
        Effect { now, then, used, plans }
    }

    fn drawn(&self, place: usize, effects: &[Effect], pool: &Pool<'_>) -> Drawn<'_> {
        let index = &self.candidates.indexes[place];
        let (mut helped, mut hurt) = (Vec::new(), Vec::new());
        let mut users = Vec::new();
        for (statement, effect) in effects.iter().enumerate() {
            if !effect.used.contains(place) {
                continue;
            }
            users.push(statement);
            let told =
                self.effect_of(statement, (effect.now, effect.then), effect.plans.clone(), pool);
            if effect.then < effect.now * (1.0 - SAME) {
                helped.push(told);
            } else if effect.now * (1.0 + SAME) < effect.then {
                hurt.push(told);
            }
        }
        Drawn {
            index,
            bytes: self.sizes.bytes[place],
            share: self.sizes.share[place],
            helped,
            hurt,
            why: self.why(index, &users),
        }
    }

    fn drawn_extra<'extra>(&self, extra: &'extra Extra, pool: &Pool<'_>) -> Drawn<'extra> {
        let told = |(statement, now, then): &(usize, f64, f64)| {
            self.effect_of(*statement, (*now, *then), (String::new(), String::new()), pool)
        };
        let users: Vec<usize> = extra.effects.iter().map(|(statement, ..)| *statement).collect();
        let mut why = self.why(&extra.index, &users);
        why.push(extra.why.clone());
        Drawn {
            index: &extra.index,
            bytes: extra.bytes,
            share: 1.0,
            helped: extra.effects.iter().map(told).collect(),
            hurt: Vec::new(),
            why,
        }
    }

    fn effect_of(
        &self,
        statement: usize,
        cost: (f64, f64),
        plans: (String, String),
        pool: &Pool<'_>,
    ) -> StatementEffect {
        let advised = &self.statements[statement];
        let per_cost = pool.known[statement].weight / advised.calls_per_day.max(f64::MIN_POSITIVE);
        let now = advised.mean_millis.unwrap_or(cost.0 * per_cost);
        StatementEffect {
            text: Arc::clone(&advised.text),
            query_id: advised.query_id,
            calls_per_day: advised.calls_per_day,
            cost,
            millis: (now, now * cost.1 / cost.0.max(f64::MIN_POSITIVE)),
            plans,
        }
    }

    /// Names, statements and what writers pay; the one that brings most for its bytes first.
    fn told(&self, drawn: Vec<Drawn<'_>>) -> Vec<ProposedIndex> {
        let mut taken: Vec<Text> =
            self.database.indexes.iter().map(|index| index.name.clone()).collect();
        taken.extend(self.database.tables.iter().map(|table| table.name.name.clone()));
        let mut told = Vec::new();
        for drawn in drawn {
            let index = drawn.index;
            let Some(table) = self.table(index) else { continue };
            let name =
                sql::index_name(index, table, &|name| taken.iter().any(|known| known == name));
            taken.push(name.clone());
            let write_cost = self.writers.cost(index, drawn.share, self.options);
            let mut helped = drawn.helped;
            helped.sort_by(|a, b| saved(b).total_cmp(&saved(a)));
            let mut hurt = drawn.hurt;
            hurt.extend(self.slowed(table, &write_cost));
            let calibration = &self.options.calibration;
            told.push(ProposedIndex {
                index: index.clone(),
                ddl: sql::create_index(index, table, &name, Locking::Concurrently),
                name,
                bytes: drawn.bytes,
                bytes_grown: size::fresh_bytes(table, index, drawn.share)
                    .grown_bytes
                    .max(drawn.bytes),
                write_cost,
                build_seconds: write_cost::build_seconds(table, index, drawn.share, calibration),
                helped,
                hurt,
                why: drawn.why,
            });
        }
        told.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then_with(|| a.name.cmp(&b.name)));
        told
    }

    fn table(&self, index: &NewIndex) -> Option<&Table> {
        self.database.tables.iter().find(|table| table.name == index.table)
    }

    /// Statements that write to the table, where each row takes noticeably longer.
    fn slowed(&self, table: &Table, cost: &WriteCost) -> Vec<StatementEffect> {
        let writes = |statement: &&AdvisedStatement| {
            matches!(statement.text.kind, StatementKind::Insert | StatementKind::Update)
                && statement.text.tables.first().is_some_and(|name| *name == table.name.to_string())
        };
        let slower = |statement: &AdvisedStatement| {
            let now = statement.mean_millis?;
            let then = now + cost.cpu_micros_per_row / 1000.0;
            (now * (1.0 + HURT) < then).then(|| StatementEffect {
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
    fn why(&self, index: &NewIndex, users: &[usize]) -> Vec<String> {
        let mut why = Vec::new();
        let Some(table) = self.table(index) else { return why };
        // What other statements do with a column is no reason for this index.
        let needs: Vec<&TableNeeds> = users
            .iter()
            .filter_map(|statement| self.needs.get(*statement))
            .flatten()
            .filter(|needs| needs.table == index.table)
            .collect();
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

/// Milliseconds a day.
fn saved(effect: &StatementEffect) -> f64 {
    (effect.millis.0 - effect.millis.1) * effect.calls_per_day
}

/// Milliseconds a day saved for each byte.
fn worth(proposed: &ProposedIndex) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "bytes of an index, for a ratio")]
    let bytes = proposed.bytes.max(1) as f64;
    proposed.helped.iter().map(saved).sum::<f64>() / bytes
}
