//! The same read, again and again, far more often than its data changes.
//!
//! Reads are the same if statement and parameters are. Where parameters hide behind placeholders, they
//! are taken as the same only if nothing but time and flags is filtered by (`created_at >`, `published =`):
//! such a list is everybody's. What a cache of one minute would still compute is not counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use model::{FilterOperator, Moment, OperationKey, Parameters, Sighting, StatementText};

use crate::{Detector, Knob, Knobs, Looks, PastRequest, Read, Workload, detectors::words};

static REPEATS_MIN: Knob = Knob {
    key: "repeats-min",
    default: 5.0,
    unit: "reads",
    doc: "Fewer reads in the window do not pay for a cache.",
};

static READ_MILLIS_MIN: Knob = Knob {
    key: "read-millis-min",
    default: 20.0,
    unit: "ms",
    doc: "A read that takes less is hardly dearer than asking a cache and deserialising its answer.",
};

static TTL_SECONDS: Knob = Knob {
    key: "ttl-seconds",
    default: 60.0,
    unit: "s",
    doc: "How long a cached answer is taken to live: a minute is short enough for most lists.",
};

static READS_PER_WRITE_MIN: Knob = Knob {
    key: "reads-per-write-min",
    default: 5.0,
    unit: "reads",
    doc: "With fewer reads for each write to its tables, the cache would be emptied as soon as filled.",
};

pub(super) static UNCACHED_WORK: Detector = Detector {
    code: "F017",
    name: "uncached-work",
    title: "The same answer is computed again and again",
    doc: include_str!("uncached_work.md"),
    effort_days: 1.0,
    share_min: 0.0,
    knobs: &[&REPEATS_MIN, &READ_MILLIS_MIN, &TTL_SECONDS, &READS_PER_WRITE_MIN],
    looks: &[Looks::Window(look)],
};

type Question<'a> = (&'a OperationKey, u64, Parameters);

fn look(workload: &Workload, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    let ttl = Duration::try_from_secs_f64(knobs.get(&TTL_SECONDS)).unwrap_or_default();
    for ((key, _, _), mut asked) in questions(workload, knobs.nanos(&READ_MILLIS_MIN)) {
        if asked.len() < knobs.count(&REPEATS_MIN) {
            continue;
        }
        let Some((_, read)) = asked.first() else { continue };
        let text = Arc::clone(&read.text);
        let writes = writes(workload, key, &text);
        #[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
        let reads_per_write = asked.len() as f64 / writes.len().max(1) as f64;
        if reads_per_write < knobs.get(&READS_PER_WRITE_MIN) {
            continue;
        }
        asked.sort_by_key(|(request, _)| (request.start, request.trace_id));
        let spared = spared(&asked, ttl, &writes);
        if spared.len() * 2 < asked.len() {
            continue;
        }
        let count = asked.len();
        found.extend(
            spared.iter().map(|(request, read)| sighting(key, request, read, count, writes.len())),
        );
    }
}

/// Reads that are the same, with the requests that made them.
fn questions(
    workload: &Workload,
    least_nanos: u64,
) -> BTreeMap<Question<'_>, Vec<(&PastRequest, &Read)>> {
    let least = Duration::from_nanos(least_nanos);
    let mut questions: BTreeMap<Question<'_>, Vec<(&PastRequest, &Read)>> = BTreeMap::new();
    for (key, work) in &workload.operations {
        for request in work.requests.iter().filter(|request| request.awaited) {
            for read in request.reads.iter().filter(|read| least <= read.spent) {
                let same = read.parameters != Parameters::Hidden || is_everybodys(&read.text);
                if same && words::asks_only(&read.text) {
                    let question = (key, read.text.fingerprint, read.parameters);
                    questions.entry(question).or_default().push((request, read));
                }
            }
        }
    }
    questions
}

/// Whether nothing but time and flags is filtered by, so that hidden parameters hardly matter.
fn is_everybodys(text: &StatementText) -> bool {
    let Some(shape) = &text.shape else { return false };
    let time =
        ["at", "on", "date", "time", "created", "updated", "published", "day", "month", "since"];
    let flag = [
        "status",
        "state",
        "is",
        "active",
        "deleted",
        "published",
        "visible",
        "public",
        "kind",
        "type",
        "featured",
        "enabled",
    ];
    // Whole words, and never a key: what is one tenant's must not be given to another.
    let is_named = |column: &str, names: &[&str]| {
        let column = column.to_lowercase();
        let key = ["_id", "_by", "_key", "uuid"].iter().any(|end| column.ends_with(end));
        !key && column.split('_').any(|word| names.contains(&word))
    };
    !shape.filters_more
        && !shape.offset
        && shape.filters.iter().all(|filter| match filter.operator {
            FilterOperator::Range => is_named(&filter.column, &time),
            FilterOperator::Equal | FilterOperator::In | FilterOperator::Other => {
                is_named(&filter.column, &flag)
            }
            FilterOperator::Pattern => false,
        })
}

/// When the service wrote to the tables that are read, in order.
fn writes(workload: &Workload, key: &OperationKey, text: &StatementText) -> Vec<Moment> {
    let mut writes: Vec<Moment> = text
        .tables
        .iter()
        .filter_map(|table| workload.writes.get(&(Arc::clone(&key.service), table.clone())))
        .flatten()
        .copied()
        .collect::<BTreeSet<Moment>>()
        .into_iter()
        .collect();
    writes.dedup();
    writes
}

/// Reads that a cache would have answered: not the first of their time to live, and no write since.
fn spared<'a>(
    asked: &[(&'a PastRequest, &'a Read)],
    ttl: Duration,
    writes: &[Moment],
) -> Vec<(&'a PastRequest, &'a Read)> {
    let mut filled: Option<Moment> = None;
    let mut spared = Vec::new();
    for (request, read) in asked.iter().copied() {
        let hit = filled.is_some_and(|filled| {
            request.start < filled + ttl
                && !writes.iter().any(|write| filled <= *write && *write <= request.start)
        });
        if hit {
            spared.push((request, read));
        } else {
            filled = Some(request.start);
        }
    }
    spared
}

fn sighting(
    key: &OperationKey,
    request: &PastRequest,
    read: &Read,
    count: usize,
    writes: usize,
) -> Sighting {
    let table = words::table(&read.text);
    let what = if table.is_empty() {
        "the same read".to_owned()
    } else {
        format!("the same read of {table}")
    };
    let mut sighting = request.sighting(
        UNCACHED_WORK.name,
        key,
        format!("{:016x}", read.text.fingerprint),
        format!("{what} is computed again for every request"),
    );
    sighting.evidence.statement = Some(Arc::clone(&read.text));
    sighting.evidence.spans = vec![read.span_id];
    sighting.evidence.excerpt = vec![
        format!("{}, {}", words::shorten(&read.text.text), words::time(read.spent)),
        format!("asked {count} times, its tables written {writes} times meanwhile"),
    ];
    sighting.calls_after = 0;
    sighting.saved = read.waited;
    sighting.saved_database = read.spent;
    sighting
}
