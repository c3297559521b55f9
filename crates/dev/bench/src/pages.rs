//! A folder as a day of traffic leaves it: spans in blocks, roll-ups, and a fact of each request.

use std::{collections::BTreeMap, error::Error, path::Path, sync::Arc, time::Duration};

use find::Kind;
use model::{Call, Moment, OperationKey, Span, SpanId, TraceId, Work};
use store::{
    Batch, Breakdown, Folder, GroupFact, GroupKind, Options, RequestFact, Store as _, Syncing,
};

use crate::{day, day::Day, made::BATCH_SPANS};

/// Made-up traffic is the same in every run.
const SEED: u64 = 20_261_122;

/// What is in the folder.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    /// Spans.
    pub spans: u64,
    /// Requests.
    pub requests: u64,
    /// A trace of ten spans.
    pub trace: TraceId,
    /// The largest trace.
    pub large: TraceId,
}

/// Fills a folder with a day of about so many spans that ends at `end`, and a trace of `large` spans in the middle of its
/// last hour.
///
/// # Errors
///
/// The disk fails.
pub fn fill(
    folder: &Path,
    (spans, large): (usize, usize),
    end: Moment,
) -> Result<Made, Box<dyn Error>> {
    let (store, _) = Folder::open(folder, Options { sync: Syncing::Os, ..Options::default() })?;
    let shift = end.since(day::BEGIN + day::LENGTH);
    let mut statements = sql::Statements::default();
    let mut made = Made {
        spans: 0,
        requests: 0,
        trace: TraceId::default(),
        large: TraceId(*b"the large trace!"),
    };
    let mut facts: Vec<RequestFact> = Vec::new();
    let mut day = Day::new(spans, SEED);
    while let Some(mut batch) = day.batch() {
        for span in &mut batch {
            (span.start, span.end) = (span.start + shift, span.end + shift);
        }
        keep(&store, &batch)?;
        made.spans += batch.len() as u64;
        made.trace = batch.first().map_or(made.trace, |span| span.trace_id);
        facts.extend(of_batch(&batch, &mut statements));
        if 10_000 <= facts.len() {
            made.requests += facts.len() as u64;
            store.record(std::mem::take(&mut facts))?;
            while store.tidy()? {}
        }
    }
    made.requests += facts.len() as u64;
    store.record(facts)?;
    let begin = end - Duration::from_mins(30);
    for batch in trace(made.large, large, begin).chunks(BATCH_SPANS) {
        keep(&store, batch)?;
        made.spans += batch.len() as u64;
    }
    while store.tidy()? {}
    Ok(made)
}

fn keep(store: &Folder, batch: &[Span]) -> Result<(), store::StoreError> {
    let otlp = observe::otlp::encode(batch);
    let received = batch.last().map_or_else(Moment::default, |span| span.end);
    store.append(&Batch { spans: batch, otlp: Some(&otlp), received })
}

/// The facts of the requests that end in a batch; what a request did comes before it, mostly in the same one.
fn of_batch<'a>(
    batch: &'a [Span],
    statements: &'a mut sql::Statements,
) -> impl Iterator<Item = RequestFact> + 'a {
    let mut below: BTreeMap<(TraceId, SpanId), Vec<Call>> = BTreeMap::new();
    batch.iter().filter_map(move |span| {
        let call = observe::call(span, statements);
        let Work::Request(request) = &call.work else {
            let parent = call.parent_id.unwrap_or_default();
            below.entry((span.trace_id, parent)).or_default().push(call);
            return None;
        };
        let children = below.remove(&(span.trace_id, span.span_id)).unwrap_or_default();
        let is_statement = |call: &&Call| matches!(call.work, Work::Statement(_));
        let statements = children.iter().filter(is_statement).count();
        let own = call.duration() / 2;
        Some(RequestFact {
            operation: OperationKey {
                service: Arc::clone(&call.service),
                operation: request.operation.as_str().into(),
            },
            trace_id: span.trace_id,
            span_id: span.span_id,
            start: call.start,
            duration: call.duration(),
            failed: call.failed,
            status: request.status,
            statements: u32::try_from(statements).unwrap_or(u32::MAX),
            spans: u32::try_from(children.len() + 1).unwrap_or(u32::MAX),
            breakdown: Breakdown {
                own,
                database: call.duration().saturating_sub(own),
                ..Breakdown::default()
            },
            groups: groups(&children),
            attributes: request.attributes.clone(),
        })
    })
}

fn groups(children: &[Call]) -> Vec<GroupFact> {
    let group = |call: &Call| GroupFact {
        kind: match Kind::of(&call.work) {
            Kind::Own => GroupKind::Own,
            Kind::Database => GroupKind::Database,
            Kind::Cache => GroupKind::Cache,
            Kind::Http => GroupKind::Http,
            Kind::Queue => GroupKind::Queue,
        },
        name: match &call.work {
            Work::Statement(statement) => statement.text.text.as_str().into(),
            Work::Http(http) => format!("{} {}{}", http.method, http.host, http.template).into(),
            _ => call.name.as_str().into(),
        },
        count: call.count,
        total: call.duration(),
        failed: u32::from(call.failed),
    };
    children.iter().map(group).collect()
}

/// A request with so many spans: items one by one, each with two statements.
fn trace(id: TraceId, spans: usize, begin: Moment) -> Vec<Span> {
    let Some(like) = Day::new(10, SEED).batch().and_then(|batch| batch.into_iter().next()) else {
        return Vec::new();
    };
    let step = Duration::from_micros(10);
    let number = |place: usize| SpanId((place as u64 + 1).to_be_bytes());
    (0..spans)
        .map(|place| {
            let start = begin + step * u32::try_from(place).unwrap_or(u32::MAX);
            let parent = match place {
                0 => None,
                _ if place % 3 == 1 => Some(number(0)),
                _ => Some(number(place - (place + 2) % 3)),
            };
            let long =
                if place == 0 { step * u32::try_from(spans).unwrap_or(u32::MAX) } else { step };
            Span {
                trace_id: id,
                span_id: number(place),
                parent_id: parent,
                start,
                end: start + long,
                ..like.clone()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use model::Window;

    use super::*;

    #[test]
    fn a_folder_has_a_fact_of_each_request_and_one_large_trace() {
        let folder = tempfile::tempdir().unwrap();
        let end = day::BEGIN + Duration::from_hours(30);
        let made = fill(folder.path(), (3_000, 700), end).unwrap();
        let (store, _) = Folder::open(folder.path(), Options::default()).unwrap();
        let window = Window { from: end - Duration::from_hours(24), to: end };
        let operations = store.operations(window).unwrap();
        let requests: u64 = operations.iter().map(|operation| operation.count).sum();
        assert_eq!(requests, made.requests);
        assert_eq!(store.trace(made.large).unwrap().len(), 700);
        assert_eq!(store.trace(made.trace).unwrap().len(), 10);
    }
}
