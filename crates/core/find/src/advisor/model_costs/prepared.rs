//! A statement's own plan, taken apart: which tables it reads under which conditions, and how they are joined.

use std::collections::BTreeMap;

use model::{
    Plan,
    database::{Database, IndexKey, IndexMethod, NewIndex, Table},
    plan::{PlanNode, Relationship},
};
use sql::{ConditionKind, PlanClause, PlanNeeds, PlanScan};

use super::{
    super::size::{self, PAGE_BYTES, precise},
    Planner,
    joins::Cluster,
    leaf::{Clause, Leaf, Offered},
    prices::Prices,
};

/// Shares of rows that comparisons keep of which nothing is known, as the planner takes them: a range, a pair of bounds,
/// a pattern.
const RANGE_SHARE: f64 = 1.0 / 3.0;
const BOUNDS_SHARE: f64 = 0.005;
const PATTERN_SHARE: f64 = 0.005;

/// A statement, ready to be costed with any indexes.
#[derive(Debug)]
pub(super) struct Prepared<'a> {
    pub(super) plan: Plan,
    pub(super) children: Vec<Vec<usize>>,
    pub(super) leaves: Vec<Leaf<'a>>,
    /// The leaf of each node.
    pub(super) leaf_of: BTreeMap<usize, usize>,
    /// Leaves that are read once for each row of another.
    pub(super) probed: Vec<bool>,
    /// Joins, by their topmost node.
    pub(super) clusters: BTreeMap<usize, Cluster>,
    /// Indexes that are there, of the tables that it reads.
    pub(super) existing: Vec<Offered>,
}

impl<'a> Prepared<'a> {
    /// Takes `plan` apart. Shares of rows are asked for where the plan does not tell them.
    pub(super) fn of(
        plan: Plan,
        text: &str,
        database: &'a Database,
        planner: &mut dyn Planner,
        prices: &Prices,
    ) -> Self {
        let needs = sql::plan_needs(&plan, database);
        let spelt = sql::analyse(text, database).map(|it| it.tables).unwrap_or_default();
        let total_pages = needs.scans.iter().filter_map(|scan| table_of(scan, database));
        let total_pages: f64 = total_pages.map(pages).sum();
        let mut leaves = Vec::new();
        let mut leaf_of = BTreeMap::new();
        let mut probed = Vec::new();
        // Places of scans without a table that is known are left out; others keep theirs.
        let mut place_of = BTreeMap::new();
        for (place, scan) in needs.scans.iter().enumerate() {
            let Some(table) = table_of(scan, database) else { continue };
            let is_probed = needs.joins.iter().any(|join| join.node == scan.node);
            let mut leaf = leaf(scan, table, &plan, is_probed, planner);
            leaf.total_pages = total_pages;
            leaf.by_bytes = matches!(database.setting("lc_collate"), Some("C" | "POSIX"));
            let spelt = spelt.iter().filter(|known| known.table == scan.needs.table);
            for predicate in scan.needs.predicates.iter().chain(spelt.flat_map(|it| &it.predicates))
            {
                leaf.predicates.push((predicate.sql.clone(), predicate.columns.clone()));
            }
            let sorts = needs.sorts.iter().filter(|sort| sort.scan == place);
            leaf.sorts = sorts.map(|sort| (sort.node, sort.keys.clone())).collect();
            place_of.insert(place, leaves.len());
            leaf_of.insert(scan.node, leaves.len());
            probed.push(is_probed);
            leaves.push(leaf);
        }
        let children = children(&plan);
        let existing = existing(&leaves, database);
        let mut prepared =
            Self { plan, children, leaves, leaf_of, probed, clusters: BTreeMap::new(), existing };
        prepared.join(&needs, &place_of, prices);
        prepared
    }

    fn join(&mut self, needs: &PlanNeeds, place_of: &BTreeMap<usize, usize>, prices: &Prices) {
        let joins: Vec<_> = needs
            .joins
            .iter()
            .filter_map(|join| {
                let left = (*place_of.get(&join.left.0)?, join.left.1.clone());
                let right = (*place_of.get(&join.right.0)?, join.right.1.clone());
                Some((join.node, left, right))
            })
            .collect();
        let mut within = vec![false; joins.len()];
        for node in 0..self.plan.nodes.len() {
            if let Some(cluster) = Cluster::at(node, self, &joins, &mut within, prices) {
                self.clusters.insert(node, cluster);
            }
        }
        // What is compared with something from outside of every join is known when the table is read.
        for ((node, left, right), within) in joins.iter().zip(within) {
            let Some(leaf) = self.leaf_of.get(node).copied().filter(|_| !within) else { continue };
            let key = if left.0 == leaf { &left.1 } else { &right.1 };
            self.probed[leaf] = false;
            let leaf = &mut self.leaves[leaf];
            leaf.clauses.push(Clause {
                keys: vec![(key.clone(), ConditionKind::Equal)],
                alternatives: false,
                values: 1.0,
                share: 1.0 / distinct(leaf.table, key, leaf.rows),
            });
        }
    }

    pub(super) fn node(&self, place: usize) -> &PlanNode {
        &self.plan.nodes[place]
    }

    /// Children that hand their rows on, not those that are run aside.
    pub(super) fn inputs(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        self.children[place].iter().copied().filter(|child| {
            !matches!(
                self.node(*child).relationship,
                Relationship::InitPlan | Relationship::SubPlan
            )
        })
    }

    /// What the node runs once, beside its inputs, and counts as its own.
    pub(super) fn aside_cost(&self, place: usize) -> f64 {
        let once = self.children[place].iter().map(|child| self.node(*child));
        once.filter(|child| child.relationship == Relationship::InitPlan)
            .filter_map(|child| child.estimate)
            .map(|estimate| estimate.total_cost)
            .sum()
    }

    pub(super) fn rows(&self, place: usize) -> f64 {
        self.node(place).estimate.map_or(1.0, |estimate| estimate.rows.max(1.0))
    }

    pub(super) fn width(&self, place: usize) -> f64 {
        self.node(place).estimate.map_or(0.0, |estimate| precise(estimate.width))
    }
}

fn children(plan: &Plan) -> Vec<Vec<usize>> {
    let mut children = vec![Vec::new(); plan.nodes.len()];
    for (place, node) in plan.nodes.iter().enumerate() {
        if let Some(mine) = node.parent.and_then(|parent| children.get_mut(parent)) {
            mine.push(place);
        }
    }
    children
}

fn table_of<'database>(scan: &PlanScan, database: &'database Database) -> Option<&'database Table> {
    database.tables.iter().find(|table| table.name == scan.table)
}

fn pages(table: &Table) -> f64 {
    (precise(table.bytes) / PAGE_BYTES).max(precise(table.pages)).max(1.0)
}

fn leaf<'a>(
    scan: &PlanScan,
    table: &'a Table,
    plan: &Plan,
    is_probed: bool,
    planner: &mut dyn Planner,
) -> Leaf<'a> {
    let node = &plan.nodes[scan.node];
    let rows = size::rows(table).max(1.0);
    let estimated = node.estimate.map_or(1.0, |estimate| estimate.rows.max(1.0));
    let told = (estimated / rows).min(1.0);
    let single = scan.clauses.len() == 1 && !is_probed;
    let mut clauses: Vec<Clause> = Vec::new();
    for (place, clause) in scan.clauses.iter().enumerate() {
        let share = if single { told } else { share(scan, place, table, rows, planner) };
        clauses.push(Clause {
            keys: clause.keys.clone(),
            alternatives: clause.alternatives,
            values: count(clause.values),
            share: share.clamp(1e-9, 1.0),
        });
    }
    let product: f64 = clauses.iter().map(|clause| clause.share).product();
    Leaf {
        table,
        whole: scan.needs.table.clone(),
        rows,
        pages: pages(table),
        total_pages: 0.0,
        clauses,
        passed: if is_probed { (rows * product).max(1.0) } else { estimated },
        read: (!scan.needs.whole_rows).then(|| scan.needs.read.clone()),
        predicates: Vec::new(),
        sorts: Vec::new(),
        by_bytes: false,
    }
}

/// Share of the rows that pass one clause; bounds of the same column count as one.
fn share(
    scan: &PlanScan,
    place: usize,
    table: &Table,
    rows: f64,
    planner: &mut dyn Planner,
) -> f64 {
    let clause = &scan.clauses[place];
    let same =
        |other: &PlanClause| is_bound(other) && is_bound(clause) && other.keys == clause.keys;
    if scan.clauses.iter().take(place).any(same) {
        return 1.0;
    }
    let bounds: Vec<&PlanClause> =
        scan.clauses.iter().skip(place).filter(|other| same(other)).collect();
    if !clause.parameter && bounds.iter().all(|bound| !bound.parameter) {
        let texts: Vec<&str> = if bounds.is_empty() {
            vec![&clause.text]
        } else {
            bounds.iter().map(|bound| bound.text.as_str()).collect()
        };
        let condition = texts.join(" AND ");
        if let Some(passed) = planner.rows_where(&scan.table, &scan.alias, &condition) {
            return passed / rows;
        }
    }
    if 1 < bounds.len() {
        return BOUNDS_SHARE;
    }
    guessed(clause, table, rows)
}

fn is_bound(clause: &PlanClause) -> bool {
    !clause.alternatives && matches!(clause.keys.as_slice(), [(_, ConditionKind::Range)])
}

/// The planner's guess for a value that is not known.
fn guessed(clause: &PlanClause, table: &Table, rows: f64) -> f64 {
    let of = |(key, kind): &(IndexKey, ConditionKind)| match kind {
        ConditionKind::Equal => filled(table, key) / distinct(table, key, rows),
        ConditionKind::In => {
            (count(clause.values) * filled(table, key) / distinct(table, key, rows)).min(1.0)
        }
        ConditionKind::Range => RANGE_SHARE,
        _ => PATTERN_SHARE,
    };
    match clause.keys.as_slice() {
        // Something that no index could hold.
        [] => 0.5,
        keys if clause.alternatives => keys.iter().map(of).sum::<f64>().min(1.0),
        keys => keys.iter().map(of).fold(1.0, f64::min),
    }
}

/// Distinct values of a key; at least 1.
pub(super) fn distinct(table: &Table, key: &IndexKey, rows: f64) -> f64 {
    /// The planner's default for what it knows nothing of.
    const UNKNOWN: f64 = 200.0;
    let known = match key {
        IndexKey::Column(number) if table.primary_key == [*number] => Some(rows),
        IndexKey::Column(number) => table
            .column(*number)
            .and_then(|column| column.statistics.as_ref())
            .map(|statistics| statistics.distinct_in(rows)),
        IndexKey::Expression(_) => None,
    };
    known.unwrap_or_else(|| UNKNOWN.min(rows)).max(1.0)
}

fn filled(table: &Table, key: &IndexKey) -> f64 {
    let IndexKey::Column(number) = key else { return 1.0 };
    let statistics = table.column(*number).and_then(|column| column.statistics.as_ref());
    1.0 - statistics.map_or(0.0, |statistics| statistics.null_share)
}

/// B-trees that are there.
fn existing(leaves: &[Leaf<'_>], database: &Database) -> Vec<Offered> {
    let mut found: Vec<Offered> = Vec::new();
    for leaf in leaves {
        if found.iter().any(|known| known.index.table == leaf.table.name) {
            continue;
        }
        for index in database.indexes_of(leaf.table.oid) {
            if !index.valid || index.method != IndexMethod::Btree || leaf.rows < 1.0 {
                continue;
            }
            let share = (index.entries / leaf.rows).clamp(0.0, 1.0);
            let share = if index.predicate.is_empty() { 1.0 } else { share };
            let known = NewIndex {
                table: leaf.table.name.clone(),
                method: index.method.clone(),
                keys: index.keys.clone(),
                include: index.include.clone(),
                predicate: index.predicate.to_string(),
                unique: index.unique,
            };
            let mut offered = Offered::new(&known, leaf.table, share, None);
            offered.pages = (precise(index.bytes) / PAGE_BYTES).max(1.0);
            found.push(offered);
        }
    }
    found
}

fn count(value: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "values of one list")]
    let count = value as f64;
    count.max(1.0)
}
