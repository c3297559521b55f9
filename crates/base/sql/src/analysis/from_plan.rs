//! What a statement needs of each table, told from its plan instead of its text.
//!
//! A planner has looked through views, taken functions apart and resolved every name: where a text cannot be parsed,
//! or says too little, EXPLAIN's conditions still say which columns are compared, joined and sorted by. Each
//! condition is read by the same rules as one of a text. `EXPLAIN (VERBOSE)` tells most: it names the schema, puts
//! the alias before each column and says what each node hands on.

use std::collections::BTreeSet;

use model::{
    Plan,
    database::{Database, IndexKey, Table, TableName},
    plan::PlanNode,
};
use sqlparser::{
    ast::{BinaryOperator, Expr, Value},
    dialect::PostgreSqlDialect,
    parser::Parser,
};

use super::{
    Analysis, BYTES_MAX, ConditionKind, DEPTH_MAX, OPERATORS_MAX, SortKey, TableNeeds,
    conditions::{Holds, conjuncts},
    scope::{Place, Scope, Scopes, Source},
    walk::Walk,
};

mod text;

/// Scans of one plan that are told of: more are partitions upon partitions.
const SCANS_MAX: usize = 256;

/// What a plan tells of the tables that it reads.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlanNeeds {
    /// Each scan of a table that the catalog knows, in the order of the plan.
    pub scans: Vec<PlanScan>,
    /// Comparisons of two scans for equality.
    pub joins: Vec<PlanJoin>,
    /// Sorts whose keys are all of one scan.
    pub sorts: Vec<PlanSort>,
}

/// A scan of a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlanScan {
    /// Its node.
    pub node: usize,
    /// The name that its columns are spelt with.
    pub alias: String,
    /// The table that is read: a partition, where `needs` speak of the table that it is of.
    pub table: TableName,
    /// What an index of that table could serve.
    pub needs: TableNeeds,
    /// What rows have to pass, each conjunct by itself.
    pub clauses: Vec<PlanClause>,
}

/// One conjunct that rows of one scan have to pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanClause {
    /// As EXPLAIN printed it.
    pub text: String,
    /// What an index could hold of it, and how it is compared; several for the sides of an `OR`.
    pub keys: Vec<(IndexKey, ConditionKind)>,
    /// The sides of an `OR`: an index helps if each has one.
    pub alternatives: bool,
    /// Values of an `IN`, as far as they are there to be counted; 1 otherwise.
    pub values: usize,
    /// A parameter takes part in it, so that its value is not known.
    pub parameter: bool,
}

/// Two scans that are joined by equality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanJoin {
    /// The node that checks it.
    pub node: usize,
    /// A scan, by its place in [`PlanNeeds::scans`], and what is compared.
    pub left: (usize, IndexKey),
    /// The other.
    pub right: (usize, IndexKey),
}

/// An order by columns of one scan: of a sort, or of a `min` or `max` that wants its first row alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanSort {
    /// Its node.
    pub node: usize,
    /// The scan, by its place in [`PlanNeeds::scans`].
    pub scan: usize,
    /// Its keys, all of them.
    pub keys: Vec<SortKey>,
}

/// What the plan tells. Conditions that cannot be read are left out.
#[must_use]
pub fn plan_needs(plan: &Plan, database: &Database) -> PlanNeeds {
    let mut reader = Reader::new(plan, database);
    reader.conditions();
    reader.sorts();
    reader.reads();
    let mut needs = reader.found;
    for (scan, table) in needs.scans.iter_mut().zip(reader.walk.analysis.tables) {
        scan.needs = table;
        scan.needs.read.sort_unstable();
        scan.needs.read.dedup();
    }
    needs
}

struct Reader<'a> {
    plan: &'a Plan,
    walk: Walk<'a>,
    found: PlanNeeds,
}

/// What one conjunct compares of one scan.
struct Compared {
    scan: usize,
    keys: Vec<(IndexKey, ConditionKind)>,
    alternatives: bool,
}

impl<'a> Reader<'a> {
    fn new(plan: &'a Plan, database: &'a Database) -> Self {
        let mut walk = Walk {
            database,
            analysis: Analysis::default(),
            catalog: Vec::new(),
            scopes: Scopes(Vec::new()),
        };
        let mut scope = Scope::default();
        let mut found = PlanNeeds::default();
        for (node, scanned) in plan.nodes.iter().enumerate() {
            if found.scans.len() == SCANS_MAX {
                break;
            }
            let Some(table) = scanned_table(scanned, database) else { continue };
            let whole = partitioned(table, database);
            let alias = scanned.alias.as_ref().or(scanned.relation.as_ref());
            let alias = alias.map(ToString::to_string).unwrap_or_default();
            let place = walk.catalog.len();
            walk.catalog.push(whole);
            walk.analysis
                .tables
                .push(TableNeeds { table: whole.name.clone(), ..TableNeeds::default() });
            scope.sources.push((alias.clone(), Source::Table(place, whole)));
            found.scans.push(PlanScan {
                node,
                alias,
                table: table.name.clone(),
                ..PlanScan::default()
            });
        }
        walk.scopes.0.push(scope);
        Self { plan, walk, found }
    }

    fn conditions(&mut self) {
        for (place, node) in self.plan.nodes.iter().enumerate() {
            let scan = self.found.scans.iter().any(|scan| scan.node == place);
            let conditions = &node.conditions;
            let texts = if scan {
                [&conditions.index, &conditions.recheck, &conditions.filter, &None]
            } else if node.node_type.ends_with("Join") || node.node_type == "Nested Loop" {
                [&conditions.hash, &conditions.merge, &conditions.join_filter, &conditions.filter]
            } else {
                continue;
            };
            for text in texts.into_iter().flatten() {
                for conjunct in text::conjuncts(text) {
                    self.conjunct(place, conjunct);
                }
            }
        }
    }

    /// Reads one conjunct as if it stood in a `WHERE`, and notes what that added.
    fn conjunct(&mut self, node: usize, text: &str) {
        let Some(expr) = expression(text) else { return };
        for conjunct in conjuncts(&expr) {
            self.walk.reads(conjunct);
            let known = self.walk.analysis.tables.iter_mut().map(|table| {
                (std::mem::take(&mut table.conditions), std::mem::take(&mut table.joins))
            });
            let known: Vec<_> = known.collect();
            self.walk.conditions(conjunct, Holds::Always);
            let mut joined: Vec<(usize, IndexKey)> = Vec::new();
            let mut of_scan: Vec<Compared> = Vec::new();
            let tables = self.walk.analysis.tables.iter_mut().enumerate();
            for ((scan, table), (conditions, joins)) in tables.zip(known) {
                let added = std::mem::replace(&mut table.conditions, conditions);
                let keys = added.iter().map(|one| (one.key.clone(), one.kind)).collect();
                if !added.is_empty() {
                    let alternatives = added.iter().any(|one| one.alternative);
                    of_scan.push(Compared { scan, keys, alternatives });
                }
                for condition in added {
                    if !table.conditions.contains(&condition) {
                        table.conditions.push(condition);
                    }
                }
                let added = std::mem::replace(&mut table.joins, joins);
                for key in added {
                    joined.push((scan, key.clone()));
                    if !table.joins.contains(&key) {
                        table.joins.push(key);
                    }
                }
            }
            if let Ok([left, right]) = <[(usize, IndexKey); 2]>::try_from(joined) {
                self.found.joins.push(PlanJoin { node, left, right });
            } else {
                let whole =
                    if text.contains(" AND ") { conjunct.to_string() } else { text.to_owned() };
                self.note(conjunct, whole, of_scan);
            }
        }
    }

    /// Notes a conjunct that speaks of one scan alone.
    fn note(&mut self, expr: &Expr, text: String, of_scan: Vec<Compared>) {
        let scans = self.walk.tables_in(expr).unwrap_or_default();
        let Ok([scan]) = <[usize; 1]>::try_from(Vec::from_iter(scans)) else { return };
        let keyed = of_scan.into_iter().find(|compared| compared.scan == scan);
        let (keys, alternatives) =
            keyed.map_or_else(Default::default, |known| (known.keys, known.alternatives));
        let clause = PlanClause {
            parameter: text.contains('$'),
            values: values(expr),
            text,
            keys,
            alternatives,
        };
        let Some(scan) = self.found.scans.get_mut(scan) else { return };
        if !scan.clauses.contains(&clause) {
            scan.clauses.push(clause);
        }
    }

    fn sorts(&mut self) {
        for (place, node) in self.plan.nodes.iter().enumerate() {
            if matches!(node.node_type.as_str(), "Sort" | "Incremental Sort") {
                self.sort(place, node);
            }
            if node.node_type == "Aggregate" {
                self.smallest(place, node);
            }
            for key in &node.group_key {
                let Some(Place { table, key }) =
                    expression(key).and_then(|it| self.walk.place(&it))
                else {
                    continue;
                };
                if let Some(needs) = self.walk.analysis.tables.get_mut(table)
                    && !needs.group.contains(&key)
                {
                    needs.group.push(key);
                }
            }
        }
        let limited = self.plan.nodes.iter().any(|node| node.node_type == "Limit");
        for needs in &mut self.walk.analysis.tables {
            needs.limited |= limited;
        }
    }

    fn sort(&mut self, node: usize, sort: &PlanNode) {
        let mut scan = None;
        let mut keys = Vec::new();
        let mut whole = true;
        for key in &sort.sort_key {
            let (key, descending, nulls_first) = text::sort_key(key);
            let place = expression(key).and_then(|expr| self.walk.place(&expr));
            match place {
                Some(Place { table, key }) if *scan.get_or_insert(table) == table => {
                    keys.push(SortKey { key, descending, nulls_first });
                }
                _ => {
                    whole = false;
                    break;
                }
            }
        }
        let Some(scan) = scan.filter(|_| !keys.is_empty()) else { return };
        if let Some(needs) = self.walk.analysis.tables.get_mut(scan)
            && needs.order.is_empty()
        {
            needs.order.clone_from(&keys);
        }
        if whole {
            self.found.sorts.push(PlanSort { node, scan, keys });
        }
    }

    /// `min` and `max` alone take the first row of an order.
    fn smallest(&mut self, place: usize, node: &PlanNode) {
        let [output] = node.output.as_slice() else { return };
        let argument = output.strip_prefix("min(").or_else(|| output.strip_prefix("max("));
        let Some(argument) = argument.and_then(|rest| rest.strip_suffix(')')) else { return };
        let found = expression(argument).and_then(|expr| self.walk.place(&expr));
        let Some(Place { table, key }) = found.filter(|_| node.group_key.is_empty()) else {
            return;
        };
        let keys = vec![SortKey { key, descending: false, nulls_first: false }];
        if let Some(needs) = self.walk.analysis.tables.get_mut(table)
            && needs.order.is_empty()
        {
            needs.order.clone_from(&keys);
            needs.limited = true;
        }
        self.found.sorts.push(PlanSort { node: place, scan: table, keys });
    }

    /// Which columns the plan reads: those that other nodes name, and of a scan itself what nobody above it picks from.
    fn reads(&mut self) {
        let scans: BTreeSet<usize> = self.found.scans.iter().map(|scan| scan.node).collect();
        let told = self.plan.nodes.iter().any(|node| !node.output.is_empty());
        for (place, node) in self.plan.nodes.iter().enumerate() {
            // A scan may hand on whole rows for speed where the node above picks.
            let picked = scans.contains(&place) && self.is_picked_from(place);
            let output = node.output.iter().filter(|_| !picked);
            let keys = node.group_key.iter().chain(&node.sort_key).map(|key| text::sort_key(key).0);
            for text in output.map(model::Text::as_str).chain(keys) {
                if let Some(expr) = expression(text) {
                    self.walk.reads(&expr);
                }
            }
        }
        let written =
            self.plan.nodes.iter().any(|node| {
                node.node_type == "ModifyTable" || node.node_type.as_str() == "LockRows"
            });
        for needs in &mut self.walk.analysis.tables {
            needs.whole_rows = !told || written;
        }
    }

    fn is_picked_from(&self, place: usize) -> bool {
        let mut at = place;
        while let Some(parent) = self.plan.nodes.get(at).and_then(|node| node.parent) {
            let Some(node) = self.plan.nodes.get(parent) else { return false };
            match node.node_type.as_str() {
                "Limit" | "Gather" | "Unique" | "Append" => at = parent,
                _ => return true,
            }
        }
        false
    }
}

/// The table that a node reads itself.
fn scanned_table<'database>(
    node: &PlanNode,
    database: &'database Database,
) -> Option<&'database Table> {
    let reads = matches!(
        node.node_type.as_str(),
        "Seq Scan" | "Index Scan" | "Index Only Scan" | "Bitmap Heap Scan" | "Sample Scan"
    );
    let name = node.relation.as_ref().filter(|_| reads)?;
    let mut named = database.tables.iter().filter(|table| table.name.name == name.as_str());
    match &node.schema {
        Some(schema) => named.find(|table| table.name.schema == schema.as_str()),
        None => named.next(),
    }
}

/// The table that indexes are made on: of a partition the one that it is of.
fn partitioned<'database>(
    table: &'database Table,
    database: &'database Database,
) -> &'database Table {
    /// PostgreSQL knows no such bound; nobody partitions partitions of partitions more often.
    const LEVELS_MAX: usize = 16;
    let mut top = table;
    for _ in 0..LEVELS_MAX {
        match top.parent_oid.and_then(|oid| database.table(oid)) {
            Some(parent) => top = parent,
            None => break,
        }
    }
    top
}

/// An expression as EXPLAIN prints it.
fn expression(text: &str) -> Option<Expr> {
    if BYTES_MAX < text.len() || OPERATORS_MAX < crate::shape::operators(&text.to_ascii_lowercase())
    {
        return None;
    }
    let text = text::plain(text);
    let parser = Parser::new(&PostgreSqlDialect {}).with_recursion_limit(DEPTH_MAX);
    let mut parser = parser.try_with_sql(&text).ok()?;
    Some(spelt(parser.parse_expr().ok()?))
}

/// With `LIKE` for the operator that EXPLAIN prints.
fn spelt(expr: Expr) -> Expr {
    match expr {
        Expr::Nested(inner) => Expr::Nested(Box::new(spelt(*inner))),
        Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
            Expr::BinaryOp { left: Box::new(spelt(*left)), op, right: Box::new(spelt(*right)) }
        }
        Expr::BinaryOp { left, op: BinaryOperator::PGLikeMatch, right } => {
            Expr::Like { negated: false, any: false, expr: left, pattern: right, escape_char: None }
        }
        other => other,
    }
}

/// How many values an `IN` has.
fn values(expr: &Expr) -> usize {
    /// What the planner takes for an array that it cannot see.
    const UNKNOWN: usize = 10;
    let listed = |expr: &Expr| match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.matches(',').count() + 1),
            _ => None,
        },
        Expr::Array(array) => Some(array.elem.len()),
        _ => None,
    };
    match expr {
        Expr::InList { list, .. } => list.len(),
        Expr::AnyOp { right, .. } => {
            let mut at = &**right;
            while let Expr::Nested(inner) | Expr::Cast { expr: inner, .. } = at {
                at = inner;
            }
            listed(at).unwrap_or(UNKNOWN)
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
