//! Properties by name: from what a format spelt to one `Plan` that is the same for all.

mod fields;
mod resources;

use model::{
    Text,
    plan::{
        Actual, Aside, Conditions, Estimate, GroupingSet, Plan, PlanNode, PlanTarget, PlanTrigger,
        PlanValue, PlanWorker, Planning, Relationship, RemovedRows, Sampling, Serialization,
        Tuples,
    },
};

use super::raw::{Fields, Raw, RawNode, RawPlan, scalar, take};
use fields::{maps, number, text, texts, truth};
use resources::{buffers, io, jit, resources};

/// The plan that these properties tell of.
pub(super) fn plan(raw: RawPlan) -> Plan {
    let RawPlan { format, nodes, mut fields, notes } = raw;
    let fields = &mut fields;
    let mut plan = Plan {
        planning: planning(fields),
        execution_ms: number(fields, "Execution Time").or_else(|| number(fields, "Total Runtime")),
        settings: settings(fields),
        triggers: triggers(fields),
        jit: jit(fields),
        serialization: serialization(fields),
        query_id: number(fields, "Query Identifier"),
        query_text: text(fields, "Query Text"),
        query_parameters: text(fields, "Query Parameters"),
        duration_ms: number(fields, "Duration"),
        format: Aside(format),
        notes: Aside(notes),
        ..Plan::default()
    };
    (plan.extra, plan.aside.0) = rest(std::mem::take(fields));
    plan.nodes = nodes.into_iter().map(node).collect();
    relate(&mut plan.nodes);
    plan
}

/// What each node is to its parent, told from places, as text has nothing else.
fn relate(nodes: &mut [PlanNode]) {
    let mut inputs = vec![0_usize; nodes.len()];
    for place in 0..nodes.len() {
        let Some(node) = nodes.get(place) else { continue };
        let Some(parent) = node.parent else { continue };
        let above = nodes.get(parent).map(|node| node.node_type.as_str()).unwrap_or_default();
        let relationship = match node.subplan.as_deref() {
            Some(name) if name.starts_with("SubPlan") => Relationship::SubPlan,
            Some(_) => Relationship::InitPlan,
            None => match above {
                "Append" | "Merge Append" | "BitmapAnd" | "BitmapOr" => Relationship::Member,
                "Subquery Scan" => Relationship::Subquery,
                "Custom Scan" | "Task" | "Distributed Subplan" | "MapMergeJob" => {
                    Relationship::Child
                }
                _ if inputs.get(parent) == Some(&0) => Relationship::Outer,
                _ => Relationship::Inner,
            },
        };
        if let (None, Some(count)) = (&node.subplan, inputs.get_mut(parent)) {
            *count += 1;
        }
        if let Some(node) = nodes.get_mut(place) {
            node.relationship = relationship;
        }
    }
}

fn node(raw: RawNode) -> PlanNode {
    let RawNode { parent, depth, mut fields } = raw;
    let fields = &mut fields;
    let mut aside = Vec::new();
    let targets = targets(fields);
    // Of a `ChunkAppend` text tells the two last with `VERBOSE` only.
    for key in [
        "Inner Unique",
        "Parent Relationship",
        "Distributed Subplan",
        "Startup Exclusion",
        "Runtime Exclusion",
    ] {
        if let Some(value) = take(fields, key) {
            aside.push((Text::from(key), value.value()));
        }
    }
    let mut node = PlanNode {
        parent,
        depth,
        node_type: text(fields, "Node Type").unwrap_or_default(),
        strategy: text(fields, "Strategy"),
        partial_mode: text(fields, "Partial Mode").filter(|mode| mode != "Simple"),
        operation: text(fields, "Operation").filter(|operation| operation != "Select"),
        command: text(fields, "Command"),
        join_type: text(fields, "Join Type"),
        provider: text(fields, "Custom Plan Provider"),
        subplan: text(fields, "Subplan Name"),
        parallel_aware: truth(fields, "Parallel Aware"),
        async_capable: truth(fields, "Async Capable"),
        disabled: truth(fields, "Disabled"),
        index: text(fields, "Index Name"),
        backward: backward(fields, &mut aside),
        estimate: estimate(fields),
        output: texts(fields, "Output"),
        presorted_key: texts(fields, "Presorted Key"),
        workers_planned: number(fields, "Workers Planned"),
        workers_launched: number(fields, "Workers Launched"),
        single_copy: truth(fields, "Single Copy"),
        params_evaluated: texts(fields, "Params Evaluated"),
        subplans_removed: number(fields, "Subplans Removed").unwrap_or(0),
        sampling: sampling(fields),
        conflict_resolution: text(fields, "Conflict Resolution"),
        conflict_arbiters: texts(fields, "Conflict Arbiter Indexes"),
        tuples: tuples(fields),
        targets,
        conditions: conditions(fields),
        removed: removed(fields),
        ..PlanNode::default()
    };
    names(&mut node, fields, &mut aside);
    keys(&mut node, fields);
    (node.actual, node.never_executed) = actual(fields);
    node.workers = workers(fields);
    node.resources = resources(fields);
    let (extra, units) = rest(std::mem::take(fields));
    aside.extend(units);
    (node.extra, node.aside) = (extra, Aside(aside));
    node
}

/// What is read or written, and what it is called.
fn names(node: &mut PlanNode, fields: &mut Fields, aside: &mut Values) {
    node.schema = text(fields, "Schema");
    for key in
        ["Relation Name", "Function Name", "CTE Name", "Table Function Name", "Tuplestore Name"]
    {
        node.relation = node.relation.take().or_else(|| text(fields, key));
    }
    node.alias = text(fields, "Alias");
    let is_nameless = matches!(node.node_type.as_str(), "Values Scan" | "Subquery Scan");
    if node.relation.is_none() && !is_nameless && node.alias.is_some() {
        // Text shows one name only, and not which it is.
        node.relation = node.alias.take();
        aside.push((Text::from("Alias"), PlanValue::Bool(true)));
    } else if node.alias == node.relation {
        node.alias = None;
    }
}

fn backward(fields: &mut Fields, aside: &mut Values) -> bool {
    let Some(direction) = text(fields, "Scan Direction") else { return false };
    if direction != "Backward" {
        aside.push((Text::from("Scan Direction"), PlanValue::Text(direction.clone())));
    }
    direction == "Backward"
}

fn estimate(fields: &mut Fields) -> Option<Estimate> {
    let startup = number(fields, "Startup Cost");
    let total = number(fields, "Total Cost");
    let rows = number(fields, "Plan Rows");
    let width = number(fields, "Plan Width");
    if startup.is_none() && total.is_none() && rows.is_none() {
        return None;
    }
    Some(Estimate {
        startup_cost: startup.unwrap_or(0.0),
        total_cost: total.unwrap_or(0.0),
        rows: rows.unwrap_or(0.0),
        width: width.unwrap_or(0),
    })
}

/// What happened, and whether nothing did.
fn actual(fields: &mut Fields) -> (Option<Actual>, bool) {
    let startup_ms = number(fields, "Actual Startup Time");
    let total_ms = number(fields, "Actual Total Time");
    let rows = number(fields, "Actual Rows");
    let loops: Option<f64> = number(fields, "Actual Loops");
    if loops == Some(0.0) {
        return (None, true);
    }
    if total_ms.is_none() && rows.is_none() && loops.is_none() {
        return (None, false);
    }
    let rows = rows.unwrap_or(0.0);
    (Some(Actual { startup_ms, total_ms, rows, loops: loops.unwrap_or(1.0) }), false)
}

fn conditions(fields: &mut Fields) -> Conditions {
    Conditions {
        filter: text(fields, "Filter"),
        index: text(fields, "Index Cond"),
        recheck: text(fields, "Recheck Cond"),
        order_by: text(fields, "Order By"),
        tid: text(fields, "TID Cond"),
        hash: text(fields, "Hash Cond"),
        merge: text(fields, "Merge Cond"),
        join_filter: text(fields, "Join Filter"),
        one_time_filter: text(fields, "One-Time Filter"),
        run_condition: text(fields, "Run Condition"),
        conflict_filter: text(fields, "Conflict Filter"),
        function_call: text(fields, "Function Call")
            .or_else(|| text(fields, "Table Function Call")),
        window: text(fields, "Window"),
        cache_key: text(fields, "Cache Key"),
        cache_mode: text(fields, "Cache Mode"),
        remote_sql: text(fields, "Remote SQL"),
    }
}

fn removed(fields: &mut Fields) -> RemovedRows {
    let mut count = |key| number(fields, key).unwrap_or(0.0);
    RemovedRows {
        filter: count("Rows Removed by Filter"),
        join_filter: count("Rows Removed by Join Filter"),
        index_recheck: count("Rows Removed by Index Recheck"),
        conflict_filter: count("Rows Removed by Conflict Filter"),
    }
}

fn sampling(fields: &mut Fields) -> Option<Sampling> {
    let method = text(fields, "Sampling Method")?;
    let parameters = texts(fields, "Sampling Parameters");
    Some(Sampling { method, parameters, repeatable: text(fields, "Repeatable Seed") })
}

fn tuples(fields: &mut Fields) -> Tuples {
    let mut count = |key| number(fields, key).unwrap_or(0);
    Tuples {
        inserted: count("Tuples Inserted"),
        updated: count("Tuples Updated"),
        deleted: count("Tuples Deleted"),
        skipped: count("Tuples Skipped"),
        conflicting: count("Conflicting Tuples"),
    }
}

/// Tables that are written. JSON and XML have properties of the node among them.
fn targets(fields: &mut Fields) -> Vec<PlanTarget> {
    let mut targets = Vec::new();
    for mut inner in maps(fields, "Target Tables") {
        let inner = &mut inner;
        let Some(relation) = text(inner, "Relation Name") else {
            fields.append(inner);
            continue;
        };
        drop(take(inner, "Foreign"));
        let alias = text(inner, "Alias").filter(|alias| *alias != relation);
        let schema = text(inner, "Schema");
        let (extra, _) = rest(std::mem::take(inner));
        targets.push(PlanTarget { schema, relation, alias, extra });
    }
    targets
}

/// Keys of sorting and grouping. Text has several groupings as several lines, JSON as a tree of phases.
fn keys(node: &mut PlanNode, fields: &mut Fields) {
    let mut sets: Vec<GroupingSet> = Vec::new();
    let mut sort_key = Vec::new();
    for phase in maps(fields, "Grouping Sets") {
        for (key, value) in phase {
            match (key.as_str(), value) {
                ("Sort Key", value) => sort_key = value.texts(),
                ("Hash Keys" | "Group Keys", Raw::List(list)) => {
                    for value in list {
                        let sort_key = std::mem::take(&mut sort_key);
                        let hashed = key == "Hash Keys";
                        sets.push(GroupingSet { sort_key, hashed, key: value.texts() });
                    }
                }
                _ => {}
            }
        }
    }
    let is_aggregate = node.node_type == "Aggregate";
    let mut kept = Vec::with_capacity(fields.len());
    for (key, value) in std::mem::take(fields) {
        match key.as_str() {
            "Sort Key" if is_aggregate => sort_key = value.texts(),
            "Sort Key" if node.sort_key.is_empty() => node.sort_key = value.texts(),
            "Group Key" | "Hash Key" if is_aggregate || node.group_key.is_empty() => {
                let mut texts = value.texts();
                if texts == ["()"] {
                    texts.clear();
                }
                let sort_key = std::mem::take(&mut sort_key);
                sets.push(GroupingSet { sort_key, hashed: key == "Hash Key", key: texts });
            }
            _ => kept.push((key, value)),
        }
    }
    *fields = kept;
    let is_plain =
        |set: &GroupingSet| !set.hashed && set.sort_key.is_empty() && !set.key.is_empty();
    match sets.as_mut_slice() {
        [only] if is_plain(only) => node.group_key = std::mem::take(&mut only.key),
        _ => node.grouping_sets = sets,
    }
}

fn workers(fields: &mut Fields) -> Vec<PlanWorker> {
    maps(fields, "Workers")
        .into_iter()
        .map(|mut fields| {
            let fields = &mut fields;
            let number = number(fields, "Worker Number").unwrap_or(0);
            let (actual, _) = actual(fields);
            let resources = resources(fields);
            let (extra, _) = rest(std::mem::take(fields));
            PlanWorker { number, actual, resources, extra }
        })
        // Text says nothing of a worker of which there is nothing to be said.
        .filter(|worker| *worker != PlanWorker { number: worker.number, ..PlanWorker::default() })
        .collect()
}

fn planning(fields: &mut Fields) -> Planning {
    let mut inner = match take(fields, "Planning") {
        Some(Raw::Map(inner)) => inner,
        _ => Vec::new(),
    };
    let planning = Planning {
        time_ms: number(fields, "Planning Time").or_else(|| number(&mut inner, "Planning Time")),
        buffers: buffers(&mut inner),
        io: io(&mut inner),
        memory_used_kb: number(&mut inner, "Memory Used"),
        memory_allocated_kb: number(&mut inner, "Memory Allocated"),
    };
    if !inner.is_empty() {
        fields.push((Text::from("Planning"), Raw::Map(inner)));
    }
    planning
}

fn settings(fields: &mut Fields) -> Vec<(Text, Option<Text>)> {
    let Some(Raw::Map(settings)) = take(fields, "Settings") else { return Vec::new() };
    settings.into_iter().map(|(name, value)| (name, value.scalar().cloned())).collect()
}

fn triggers(fields: &mut Fields) -> Vec<PlanTrigger> {
    maps(fields, "Triggers")
        .into_iter()
        .map(|mut fields| {
            let fields = &mut fields;
            let trigger = text(fields, "Trigger Name");
            let constraint = text(fields, "Constraint Name");
            PlanTrigger {
                constraint: constraint.is_some(),
                name: constraint.or_else(|| trigger.clone()).unwrap_or_default(),
                trigger: Aside(trigger),
                relation: Aside(text(fields, "Relation")),
                time_ms: number(fields, "Time"),
                calls: number(fields, "Calls").unwrap_or(0),
            }
        })
        .collect()
}

fn serialization(fields: &mut Fields) -> Option<Serialization> {
    let Some(Raw::Map(mut inner)) = take(fields, "Serialization") else { return None };
    let inner = &mut inner;
    Some(Serialization {
        time_ms: number(inner, "Time"),
        output_kb: number(inner, "Output Volume").unwrap_or(0),
        format: text(inner, "Format").unwrap_or_default(),
        buffers: buffers(inner),
        io: io(inner),
    })
}

/// Named values as a plan keeps them.
type Values = Vec<(Text, PlanValue)>;

/// Properties whose names are not known: as they are, but for what text cannot tell apart, which is set aside.
fn rest(fields: Fields) -> (Values, Values) {
    let (mut extra, mut aside) = (Vec::new(), Vec::new());
    for (key, value) in fields {
        if value.is_empty() {
            continue;
        }
        match &value {
            Raw::List(items) if items.iter().all(|item| item.scalar().is_some()) => {
                let texts = value.texts();
                let joined = texts.iter().map(Text::as_str).collect::<Vec<_>>().join(", ");
                if 1 < texts.len() {
                    aside.push((key.clone(), value.value()));
                }
                extra.push((key, scalar(&joined)));
            }
            Raw::Scalar(text) => match with_unit(text) {
                Some((figure, unit)) => {
                    aside.push((key.clone(), PlanValue::Text(unit.into())));
                    extra.push((key, scalar(figure)));
                }
                None => extra.push((key, scalar(text))),
            },
            Raw::Null | Raw::List(_) | Raw::Map(_) => extra.push((key, value.value())),
        }
    }
    (extra, aside)
}

/// `30 bytes`: text has units that JSON leaves out.
fn with_unit(text: &str) -> Option<(&str, &str)> {
    const UNITS: &[&str] = &["ms", "s", "us", "b", "B", "kB", "MB", "GB", "bytes"];
    let (figure, unit) = text.split_once(' ')?;
    let is_figure = !matches!(scalar(figure), PlanValue::Text(_) | PlanValue::Bool(_));
    (is_figure && UNITS.contains(&unit)).then_some((figure, unit))
}
