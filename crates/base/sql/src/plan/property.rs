//! A line of text below a node: one property, or several that JSON tells apart.

use model::Text;

use super::{
    head, lists,
    raw::{Fields, Raw},
};

/// Properties that are lists.
const LISTS: &[&str] = &[
    "Output",
    "Sort Key",
    "Presorted Key",
    "Group Key",
    "Hash Key",
    "Params Evaluated",
    "Conflict Arbiter Indexes",
];

/// Properties that only a node or a worker has; where they stand does not matter.
const OF_NODES: &[&str] = &[
    "Filter",
    "Index Cond",
    "Recheck Cond",
    "Hash Cond",
    "Merge Cond",
    "Join Filter",
    "TID Cond",
    "Order By",
    "One-Time Filter",
    "Rows Removed by Filter",
    "Rows Removed by Join Filter",
    "Rows Removed by Index Recheck",
    "Heap Blocks",
    "Heap Fetches",
    "Index Searches",
    "Buckets",
    "Batches",
    "Hits",
    "Cache Key",
    "Cache Mode",
    "Workers Planned",
    "Workers Launched",
    "Sort Method",
    "Subplans Removed",
    "Disabled",
    "Run Condition",
    "Function Call",
];

/// `Key` and `value` of `Key: value`.
pub(super) fn entry(line: &str) -> Option<(&str, &str)> {
    let (key, value) = match line.split_once(": ") {
        Some(parts) => parts,
        None => (line.strip_suffix(':')?, ""),
    };
    let is_name = key.len() <= 100
        && key.starts_with(|letter: char| letter.is_alphabetic())
        && key.chars().all(|letter| letter.is_alphanumeric() || " -_/().,".contains(letter));
    is_name.then(|| (key, value.trim()))
}

/// Whether it can only belong to a node.
pub(super) fn is_of_node(key: &str) -> bool {
    LISTS.contains(&key) || OF_NODES.contains(&key)
}

/// Properties as JSON has them.
pub(super) fn fields(key: &str, value: &str, node_type: &str, fields: &mut Fields) {
    let mut push = |key: &str, value: Raw| fields.push((Text::from(key), value));
    match key {
        _ if LISTS.contains(&key) => push(key, Raw::list(lists::split(value))),
        "Sort Method" => sort(value, fields),
        "Full-sort Groups" | "Pre-sorted Groups" => push(key, groups(value)),
        "Buckets" | "Batches" | "Planned Partitions" | "Hits" | "Storage" => {
            labels(key, value, node_type, fields);
        }
        "Buffers" => buffers(value, fields),
        "I/O Timings" => timings(value, fields),
        "WAL" => assigned(
            value,
            &[
                ("records=", "WAL Records"),
                ("fpi=", "WAL FPI"),
                ("bytes=", "WAL Bytes"),
                ("buffers full=", "WAL Buffers Full"),
            ],
            fields,
        ),
        "Heap Blocks" => assigned(
            value,
            &[("exact=", "Exact Heap Blocks"), ("lossy=", "Lossy Heap Blocks")],
            fields,
        ),
        "Tuples" => assigned(
            value,
            &[
                ("inserted=", "Tuples Inserted"),
                ("updated=", "Tuples Updated"),
                ("deleted=", "Tuples Deleted"),
                ("skipped=", "Tuples Skipped"),
            ],
            fields,
        ),
        "Memory" => {
            assigned(
                value,
                &[("used=", "Memory Used"), ("allocated=", "Memory Allocated")],
                fields,
            );
        }
        "Sampling" => sampling(value, fields),
        "Options" => push("Options", words(value)),
        "Timing" => push("Timing", compile_times(value)),
        "Planning Time" | "Execution Time" => {
            push(key, Raw::text(value.trim_end_matches("ms").trim_end()));
        }
        _ => push(key, Raw::text(value)),
    }
}

/// `external merge  Disk: 1234kB`
fn sort(value: &str, fields: &mut Fields) {
    let space = [("Memory:", "Memory"), ("Disk:", "Disk")]
        .into_iter()
        .find_map(|(mark, kind)| Some((value.split_once(mark)?, kind)));
    let method = space.map_or(value, |((method, _), _)| method).trim();
    fields.push((Text::from("Sort Method"), Raw::text(method)));
    if let Some(((_, used), kind)) = space {
        fields.push((Text::from("Sort Space Used"), Raw::text(number(used))));
        fields.push((Text::from("Sort Space Type"), Raw::text(kind)));
    }
}

/// `2  Sort Methods: top-N heapsort, quicksort  Average Memory: 26kB  Peak Memory: 26kB`
fn groups(value: &str) -> Raw {
    let labels = [
        "Sort Methods:",
        "Sort Method:",
        "Average Memory:",
        "Peak Memory:",
        "Average Disk:",
        "Peak Disk:",
    ];
    let part = |label: &str| {
        let (_, rest) = value.split_once(label)?;
        let end = labels.iter().filter_map(|next| rest.find(next)).min().unwrap_or(rest.len());
        rest.get(..end).map(str::trim)
    };
    let mut fields: Fields = vec![(Text::from("Group Count"), Raw::text(number(value)))];
    if let Some(methods) = part("Sort Methods:").or_else(|| part("Sort Method:")) {
        fields.push((Text::from("Sort Methods Used"), Raw::list(lists::split(methods))));
    }
    for (kind, average, peak) in [
        ("Sort Space Memory", "Average Memory:", "Peak Memory:"),
        ("Sort Space Disk", "Average Disk:", "Peak Disk:"),
    ] {
        if let (Some(average), Some(peak)) = (part(average), part(peak)) {
            let space = vec![
                (Text::from("Average Sort Space Used"), Raw::text(number(average))),
                (Text::from("Peak Sort Space Used"), Raw::text(number(peak))),
            ];
            fields.push((Text::from(kind), Raw::Map(space)));
        }
    }
    Raw::Map(fields)
}

/// Names that stand on one line, with what JSON calls them: of a `Hash`, and of all others.
const LABELS: &[(&str, &str, &str)] = &[
    ("Planned Partitions:", "Planned Partitions", "Planned Partitions"),
    ("Buckets:", "Hash Buckets", "Hash Buckets"),
    ("Batches:", "Hash Batches", "HashAgg Batches"),
    ("Memory Usage:", "Peak Memory Usage", "Peak Memory Usage"),
    ("Disk Usage:", "Disk Usage", "Disk Usage"),
    ("Hits:", "Cache Hits", "Cache Hits"),
    ("Misses:", "Cache Misses", "Cache Misses"),
    ("Evictions:", "Cache Evictions", "Cache Evictions"),
    ("Overflows:", "Cache Overflows", "Cache Overflows"),
    ("Maximum Storage:", "Maximum Storage", "Maximum Storage"),
];

/// `1024 (originally 512)  Batches: 2 (originally 1)  Memory Usage: 9kB`
fn labels(key: &str, value: &str, node_type: &str, fields: &mut Fields) {
    let line = format!("{key}: {value}");
    let is_hash = node_type == "Hash";
    if key == "Storage" {
        let kind = value.split_whitespace().next().unwrap_or_default();
        fields.push((Text::from("Storage"), Raw::text(kind)));
    }
    for (label, of_hash, of_others) in LABELS {
        let Some((_, rest)) = line.split_once(label) else { continue };
        let name = if is_hash { of_hash } else { of_others };
        fields.push((Text::from(*name), Raw::text(number(rest))));
        if is_hash && matches!(*label, "Buckets:" | "Batches:") {
            let end = rest.find(':').unwrap_or(rest.len());
            let until_next = rest.get(..end).unwrap_or_default();
            let planned =
                until_next.split_once("(originally ").map_or(rest, |(_, planned)| planned);
            fields.push((Text::from(format!("Original {name}")), Raw::text(number(planned))));
        }
    }
}

/// `shared hit=1 read=2, temp written=3`
fn buffers(value: &str, fields: &mut Fields) {
    let mut kind = "Shared";
    for word in value.split([' ', ',']).filter(|word| !word.is_empty()) {
        match word.split_once('=') {
            None => kind = kind_of(word).unwrap_or(kind),
            Some((what, count)) => {
                let what = match what {
                    "hit" => "Hit",
                    "read" => "Read",
                    "dirtied" => "Dirtied",
                    "written" => "Written",
                    other => other,
                };
                fields
                    .push((Text::from(format!("{kind} {what} Blocks")), Raw::text(number(count))));
            }
        }
    }
}

fn kind_of(word: &str) -> Option<&'static str> {
    match word {
        "shared" | "shared/local" => Some("Shared"),
        "local" => Some("Local"),
        "temp" => Some("Temp"),
        _ => None,
    }
}

/// `shared read=0.1 write=0.2, temp read=0.3`; before PostgreSQL 15 without a kind.
fn timings(value: &str, fields: &mut Fields) {
    let mut kind = "Shared";
    for word in value.split([' ', ',']).filter(|word| !word.is_empty()) {
        match word.split_once('=') {
            None => kind = kind_of(word).unwrap_or(kind),
            Some((what, time)) => {
                let what = if what == "read" { "Read" } else { "Write" };
                fields
                    .push((Text::from(format!("{kind} I/O {what} Time")), Raw::text(number(time))));
            }
        }
    }
}

/// Figures behind a word and `=`.
fn assigned(value: &str, names: &[(&str, &str)], fields: &mut Fields) {
    for (mark, name) in names {
        let found = value.match_indices(mark).find(|(at, _)| {
            value.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with(' '))
        });
        if let Some((at, mark)) = found {
            let rest = value.get(at + mark.len()..).unwrap_or_default();
            fields.push((Text::from(*name), Raw::text(number(rest))));
        }
    }
}

/// `system ('10'::real) REPEATABLE ('1'::double precision)`
fn sampling(value: &str, fields: &mut Fields) {
    let (method, rest) = value.split_once(" (").unwrap_or((value, ""));
    let (parameters, seed) = match rest.rsplit_once(") REPEATABLE (") {
        Some((parameters, seed)) => (parameters, seed.strip_suffix(')')),
        None => (rest.strip_suffix(')').unwrap_or(rest), None),
    };
    fields.push((Text::from("Sampling Method"), Raw::text(method)));
    fields.push((Text::from("Sampling Parameters"), Raw::list(lists::split(parameters))));
    if let Some(seed) = seed {
        fields.push((Text::from("Repeatable Seed"), Raw::text(seed)));
    }
}

/// `Inlining false, Optimization true`
fn words(value: &str) -> Raw {
    let pairs = value.split(", ").filter_map(|pair| pair.rsplit_once(' '));
    Raw::Map(pairs.map(|(name, value)| (Text::from(name), Raw::text(value))).collect())
}

/// `Generation 1.2 ms (Deform 0.5 ms), Inlining 0.0 ms, Total 1.2 ms`
fn compile_times(value: &str) -> Raw {
    let mut fields = Vec::new();
    for name in ["Generation", "Deform", "Inlining", "Optimization", "Emission", "Total"] {
        if let Some((_, rest)) = value.split_once(&format!("{name} ")) {
            fields.push((Text::from(name), Raw::text(number(rest))));
        }
    }
    Raw::Map(fields)
}

/// `time=0.1 ms  output=2kB  format=text`
pub(super) fn serialization(value: &str) -> Fields {
    let mut fields = Vec::new();
    assigned(value, &[("time=", "Time"), ("output=", "Output Volume")], &mut fields);
    if let Some((_, format)) = value.split_once("format=") {
        let format = format.split_whitespace().next().unwrap_or_default();
        fields.push((Text::from("Format"), Raw::text(format)));
    }
    fields
}

/// `work_mem = '4MB', search_path = '"$user", public'`
pub(super) fn settings(value: &str) -> Raw {
    let mut fields = Vec::new();
    let mut rest = value;
    while let Some((name, after)) = rest.split_once(" = ") {
        let end = end_of_setting(after);
        let told = after.get(..end).unwrap_or_default().trim();
        let inner = told.strip_prefix('\'').and_then(|told| told.strip_suffix('\''));
        let value = match inner {
            Some(inner) => Raw::text(inner),
            None if told == "NULL" => Raw::Null,
            None => Raw::text(told),
        };
        fields.push((Text::from(name.trim()), value));
        rest = after.get(end..).unwrap_or_default().trim_start_matches(',').trim_start();
    }
    Raw::Map(fields)
}

/// Where the value of a setting ends: values may hold quotes and commas, so what counts is that another setting
/// follows.
fn end_of_setting(text: &str) -> usize {
    let follows = |at: usize| {
        let rest = text.get(at..).unwrap_or_default().trim_start_matches(',').trim_start();
        let name = rest.split_once(" = ").map_or("", |(name, _)| name);
        !name.is_empty()
            && name.chars().all(|letter| letter.is_alphanumeric() || "_.".contains(letter))
    };
    text.match_indices(", ").map(|(at, _)| at).find(|at| follows(*at)).unwrap_or(text.len())
}

/// `name on table: time=1.234 calls=5`, behind the word `Trigger`.
pub(super) fn trigger(text: &str) -> Option<Raw> {
    let (what, figures) = text.rsplit_once(": ")?;
    let mut fields = Vec::new();
    let what = match what.rsplit_once(" on ") {
        Some((what, relation)) if !relation.contains(' ') => {
            fields.push((Text::from("Relation"), Raw::text(relation)));
            what
        }
        _ => what,
    };
    let what = format!(" {what}");
    let (name, constraint) = what.split_once(" for constraint ").unwrap_or((&what, ""));
    if !name.trim().is_empty() {
        fields.push((Text::from("Trigger Name"), Raw::text(name.trim())));
    }
    if !constraint.is_empty() {
        fields.push((Text::from("Constraint Name"), Raw::text(constraint.trim())));
    }
    assigned(figures, &[("time=", "Time"), ("calls=", "Calls")], &mut fields);
    Some(Raw::Map(fields))
}

/// What stands behind `Worker 0:` on the same line.
pub(super) fn worker(rest: &str, node_type: &str, fields: &mut Fields) {
    if let Some(figures) = rest.strip_prefix("actual ") {
        head::actual(figures, fields);
    } else if let Some((key, value)) = entry(rest) {
        self::fields(key, value, node_type, fields);
    }
}

/// The digits that the text begins with.
fn number(text: &str) -> &str {
    let text = text.trim_start();
    let end =
        text.find(|letter: char| !(letter.is_ascii_digit() || letter == '.')).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}
