//! Log records and metrics to a block and back.

use bytes::Bytes;
use model::{Attributes, LogRecord, Metric, Moment};
use proptest::prelude::*;
use testkit::arbitrary;

use super::{all_rows, open, settled_attributes, small_groups};
use crate::{
    Chunk, LOGS, METRICS,
    logs::{self, LogRows},
    metrics::{self, MetricRows},
    parquet::{Block, encode},
    table::{log, metric},
};

const RECEIVED: Moment = Moment { nanos: 1_795_000_000_000_000_000 };

fn log_chunk(records: &[LogRecord]) -> Chunk {
    let mut rows = LogRows::default();
    for record in records {
        rows.push(record, RECEIVED);
    }
    rows.into_chunk()
}

fn metric_chunk(metrics: &[Metric]) -> Chunk {
    let mut rows = MetricRows::default();
    for metric in metrics {
        rows.push(metric);
    }
    rows.into_chunk()
}

fn all<T>(block: &Block<Bytes>, read: fn(&Chunk, &[usize]) -> Vec<T>) -> Vec<T> {
    all_rows(block)
        .iter()
        .flat_map(|chunk| read(chunk, &(0..chunk.rows()).collect::<Vec<_>>()))
        .collect()
}

fn settled(mut record: LogRecord) -> LogRecord {
    record.attributes = settled_attributes(record.attributes);
    record
}

/// A metric for each point, by time.
fn alone(metrics: Vec<Metric>) -> Vec<Metric> {
    let mut alone = Vec::new();
    for metric in metrics {
        for point in &metric.points {
            let mut point = point.clone();
            point.attributes = settled_attributes(point.attributes);
            alone.push(Metric { points: vec![point], ..metric.clone() });
        }
    }
    alone.sort_by_key(|metric| metric.points[0].time);
    alone
}

proptest! {
    #[test]
    fn log_records_are_read_back_from_a_block(
        mut records in arbitrary::logs(),
        timeless in prop::collection::vec(0..4_u8, 12),
        group_rows in 1_usize..5,
    ) {
        for (record, how) in records.iter_mut().zip(timeless) {
            if how < 2 {
                record.time.nanos = 0;
            }
            if how == 0 {
                record.observed.nanos = 0;
            }
        }
        let bytes = encode(&log_chunk(&records), &small_groups(group_rows), &[]).unwrap();
        let back: Vec<LogRecord> = all(&open(bytes), logs::read).into_iter().map(settled).collect();
        records.sort_by_key(|it| if it.when().nanos == 0 { RECEIVED } else { it.when() });
        prop_assert_eq!(back, records.into_iter().map(settled).collect::<Vec<_>>());
    }

    #[test]
    fn metrics_are_read_back_from_a_block(
        metrics in arbitrary::metrics(),
        group_rows in 1_usize..5,
    ) {
        let bytes = encode(&metric_chunk(&metrics), &small_groups(group_rows), &[]).unwrap();
        prop_assert_eq!(alone(all(&open(bytes), metrics::read)), alone(metrics));
    }

    #[test]
    fn chunks_of_metrics_put_together_hold_the_points_of_both(
        one in arbitrary::metrics(),
        other in arbitrary::metrics(),
    ) {
        let mut both = metric_chunk(&one);
        both.append(&metric_chunk(&other));
        let rows = (0..both.rows()).collect::<Vec<_>>();
        prop_assert_eq!(alone(metrics::read(&both, &rows)), alone([one, other].concat()));
    }
}

#[test]
fn figures_have_columns_of_their_own() {
    use model::{Histogram, Measured, MetricKind, Number, Point, Temporality};
    let point = |measured| Point {
        attributes: Attributes::default(),
        start: Moment::default(),
        time: RECEIVED,
        flags: 0,
        measured,
        exemplars: Vec::new(),
    };
    let of = |kind, measured| Metric {
        name: "it".into(),
        description: model::Text::default(),
        unit: "s".into(),
        metadata: Attributes::default(),
        kind,
        points: vec![point(measured)],
        resource: std::sync::Arc::default(),
        scope: std::sync::Arc::default(),
    };
    let temporality = Temporality::Delta;
    let histogram =
        Histogram { count: 3, sum: Some(f64::NAN), max: Some(2.0), ..Histogram::default() };
    let all = [
        of(MetricKind::Gauge, Measured::Number(Number::Int(i64::MIN))),
        of(MetricKind::Gauge, Measured::Number(Number::Int(-(1 << 53)))),
        of(MetricKind::Gauge, Measured::Number(Number::Double(f64::NAN))),
        of(MetricKind::Gauge, Measured::Number(Number::Double(-0.0))),
        of(MetricKind::Gauge, Measured::Nothing),
        of(MetricKind::Histogram { temporality }, Measured::Histogram(Box::new(histogram))),
    ];
    let chunk = metric_chunk(&all);
    let back = metrics::read(&chunk, &[0, 1, 2, 3, 4, 5]);
    assert_eq!(format!("{back:?}"), format!("{all:?}"));
    assert_eq!(chunk.column(metric::COUNT), &crate::Column::Whole(vec![0, 0, 0, 0, 0, 3]));
    let crate::Column::Number(values) = chunk.column(metric::VALUE) else { panic!("numbers") };
    assert!(values[5].is_nan() && values[1] < -9e15);
    assert_eq!((METRICS.time, LOGS.trace), (metric::TIME, Some(log::TRACE_ID)));
}
