//! Questions of one's own: filter, group, measure; how a number is spread; what stands out; which spans.

use axum::{Json, extract::State};
use engine::question::{self, AskError, Asked, Question, Wrong};
use serde::Deserialize;
use store::{
    Limits, Store,
    keep::{
        LOGS, METRICS, SPANS, Table,
        query::{Comparison, Field, Filter, Top},
        table::{log, metric, span},
    },
};
use utoipa::IntoParams;

use super::ROWS_MAX;
use crate::{
    again::Told,
    params::{Params, WindowParams, now},
    problem::Problem,
    server::App,
    wire::{
        ComparedField, ComparedValue, ComparisonAnswer, Fields, Heatmap, SpanList, SpanSummary,
        TableAnswer,
    },
};

/// Columns of a heatmap unless told otherwise.
const HEATMAP_COLUMNS: usize = 120;

/// Fields that a comparison tells, and values of each.
const COMPARED_FIELDS: usize = 20;
const COMPARED_VALUES: usize = 8;

/// Recent rows whose attributes are offered as fields.
const FIELD_ROWS: usize = 200;

/// Rows unless told otherwise.
const ROWS: usize = 50;

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Self {
        Self::wrong(format!("`{}`: {}", wrong.parameter, wrong.what), wrong.hint)
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Wrong(wrong) => wrong.into(),
            AskError::Store(error) => error.into(),
        }
    }
}

/// What is asked.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AskParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// Of what: `spans`, `logs` or `metrics`; `spans` unless told otherwise.
    of: Option<String>,
    /// Which rows: `service.name = "shop" and duration > 200ms`.
    #[serde(rename = "where")]
    filter: Option<String>,
    /// Fields to group by, with commas between them: `service.name,http.route`.
    group: Option<String>,
    /// Figures, with commas between them: `count`, `rate`, `errors`, `error_rate`, `sum(field)`, `avg(field)`,
    /// `min(field)`, `max(field)`, `p50(field)` to `p99.9(field)`; `count` unless told otherwise.
    show: Option<String>,
    /// The figure by which groups are ranked, greatest first; the first one unless told otherwise.
    order: Option<String>,
    /// Length of a step of time: `1m`. Each group is then told for each step, too.
    step: Option<String>,
    /// Most groups, at most 1000; 50 unless told otherwise.
    limit: Option<usize>,
}

impl AskParams {
    /// The question that they ask.
    pub(super) fn question(self) -> Result<Question, Problem> {
        let window = WindowParams { last: self.last, from: self.from, to: self.to }.window(now())?;
        let asked = Asked {
            of: self.of,
            filter: self.filter,
            group: self.group,
            show: self.show,
            order: self.order,
            step: self.step,
            limit: self.limit,
        };
        Ok(Question::read(&asked, window)?)
    }
}

/// Filter, group, measure: the general question.
#[utoipa::path(
    get,
    path = "/api/v1/ask",
    tag = "explore",
    params(AskParams),
    responses(
        (status = 200, description = "groups and their figures", body = TableAnswer),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn ask(
    State(app): State<App>,
    Params(params): Params<AskParams>,
) -> Result<Told<TableAnswer>, Problem> {
    let question = params.question()?;
    app.read(move |source| {
        let table = question.answer(source.store(), &Limits::default())?;
        Ok(Told::new(table.into(), |it: &TableAnswer| &it.coverage))
    })
    .await
}

/// Which rows, and of which number.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HeatmapParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// Of what: `spans`, `logs` or `metrics`; `spans` unless told otherwise.
    of: Option<String>,
    /// Which rows.
    #[serde(rename = "where")]
    filter: Option<String>,
    /// The number; `duration` unless told otherwise.
    field: Option<String>,
    /// Stretches of time, at most 400; 120 unless told otherwise. One makes a histogram.
    columns: Option<usize>,
}

/// How a number is spread over time, in buckets of equal width on a logarithmic axis.
#[utoipa::path(
    get,
    path = "/api/v1/heatmap",
    tag = "explore",
    params(HeatmapParams),
    responses(
        (status = 200, description = "cells of a heatmap, or a histogram", body = Heatmap),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn heatmap(
    State(app): State<App>,
    Params(params): Params<HeatmapParams>,
) -> Result<Told<Heatmap>, Problem> {
    let window =
        WindowParams { last: params.last, from: params.from, to: params.to }.window(now())?;
    let columns = params.columns.unwrap_or(HEATMAP_COLUMNS);
    app.read(move |source| {
        let filter = params.filter.as_deref().unwrap_or("");
        let of = (params.of.as_deref(), filter, params.field.as_deref());
        let cells = question::cells(of, columns, window, source.store(), &Limits::default())?;
        Ok(Told::new(cells.into(), |it: &Heatmap| &it.coverage))
    })
    .await
}

/// What is compared with what.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// Of what: `spans`, `logs` or `metrics`; `spans` unless told otherwise.
    of: Option<String>,
    /// Which rows.
    #[serde(rename = "where")]
    filter: Option<String>,
    /// Of those, the ones that are compared with the rest: `duration > 1s`; all of `selected_from` without it.
    selection: Option<String>,
    /// Selected are only those from this moment on, in milliseconds since 1970; goes with `selected_to`.
    selected_from: Option<u64>,
    /// First moment after what is selected, in milliseconds since 1970.
    selected_to: Option<u64>,
}

/// Which values the selection has more often, or less, than the rest.
#[utoipa::path(
    get,
    path = "/api/v1/compare",
    tag = "explore",
    params(CompareParams),
    responses(
        (status = 200, description = "fields and values, the most telling first", body = ComparisonAnswer),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn compare(
    State(app): State<App>,
    Params(params): Params<CompareParams>,
) -> Result<Told<ComparisonAnswer>, Problem> {
    let table = question::table(params.of.as_deref())?;
    let selection = selection(table, &params)?;
    let window =
        WindowParams { last: params.last, from: params.from, to: params.to }.window(now())?;
    let comparison = Comparison {
        table,
        window,
        filter: question::read_filter(table, params.filter.as_deref().unwrap_or(""), "where")?,
        selection,
    };
    app.read(move |source| {
        let answered = source.store().compare(&comparison, &Limits::default())?;
        let (selected, others) = answered.answer.rows();
        let (selected_counted, others_counted) = answered.answer.looked_at();
        let ranked = answered.answer.ranked(COMPARED_FIELDS, COMPARED_VALUES);
        let fields = ranked.into_iter().filter_map(|values| {
            let field = question::written(table, &values.first()?.field);
            let value = |it: &store::keep::query::Difference| ComparedValue {
                value: it.value.as_ref().map(ToString::to_string),
                selected_share: it.selected_share,
                others_share: it.others_share,
            };
            Some(ComparedField { field, values: values.iter().map(value).collect() })
        });
        let answer = ComparisonAnswer {
            window: window.into(),
            selected,
            others,
            selected_counted,
            others_counted,
            fields: fields.collect(),
            coverage: (&answered.coverage).into(),
        };
        Ok(Told::new(answer, |it| &it.coverage))
    })
    .await
}

/// The rows that are compared with the rest: by a filter, within a time, or both.
fn selection(table: &'static Table, params: &CompareParams) -> Result<Filter, Problem> {
    let nothing = || {
        Problem::wrong(
            "`selection`: nothing says what is compared with the rest",
            "give a filter as `selection`, or `selected_from` and `selected_to`",
        )
    };
    let filter =
        question::read_filter(table, params.selection.as_deref().unwrap_or(""), "selection")?;
    let nanos = |millis: u64| i64::try_from(millis.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
    match (params.selected_from, params.selected_to) {
        (None, None) if filter == Filter::All => Err(nothing()),
        (None, None) => Ok(filter),
        (Some(from), Some(to)) if from < to => {
            let time = Filter::Between(Field::Column(table.time), nanos(from), nanos(to));
            Ok(Filter::And(vec![time, filter]))
        }
        _ => Err(Problem::wrong(
            "`selected_from` has to come before `selected_to`, and neither goes alone",
            "give both in milliseconds since 1970",
        )),
    }
}

/// Which spans, and in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SpansParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// Which spans.
    #[serde(rename = "where")]
    filter: Option<String>,
    /// `slowest`, `latest` or `sampled` (a span of each of a fair sample of traces); `slowest` unless told otherwise.
    order: Option<String>,
    /// Most rows, at most 500; 50 unless told otherwise.
    limit: Option<usize>,
}

/// Spans that pass a filter over any attribute: the slowest, the latest, or a fair sample.
#[utoipa::path(
    get,
    path = "/api/v1/spans",
    tag = "explore",
    params(SpansParams),
    responses(
        (status = 200, description = "spans", body = SpanList),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn spans(
    State(app): State<App>,
    Params(params): Params<SpansParams>,
) -> Result<Told<SpanList>, Problem> {
    let window =
        WindowParams { last: params.last, from: params.from, to: params.to }.window(now())?;
    let filter = question::read_filter(&SPANS, params.filter.as_deref().unwrap_or(""), "where")?;
    let limit = params.limit.unwrap_or(ROWS).min(ROWS_MAX);
    let is_sample = match params.order.as_deref() {
        None | Some("slowest" | "latest") => false,
        Some("sampled") => true,
        Some(other) => {
            let what = format!("`order`: `{other}` is no order");
            return Err(Problem::wrong(what, "it is `slowest`, `latest` or `sampled`"));
        }
    };
    let by = if params.order.as_deref() == Some("latest") { span::START } else { span::DURATION };
    app.read(move |source| {
        let (store, limits) = (source.store(), Limits::default());
        let mut top = Top { table: &SPANS, window, filter, by: Field::Column(by), limit };
        if is_sample {
            let sample = engine::sample(top.filter.clone(), window, limit, store, &limits)?.answer;
            let ids = sample.traces.iter().map(|id| id.to_string().into()).collect();
            let sampled = Filter::Is(Field::Column(span::TRACE_ID), ids);
            top.filter = Filter::And(vec![top.filter, sampled]);
            top.limit = store::SPANS_MAX;
        }
        let mut answered = store.top(&top, &limits)?;
        if is_sample {
            let mut seen = std::collections::BTreeSet::new();
            answered.answer.retain(|span| seen.insert(span.trace_id));
        }
        let list = SpanList {
            window: window.into(),
            spans: answered.answer.iter().take(limit).map(SpanSummary::from).collect(),
            coverage: (&answered.coverage).into(),
        };
        Ok(Told::new(list, |it| &it.coverage))
    })
    .await
}

/// Of what.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FieldsParams {
    /// A stretch that ends now: `15m`, `1h`, `24h`, `7d`.
    last: Option<String>,
    /// First moment, in milliseconds since 1970; goes with `to`.
    from: Option<u64>,
    /// First moment after, in milliseconds since 1970; goes with `from`.
    to: Option<u64>,
    /// Of what: `spans`, `logs` or `metrics`; `spans` unless told otherwise.
    of: Option<String>,
}

/// Fields that can be asked about: those of all rows, and the attributes of recent ones.
#[utoipa::path(
    get,
    path = "/api/v1/fields",
    tag = "explore",
    params(FieldsParams),
    responses(
        (status = 200, description = "names of fields", body = Fields),
        (status = 400, description = "a parameter is wrong", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn fields(
    State(app): State<App>,
    Params(params): Params<FieldsParams>,
) -> Result<Json<Fields>, Problem> {
    let window =
        WindowParams { last: params.last, from: params.from, to: params.to }.window(now())?;
    let table = question::table(params.of.as_deref())?;
    app.read(move |source| {
        let mut fields: Vec<String> = question::fields_of(table).map(str::to_owned).collect();
        let mut attributes = attributes(table, window, source.store())?;
        attributes.sort_unstable();
        attributes.dedup();
        fields.extend(attributes);
        Ok(Json(Fields { of: table.name.to_owned(), fields }))
    })
    .await
}

fn attributes(
    table: &'static Table,
    window: model::Window,
    store: &dyn Store,
) -> Result<Vec<String>, Problem> {
    let (limits, filter) = (Limits::default(), Filter::All);
    let latest = |place| {
        let by = Field::Column(place);
        Top { table, window, filter: filter.clone(), by, limit: FIELD_ROWS }
    };
    let mut names = Vec::new();
    let mut add = |attributes: &model::Attributes, resource: &model::Resource| {
        let own = attributes.0.iter().map(|(key, _)| Field::Attribute(key.clone()));
        let process = resource.attributes.0.iter().map(|(key, _)| Field::Resource(key.clone()));
        let all = own
            .chain(process)
            .filter(|field| !matches!(field, Field::Resource(key) if key == "service.name"));
        names.extend(all.map(|field| question::written(table, &field)));
    };
    if table.name == SPANS.name {
        for span in store.top(&latest(span::START), &limits)?.answer {
            add(&span.attributes, &span.resource);
        }
    } else if table.name == LOGS.name {
        for record in store.top_logs(&latest(log::TIME), &limits)?.answer {
            add(&record.attributes, &record.resource);
        }
    } else if table.name == METRICS.name {
        for metric in store.top_metrics(&latest(metric::TIME), &limits)?.answer {
            for point in &metric.points {
                add(&point.attributes, &metric.resource);
            }
        }
    }
    Ok(names)
}
