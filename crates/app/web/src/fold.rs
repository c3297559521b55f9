//! A trace as the waterfall shows it: what each span did, and which siblings did the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use engine::TraceDetail;
use find::{CriticalPath, Kind};
use model::{Moment, Note, Parameters, Work};

use crate::{
    label::label,
    wire::{self, GroupKind, micros, unix_micros},
};

/// Fewer siblings are drawn one by one: folding two rows into one hides more than it saves.
const FOLD_MIN: usize = 3;

/// A trace as the waterfall shows it.
#[must_use]
pub fn trace(detail: &TraceDetail) -> wire::Trace {
    let trace = &detail.trace;
    let path = Path::of(trace);
    let start = trace.nodes.iter().map(|node| node.call.start).min().unwrap_or_default();
    let end = trace.nodes.iter().map(|node| node.call.end).max().unwrap_or_default();
    let services = services(trace);
    let labels = labels(trace);
    let (folds, fold_of) = folds(trace, &path, &labels);
    let statements = statements(trace);
    let first = trace.nodes.first();
    wire::Trace {
        id: trace.id.to_string(),
        start_unix_micros: unix_micros(start),
        duration_micros: micros(end.since(start)),
        operation: trace
            .entries
            .iter()
            .find_map(|place| trace.nodes.get(*place)?.call.request())
            .map(|request| request.operation.to_string())
            .or_else(|| first.map(|node| node.call.name.to_string()))
            .unwrap_or_default(),
        service: first.map(|node| node.call.service.to_string()).unwrap_or_default(),
        failed: trace.nodes.iter().filter(|node| node.call.failed).count(),
        statements_count: statements
            .iter()
            .map(|statement| usize::try_from(statement.count).unwrap_or(usize::MAX))
            .sum(),
        breakdown: breakdown(trace, &path),
        notes: trace.notes.iter().map(note).collect(),
        nodes: nodes(trace, &path, start, &services, (labels, fold_of)),
        services,
        folds,
        statements,
    }
}

/// The critical paths of all trees of a trace.
struct Path {
    own: Vec<Duration>,
    inclusive: Vec<Duration>,
}

impl Path {
    fn of(trace: &model::Trace) -> Self {
        let mut path = Self { own: Vec::new(), inclusive: Vec::new() };
        let mut root = 0;
        // Trees follow each other without a gap, so that places rise by one.
        while let Some(node) = trace.nodes.get(root) {
            let tree = CriticalPath::of(trace, root);
            let end = node.subtree_end.max(root + 1);
            path.own.extend((root..end).map(|place| tree.own(place)));
            path.inclusive.extend((root..end).map(|place| tree.inclusive(place)));
            root = end;
        }
        path
    }

    fn own(&self, place: usize) -> Duration {
        self.own.get(place).copied().unwrap_or_default()
    }

    fn inclusive(&self, place: usize) -> Duration {
        self.inclusive.get(place).copied().unwrap_or_default()
    }
}

/// What each row says. A statement is put into words once, however often it ran.
fn labels(trace: &model::Trace) -> Vec<String> {
    let mut told: BTreeMap<*const model::StatementText, String> = BTreeMap::new();
    let rows = trace.nodes.iter().map(|node| match node.call.statement() {
        Some(statement) => {
            told.entry(Arc::as_ptr(&statement.text)).or_insert_with(|| label(&node.call)).clone()
        }
        None => label(&node.call),
    });
    rows.collect()
}

/// Services, in the order in which they come.
fn services(trace: &model::Trace) -> Vec<String> {
    let mut known = BTreeSet::new();
    let services = trace.nodes.iter().map(|node| &*node.call.service);
    services.filter(|service| known.insert(*service)).map(str::to_owned).collect()
}

fn nodes(
    trace: &model::Trace,
    path: &Path,
    start: Moment,
    services: &[String],
    (labels, fold_of): (Vec<String>, Vec<Option<usize>>),
) -> Vec<wire::TraceNode> {
    let places: BTreeMap<&str, usize> =
        services.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
    let rows = trace.nodes.iter().zip(labels).zip(fold_of).enumerate();
    rows.map(|(place, ((node, label), fold))| {
        let call = &node.call;
        wire::TraceNode {
            span_id: call.span_id.to_string(),
            parent: node.parent,
            depth: node.depth,
            subtree_end: node.subtree_end,
            entry: node.entry,
            service: places.get(&*call.service).copied().unwrap_or_default(),
            kind: Kind::of(&call.work).into(),
            label,
            offset_micros: micros(call.start.since(start)),
            duration_micros: micros(call.duration()),
            critical_own_micros: micros(path.own(place)),
            critical_micros: micros(path.inclusive(place)),
            failed: call.failed,
            double: node.double,
            missing: matches!(call.work, Work::Missing),
            count: call.count,
            fold,
        }
    })
    .collect()
}

/// What siblings have in common that did the same: parent, service, label without numbers, and statement.
type Alike = (usize, usize, usize, u64);

/// Siblings that did the same, three or more of them, and the fold of each node.
fn folds(
    trace: &model::Trace,
    path: &Path,
    labels: &[String],
) -> (Vec<wire::Fold>, Vec<Option<usize>>) {
    let (mut services, mut shapes) = (BTreeMap::new(), BTreeMap::new());
    let rows = trace.nodes.iter().zip(labels).enumerate();
    // Numbers in place of texts: a trace has a hundred thousand rows and some dozen texts.
    let mut rows: Vec<(Alike, usize)> = rows
        .map(|(place, (node, label))| {
            let fresh = services.len();
            let service = *services.entry(&*node.call.service).or_insert(fresh);
            let fresh = shapes.len();
            let shape = *shapes.entry(without_numbers(label)).or_insert(fresh);
            let parent = node.parent.map_or(0, |parent| parent + 1);
            let statement = node.call.statement().map_or(0, |it| it.text.fingerprint);
            ((parent, service, shape, statement), place)
        })
        .collect();
    rows.sort_unstable();
    let mut alike: Vec<&[(Alike, usize)]> = rows
        .chunk_by(|one, other| one.0 == other.0)
        .filter(|alike| FOLD_MIN <= alike.len())
        .collect();
    alike.sort_unstable_by_key(|alike| alike[0].1);
    let mut fold_of = vec![None; trace.nodes.len()];
    let mut folds = Vec::with_capacity(alike.len());
    for alike in alike {
        let first = alike[0].1;
        let mut fold = wire::Fold {
            label: labels[first].clone(),
            kind: Kind::of(&trace.nodes[first].call.work).into(),
            count: 0,
            total_micros: 0.0,
            critical_micros: 0.0,
        };
        for place in alike.iter().map(|(_, place)| *place) {
            fold.count += u64::from(trace.nodes[place].call.count);
            fold.total_micros += micros(trace.nodes[place].call.duration());
            fold.critical_micros += micros(path.inclusive(place));
            fold_of[place] = Some(folds.len());
        }
        folds.push(fold);
    }
    (folds, fold_of)
}

/// `write row 7` and `write row 14` are alike: each run of digits counts as one sign.
pub(crate) fn without_numbers(label: &str) -> String {
    let mut text = String::with_capacity(label.len());
    for sign in label.chars() {
        if !sign.is_ascii_digit() {
            text.push(sign);
        } else if !text.ends_with('#') {
            text.push('#');
        }
    }
    text
}

fn breakdown(trace: &model::Trace, path: &Path) -> wire::Breakdown {
    let mut sum = wire::Breakdown::default();
    for (place, node) in trace.nodes.iter().enumerate() {
        let part = match GroupKind::from(Kind::of(&node.call.work)) {
            GroupKind::Own => &mut sum.own_micros,
            GroupKind::Database => &mut sum.database_micros,
            GroupKind::Cache => &mut sum.cache_micros,
            GroupKind::Http => &mut sum.http_micros,
            GroupKind::Queue => &mut sum.queue_micros,
        };
        *part += micros(path.own(place));
    }
    sum
}

/// Statements by shape, by total time; doubles are counted once.
fn statements(trace: &model::Trace) -> Vec<wire::TraceStatement> {
    let mut shapes: BTreeMap<u64, wire::TraceStatement> = BTreeMap::new();
    let mut runs: BTreeMap<(u64, Option<u64>), u64> = BTreeMap::new();
    for (place, node) in trace.nodes.iter().enumerate().filter(|(_, node)| !node.double) {
        let Some(statement) = node.call.statement() else { continue };
        let fingerprint = statement.text.fingerprint;
        let row = shapes.entry(fingerprint).or_insert_with(|| {
            let text = wire::Statement::from(&*statement.text);
            wire::TraceStatement {
                fingerprint: text.fingerprint,
                text: text.text,
                kind: text.kind,
                tables: text.tables,
                count: 0,
                duplicated: 0,
                total_micros: 0.0,
                max_micros: 0.0,
                returned_rows: None,
                failed: 0,
                first: place,
            }
        });
        let duration = micros(node.call.duration());
        row.count += u64::from(node.call.count);
        row.total_micros += duration;
        row.max_micros = row.max_micros.max(duration);
        row.failed += u64::from(node.call.failed);
        if let Some(rows) = statement.returned_rows {
            row.returned_rows = Some(row.returned_rows.unwrap_or_default().saturating_add(rows));
        }
        let seen = match statement.parameters {
            Parameters::Known(hash) => Some((fingerprint, Some(hash))),
            Parameters::None => Some((fingerprint, None)),
            Parameters::Hidden => None,
        };
        if let Some(seen) = seen {
            *runs.entry(seen).or_default() += 1;
        }
    }
    for ((fingerprint, _), count) in runs.into_iter().filter(|(_, count)| 1 < *count) {
        if let Some(row) = shapes.get_mut(&fingerprint) {
            row.duplicated += count;
        }
    }
    let mut statements: Vec<_> = shapes.into_values().collect();
    statements.sort_by(|left, right| {
        right.total_micros.total_cmp(&left.total_micros).then(left.first.cmp(&right.first))
    });
    statements
}

/// What was odd, as a sentence.
fn note(note: &Note) -> String {
    match note {
        Note::Duplicates { count } => {
            format!("{} came more than once; the first of each was kept", spans(*count))
        }
        Note::MissingParent { parent_id, count } => format!(
            "the span {parent_id} never came; a placeholder stands in for it above {}",
            spans(*count)
        ),
        Note::ManyRoots { count } => format!("{count} spans have no parent"),
        Note::ClockSkew { service, nanos } => format!(
            "the clock of {service} was off; its spans were moved by {:.3} ms",
            milliseconds(*nanos)
        ),
        Note::Cycle { span_id } => {
            format!("spans name each other as parent; {span_id} was made a root")
        }
        Note::NegativeDuration { count } => {
            format!("{} ended before the begin; they count as instants", spans(*count))
        }
        Note::TooLarge { count } => format!("{} past the limit were left out", spans(*count)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "three places of milliseconds are shown")]
fn milliseconds(nanos: i64) -> f64 {
    nanos as f64 / 1e6
}

fn spans(count: usize) -> String {
    if count == 1 { "1 span".to_owned() } else { format!("{count} spans") }
}
