//! From the tables upwards: what a plan costs where some of its tables are read by other means.
//!
//! Each node keeps what it took by itself according to the planner; only what comes from below changes. Sorts that an
//! index spares fall away, limits take their share of what is below them.

use model::plan::Relationship;

use super::{
    leaf::{Access, Offered},
    prepared::Prepared,
    prices::Prices,
};

/// Ways to have a node that are kept: the cheapest, the quickest to begin, one for each order.
const PATHS_MAX: usize = 5;
/// Costs are printed with two digits: a smaller difference between start and end tells no share.
const TELLING: f64 = 0.5;

/// The cheapest plan with what is offered: its cost, and the offered indexes that it reads.
pub(super) fn cheapest(prepared: &Prepared<'_>, offered: &[Offered], prices: &Prices) -> Access {
    let mut paths: Vec<Vec<Access>> = vec![Vec::new(); prepared.plan.nodes.len()];
    for place in (0..prepared.plan.nodes.len()).rev() {
        let mine = paths_of(place, prepared, &paths, offered, prices);
        paths[place] = pruned(mine);
    }
    let real = real(prepared, 0);
    let better = paths.into_iter().next().unwrap_or_default().into_iter();
    better
        .filter(|path| !path.used.is_empty() && path.total < real.total)
        .min_by(|a, b| a.total.total_cmp(&b.total))
        .unwrap_or(real)
}

/// A node as the planner has it.
fn real(prepared: &Prepared<'_>, place: usize) -> Access {
    let estimate =
        prepared.plan.nodes.get(place).and_then(|node| node.estimate).unwrap_or_default();
    Access {
        startup: estimate.startup_cost,
        total: estimate.total_cost,
        ordered: None,
        used: Vec::new(),
    }
}

fn paths_of(
    place: usize,
    prepared: &Prepared<'_>,
    paths: &[Vec<Access>],
    offered: &[Offered],
    prices: &Prices,
) -> Vec<Access> {
    let mut found = vec![real(prepared, place)];
    let inputs: Vec<usize> = prepared.inputs(place).collect();
    let node = prepared.node(place);
    if let Some(leaf) = prepared.leaf_of.get(&place) {
        if !prepared.probed[*leaf] {
            let leaf = &prepared.leaves[*leaf];
            for one in offered.iter().filter(|one| one.place.is_some()) {
                found.extend(leaf.by_index(one, &[], 1.0, prices));
            }
            let sides = leaf.by_sides(offered, prices);
            found.extend(sides.into_iter().filter(|path| !path.used.is_empty()));
        }
    } else {
        match (node.node_type.as_str(), inputs.as_slice()) {
            (_, []) => {}
            ("Hash Join" | "Merge Join" | "Nested Loop", [outer, inner]) => {
                found.extend(joined(place, (*outer, *inner), prepared, paths));
                if let Some(cluster) = prepared.clusters.get(&place) {
                    found.extend(cluster.paths(prepared, paths, offered, prices));
                }
            }
            ("Limit", [below]) => {
                found.extend(
                    paths[*below].iter().map(|path| limited(place, *below, path, prepared)),
                );
            }
            (_, [below]) => {
                found
                    .extend(paths[*below].iter().map(|path| passed(place, *below, path, prepared)));
            }
            (_, many) => found.push(summed(place, many, prepared, paths)),
        }
    }
    aside(place, prepared, paths, found)
}

/// The same join over cheaper inputs.
fn joined(
    place: usize,
    (outer, inner): (usize, usize),
    prepared: &Prepared<'_>,
    paths: &[Vec<Access>],
) -> Vec<Access> {
    let (now, outer_now, inner_now) =
        (real(prepared, place), real(prepared, outer), real(prepared, inner));
    let kind = prepared.node(place).node_type.as_str();
    let times = match (kind, prepared.node(inner).node_type.as_str()) {
        ("Nested Loop", "Materialize") => 1.0,
        ("Nested Loop", _) => {
            // Not more often than what the join itself took allows: some look-ups are remembered.
            let most = (now.total - outer_now.total) / inner_now.total.max(1e-9);
            prepared.rows(outer).min(most).max(0.0)
        }
        _ => 1.0,
    };
    let Some(inner) = paths[inner].iter().min_by(|a, b| a.total.total_cmp(&b.total)) else {
        return Vec::new();
    };
    let spared = (inner_now.total - inner.total) * times;
    let found = paths[outer].iter().map(|outer| {
        let total = (now.total - (outer_now.total - outer.total) - spared).max(outer.total);
        let inner_start =
            if kind == "Nested Loop" { inner_now.startup - inner.startup } else { spared };
        let startup = now.startup - (outer_now.startup - outer.startup) - inner_start;
        Access {
            startup: startup.clamp(0.0, total),
            total,
            ordered: outer.ordered.filter(|_| kind == "Nested Loop"),
            used: united(&outer.used, &inner.used),
        }
    });
    found.collect()
}

/// A share of what is below.
fn limited(place: usize, below: usize, path: &Access, prepared: &Prepared<'_>) -> Access {
    let (now, below_now) = (real(prepared, place), real(prepared, below));
    let run = below_now.total - below_now.startup;
    let (from, to) = if TELLING < run {
        let share = |cost: f64| ((cost - below_now.startup) / run).clamp(0.0, 1.0);
        (share(now.startup), share(now.total))
    } else {
        (0.0, (prepared.rows(place) / prepared.rows(below)).min(1.0))
    };
    let at = |share: f64| path.startup + (path.total - path.startup) * share;
    Access { startup: at(from), total: at(to), ordered: None, used: path.used.clone() }
}

/// What one input costs, and what the node adds to it.
fn passed(place: usize, below: usize, path: &Access, prepared: &Prepared<'_>) -> Access {
    let (now, below_now) = (real(prepared, place), real(prepared, below));
    let kind = prepared.node(place).node_type.as_str();
    let spared = path.ordered == Some(place);
    if spared && matches!(kind, "Sort" | "Incremental Sort") {
        return Access { ordered: None, ..path.clone() };
    }
    if spared && kind == "Aggregate" {
        // The first row that is not null is the smallest.
        let first = (path.total - path.startup) / prepared.rows(below);
        let total = path.startup + first;
        return Access { startup: total, total, ordered: None, used: path.used.clone() };
    }
    let own = (now.total - below_now.total).max(0.0);
    let waits = below_now.total <= now.startup + 0.01;
    let startup = if waits {
        path.total + (now.startup - below_now.total).max(0.0)
    } else {
        path.startup + (now.startup - below_now.startup).max(0.0)
    };
    let total = path.total + own;
    Access {
        startup: startup.min(total),
        total,
        ordered: path.ordered.filter(|_| !waits),
        used: path.used.clone(),
    }
}

/// Many inputs, one after the other.
fn summed(
    place: usize,
    inputs: &[usize],
    prepared: &Prepared<'_>,
    paths: &[Vec<Access>],
) -> Access {
    let mut sum = real(prepared, place);
    for input in inputs {
        let now = real(prepared, *input);
        let best = paths[*input].iter().min_by(|a, b| a.total.total_cmp(&b.total));
        let Some(best) = best.filter(|best| best.total < now.total) else { continue };
        sum.total -= now.total - best.total;
        sum.used = united(&sum.used, &best.used);
    }
    sum.total = sum.total.max(0.0);
    sum.startup = sum.startup.min(sum.total);
    sum
}

/// Takes off what subplans save.
fn aside(
    place: usize,
    prepared: &Prepared<'_>,
    paths: &[Vec<Access>],
    mut found: Vec<Access>,
) -> Vec<Access> {
    for child in &prepared.children[place] {
        let relationship = prepared.node(*child).relationship;
        if !matches!(relationship, Relationship::InitPlan | Relationship::SubPlan) {
            continue;
        }
        let now = real(prepared, *child);
        let best = paths[*child].iter().min_by(|a, b| a.total.total_cmp(&b.total));
        let Some(best) = best.filter(|best| best.total < now.total) else { continue };
        let times = if relationship == Relationship::InitPlan {
            1.0
        } else {
            runs(place, *child, prepared)
        };
        let saved = (now.total - best.total) * times;
        for path in &mut found {
            path.total = (path.total - saved).max(0.0);
            let earlier = if times <= 1.0 { saved } else { 0.0 };
            path.startup = (path.startup - earlier).clamp(0.0, path.total);
            path.used = united(&path.used, &best.used);
        }
    }
    found
}

/// How often a subplan runs; never more often than the node's own cost allows.
fn runs(place: usize, child: usize, prepared: &Prepared<'_>) -> f64 {
    let node = prepared.node(place);
    let name = prepared.node(child).subplan.as_ref().map_or("", |name| name.as_str());
    let hashed = format!("hashed {name}");
    let conditions = node.conditions.all().map(|(_, text)| text.as_str());
    if conditions
        .chain(node.output.iter().map(model::Text::as_str))
        .any(|text| text.contains(&hashed))
    {
        return 1.0;
    }
    let met = prepared.leaf_of.get(&place).map_or_else(
        || prepared.inputs(place).map(|input| prepared.rows(input)).fold(1.0, f64::max),
        |leaf| prepared.leaves[*leaf].rows,
    );
    let each = real(prepared, child).total.max(1e-9);
    (real(prepared, place).total / each).min(met).max(1.0)
}

/// The paths that are worth keeping: none that another beats in everything.
pub(super) fn pruned(mut paths: Vec<Access>) -> Vec<Access> {
    paths.retain(|path| path.total.is_finite() && path.startup.is_finite());
    paths.sort_by(|a, b| {
        a.total
            .total_cmp(&b.total)
            .then_with(|| a.startup.total_cmp(&b.startup))
            .then_with(|| a.used.len().cmp(&b.used.len()))
            .then_with(|| a.used.cmp(&b.used))
    });
    let mut kept: Vec<Access> = Vec::new();
    for path in paths {
        let beaten = kept.iter().any(|known| {
            known.startup <= path.startup
                && (path.ordered.is_none() || known.ordered == path.ordered)
        });
        if !beaten && kept.len() < PATHS_MAX {
            kept.push(path);
        }
    }
    kept
}

/// Places of both, rising, each once.
pub(super) fn united(one: &[usize], other: &[usize]) -> Vec<usize> {
    let mut both: Vec<usize> = one.iter().chain(other).copied().collect();
    both.sort_unstable();
    both.dedup();
    both
}
