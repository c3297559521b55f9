//! The process that answers.

use std::time::Duration;

use axum::{Json, extract::State};
use engine::metrics::{self, LOSSES, LossKind};
use store::Usage;

use crate::{
    problem::Problem,
    server::App,
    wire::{Flow, Loss, ProcessUsage, Status, StoreUsage, micros, unix_ms},
};

/// What counts as now: long enough to be seen by somebody who looks up, short enough to end with its cause.
const LATELY: Duration = Duration::from_mins(5);

/// Version, addresses, and what was received and kept.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    tag = "status",
    responses((status = 200, description = "the process that answers", body = Status))
)]
pub(crate) async fn status(State(app): State<App>) -> Result<Json<Status>, Problem> {
    let setup = std::sync::Arc::clone(&app.setup);
    app.read(move |source| {
        let totals = setup.counters.as_ref().map(|counters| counters.totals());
        let outcome = source.outcome();
        let reading = source.reading();
        let standing = reading.standing.clone();
        let (since_start, lately, steps) = source.flows(&reading, LATELY);
        Ok(Json(Status {
            version: setup.version.to_owned(),
            otlp_http: setup.otlp_http.map(|address| address.to_string()),
            otlp_grpc: setup.otlp_grpc.map(|address| address.to_string()),
            change: *source.changes().borrow(),
            findings: outcome.findings.len(),
            requests: outcome.requests,
            spans_in_flight: standing.spans_in_flight,
            catching_up: standing.catching_up,
            problem: standing.problem,
            accepted_spans: totals.map(|totals| totals.spans_accepted),
            rejected_spans: totals.map(|totals| totals.spans_rejected + totals.spans_refused),
            accepted_exports: totals
                .map(|totals| totals.requests_accepted + totals.requests_partial),
            refused_exports: totals.map(|totals| {
                totals.requests_malformed
                    + totals.requests_too_large
                    + totals.requests_unsupported
                    + totals.requests_slow
                    + totals.requests_busy
                    + totals.requests_not_kept
                    + totals.requests_crashed
            }),
            log_records: reading.counts.log_records_kept(),
            data_points: reading.counts.data_points_kept(),
            since_start: flow(&since_start),
            lately: flow(&lately),
            lately_minutes: LATELY.as_secs() / 60,
            steps: steps.iter().map(flow).collect(),
            losses: losses(&since_start, &lately),
            store: reading.store.as_ref().map(|usage| store(usage, &source.settings().store)),
            sql: source.store().speaks_sql(),
            process: ProcessUsage {
                started_unix_ms: unix_ms(reading.process.started),
                resident_bytes: reading.process.resident_bytes,
                cpu_secs: reading.process.cpu.map(|cpu| cpu.as_secs_f64()),
                open_files: reading.process.open_files,
            },
        }))
    })
    .await
}

fn flow(flow: &metrics::Flow) -> Flow {
    Flow {
        unix_ms: unix_ms(flow.time),
        received: flow.received,
        kept: flow.kept,
        refused: flow.refused,
        dropped: flow.dropped,
    }
}

/// What was lost or refused; what happens now comes first.
fn losses(since_start: &metrics::Flow, lately: &metrics::Flow) -> Vec<Loss> {
    let counts = since_start.losses.iter().zip(&lately.losses);
    let happened = LOSSES.iter().zip(counts).filter(|(_, (since_start, _))| 0 < **since_start);
    let mut losses: Vec<Loss> = happened
        .map(|(loss, (since_start, lately))| Loss {
            reason: loss.reason.to_owned(),
            gone: loss.kind == LossKind::Dropped,
            unit: loss.unit.to_owned(),
            words: loss.words.to_owned(),
            hint: loss.hint.to_owned(),
            since_start: *since_start,
            lately: *lately,
        })
        .collect();
    losses.sort_by_key(|loss| std::cmp::Reverse(loss.lately));
    losses
}

fn store(usage: &Usage, settings: &config::Store) -> StoreUsage {
    let syncs = usage.syncs.count();
    let sync = u32::try_from(syncs).ok().and_then(|syncs| usage.syncs.sum.checked_div(syncs));
    StoreUsage {
        folder: settings.folder.display().to_string(),
        bytes: usage.bytes(),
        bytes_max: settings.bytes_max,
        age_max_secs: settings.age_max.as_secs(),
        free_bytes: usage.free_bytes,
        log_bytes: usage.log_bytes + usage.index_bytes,
        block_bytes: usage.block_bytes,
        request_bytes: usage.request_bytes,
        damaged_bytes: usage.damaged_bytes,
        other_bytes: usage.other_bytes,
        segments: usage.segments,
        blocks: usage.blocks,
        block_spans: usage.block_spans,
        thinned_bytes: usage.thinned.bytes,
        thinned_spans: usage.thinned.spans,
        minute_bytes: usage.minute_bytes,
        minute_rows: usage.minute_rows,
        requests: usage.requests,
        oldest_unix_ms: usage.oldest.map(unix_ms),
        dropped_bytes: usage.dropped.spans + usage.dropped.requests,
        sync_micros: sync.map(micros),
    }
}
