//! A node of a plan in words: its heading as EXPLAIN's text has it, and everything else that was said of it.

use model::plan::{
    Buffers, IoTimes, PlanNode, PlanValue, Relationship, Resources, SortGroups, SortUse,
};

/// The heading of a node, as in EXPLAIN's text: `Parallel Index Scan using orders_pkey on orders o`.
#[must_use]
pub fn title(node: &PlanNode) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut word = |text: &str| words.push(text.to_owned());
    if node.parallel_aware {
        word("Parallel");
    }
    if node.async_capable {
        word("Async");
    }
    if let Some(mode) = &node.partial_mode {
        word(mode);
    }
    word(&kind(node));
    if node.backward {
        word("Backward");
    }
    if let Some(index) = &node.index {
        word(if node.node_type == "Bitmap Index Scan" { "on" } else { "using" });
        word(index);
    }
    if let Some(relation) = &node.relation {
        word("on");
        match &node.schema {
            Some(schema) => word(&format!("{schema}.{relation}")),
            None => word(relation),
        }
    } else if node.alias.is_some() {
        word("on");
    }
    if let Some(alias) = &node.alias {
        word(alias);
    }
    words.join(" ")
}

/// What a node does, with strategy, operation and kind of join in it.
fn kind(node: &PlanNode) -> String {
    let kind = node.node_type.as_str();
    let strategy = node.strategy.as_deref().unwrap_or_default();
    if let Some(provider) = &node.provider {
        return format!("{kind} ({provider})");
    }
    if let (Some(operation), true) = (&node.operation, kind != "ModifyTable") {
        return format!("{kind}: {operation}");
    }
    match (kind, strategy) {
        ("ModifyTable", _) => node.operation.as_deref().unwrap_or(kind).to_owned(),
        ("Aggregate", "Hashed") => "HashAggregate".to_owned(),
        ("Aggregate", "Sorted") => "GroupAggregate".to_owned(),
        ("Aggregate", "Mixed") => "MixedAggregate".to_owned(),
        ("SetOp", _) => {
            let name = if strategy == "Hashed" { "HashSetOp" } else { "SetOp" };
            format!("{name} {}", node.command.as_deref().unwrap_or_default()).trim_end().to_owned()
        }
        ("Nested Loop" | "Hash Join" | "Merge Join", _) => joined(node),
        _ => kind.to_owned(),
    }
}

fn joined(node: &PlanNode) -> String {
    let kind = node.node_type.trim_end_matches(" Join");
    match node.join_type.as_deref() {
        None | Some("Inner") => node.node_type.to_string(),
        Some(join) => format!("{kind} {join} Join"),
    }
}

/// What a node is to its parent, where that is no plain input: `InitPlan 1`, `CTE recent`; else empty.
#[must_use]
pub fn role(node: &PlanNode) -> String {
    match (&node.subplan, node.relationship) {
        (Some(name), _) => name.to_string(),
        (None, Relationship::InitPlan) => "InitPlan".to_owned(),
        (None, Relationship::SubPlan) => "SubPlan".to_owned(),
        _ => String::new(),
    }
}

/// Everything that was said of a node beside its heading, rows and times: label and value, in the order of
/// EXPLAIN's text.
#[must_use]
pub fn details(node: &PlanNode) -> Vec<(String, String)> {
    let mut told = Told::default();
    if node.disabled {
        told.say("Disabled", "true");
    }
    told.list("Output", &node.output);
    told.list("Sort Key", &node.sort_key);
    told.list("Presorted Key", &node.presorted_key);
    told.list("Group Key", &node.group_key);
    for set in &node.grouping_sets {
        told.list("Sort Key", &set.sort_key);
        told.say(if set.hashed { "Hash Key" } else { "Group Key" }, &joined_list(&set.key));
    }
    for (name, condition) in node.conditions.all() {
        told.say(name, condition);
    }
    told.figure("Rows Removed by Filter", node.removed.filter);
    told.figure("Rows Removed by Join Filter", node.removed.join_filter);
    told.figure("Rows Removed by Index Recheck", node.removed.index_recheck);
    told.figure("Rows Removed by Conflict Filter", node.removed.conflict_filter);
    told.optional("Workers Planned", node.workers_planned);
    told.optional("Workers Launched", node.workers_launched);
    told.list("Params Evaluated", &node.params_evaluated);
    told.count("Subplans Removed", node.subplans_removed);
    if let Some(sampling) = &node.sampling {
        let parameters = joined_list(&sampling.parameters);
        told.say("Sampling", &format!("{} ({parameters})", sampling.method));
    }
    if let Some(resolution) = &node.conflict_resolution {
        told.say("Conflict Resolution", resolution);
    }
    told.list("Conflict Arbiter Indexes", &node.conflict_arbiters);
    written(&mut told, node);
    resources(&mut told, &node.resources);
    for worker in &node.workers {
        let mut own = Told::default();
        if let Some(actual) = &worker.actual {
            own.say("rows", &figure(actual.rows * actual.loops));
            if let Some(total) = actual.total_ms {
                own.say("time", &format!("{total} ms"));
            }
        }
        resources(&mut own, &worker.resources);
        extra(&mut own, &worker.extra);
        told.say(&format!("Worker {}", worker.number), &own.line());
    }
    extra(&mut told, &node.extra);
    extra(&mut told, &node.aside.0);
    told.lines
}

fn written(told: &mut Told, node: &PlanNode) {
    for (name, count) in [
        ("Tuples Inserted", node.tuples.inserted),
        ("Tuples Updated", node.tuples.updated),
        ("Tuples Deleted", node.tuples.deleted),
        ("Tuples Skipped", node.tuples.skipped),
        ("Conflicting Tuples", node.tuples.conflicting),
    ] {
        told.count(name, count);
    }
    for target in &node.targets {
        let alias = target.alias.as_deref().map_or_else(String::new, |alias| format!(" {alias}"));
        told.say("Target", &format!("{}{alias}", target.relation));
        extra(told, &target.extra);
    }
}

fn resources(told: &mut Told, used: &Resources) {
    if let Some(SortUse { method, space_kb, space_type }) = &used.sort {
        told.say("Sort Method", &format!("{method}  {space_type}: {space_kb}kB"));
    }
    groups(told, "Full-sort Groups", used.full_sort.as_ref());
    groups(told, "Pre-sorted Groups", used.presorted.as_ref());
    if let Some(hash) = &used.hash {
        let (buckets, batches) = (hash.buckets, hash.batches);
        told.say("Buckets", &planned(buckets, hash.buckets_planned));
        told.say("Batches", &planned(batches, hash.batches_planned));
    }
    if let Some(cache) = &used.cache {
        let (hits, misses) = (cache.hits, cache.misses);
        let (evictions, overflows) = (cache.evictions, cache.overflows);
        told.say(
            "Cache",
            &format!("{hits} hits, {misses} misses, {evictions} evictions, {overflows} overflows"),
        );
    }
    told.count("Planned Partitions", used.planned_partitions);
    told.optional("HashAgg Batches", used.aggregate_batches);
    if let Some(memory) = used.peak_memory_kb {
        told.say("Peak Memory Usage", &format!("{memory} kB"));
    }
    if 0 < used.disk_kb {
        told.say("Disk Usage", &format!("{} kB", used.disk_kb));
    }
    if let Some(storage) = &used.storage {
        told.say("Storage", &format!("{}  Maximum: {} kB", storage.kind, storage.maximum_kb));
    }
    told.count("Exact Heap Blocks", used.exact_blocks);
    told.count("Lossy Heap Blocks", used.lossy_blocks);
    told.optional("Heap Fetches", used.heap_fetches);
    told.optional("Index Searches", used.index_searches);
    buffers(told, &used.buffers);
    io(told, &used.io);
    if used.wal.records != 0 || used.wal.bytes != 0 {
        let wal = &used.wal;
        told.say(
            "WAL",
            &format!("records={} fpi={} bytes={}", wal.records, wal.full_page_images, wal.bytes),
        );
    }
}

fn groups(told: &mut Told, name: &str, groups: Option<&SortGroups>) {
    let Some(groups) = groups else { return };
    let peak = groups.memory.map_or(0, |space| space.peak_kb);
    let disk =
        groups.disk.map_or_else(String::new, |space| format!(", {} kB on disk", space.peak_kb));
    let methods = joined_list(&groups.methods);
    told.say(name, &format!("{} by {methods}, peak {peak} kB{disk}", groups.count));
}

fn planned(now: u64, planned: u64) -> String {
    if now == planned { now.to_string() } else { format!("{now} (originally {planned})") }
}

fn buffers(told: &mut Told, used: &Buffers) {
    let parts = |names: [(&str, u64); 4]| {
        let some = names.into_iter().filter(|(_, count)| 0 < *count);
        some.map(|(name, count)| format!("{name}={count}")).collect::<Vec<_>>().join(" ")
    };
    let shared = [
        ("hit", used.shared_hit),
        ("read", used.shared_read),
        ("dirtied", used.shared_dirtied),
        ("written", used.shared_written),
    ];
    let local = [
        ("hit", used.local_hit),
        ("read", used.local_read),
        ("dirtied", used.local_dirtied),
        ("written", used.local_written),
    ];
    let temp = [("read", used.temp_read), ("written", used.temp_written), ("", 0), ("", 0)];
    for (name, counts) in [("shared", shared), ("local", local), ("temp", temp)] {
        let text = parts(counts);
        if !text.is_empty() {
            told.say(&format!("Buffers, {name}"), &text);
        }
    }
}

fn io(told: &mut Told, io: &IoTimes) {
    for (name, read, write) in [
        ("shared", io.shared_read_ms, io.shared_write_ms),
        ("local", io.local_read_ms, io.local_write_ms),
        ("temp", io.temp_read_ms, io.temp_write_ms),
    ] {
        if 0.0 < read || 0.0 < write {
            told.say(&format!("I/O Timings, {name}"), &format!("read={read} ms write={write} ms"));
        }
    }
}

fn extra(told: &mut Told, values: &[(model::Text, PlanValue)]) {
    for (name, value) in values {
        told.say(name, &value_text(value));
    }
}

/// A value on one line.
#[must_use]
pub fn value_text(value: &PlanValue) -> String {
    match value {
        PlanValue::Null => "null".to_owned(),
        PlanValue::Bool(truth) => truth.to_string(),
        PlanValue::Int(number) => number.to_string(),
        PlanValue::Number(number) => number.to_string(),
        PlanValue::Text(text) => text.to_string(),
        PlanValue::List(values) => values.iter().map(value_text).collect::<Vec<_>>().join(", "),
        PlanValue::Map(values) => values
            .iter()
            .map(|(name, value)| format!("{name}: {}", value_text(value)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn joined_list(list: &[model::Text]) -> String {
    list.iter().map(model::Text::as_str).collect::<Vec<_>>().join(", ")
}

fn figure(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// Lines that are told, without those that say nothing.
#[derive(Debug, Default)]
struct Told {
    lines: Vec<(String, String)>,
}

impl Told {
    fn say(&mut self, name: &str, value: &str) {
        self.lines.push((name.to_owned(), value.to_owned()));
    }

    fn list(&mut self, name: &str, list: &[model::Text]) {
        if !list.is_empty() {
            self.say(name, &joined_list(list));
        }
    }

    fn figure(&mut self, name: &str, value: f64) {
        if 0.0 < value {
            self.say(name, &figure(value));
        }
    }

    fn count(&mut self, name: &str, value: u64) {
        if 0 < value {
            self.say(name, &value.to_string());
        }
    }

    fn optional(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.say(name, &value.to_string());
        }
    }

    fn line(&self) -> String {
        let parts = self.lines.iter().map(|(name, value)| format!("{name} {value}"));
        parts.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
