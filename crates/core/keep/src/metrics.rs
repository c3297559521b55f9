//! Metrics to rows and back, a row for each point: nothing that OTLP carries of a point is lost on the way.

use model::{
    Attributes, Buckets, Exemplar, ExponentialHistogram, Histogram, Measured, Metric, MetricKind,
    Moment, Number, Point, Quantile, SpanId, Summary, Temporality, TraceId,
};
use serde_json::{Value as Json, json};

use crate::{
    chunk::{AttributeKind, Chunk},
    json,
    origin::{LastOrigin, Origins},
    reader::Reader,
    spans::named,
    table::{METRICS, metric as place},
};

/// Whole numbers up to here are the same as doubles.
const EXACT_MAX: u64 = 1 << f64::MANTISSA_DIGITS;

const TEMPORALITIES: [(Temporality, &str); 3] = [
    (Temporality::Unspecified, ""),
    (Temporality::Delta, "delta"),
    (Temporality::Cumulative, "cumulative"),
];

/// Puts points of metrics into rows.
#[derive(Debug)]
pub struct MetricRows {
    chunk: Chunk,
    origin: LastOrigin,
}

impl Default for MetricRows {
    fn default() -> Self {
        Self::over(Chunk::new(&METRICS))
    }
}

impl MetricRows {
    /// Fills a chunk of points that has no rows.
    #[must_use]
    pub fn over(chunk: Chunk) -> Self {
        Self { chunk, origin: LastOrigin::default() }
    }

    /// The rows so far.
    #[must_use]
    pub fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// All rows.
    #[must_use]
    pub fn into_chunk(self) -> Chunk {
        self.chunk
    }

    /// Adds the points of a metric; of one without points nothing is kept.
    pub fn push(&mut self, metric: &Metric) {
        if metric.points.is_empty() {
            return;
        }
        let chunk = &mut self.chunk;
        let (resource, service) = self.origin.resource(&metric.resource, chunk);
        let scope = self.origin.scope(&metric.scope, chunk);
        let (kind, temporality) = kind_names(metric.kind);
        let metadata = json::line(&json::pairs(&metric.metadata.0));
        let texts: [(usize, &str); 6] = [
            (place::NAME, &metric.name),
            (place::UNIT, &metric.unit),
            (place::KIND, kind),
            (place::TEMPORALITY, temporality),
            (place::DESCRIPTION, &metric.description),
            (place::METADATA, &metadata),
        ];
        let texts =
            texts.map(|(place, text)| (place, if text.is_empty() { 0 } else { chunk.text(text) }));
        for point in &metric.points {
            for (place, number) in texts {
                chunk.set_text(place, number);
            }
            chunk.set_text(place::SERVICE, service);
            chunk.set_text(place::RESOURCE, resource);
            chunk.set_text(place::SCOPE, scope);
            push_point(chunk, point);
        }
    }
}

fn push_point(chunk: &mut Chunk, point: &Point) {
    chunk.set_whole(place::TIME, point.time.nanos);
    chunk.set_whole(place::START, point.start.nanos);
    chunk.set_whole(place::FLAGS, u64::from(point.flags));
    let figures = Figures::of(&point.measured);
    chunk.set_number(place::VALUE, figures.value);
    chunk.set_whole(place::COUNT, figures.count);
    chunk.set_number(place::SUM, figures.sum);
    chunk.set_number(place::MIN, figures.min);
    chunk.set_number(place::MAX, figures.max);
    let exemplars = json::line(&point.exemplars.iter().map(exemplar).collect());
    for (place, text) in
        [(place::MEASURED, json::line(&rest_of(&point.measured))), (place::EXEMPLARS, exemplars)]
    {
        let number = if text.is_empty() { 0 } else { chunk.text(&text) };
        chunk.set_text(place, number);
    }
    for (key, value) in &point.attributes.0 {
        let (kind, value) = AttributeKind::of(value, chunk);
        chunk.set_attribute(key, kind, value);
    }
    chunk.end_row();
}

fn kind_names(kind: MetricKind) -> (&'static str, &'static str) {
    let (name, since) = match kind {
        MetricKind::Gauge => ("gauge", Temporality::Unspecified),
        MetricKind::Sum { temporality, is_monotonic: true } => ("counter", temporality),
        MetricKind::Sum { temporality, is_monotonic: false } => ("sum", temporality),
        MetricKind::Histogram { temporality } => ("histogram", temporality),
        MetricKind::ExponentialHistogram { temporality } => ("exponential_histogram", temporality),
        MetricKind::Summary => ("summary", Temporality::Unspecified),
    };
    (name, TEMPORALITIES[since as usize].1)
}

fn kind_of(name: &str, temporality: Temporality) -> MetricKind {
    match name {
        "counter" => MetricKind::Sum { temporality, is_monotonic: true },
        "sum" => MetricKind::Sum { temporality, is_monotonic: false },
        "histogram" => MetricKind::Histogram { temporality },
        "exponential_histogram" => MetricKind::ExponentialHistogram { temporality },
        "summary" => MetricKind::Summary,
        _ => MetricKind::Gauge,
    }
}

/// What has columns of its own; NaN for what is not known.
struct Figures {
    value: f64,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Figures {
    fn of(measured: &Measured) -> Self {
        let none = f64::NAN;
        let blank = Self { value: none, count: 0, sum: none, min: none, max: none };
        let spread = |count, sum: Option<f64>, min: Option<f64>, max: Option<f64>| Self {
            value: none,
            count,
            sum: sum.unwrap_or(none),
            min: min.unwrap_or(none),
            max: max.unwrap_or(none),
        };
        match measured {
            Measured::Nothing => blank,
            Measured::Number(number) => Self { value: number.to_f64(), ..blank },
            Measured::Histogram(it) => spread(it.count, it.sum, it.min, it.max),
            Measured::Exponential(it) => spread(it.count, it.sum, it.min, it.max),
            Measured::Summary(it) => Self { count: it.count, sum: it.sum, ..blank },
        }
    }
}

/// What the columns do not say, by the names of OTLP JSON; counts are numbers, to save room.
fn rest_of(measured: &Measured) -> Json {
    let doubles = |list: &[f64]| list.iter().map(|it| json::double(*it)).collect::<Json>();
    match measured {
        Measured::Nothing => json!({ "nothing": true }),
        Measured::Number(Number::Int(int)) if int.unsigned_abs() <= EXACT_MAX => {
            json!({ "asInt": true })
        }
        Measured::Number(Number::Int(int)) => json!({ "asInt": int.to_string() }),
        Measured::Number(Number::Double(_)) => json!({}),
        Measured::Histogram(it) => with_nan(
            [it.sum, it.min, it.max],
            json::object([
                ("bucketCounts", json!(it.counts)),
                ("explicitBounds", doubles(&it.bounds)),
            ]),
        ),
        Measured::Exponential(it) => {
            let mut rest = json!({ "scale": it.scale });
            if it.zero_count != 0 {
                rest["zeroCount"] = json!(it.zero_count);
            }
            if it.zero_threshold.to_bits() != 0 {
                rest["zeroThreshold"] = json::double(it.zero_threshold);
            }
            for (name, buckets) in [("positive", &it.positive), ("negative", &it.negative)] {
                if *buckets != Buckets::default() {
                    rest[name] =
                        json!({ "offset": buckets.offset, "bucketCounts": buckets.counts });
                }
            }
            with_nan([it.sum, it.min, it.max], rest)
        }
        Measured::Summary(it) => {
            let quantile = |it: &Quantile| json!({ "quantile": json::double(it.quantile), "value": json::double(it.value) });
            let quantiles = it.quantiles.iter().map(quantile).collect();
            json::object([("quantileValues", quantiles)])
        }
    }
}

const SPREAD: [&str; 3] = ["sum", "min", "max"];

/// What was said to be NaN is told apart from what was not said.
fn with_nan(spread: [Option<f64>; 3], mut rest: Json) -> Json {
    for (name, figure) in SPREAD.into_iter().zip(spread) {
        if figure.is_some_and(f64::is_nan) {
            rest[name] = json!("NaN");
        }
    }
    rest
}

fn exemplar(exemplar: &Exemplar) -> Json {
    let mut json = json::object([
        ("filteredAttributes", json::pairs(&exemplar.attributes.0)),
        ("timeUnixNano", json!(exemplar.time.nanos.to_string())),
        ("traceId", json!(exemplar.trace_id.map(|id| id.to_string()).unwrap_or_default())),
        ("spanId", json!(exemplar.span_id.map(|id| id.to_string()).unwrap_or_default())),
    ]);
    match exemplar.value {
        Some(Number::Int(int)) => json["asInt"] = json!(int.to_string()),
        Some(Number::Double(double)) => json["asDouble"] = json::double(double),
        None => {}
    }
    json
}

fn read_exemplar(json: &Json) -> Exemplar {
    let int = json["asInt"].as_str().and_then(|int| int.parse().ok()).map(Number::Int);
    Exemplar {
        attributes: Attributes(json::read_pairs(&json["filteredAttributes"], 0)),
        time: Moment { nanos: json::text(&json["timeUnixNano"]).parse().unwrap_or(0) },
        value: int.or_else(|| json::read_double(&json["asDouble"]).map(Number::Double)),
        trace_id: TraceId::from_hex(&json::text(&json["traceId"])),
        span_id: SpanId::from_hex(&json::text(&json["spanId"])),
    }
}

/// The metrics of some rows of a chunk that has all columns, in the order of `rows`, each with one point. Attributes
/// are in the order in which the chunk first met their keys.
///
/// # Panics
///
/// If the chunk is not of [`METRICS`].
#[must_use]
pub fn read(chunk: &Chunk, rows: &[usize]) -> Vec<Metric> {
    assert_eq!(chunk.table().name, METRICS.name, "rows of another table are no metrics");
    let reader = Reader { chunk };
    let mut origins = Origins::default();
    rows.iter().map(|row| metric(&reader, *row, &mut origins)).collect()
}

fn metric(reader: &Reader<'_>, row: usize, origins: &mut Origins) -> Metric {
    let temporality = named(&TEMPORALITIES, reader.text(place::TEMPORALITY, row));
    let kind = kind_of(reader.text(place::KIND, row), temporality);
    let parsed =
        |place| -> Json { serde_json::from_str(reader.text(place, row)).unwrap_or_default() };
    let exemplars = json::read_list(reader.text(place::EXEMPLARS, row));
    let point = Point {
        attributes: reader.attributes(row),
        start: Moment { nanos: reader.whole(place::START, row) },
        time: Moment { nanos: reader.whole(place::TIME, row) },
        flags: reader.whole32(place::FLAGS, row),
        measured: measured(reader, row, kind, &parsed(place::MEASURED)),
        exemplars: exemplars.iter().map(read_exemplar).collect(),
    };
    Metric {
        name: reader.text(place::NAME, row).into(),
        description: reader.text(place::DESCRIPTION, row).into(),
        unit: reader.text(place::UNIT, row).into(),
        metadata: Attributes(json::read_pairs(&parsed(place::METADATA), 0)),
        kind,
        points: vec![point],
        resource: origins.resource(reader.chunk, reader.number(place::RESOURCE, row)),
        scope: origins.scope(reader.chunk, reader.number(place::SCOPE, row)),
    }
}

fn measured(reader: &Reader<'_>, row: usize, kind: MetricKind, rest: &Json) -> Measured {
    let count = reader.whole(place::COUNT, row);
    let figure = |place: usize, name: &str| {
        let double = reader.double(place, row);
        (!double.is_nan() || rest.get(name).is_some()).then_some(double)
    };
    let [sum, min, max] = [(place::SUM, "sum"), (place::MIN, "min"), (place::MAX, "max")]
        .map(|(place, name)| figure(place, name));
    let list = |json: &Json| json.as_array().cloned().unwrap_or_default();
    let counts = |json: &Json| list(json).iter().map(|it| it.as_u64().unwrap_or(0)).collect();
    let buckets = |json: &Json| Buckets {
        offset: int32(&json["offset"]),
        counts: counts(&json["bucketCounts"]),
    };
    let double = |json: &Json| json::read_double(json).unwrap_or_default();
    match kind {
        MetricKind::Gauge | MetricKind::Sum { .. } => {
            number(reader.double(place::VALUE, row), rest)
        }
        MetricKind::Histogram { .. } => Measured::Histogram(Box::new(Histogram {
            count,
            sum,
            min,
            max,
            bounds: list(&rest["explicitBounds"]).iter().map(double).collect(),
            counts: counts(&rest["bucketCounts"]),
        })),
        MetricKind::ExponentialHistogram { .. } => {
            Measured::Exponential(Box::new(ExponentialHistogram {
                count,
                sum,
                min,
                max,
                scale: int32(&rest["scale"]),
                zero_count: rest["zeroCount"].as_u64().unwrap_or(0),
                zero_threshold: double(&rest["zeroThreshold"]),
                positive: buckets(&rest["positive"]),
                negative: buckets(&rest["negative"]),
            }))
        }
        MetricKind::Summary => {
            let quantile = |json: &Json| Quantile {
                quantile: double(&json["quantile"]),
                value: double(&json["value"]),
            };
            let quantiles = list(&rest["quantileValues"]).iter().map(quantile).collect();
            let sum = reader.double(place::SUM, row);
            Measured::Summary(Box::new(Summary { count, sum, quantiles }))
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "written only for whole numbers that are exact"
)]
fn number(value: f64, rest: &Json) -> Measured {
    match &rest["asInt"] {
        Json::Bool(true) => Measured::Number(Number::Int(value as i64)),
        Json::String(int) => {
            int.parse().map_or(Measured::Nothing, |int| Measured::Number(Number::Int(int)))
        }
        _ if rest.get("nothing").is_some() => Measured::Nothing,
        _ => Measured::Number(Number::Double(value)),
    }
}

fn int32(json: &Json) -> i32 {
    json.as_i64().and_then(|int| i32::try_from(int).ok()).unwrap_or(0)
}
