//! The rows of the table of figures, and how each is read.

use std::time::Duration;

use model::Moment;
use stats::TimingsSeen;
use store::Usage;

use super::{
    Flow, LOSSES, LossKind, Metric, Reading, Sample, Value,
    counts::get,
    reading::{DatabaseReading, ReceiverReading},
};

/// What is received.
pub(super) const RECEIVER: &[Metric] = &[
    Metric::counter(
        "taut_spans_received_total",
        "Spans that came, whatever became of them: kept, refused or dropped.",
        |it| whole(Flow::of(it, it.time).received),
    ),
    Metric::counter(
        "taut_spans_kept_total",
        "Spans that are on the disk and were acknowledged.",
        |it| whole(get(&it.counts.spans_kept)),
    ),
    Metric::counter(
        "taut_spans_refused_total",
        "Spans that were not taken; their senders were asked to send them again.",
        |it| losses(it, LossKind::Refused, "spans"),
    )
    .by(&["reason"]),
    Metric::counter("taut_spans_dropped_total", "Spans that are gone.", |it| {
        losses(it, LossKind::Dropped, "spans")
    })
    .by(&["reason"]),
    Metric::counter(
        "taut_log_records_kept_total",
        "Log records that are on the disk and were acknowledged.",
        |it| whole(get(&it.counts.log_records.kept)),
    ),
    Metric::counter(
        "taut_log_records_refused_total",
        "Log records that were not taken; their senders were asked to send them again.",
        |it| losses(it, LossKind::Refused, "log records"),
    )
    .by(&["reason"]),
    Metric::counter("taut_log_records_dropped_total", "Log records that are gone.", |it| {
        losses(it, LossKind::Dropped, "log records")
    })
    .by(&["reason"]),
    Metric::counter(
        "taut_data_points_kept_total",
        "Data points of metrics that are on the disk and were acknowledged.",
        |it| whole(get(&it.counts.data_points.kept)),
    ),
    Metric::counter(
        "taut_data_points_refused_total",
        "Data points that were not taken; their senders were asked to send them again.",
        |it| losses(it, LossKind::Refused, "data points"),
    )
    .by(&["reason"]),
    Metric::counter("taut_data_points_dropped_total", "Data points that are gone.", |it| {
        losses(it, LossKind::Dropped, "data points")
    })
    .by(&["reason"]),
    Metric::counter(
        "taut_requests_refused_total",
        "Requests that were not read; their senders were asked to send them again.",
        |it| losses(it, LossKind::Refused, "requests"),
    )
    .by(&["reason"]),
    Metric::counter(
        "taut_requests_dropped_total",
        "Requests that are gone, with an unknown number of spans.",
        |it| losses(it, LossKind::Dropped, "requests"),
    )
    .by(&["reason"]),
    Metric::counter(
        "taut_receive_requests_total",
        "Requests that were answered, by protocol and by how they ended.",
        answered,
    )
    .by(&["protocol", "outcome"]),
    Metric::counter("taut_receive_bytes_total", "Bytes of requests as they came.", |it| {
        received(it, |it| it.totals.bytes_received)
    })
    .bytes(),
    Metric::counter(
        "taut_receive_uncompressed_bytes_total",
        "Bytes of requests once uncompressed.",
        |it| received(it, |it| it.totals.bytes_uncompressed),
    )
    .bytes(),
    Metric::counter(
        "taut_receive_connections_accepted_total",
        "Connections that were taken.",
        |it| received(it, |it| it.totals.connections_accepted),
    ),
    Metric::counter(
        "taut_receive_connections_refused_total",
        "Connections that were turned away, since there were too many.",
        |it| received(it, |it| it.totals.connections_refused),
    ),
    Metric::gauge("taut_receive_connections", "Connections that are open.", |it| {
        received(it, |it| it.totals.connections_open)
    }),
    Metric::gauge(
        "taut_receive_requests_in_flight",
        "Requests that are being read or kept.",
        |it| received(it, |it| it.totals.requests_in_flight),
    ),
    Metric::gauge(
        "taut_receive_in_flight_bytes",
        "Bytes of requests that are being read or kept.",
        |it| received(it, |it| it.totals.bytes_in_flight),
    )
    .bytes(),
    Metric::histogram(
        "taut_receive_acknowledge_duration_seconds",
        "Time from the last byte of a request to its acknowledgement.",
        |it| times(it.receiver.as_ref().map(|it| it.acknowledged)),
    ),
];

/// What is made of it.
pub(super) const ENGINE: &[Metric] = &[
    Metric::gauge("taut_batches_in_flight", "Batches that are being kept.", |it| {
        whole(get(&it.counts.batches_in_flight))
    }),
    Metric::gauge("taut_spans_in_flight", "Spans of traces that are not complete yet.", |it| {
        whole(it.standing.spans_in_flight as u64)
    }),
    Metric::counter(
        "taut_traces_settled_total",
        "Traces that were taken as complete and looked at.",
        |it| whole(get(&it.counts.traces_settled)),
    ),
    Metric::counter(
        "taut_traces_closed_early_total",
        "Traces that were taken as complete early, since too many spans were in flight.",
        |it| whole(it.traces_closed_early),
    ),
    Metric::counter(
        "taut_traces_failed_total",
        "Traces that met a bug when they were looked at.",
        |it| whole(get(&it.counts.bugs)),
    ),
    Metric::counter(
        "taut_requests_seen_total",
        "Requests of the observed services that were looked at.",
        |it| whole(get(&it.counts.requests)),
    ),
    Metric::counter(
        "taut_sightings_total",
        "Requests in which a fault was seen, once for each fault.",
        |it| whole(it.sightings),
    ),
    Metric::gauge("taut_findings", "Findings of the window.", findings).by(&["level"]),
    Metric::histogram(
        "taut_look_duration_seconds",
        "Time to look at the traces that settled in one turn.",
        |it| times(Some(it.counts.looks.seen())),
    ),
    Metric::histogram(
        "taut_window_look_duration_seconds",
        "Time to look at the window as a whole.",
        |it| times(Some(it.counts.window_looks.seen())),
    ),
    Metric::gauge(
        "taut_catching_up",
        "Whether what came before the start is still being looked at: 1 or 0.",
        |it| whole(u64::from(it.standing.catching_up)),
    ),
    Metric::gauge("taut_database_up", "Whether a watched database answers: 1 or 0.", |it| {
        databases(it, |it| Value::Whole(u64::from(it.is_up)))
    })
    .by(&["database"]),
    Metric::histogram(
        "taut_database_poll_duration_seconds",
        "Time that a poll of a watched database took.",
        |it| databases(it, |it| Value::Times(it.polls)),
    )
    .by(&["database"]),
    Metric::counter(
        "taut_database_errors_total",
        "Connections to and polls of a watched database that failed.",
        |it| databases(it, |it| Value::Whole(it.errors)),
    )
    .by(&["database"]),
    Metric::counter(
        "taut_api_requests_total",
        "Requests that the API and the pages answered, by the first digit of the status.",
        api,
    )
    .by(&["status"]),
    Metric::histogram(
        "taut_api_request_duration_seconds",
        "Time that the API took to begin an answer.",
        |it| times(Some(it.counts.api.times())),
    ),
    Metric::counter(
        "taut_own_spans_total",
        "Spans of Taut's own work (`observe.self.endpoint`), by what became of them.",
        own_spans,
    )
    .by(&["outcome"]),
];

/// What is kept.
pub(super) const STORE: &[Metric] = &[
    Metric::histogram(
        "taut_store_append_duration_seconds",
        "Time until a batch is safe.",
        |it| times(Some(it.counts.append.seen())),
    ),
    Metric::histogram(
        "taut_store_sync_duration_seconds",
        "Time that the disk took to sync the log of spans.",
        |it| times(it.store.as_ref().map(|it| it.syncs)),
    ),
    Metric::histogram(
        "taut_store_block_duration_seconds",
        "Time to make a block of a full segment.",
        |it| times(it.store.as_ref().map(|it| it.blocks_made)),
    ),
    Metric::histogram(
        "taut_store_merge_duration_seconds",
        "Time to put small blocks together.",
        |it| times(it.store.as_ref().map(|it| it.blocks_merged)),
    ),
    Metric::histogram(
        "taut_store_retention_duration_seconds",
        "Time to drop what is old or too much.",
        |it| times(Some(it.counts.retentions.seen())),
    ),
    Metric::counter(
        "taut_store_dropped_bytes_total",
        "Bytes that were dropped, since they were older than `store.age-max` or beyond `store.bytes-max`.",
        dropped,
    )
    .by(&["kind"])
    .bytes(),
    Metric::counter("taut_store_errors_total", "Calls of the store that failed.", |it| {
        whole(get(&it.counts.store_errors))
    }),
    Metric::gauge("taut_store_bytes", "Bytes on the disk.", store_bytes).by(&["kind"]).bytes(),
    Metric::gauge(
        "taut_store_disk_free_bytes",
        "Bytes that are free on the disk of the store.",
        |it| maybe(it.store.as_ref().and_then(|it| it.free_bytes)),
    )
    .bytes(),
    Metric::gauge(
        "taut_store_memory_bytes",
        "Bytes of memory that indexes and facts take, roughly.",
        |it| stored(it, |it| it.memory_bytes as u64),
    )
    .bytes(),
    Metric::gauge("taut_store_segments", "Segments of the log of spans.", |it| {
        stored(it, |it| it.segments as u64)
    }),
    Metric::gauge("taut_store_batches", "Batches in the log of spans.", |it| {
        stored(it, |it| it.batches)
    }),
    Metric::gauge("taut_store_blocks", "Blocks.", |it| stored(it, |it| it.blocks as u64)),
    Metric::gauge("taut_store_block_spans", "Spans in blocks.", |it| {
        stored(it, |it| it.block_spans)
    }),
    Metric::gauge("taut_store_requests", "Requests of which there is a fact.", |it| {
        stored(it, |it| it.requests as u64)
    }),
    Metric::gauge(
        "taut_store_oldest_timestamp_seconds",
        "When the oldest batch that is kept was received, since 1970.",
        |it| it.store.as_ref().and_then(|it| it.oldest).map_or_else(Vec::new, since_1970),
    )
    .seconds(),
    Metric::counter(
        "taut_store_copied_blocks_total",
        "Blocks that were copied to where `store.copy.to` says.",
        |it| maybe(it.copies.map(|it| it.copied)),
    ),
    Metric::counter("taut_store_copied_bytes_total", "Their bytes.", |it| {
        maybe(it.copies.map(|it| it.copied_bytes))
    })
    .bytes(),
    Metric::counter("taut_store_copy_errors_total", "Tries to copy blocks that failed.", |it| {
        maybe(it.copies.map(|it| it.failed))
    }),
    Metric::gauge(
        "taut_store_copy_due_blocks",
        "Blocks that are old enough to be copied, and are not yet.",
        |it| maybe(it.copies.map(|it| it.due)),
    ),
];

/// What the process takes, by the names that Prometheus' own clients use.
pub(super) const PROCESS: &[Metric] = &[
    Metric::counter(
        "process_cpu_seconds_total",
        "Processor time, user and system, of all threads.",
        |it| it.process.cpu.map_or_else(Vec::new, |cpu| one(Value::Time(cpu))),
    )
    .seconds(),
    Metric::gauge("process_resident_memory_bytes", "Memory that is in use and in RAM.", |it| {
        maybe(it.process.resident_bytes)
    })
    .bytes(),
    Metric::gauge("process_start_time_seconds", "When the process began, since 1970.", |it| {
        since_1970(it.process.started)
    })
    .seconds(),
    Metric::gauge("process_open_fds", "Open files and sockets.", |it| maybe(it.process.open_files)),
    Metric::gauge("process_max_fds", "How many files and sockets may be open.", |it| {
        maybe(it.process.open_files_max)
    }),
    Metric::gauge("process_threads", "Threads.", |it| maybe(it.process.threads)),
    Metric::info("taut_build_info", "Version of the binary.", |it| {
        vec![labelled(&[it.version], Value::Whole(1))]
    })
    .by(&["version"]),
];

fn one(value: Value) -> Vec<Sample> {
    vec![labelled(&[], value)]
}

fn whole(count: u64) -> Vec<Sample> {
    one(Value::Whole(count))
}

fn maybe(count: Option<u64>) -> Vec<Sample> {
    count.map_or_else(Vec::new, whole)
}

fn times(seen: Option<TimingsSeen>) -> Vec<Sample> {
    seen.map_or_else(Vec::new, |seen| one(Value::Times(seen)))
}

fn since_1970(moment: Moment) -> Vec<Sample> {
    one(Value::Time(Duration::from_nanos(moment.nanos)))
}

fn labelled(labels: &[&str], value: Value) -> Sample {
    Sample { labels: labels.iter().map(|label| (*label).to_owned()).collect(), value }
}

fn losses(reading: &Reading, kind: LossKind, unit: &str) -> Vec<Sample> {
    // Own spans have a figure of their own.
    let ours = LOSSES
        .iter()
        .filter(|loss| loss.kind == kind && loss.unit == unit && loss.reason != "own-spans");
    ours.map(|loss| labelled(&[loss.reason], Value::Whole((loss.read)(reading)))).collect()
}

fn received(reading: &Reading, count: fn(&ReceiverReading) -> u64) -> Vec<Sample> {
    maybe(reading.receiver.as_ref().map(count))
}

fn answered(reading: &Reading) -> Vec<Sample> {
    let answered = reading.receiver.iter().flat_map(|it| &it.answered);
    answered.map(|it| labelled(&[it.protocol, it.outcome], Value::Whole(it.count))).collect()
}

fn findings(reading: &Reading) -> Vec<Sample> {
    let word = |level: model::Level| format!("{level:?}").to_lowercase();
    let each = reading.findings.iter();
    each.map(|(level, count)| labelled(&[&word(*level)], Value::Whole(*count as u64))).collect()
}

fn databases(reading: &Reading, value: fn(&DatabaseReading) -> Value) -> Vec<Sample> {
    reading.databases.iter().map(|it| labelled(&[&it.id], value(it))).collect()
}

fn api(reading: &Reading) -> Vec<Sample> {
    let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter();
    let counts = classes.zip(reading.counts.api.by_class());
    counts.map(|(class, count)| labelled(&[class], Value::Whole(count))).collect()
}

fn own_spans(reading: &Reading) -> Vec<Sample> {
    let own = reading.own_spans;
    [("exported", own.exported), ("dropped", own.dropped), ("failed", own.failed)]
        .map(|(outcome, count)| labelled(&[outcome], Value::Whole(count)))
        .to_vec()
}

fn stored(reading: &Reading, count: fn(&Usage) -> u64) -> Vec<Sample> {
    maybe(reading.store.as_ref().map(count))
}

fn dropped(reading: &Reading) -> Vec<Sample> {
    let Some(usage) = &reading.store else { return Vec::new() };
    [("spans", usage.dropped.spans), ("requests", usage.dropped.requests)]
        .map(|(kind, bytes)| labelled(&[kind], Value::Whole(bytes)))
        .to_vec()
}

fn store_bytes(reading: &Reading) -> Vec<Sample> {
    let Some(usage) = &reading.store else { return Vec::new() };
    [
        ("log", usage.log_bytes),
        ("index", usage.index_bytes),
        ("blocks", usage.block_bytes),
        ("minutes", usage.minute_bytes),
        ("requests", usage.request_bytes),
        ("damaged", usage.damaged_bytes),
        ("other", usage.other_bytes),
    ]
    .map(|(kind, bytes)| labelled(&[kind], Value::Whole(bytes)))
    .to_vec()
}
