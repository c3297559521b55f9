//! What is kept and asked in these tests: of few values, so that they meet, and of any.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use model::{Attributes, LogRecord, Metric, Moment, Resource, Span, Text, Value, Window};
use observe::otlp::UNKNOWN_FIELDS;
use proptest::{collection::vec, prelude::*, sample::select};
use store::keep::{
    ColumnKind, MINUTES, TABLES, Table,
    query::{Comparison, Field, Filter, Measure, Query, Top},
    table::minute,
};
use testkit::arbitrary;

/// Keys and texts that come up again and again, some of them hostile.
const KEYS: [&str; 6] = ["tier", "retries", "ratio", "http.route", "it's `\\", ""];
const TEXTS: [&str; 10] =
    ["gold", "42", "+7", "007", "-3", "it's", "a\\'; DROP TABLE spans --", "a\0b", "é✓", ""];

/// All that is kept.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) spans: Vec<Span>,
    pub(crate) logs: Vec<LogRecord>,
    pub(crate) metrics: Vec<Metric>,
}

pub(crate) fn kept() -> impl Strategy<Value = Kept> {
    let spans = (vec(arbitrary::spans(), 8), vec(detail(), 100)).prop_map(|(groups, details)| {
        let spans: Vec<Span> = groups.into_iter().flatten().collect();
        let one = arbitrary::one();
        let few = (1_u64..).zip(&details).map(|(number, detail)| {
            let mut span = one.clone();
            span.trace_id.0[15] = detail.number;
            span.span_id.0 = number.to_be_bytes();
            span.name = Text::from(TEXTS[usize::from(detail.number) % 3]);
            span.start = Moment { nanos: detail.time };
            span.end = Moment { nanos: detail.time.saturating_add(detail.length) };
            span.attributes = detail.attributes.clone();
            span.resource = Arc::new(detail.resource());
            // A field of a later OTLP, which is written as one.
            if detail.number.is_multiple_of(4) {
                let later = Value::Bytes(vec![0x8a, 0x01, 1, detail.number]);
                span.attributes.0.push((Text::from(UNKNOWN_FIELDS), later));
            }
            span
        });
        spans.into_iter().map(settled_span).chain(few).collect()
    });
    let logs = (vec(arbitrary::logs(), 40), vec(detail(), 20)).prop_map(|(groups, details)| {
        let mut logs: Vec<LogRecord> = groups.into_iter().flatten().collect();
        for (log, detail) in logs.iter_mut().zip(details.iter().cycle()) {
            log.resource = Arc::new(detail.resource());
            if detail.number % 2 == 0 {
                log.time = Moment { nanos: detail.time };
                log.attributes = detail.attributes.clone();
            }
            unique(&mut log.attributes);
        }
        logs
    });
    let metrics =
        (vec(arbitrary::metrics(), 20), vec(detail(), 20)).prop_map(|(groups, details)| {
            let mut metrics: Vec<Metric> = groups.into_iter().flatten().collect();
            for (metric, detail) in metrics.iter_mut().zip(details.iter().cycle()) {
                metric.resource = Arc::new(detail.resource());
                for point in &mut metric.points {
                    point.time = Moment { nanos: detail.time.max(1) };
                    unique(&mut point.attributes);
                }
            }
            metrics
        });
    (spans, logs, metrics).prop_map(|(spans, logs, metrics)| Kept { spans, logs, metrics })
}

/// What items are made of that resemble each other.
#[derive(Debug, Clone)]
struct Detail {
    number: u8,
    time: u64,
    length: u64,
    attributes: Attributes,
}

impl Detail {
    fn resource(&self) -> Resource {
        let service = Value::Text(["shop", "mail", "é"][usize::from(self.number) % 3].into());
        let mut attributes = self.attributes.clone();
        attributes.0.truncate(usize::from(self.number) % 2);
        attributes.0.insert(0, ("service.name".into(), service));
        Resource { attributes, ..Resource::default() }
    }
}

fn detail() -> impl Strategy<Value = Detail> {
    let length = prop_oneof![0_u64..300, 0_u64..u64::MAX, (0_u32..64).prop_map(|bits| 1 << bits)];
    let attribute = (select(&KEYS[..]), value()).prop_map(|(key, value)| (Text::from(key), value));
    (any::<u8>(), 0_u64..1_000, length, vec(attribute, 0..4)).prop_map(
        |(number, time, length, attributes)| {
            let mut attributes = Attributes(attributes);
            unique(&mut attributes);
            Detail { number, time, length, attributes }
        },
    )
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => select(&TEXTS[..]).prop_map(|text| Value::Text(text.into())),
        3 => (-5_i64..5).prop_map(Value::Int),
        1 => prop_oneof![Just(i64::MAX), Just(i64::MIN)].prop_map(Value::Int),
        2 => select(vec![0.5, -0.0, 1e21, 1e-7, f64::INFINITY, 3.0]).prop_map(Value::Double),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => arbitrary::value(),
    ]
}

/// OTLP says that keys are unique; of one that comes twice engines may each keep another.
fn unique(attributes: &mut Attributes) {
    let mut seen = BTreeSet::new();
    attributes.0.retain(|(key, _)| seen.insert(key.clone()));
}

fn settled_span(mut span: Span) -> Span {
    unique(&mut span.attributes);
    let mut resource = (*span.resource).clone();
    unique(&mut resource.attributes);
    span.resource = Arc::new(resource);
    span
}

pub(crate) fn window() -> impl Strategy<Value = Window> {
    prop_oneof![
        2 => Just(Window::ALL),
        2 => (0_u64..900, 0_u64..900).prop_map(|(from, length)| Window {
            from: Moment { nanos: from },
            to: Moment { nanos: from + length },
        }),
    ]
}

fn field(table: &'static Table) -> impl Strategy<Value = Field> {
    let key = || prop_oneof![4 => select(&KEYS[..]).prop_map(Text::from), 1 => arbitrary::text()];
    prop_oneof![
        3 => (0..table.columns.len()).prop_map(Field::Column),
        3 => key().prop_map(Field::Attribute),
        1 => prop_oneof![Just(Text::from("service.name")), key()].prop_map(Field::Resource),
    ]
}

/// What a field may be compared with; ids and numbers of all kinds among them.
fn wanted() -> impl Strategy<Value = Text> {
    let id = arbitrary::one().trace_id.to_string();
    prop_oneof![
        4 => select(&TEXTS[..]).prop_map(Text::from),
        1 => select(vec!["shop", "server", "error", "NaN", "inf", "0.5", "true", "0", "1"]).prop_map(Text::from),
        1 => (-5_i64..300).prop_map(|number| Text::from(number.to_string())),
        1 => Just(Text::from(id)),
        1 => arbitrary::text(),
    ]
}

/// The digits of a number are not looked for in ClickHouse.
fn has_digits(table: &Table, field: &Field) -> bool {
    match field {
        Field::Column(place) => table.columns[*place].kind == ColumnKind::Number,
        Field::Attribute(_) | Field::Resource(_) => false,
    }
}

fn filter(table: &'static Table) -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![
        2 => Just(Filter::All),
        3 => (field(table), vec(wanted(), 0..3)).prop_map(|(field, values)| Filter::Is(field, values)),
        2 => field(table).prop_map(Filter::Has),
        2 => (field(table), wanted()).prop_map(move |(field, part)| {
            if has_digits(table, &field) { Filter::Has(field) } else { Filter::Contains(field, part) }
        }),
        2 => (field(table), -5_i64..300, prop_oneof![-5_i64..600, Just(i64::MAX)])
            .prop_map(|(field, least, below)| Filter::Between(field, least, below)),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|filter| Filter::Not(Box::new(filter))),
            vec(inner.clone(), 0..3).prop_map(Filter::And),
            vec(inner, 0..3).prop_map(Filter::Or),
        ]
    })
}

fn measure(table: &'static Table) -> impl Strategy<Value = Measure> {
    prop_oneof![
        Just(Measure::Count),
        field(table).prop_map(Measure::Sum),
        field(table).prop_map(Measure::Least),
        field(table).prop_map(Measure::Greatest),
        field(table).prop_map(Measure::Distribution),
        field(table).prop_map(Measure::Spread),
    ]
}

/// The tables of what comes in.
fn tables() -> &'static [&'static Table] {
    &TABLES[..3]
}

pub(crate) fn query() -> impl Strategy<Value = Query> {
    select(tables()).prop_flat_map(|table| {
        let steps = proptest::option::of((1_u64..500).prop_map(Duration::from_nanos));
        let what = (vec(field(table), 0..3), vec(measure(table), 1..4), 1_usize..200);
        (window(), filter(table), steps, what).prop_map(
            move |(window, filter, step, (group, measures, limit))| Query {
                table,
                window,
                filter,
                group,
                step,
                measures,
                limit,
            },
        )
    })
}

pub(crate) fn comparison() -> impl Strategy<Value = Comparison> {
    select(tables()).prop_flat_map(|table| {
        (window(), filter(table), filter(table)).prop_map(move |(window, filter, selection)| {
            Comparison { table, window, filter, selection }
        })
    })
}

pub(crate) fn top() -> impl Strategy<Value = Top> {
    let table = tables()[0];
    (window(), filter(table), field(table), 1_usize..200)
        .prop_map(move |(window, filter, by, limit)| Top { table, window, filter, by, limit })
}

/// About roll-ups. How many rows of them there are hangs on segments, and so does what one row says of others: only
/// what they are of can be filtered by.
pub(crate) fn minutes_query() -> impl Strategy<Value = Query> {
    let kind = || select(vec![minute::SERVICE, minute::NAME, minute::KIND, minute::STATUS]);
    let filter = prop_oneof![
        Just(Filter::All),
        (kind(), vec(wanted(), 0..3))
            .prop_map(|(place, values)| Filter::Is(Field::Column(place), values)),
        kind().prop_map(|place| Filter::Not(Box::new(Filter::Has(Field::Column(place))))),
    ];
    let measures = vec![
        Measure::Count,
        // Sums end at 2^63 - 1 in each row, which durations of centuries reach.
        Measure::Least(Field::Column(minute::LEAST)),
        Measure::Greatest(Field::Column(minute::GREATEST)),
        Measure::Distribution(Field::Column(minute::DURATIONS)),
    ];
    (window(), filter, vec(kind().prop_map(Field::Column), 0..3)).prop_map(
        move |(window, filter, group)| Query {
            table: &MINUTES,
            window,
            filter,
            group,
            step: None,
            measures: measures.clone(),
            limit: 200,
        },
    )
}
