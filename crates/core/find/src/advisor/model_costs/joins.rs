//! Joins, planned anew: with an index another order may be the cheapest, one table driving, the others looked up.
//!
//! Inner joins below one another are one cluster, whose inputs can be joined in any order; outer, semi and anti joins
//! are clusters of two. Orders are searched as System R does (Selinger et al., "Access path selection in a relational
//! database management system", SIGMOD 1979), one input added at a time, by hash or by index. What comes
//! out is scaled so that without new indexes it is what the planner said.

mod search;

use std::collections::BTreeMap;

use model::database::IndexKey;

use super::{
    leaf::{Access, Offered},
    prepared::{Prepared, distinct},
    prices::{Prices, Rows},
    tree::pruned,
};
use search::Search;

/// Inputs of a cluster that all orders are tried of: 2^9 sets.
const UNITS_MAX: usize = 9;

/// Joins that are planned as one.
#[derive(Debug)]
pub(super) struct Cluster {
    units: Vec<Unit>,
    /// What is equal to what: members of one class equal one another.
    members: Vec<Member>,
    /// The input whose rows are kept one by one; the other one may be looked up for them. `None` where any may drive.
    driver: Option<usize>,
    /// One match is enough.
    first_match: bool,
    /// Correction of the rows for each input that is added, so that all together give what the planner expects.
    scale: f64,
    /// What it costs by this search without new indexes, and by the planner.
    now: f64,
    real: f64,
    /// What is run aside once costs, which is in neither.
    aside: f64,
}

#[derive(Debug)]
struct Unit {
    node: usize,
    leaf: Option<usize>,
    rows: Rows,
}

#[derive(Debug)]
struct Member {
    unit: usize,
    leaf: usize,
    key: IndexKey,
    distinct: f64,
    class: usize,
}

/// An equality: the node that checks it, and a key of a leaf on each side.
pub(super) type Equality = (usize, (usize, IndexKey), (usize, IndexKey));

impl Cluster {
    /// The cluster whose topmost join this node is. Marks the equalities that it takes.
    pub(super) fn at(
        node: usize,
        prepared: &Prepared<'_>,
        joins: &[Equality],
        within: &mut [bool],
        prices: &Prices,
    ) -> Option<Self> {
        let join = join_type(prepared, node)?;
        if join == "Inner" && is_inside(prepared, node) {
            return None;
        }
        let mut nodes = Vec::new();
        collect(prepared, node, join == "Inner", &mut nodes);
        if nodes.len() < 2 || UNITS_MAX < nodes.len() {
            return None;
        }
        let unit = |node: &usize| {
            let leaf = prepared.leaf_of.get(node).copied();
            let rows =
                leaf.map_or_else(|| prepared.rows(*node), |leaf| prepared.leaves[leaf].passed);
            Unit { node: *node, leaf, rows: Rows { rows, width: prepared.width(*node) } }
        };
        let mut cluster = Self {
            units: nodes.iter().map(unit).collect(),
            members: Vec::new(),
            driver: match join {
                "Inner" => None,
                right if right.starts_with("Right") => Some(1),
                "Full" => return None,
                _ => Some(0),
            },
            first_match: join.ends_with("Semi") || join.ends_with("Anti"),
            scale: 1.0,
            now: f64::INFINITY,
            real: (prepared.node(node).estimate?.total_cost - prepared.aside_cost(node)).max(0.0),
            aside: prepared.aside_cost(node),
        };
        cluster.classes(node, prepared, joins, within)?;
        let everything = (1_usize << cluster.units.len()) - 1;
        let wanted = prepared.rows(node);
        let steps = i32::try_from(cluster.units.len() - 1).ok()?;
        cluster.scale = (wanted / cluster.rows(everything).max(1e-9)).powf(1.0 / f64::from(steps));
        cluster.now = cluster.best_now(prepared, prices);
        cluster.now.is_finite().then_some(cluster)
    }

    fn classes(
        &mut self,
        node: usize,
        prepared: &Prepared<'_>,
        joins: &[Equality],
        within: &mut [bool],
    ) -> Option<()> {
        let end = prepared.plan.subtree_end(node);
        let unit_of = |leaf: usize| {
            let (node, _) = prepared.leaf_of.iter().find(|(_, known)| **known == leaf)?;
            let holds =
                |unit: &Unit| unit.node <= *node && *node < prepared.plan.subtree_end(unit.node);
            self.units.iter().position(holds)
        };
        let mut found: Vec<Member> = Vec::new();
        for (place, (at, left, right)) in joins.iter().enumerate() {
            if *at < node || end <= *at {
                continue;
            }
            let (Some(a), Some(b)) = (unit_of(left.0), unit_of(right.0)) else { continue };
            if a == b {
                continue;
            }
            within[place] = true;
            // A subquery that is run for each row cannot be moved.
            let inside = self.units.iter().any(|unit| {
                unit.leaf.is_none()
                    && unit.node <= *at
                    && *at < prepared.plan.subtree_end(unit.node)
            });
            if inside {
                return None;
            }
            let class_of = |side: &(usize, IndexKey)| {
                found
                    .iter()
                    .find(|known| known.leaf == side.0 && known.key == side.1)
                    .map(|it| it.class)
            };
            let (one, other) = (class_of(left), class_of(right));
            let class = one.or(other).unwrap_or(place);
            for known in &mut found {
                if Some(known.class) == other {
                    known.class = class;
                }
            }
            for (unit, side, known) in [(a, left, one), (b, right, other)] {
                if known.is_none() {
                    let leaf = &prepared.leaves[side.0];
                    let distinct = distinct(leaf.table, &side.1, leaf.rows);
                    found.push(Member { unit, leaf: side.0, key: side.1.clone(), distinct, class });
                }
            }
        }
        self.members = found;
        Some(())
    }

    /// Rows of the join of these inputs.
    fn rows(&self, set: usize) -> f64 {
        let units = self.units.iter().enumerate().filter(|(place, _)| set & (1 << place) != 0);
        let mut rows: f64 = units.map(|(_, unit)| unit.rows.rows).product();
        // Each further member of a class has to equal those before: one over the larger number of values.
        let mut classes: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for member in self.members.iter().filter(|member| set & (1 << member.unit) != 0) {
            classes.entry(member.class).or_default().push(member.distinct);
        }
        for values in classes.values_mut() {
            values.sort_by(f64::total_cmp);
            for value in values.iter().skip(1) {
                rows /= value.max(1.0);
            }
        }
        let steps = set.count_ones().saturating_sub(1);
        rows * self.scale.powi(i32::try_from(steps).unwrap_or(0))
    }

    /// The search over what is there already.
    fn best_now(&self, prepared: &Prepared<'_>, prices: &Prices) -> f64 {
        let paths = self.units.iter().map(|unit| vec![Self::standalone(unit, prepared, prices)]);
        let paths: Vec<Vec<Access>> = paths.collect();
        let search =
            Search { cluster: self, inputs: &paths, prepared, offered: &prepared.existing, prices };
        let found = search.paths();
        found.iter().map(|path| path.total).fold(f64::INFINITY, f64::min)
    }

    /// Reading an input by itself, as things stand.
    fn standalone(unit: &Unit, prepared: &Prepared<'_>, prices: &Prices) -> Access {
        let estimate = prepared.node(unit.node).estimate.unwrap_or_default();
        let mut path = Access {
            startup: estimate.startup_cost,
            total: estimate.total_cost,
            ordered: None,
            used: Vec::new(),
        };
        if let Some(leaf) = unit.leaf.filter(|leaf| prepared.probed[*leaf]) {
            let leaf = &prepared.leaves[leaf];
            (path.startup, path.total) = (0.0, leaf.sequential(prices));
            for offered in &prepared.existing {
                for access in leaf.by_index(offered, &[], 1.0, prices) {
                    if access.total < path.total {
                        path = Access { ordered: None, ..access };
                    }
                }
            }
        }
        path
    }

    /// What the joins cost with what is offered, and with the inputs' own paths.
    pub(super) fn paths(
        &self,
        prepared: &Prepared<'_>,
        paths: &[Vec<Access>],
        offered: &[Offered],
        prices: &Prices,
    ) -> Vec<Access> {
        let inputs = self.units.iter().map(|unit| {
            let alone = Self::standalone(unit, prepared, prices);
            let probed = unit.leaf.is_some_and(|leaf| prepared.probed[leaf]);
            let mut mine = vec![alone];
            if let Some(leaf) = unit.leaf.filter(|_| probed) {
                let leaf = &prepared.leaves[leaf];
                for one in offered.iter().filter(|one| one.place.is_some()) {
                    mine.extend(leaf.by_index(one, &[], 1.0, prices));
                }
            } else {
                mine.extend(paths[unit.node].iter().cloned());
            }
            pruned(mine)
        });
        let inputs: Vec<Vec<Access>> = inputs.collect();
        let search = Search { cluster: self, inputs: &inputs, prepared, offered, prices };
        let mut found = search.paths();
        let ratio = self.real / self.now.max(1e-9);
        for path in &mut found {
            path.startup = path.startup * ratio + self.aside;
            path.total = path.total * ratio + self.aside;
        }
        found
    }
}

/// The join of this node; `None` if it is none.
fn join_type<'plan>(prepared: &'plan Prepared<'_>, node: usize) -> Option<&'plan str> {
    let node = prepared.node(node);
    let joins = matches!(node.node_type.as_str(), "Hash Join" | "Merge Join" | "Nested Loop");
    joins.then(|| node.join_type.as_ref().map_or("Inner", |join| join.as_str()))
}

/// What only holds rows for a join.
fn is_passed_through(prepared: &Prepared<'_>, node: usize) -> bool {
    let node_type = prepared.node(node).node_type.as_str();
    matches!(node_type, "Hash" | "Sort" | "Materialize" | "Memoize")
}

/// Whether an inner join above takes this one into its cluster.
fn is_inside(prepared: &Prepared<'_>, node: usize) -> bool {
    let mut at = node;
    while let Some(parent) = prepared.node(at).parent {
        if join_type(prepared, parent) == Some("Inner") {
            return !is_aside(prepared, at);
        }
        if is_aside(prepared, at) || !is_passed_through(prepared, parent) {
            return false;
        }
        at = parent;
    }
    false
}

fn is_aside(prepared: &Prepared<'_>, node: usize) -> bool {
    use model::plan::Relationship;
    matches!(prepared.node(node).relationship, Relationship::InitPlan | Relationship::SubPlan)
}

fn collect(prepared: &Prepared<'_>, node: usize, deep: bool, found: &mut Vec<usize>) {
    for child in prepared.inputs(node) {
        let mut at = child;
        while is_passed_through(prepared, at) {
            match prepared.inputs(at).next() {
                Some(below) => at = below,
                None => break,
            }
        }
        // A plan's own depth bounds this: the reader of plans takes no deeper ones.
        if deep && join_type(prepared, at) == Some("Inner") && found.len() < UNITS_MAX {
            collect(prepared, at, deep, found);
        } else {
            found.push(at);
        }
    }
}
