//! A plan as JSON: the same for the same plan, in whichever format it was; what only that format said stands apart.

use model::{
    PlanNode, Text,
    plan::{Buffers, IoTimes, Jit, PlanFormat, PlanValue, Resources, SortGroups},
};
use serde_json::{Map, Value, json};
use sql::plan::NodeTimes;

use super::PlanReport;

/// All plans as a list.
pub(crate) fn json(reports: &[PlanReport]) -> String {
    let all: Vec<Value> = reports.iter().map(report).collect();
    let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
    text.push('\n');
    text
}

fn report(report: &PlanReport) -> Value {
    let PlanReport { plan, times, notes } = report;
    let nodes: Vec<Value> = plan
        .nodes
        .iter()
        .zip(&times.nodes)
        .enumerate()
        .map(|(place, (node, times))| tell_node(place, node, times))
        .collect();
    let settings: Vec<Value> = plan
        .settings
        .iter()
        .map(|(name, value)| json!({"name": &**name, "value": value.as_deref()}))
        .collect();
    let triggers: Vec<Value> = plan
        .triggers
        .iter()
        .map(|trigger| json!({"name": &*trigger.name, "constraint": trigger.constraint, "time_ms": trigger.time_ms, "calls": trigger.calls}))
        .collect();
    let notes: Vec<Value> = notes
        .iter()
        .map(|note| {
            let figures: Map<String, Value> = note
                .figures
                .iter()
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect();
            json!({
                "rule": note.rule, "node": note.node, "claim": note.claim, "figures": figures,
                "hint": note.hint, "stake_ms": note.stake_ms, "share": note.share,
            })
        })
        .collect();
    json!({
        "total_ms": times.total_ms,
        "execution_ms": plan.execution_ms,
        "beyond_ms": times.beyond_ms,
        "triggers_ms": times.triggers_ms,
        "planning": {
            "time_ms": plan.planning.time_ms,
            "buffers": buffers(&plan.planning.buffers),
            "io": io(&plan.planning.io),
            "memory_used_kb": plan.planning.memory_used_kb,
            "memory_allocated_kb": plan.planning.memory_allocated_kb,
        },
        "settings": settings,
        "triggers": triggers,
        "jit": plan.jit.as_ref().map(jit),
        "serialization": plan.serialization.as_ref().map(|spent| json!({
            "time_ms": spent.time_ms, "output_kb": spent.output_kb, "format": &*spent.format,
            "buffers": buffers(&spent.buffers), "io": io(&spent.io),
        })),
        "query_id": plan.query_id.map(|id| id.to_string()),
        "query_text": plan.query_text.as_deref(),
        "query_parameters": plan.query_parameters.as_deref(),
        "duration_ms": plan.duration_ms,
        "extra": map(&plan.extra),
        "nodes": nodes,
        "notes": notes,
        "source": source(report),
    })
}

/// What depends on the format that the plan was read from.
fn source(report: &PlanReport) -> Value {
    let plan = &report.plan;
    let format = match plan.format.0 {
        PlanFormat::Text => "text",
        PlanFormat::Json => "json",
        PlanFormat::Yaml => "yaml",
        PlanFormat::Xml => "xml",
    };
    let mut said: Vec<Value> = plan
        .aside
        .0
        .iter()
        .map(|(name, told)| json!({"node": null, "name": &**name, "value": value(told)}))
        .collect();
    for (place, node) in plan.nodes.iter().enumerate() {
        for (name, told) in &node.aside.0 {
            said.push(json!({"node": place, "name": &**name, "value": value(told)}));
        }
    }
    for trigger in &plan.triggers {
        let (name, relation) = (trigger.trigger.0.as_deref(), trigger.relation.0.as_deref());
        said.push(json!({"trigger": &*trigger.name, "name": name, "relation": relation}));
    }
    json!({"format": format, "said_beyond_text": said, "not_understood": plan.notes.0})
}

fn tell_node(place: usize, node: &PlanNode, times: &NodeTimes) -> Value {
    let mut told = json!({
        "place": place,
        "parent": node.parent,
        "depth": node.depth,
        "relationship": format!("{:?}", node.relationship),
        "subplan": node.subplan.as_deref(),
        "title": sql::plan::title(node),
        "node_type": &*node.node_type,
        "strategy": node.strategy.as_deref(),
        "partial_mode": node.partial_mode.as_deref(),
        "operation": node.operation.as_deref(),
        "command": node.command.as_deref(),
        "join_type": node.join_type.as_deref(),
        "provider": node.provider.as_deref(),
        "parallel_aware": node.parallel_aware,
        "async_capable": node.async_capable,
        "disabled": node.disabled,
        "schema": node.schema.as_deref(),
        "relation": node.relation.as_deref(),
        "alias": node.alias.as_deref(),
        "index": node.index.as_deref(),
        "backward": node.backward,
        "never_executed": node.never_executed,
        "estimate": node.estimate.map(|estimate| json!({
            "startup_cost": estimate.startup_cost, "total_cost": estimate.total_cost,
            "rows": estimate.rows, "width": estimate.width,
        })),
        "actual": node.actual.map(actual),
        "times": {
            "within": times.within, "inclusive_ms": times.inclusive_ms, "own_ms": times.own_ms,
            "share": times.share, "own_cost": times.own_cost, "processes": times.processes,
            "rows": times.rows, "expected_rows": times.expected_rows, "factor": times.factor,
            "removed_rows": times.removed_rows, "cut_short": times.cut_short,
            "own_buffers": buffers(&times.own_buffers), "own_io": io(&times.own_io),
        },
        "resources": resources(&node.resources),
        "extra": map(&node.extra),
    });
    if let Value::Object(told) = &mut told {
        work(told, node);
    }
    told
}

/// What the node does, in its own words.
fn work(told: &mut Map<String, Value>, node: &PlanNode) {
    let conditions: Map<String, Value> =
        node.conditions.all().map(|(name, text)| (name.to_owned(), json!(&**text))).collect();
    let sets: Vec<Value> = node
        .grouping_sets
        .iter()
        .map(|set| json!({"sort_key": list(&set.sort_key), "hashed": set.hashed, "key": list(&set.key)}))
        .collect();
    let targets: Vec<Value> = node
        .targets
        .iter()
        .map(|target| {
            json!({
                "schema": target.schema.as_deref(), "relation": &*target.relation,
                "alias": target.alias.as_deref(), "extra": map(&target.extra),
            })
        })
        .collect();
    let workers: Vec<Value> = node
        .workers
        .iter()
        .map(|worker| {
            json!({
                "number": worker.number, "actual": worker.actual.map(actual),
                "resources": resources(&worker.resources), "extra": map(&worker.extra),
            })
        })
        .collect();
    let (removed, tuples) = (&node.removed, &node.tuples);
    let all = [
        ("output", list(&node.output)),
        ("conditions", Value::Object(conditions)),
        (
            "removed_rows",
            json!({
                "filter": removed.filter, "join_filter": removed.join_filter,
                "index_recheck": removed.index_recheck, "conflict_filter": removed.conflict_filter,
            }),
        ),
        ("sort_key", list(&node.sort_key)),
        ("presorted_key", list(&node.presorted_key)),
        ("group_key", list(&node.group_key)),
        ("grouping_sets", json!(sets)),
        ("workers_planned", json!(node.workers_planned)),
        ("workers_launched", json!(node.workers_launched)),
        ("single_copy", json!(node.single_copy)),
        ("params_evaluated", list(&node.params_evaluated)),
        ("subplans_removed", json!(node.subplans_removed)),
        (
            "sampling",
            json!(node.sampling.as_ref().map(|sampling| json!({
                "method": &*sampling.method, "parameters": list(&sampling.parameters),
                "repeatable": sampling.repeatable.as_deref(),
            }))),
        ),
        ("conflict_resolution", json!(node.conflict_resolution.as_deref())),
        ("conflict_arbiters", list(&node.conflict_arbiters)),
        (
            "tuples",
            json!({
                "inserted": tuples.inserted, "updated": tuples.updated, "deleted": tuples.deleted,
                "skipped": tuples.skipped, "conflicting": tuples.conflicting,
            }),
        ),
        ("targets", json!(targets)),
        ("workers", json!(workers)),
    ];
    told.extend(all.into_iter().map(|(name, value)| (name.to_owned(), value)));
}

fn actual(actual: model::plan::Actual) -> Value {
    json!({
        "startup_ms": actual.startup_ms, "total_ms": actual.total_ms,
        "rows": actual.rows, "loops": actual.loops,
    })
}

fn resources(used: &Resources) -> Value {
    json!({
        "sort": used.sort.as_ref().map(|sort| json!({
            "method": &*sort.method, "space_kb": sort.space_kb, "space_type": &*sort.space_type,
        })),
        "full_sort": used.full_sort.as_ref().map(groups),
        "presorted": used.presorted.as_ref().map(groups),
        "hash": used.hash.map(|hash| json!({
            "buckets": hash.buckets, "buckets_planned": hash.buckets_planned,
            "batches": hash.batches, "batches_planned": hash.batches_planned,
        })),
        "cache": used.cache.map(|cache| json!({
            "hits": cache.hits, "misses": cache.misses, "evictions": cache.evictions,
            "overflows": cache.overflows,
        })),
        "planned_partitions": used.planned_partitions,
        "aggregate_batches": used.aggregate_batches,
        "peak_memory_kb": used.peak_memory_kb,
        "disk_kb": used.disk_kb,
        "storage": used.storage.as_ref().map(|storage| json!({
            "kind": &*storage.kind, "maximum_kb": storage.maximum_kb,
        })),
        "exact_blocks": used.exact_blocks,
        "lossy_blocks": used.lossy_blocks,
        "heap_fetches": used.heap_fetches,
        "index_searches": used.index_searches,
        "buffers": buffers(&used.buffers),
        "io": io(&used.io),
        "wal": {
            "records": used.wal.records, "full_page_images": used.wal.full_page_images,
            "bytes": used.wal.bytes, "buffers_full": used.wal.buffers_full,
        },
        "jit": used.jit.as_ref().map(jit),
    })
}

fn groups(groups: &SortGroups) -> Value {
    let space = |space: model::plan::SortSpace| json!({"average_kb": space.average_kb, "peak_kb": space.peak_kb});
    json!({
        "count": groups.count, "methods": list(&groups.methods),
        "memory": groups.memory.map(space), "disk": groups.disk.map(space),
    })
}

fn buffers(all: &Buffers) -> Value {
    json!({
        "shared_hit": all.shared_hit, "shared_read": all.shared_read,
        "shared_dirtied": all.shared_dirtied, "shared_written": all.shared_written,
        "local_hit": all.local_hit, "local_read": all.local_read,
        "local_dirtied": all.local_dirtied, "local_written": all.local_written,
        "temp_read": all.temp_read, "temp_written": all.temp_written,
    })
}

fn io(all: &IoTimes) -> Value {
    json!({
        "shared_read_ms": all.shared_read_ms, "shared_write_ms": all.shared_write_ms,
        "local_read_ms": all.local_read_ms, "local_write_ms": all.local_write_ms,
        "temp_read_ms": all.temp_read_ms, "temp_write_ms": all.temp_write_ms,
    })
}

fn jit(jit: &Jit) -> Value {
    json!({
        "functions": jit.functions, "inlining": jit.inlining, "optimization": jit.optimization,
        "expressions": jit.expressions, "deforming": jit.deforming,
        "times": jit.times.map(|times| json!({
            "generation_ms": times.generation_ms, "deform_ms": times.deform_ms,
            "inlining_ms": times.inlining_ms, "optimization_ms": times.optimization_ms,
            "emission_ms": times.emission_ms, "total_ms": times.total_ms,
        })),
    })
}

fn list(texts: &[Text]) -> Value {
    Value::Array(texts.iter().map(|text| json!(&**text)).collect())
}

/// Names and values; a name that comes again gets its number, so that nothing is lost.
fn map(values: &[(Text, PlanValue)]) -> Value {
    let mut map = Map::new();
    for (name, told) in values {
        let mut key = name.to_string();
        let mut number = 2;
        while map.contains_key(&key) {
            key = format!("{name} ({number})");
            number += 1;
        }
        map.insert(key, value(told));
    }
    Value::Object(map)
}

fn value(told: &PlanValue) -> Value {
    match told {
        PlanValue::Null => Value::Null,
        PlanValue::Bool(truth) => json!(truth),
        PlanValue::Int(number) => json!(number),
        PlanValue::Number(number) => json!(number),
        PlanValue::Text(text) => json!(&**text),
        PlanValue::List(items) => Value::Array(items.iter().map(value).collect()),
        PlanValue::Map(fields) => map(fields),
    }
}
