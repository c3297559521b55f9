//! In whose time each node ran, with how many others, and how the root's time is spent.

use std::collections::{BTreeMap, BTreeSet};

use model::{Plan, PlanNode, plan::Relationship};

/// A node with less than this of what it is to account for cannot have run all of it: averages are rounded to
/// three digits.
const SLACK: f64 = 0.999;

/// Nodes by whose time they ran in.
pub(super) struct Tree {
    within: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
    /// Readers of each CTE, in order.
    readers: BTreeMap<usize, Vec<usize>>,
    /// Processes that run each node at the same time.
    processes: Vec<f64>,
    cut_short: Vec<bool>,
}

/// How CTEs and their readers share time.
#[derive(Default)]
struct Shares {
    /// What each reader read: a CTE, and how long it took.
    reads: BTreeMap<usize, Vec<(usize, f64)>>,
    /// What readers had for each CTE.
    granted: BTreeMap<usize, f64>,
    /// CTEs whose time is not spent yet.
    open: BTreeSet<usize>,
}

/// What a node spent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    pub(super) inclusive_ms: f64,
    pub(super) own_ms: f64,
}

impl Tree {
    pub(super) fn new(plan: &Plan) -> Self {
        let processes = processes(plan);
        let mut tree = Self {
            within: plan.nodes.iter().map(|node| node.parent).collect(),
            children: vec![Vec::new(); plan.nodes.len()],
            readers: BTreeMap::new(),
            processes,
            cut_short: cut_short(plan),
        };
        let ends = ends(plan);
        for (place, node) in plan.nodes.iter().enumerate() {
            if node.relationship != Relationship::InitPlan {
                continue;
            }
            let name = node.subplan.as_deref().unwrap_or_default();
            if let Some(name) = name.strip_prefix("CTE ") {
                let readers = readers(plan, &ends, place, name);
                if let Some(first) = readers.first()
                    && let Some(within) = tree.within.get_mut(place)
                {
                    *within = Some(*first);
                }
                if !readers.is_empty() || writes(node) {
                    tree.readers.insert(place, readers);
                }
            } else if let Some(user) = tree.user(plan, &ends, place, name)
                && let Some(within) = tree.within.get_mut(place)
            {
                *within = Some(user);
            }
        }
        for (place, within) in tree.within.iter().enumerate() {
            if let Some(children) = within.and_then(|within| tree.children.get_mut(within)) {
                children.push(place);
            }
        }
        tree
    }

    pub(super) fn within(&self, place: usize) -> Option<usize> {
        self.within.get(place).copied().flatten()
    }

    pub(super) fn children(&self, place: usize) -> &[usize] {
        self.children.get(place).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn processes(&self, place: usize) -> f64 {
        self.processes.get(place).copied().unwrap_or(1.0)
    }

    pub(super) fn is_cut_short(&self, place: usize) -> bool {
        self.cut_short.get(place).copied().unwrap_or(false)
    }

    /// Wall-clock time that a node claims, children included.
    fn claim(&self, plan: &Plan, place: usize) -> Option<f64> {
        let node = plan.nodes.get(place)?;
        if node.never_executed {
            return Some(0.0);
        }
        let actual = node.actual?;
        let all = actual.total_ms? * actual.loops / self.processes(place);
        all.is_finite().then_some(all)
    }

    /// The node whose time an `InitPlan` ran in: the first that names it and took long enough.
    fn user(&self, plan: &Plan, ends: &[usize], place: usize, name: &str) -> Option<usize> {
        let above = plan.nodes.get(place)?.parent?;
        let marks = marks(name);
        let took = self.claim(plan, place).unwrap_or(0.0);
        let end = ends.get(above).copied().unwrap_or(above);
        let own = place..ends.get(place).copied().unwrap_or(place);
        let uses = |user: &usize| {
            !own.contains(user)
                && plan.nodes.get(*user).is_some_and(|node| names_any(node, &marks))
                && took * SLACK <= self.claim(plan, *user).unwrap_or(took)
        };
        let user = (above..end).find(uses)?;
        Some(gather_above(plan, above, user).unwrap_or(user))
    }

    /// Spends the time of the root, and of what ran on its own, from the top down.
    pub(super) fn spend(&self, plan: &Plan) -> Vec<Option<Spent>> {
        let count = plan.nodes.len();
        let claims: Vec<Option<f64>> = (0..count).map(|place| self.claim(plan, place)).collect();
        let claim = |place: usize| claims.get(place).copied().flatten();
        let mut shares = self.shares(&claim);
        let mut spent: Vec<Option<Spent>> = vec![None; count];
        let mut waiting: Vec<(usize, f64)> = (0..count)
            .filter(|place| self.within(*place).is_none())
            .filter_map(|place| Some((place, claim(place)?)))
            .collect();
        loop {
            while let Some((place, budget)) = waiting.pop() {
                let children = self.children(place).iter().copied();
                let children: Vec<usize> =
                    children.filter(|child| !self.readers.contains_key(child)).collect();
                let reads = shares.reads.get(&place).map(Vec::as_slice).unwrap_or_default();
                let claimed: f64 = reads.iter().map(|(_, part)| part).sum::<f64>()
                    + children.iter().filter_map(|child| claim(*child)).sum::<f64>();
                let scale = if budget < claimed { budget / claimed } else { 1.0 };
                for (cte, part) in reads {
                    *shares.granted.entry(*cte).or_default() += part * scale;
                }
                let own_ms = (budget - claimed * scale).max(0.0);
                if let Some(spent) = spent.get_mut(place) {
                    *spent = Some(Spent { inclusive_ms: budget, own_ms });
                }
                waiting.extend(
                    children.into_iter().filter_map(|child| Some((child, claim(child)? * scale))),
                );
            }
            // The next CTE whose readers are all done; in a ring, which no server prints, the first that is left.
            let is_ready = |cte: &usize| {
                let done = |reader: &usize| spent.get(*reader).is_none_or(Option::is_some);
                self.readers.get(cte).is_some_and(|readers| readers.iter().all(done))
            };
            let next =
                shares.open.iter().copied().find(is_ready).or_else(|| shares.open.first().copied());
            let Some(cte) = next else { break };
            shares.open.remove(&cte);
            let granted = shares.granted.get(&cte).copied().unwrap_or(0.0);
            let writes = plan.nodes.get(cte).is_some_and(writes);
            let beyond = if writes { (claim(cte).unwrap_or(0.0) - granted).max(0.0) } else { 0.0 };
            if claim(cte).is_some() {
                waiting.push((cte, granted + beyond));
            }
        }
        spent
    }

    /// What each CTE takes from each of its readers: from the first what it has, from the next what is left.
    fn shares(&self, claim: &impl Fn(usize) -> Option<f64>) -> Shares {
        let mut shares = Shares::default();
        for (cte, readers) in &self.readers {
            let mut left = claim(*cte).unwrap_or(0.0);
            for reader in readers {
                let part = left.min(claim(*reader).unwrap_or(0.0));
                shares.reads.entry(*reader).or_default().push((*cte, part));
                left -= part;
            }
            shares.open.insert(*cte);
        }
        shares
    }

    /// What everything took: own times, which is the same as the time of what ran on its own.
    pub(super) fn all_ms(spent: &[Option<Spent>]) -> f64 {
        spent.iter().flatten().map(|spent| spent.own_ms).sum()
    }
}

/// Whether a CTE runs to its end though nobody reads it.
fn writes(node: &PlanNode) -> bool {
    node.node_type == "ModifyTable"
}

/// The place after the subtree of each node.
fn ends(plan: &Plan) -> Vec<usize> {
    let count = plan.nodes.len();
    let mut ends: Vec<usize> = (1..=count).collect();
    for place in (0..count).rev() {
        let end = ends.get(place).copied().unwrap_or(count);
        if let Some(above) = plan.nodes.get(place).and_then(|node| node.parent)
            && let Some(ends) = ends.get_mut(above)
        {
            *ends = (*ends).max(end);
        }
    }
    ends
}

/// Nodes that read the CTE at `place`, in the order of the text.
fn readers(plan: &Plan, ends: &[usize], place: usize, name: &str) -> Vec<usize> {
    let above = plan.nodes.get(place).and_then(|node| node.parent).unwrap_or(0);
    let own = place..ends.get(place).copied().unwrap_or(place);
    (above..ends.get(above).copied().unwrap_or(above))
        .filter(|reader| !own.contains(reader))
        .filter(|reader| {
            plan.nodes.get(*reader).is_some_and(|node| {
                node.node_type == "CTE Scan"
                    && node.relation.as_deref() == Some(name)
                    && node.actual.is_some()
            })
        })
        .collect()
}

/// How the value of an `InitPlan` is spelt where it is used: `$0`, since PostgreSQL 17 `(InitPlan 1)`.
fn marks(name: &str) -> Vec<String> {
    let mut marks = Vec::new();
    if let Some((plain, returns)) = name.split_once(" (returns ") {
        marks.push(format!("({plain})"));
        marks.extend(returns.trim_end_matches(')').split(',').map(|mark| mark.trim().to_owned()));
    } else {
        marks.push(format!("({name})"));
        marks.push(format!("({name}."));
    }
    marks
}

/// Whether something that the node says names one of these.
fn names_any(node: &PlanNode, marks: &[String]) -> bool {
    let texts = node
        .conditions
        .all()
        .map(|(_, text)| text)
        .chain(&node.output)
        .chain(&node.params_evaluated)
        .chain(&node.sort_key)
        .chain(&node.group_key);
    texts.into_iter().any(|text| {
        marks.iter().any(|mark| {
            text.match_indices(mark.as_str()).any(|(at, mark)| {
                // `$1` is not `$10`.
                let next = text.get(at + mark.len()..).and_then(|rest| rest.chars().next());
                !next.is_some_and(|next| next.is_ascii_digit())
            })
        })
    })
}

/// The topmost `Gather` between two nodes: it has values ready before it starts workers.
fn gather_above(plan: &Plan, top: usize, from: usize) -> Option<usize> {
    let mut found = None;
    let mut at = from;
    while at != top {
        let node = plan.nodes.get(at)?;
        if is_gather(node) {
            found = Some(at);
        }
        at = node.parent?;
    }
    found
}

fn is_gather(node: &PlanNode) -> bool {
    matches!(node.node_type.as_str(), "Gather" | "Gather Merge")
}

/// Processes that run each node at the same time.
fn processes(plan: &Plan) -> Vec<f64> {
    let mut processes: Vec<f64> = Vec::with_capacity(plan.nodes.len());
    for node in &plan.nodes {
        let above = node.parent.and_then(|parent| Some((parent, plan.nodes.get(parent)?)));
        let inherited =
            node.parent.and_then(|parent| processes.get(parent).copied()).unwrap_or(1.0);
        let here = match above {
            Some((_, gather)) if is_gather(gather) && node.relationship == Relationship::Outer => {
                let each = node.loops() / gather.loops().max(1.0);
                let workers = gather.workers_launched.or(gather.workers_planned).unwrap_or(0);
                let most = f64::from(u16::try_from(workers).unwrap_or(u16::MAX)) + 1.0;
                inherited * each.clamp(1.0, most)
            }
            // Values are had before workers start.
            Some(_) if node.relationship == Relationship::InitPlan => {
                node.loops().clamp(1.0, inherited)
            }
            _ => inherited,
        };
        processes.push(here);
    }
    processes
}

/// Whether somebody above may stop asking a node for rows before it has given them all.
fn cut_short(plan: &Plan) -> Vec<bool> {
    let mut cut: Vec<bool> = Vec::with_capacity(plan.nodes.len());
    for node in &plan.nodes {
        let Some(parent) = node.parent else {
            cut.push(false);
            continue;
        };
        let above = plan.nodes.get(parent);
        let inherited = cut.get(parent).copied().unwrap_or(false);
        let name = above.map(|above| above.node_type.as_str()).unwrap_or_default();
        let here = match (name, node.relationship) {
            (_, Relationship::InitPlan | Relationship::SubPlan) | ("Limit" | "Merge Join", _) => {
                true
            }
            ("Nested Loop", Relationship::Inner) => above.is_some_and(stops_at_match) || inherited,
            // These ask for everything before they give anything.
            ("Hash Join", Relationship::Inner)
            | (
                "Sort" | "Hash" | "Aggregate" | "BitmapAnd" | "BitmapOr" | "Bitmap Heap Scan"
                | "ModifyTable",
                _,
            ) => false,
            _ => inherited,
        };
        cut.push(here);
    }
    cut
}

/// Whether a join goes on to the next row once one has matched.
fn stops_at_match(join: &PlanNode) -> bool {
    let by_type = matches!(join.join_type.as_deref(), Some("Semi" | "Anti"));
    let unique =
        join.aside.0.iter().any(|(key, value)| {
            key == "Inner Unique" && *value == model::plan::PlanValue::Bool(true)
        });
    by_type || unique
}
