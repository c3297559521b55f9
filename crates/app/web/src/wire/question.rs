//! Questions' answers on the wire: tables of figures, heatmaps, what stands out, and what each rests on.

use engine::question::{self, Unit};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Window, unix_ms};

/// What an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Coverage {
    /// Rows of the store that were looked at.
    pub rows_read: u64,
    /// Nothing is missing.
    pub whole: bool,
    /// The limit that was reached before all was looked at, `time` or `rows`: the oldest is missing then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reached: Option<String>,
    /// Files that are damaged, so that some or all of their rows are missing.
    pub damaged: Vec<String>,
    /// Why ClickHouse has not answered, so that what is kept there is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<String>,
    /// When the oldest was received that is held, if the window begins earlier and what is older was dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_since_unix_ms: Option<u64>,
    /// Rows of a sample were counted, which stand for several: what is told is right on average.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub estimate: bool,
}

impl Coverage {
    /// Whether the same question may say more a moment later: the time was up, or what is kept in ClickHouse is missing.
    pub(crate) fn is_hindered(&self) -> bool {
        self.reached.as_deref() == Some("time") || self.elsewhere.is_some()
    }
}

impl From<&store::Coverage> for Coverage {
    fn from(coverage: &store::Coverage) -> Self {
        let reached = coverage.reached.map(|limit| match limit {
            store::Limit::Time => "time".to_owned(),
            store::Limit::Rows => "rows".to_owned(),
        });
        Self {
            rows_read: coverage.rows,
            whole: coverage.is_whole(),
            reached,
            damaged: coverage.damaged.iter().map(|path| path.display().to_string()).collect(),
            elsewhere: coverage.elsewhere.as_ref().map(ToString::to_string),
            held_since_unix_ms: coverage.held_since.map(unix_ms),
            estimate: coverage.is_estimate,
        }
    }
}

/// The answer to a question: groups and their figures.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TableAnswer {
    /// Of what: `spans`, `logs` or `metrics`.
    pub of: String,
    /// The window.
    pub window: Window,
    /// Fields that rows are grouped by.
    pub group: Vec<String>,
    /// Figures of each row.
    pub columns: Vec<FigureColumn>,
    /// Length of a step, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_seconds: Option<u64>,
    /// Groups, ranked.
    pub rows: Vec<TableRow>,
    /// Groups that are not told, since there are more than were asked for.
    pub left_out: usize,
    /// Rows of the store that passed the filter.
    pub rows_passed: u64,
    /// There were more groups than can be kept: others are missing.
    pub cut: bool,
    /// What it rests on.
    pub coverage: Coverage,
}

/// A figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FigureColumn {
    /// As it was asked for: `p95(duration)`.
    pub name: String,
    /// Its unit.
    pub unit: FigureUnit,
}

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FigureUnit {
    /// A count, or whatever the attribute has.
    None,
    /// Microseconds.
    Micros,
    /// How many a second.
    PerSecond,
    /// Of all, 0 to 1.
    Share,
}

/// A group and its figures.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TableRow {
    /// The value of each field; null for rows that have none.
    pub key: Vec<Option<String>>,
    /// Its figures over the window; null where nothing was measured.
    pub figures: Vec<Option<f64>>,
    /// The same for each step in which it was seen.
    pub steps: Vec<TableStep>,
}

/// A step of time.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TableStep {
    /// Its begin.
    pub from_unix_ms: u64,
    /// Figures.
    pub figures: Vec<Option<f64>>,
}

impl From<Unit> for FigureUnit {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::None => Self::None,
            Unit::Micros => Self::Micros,
            Unit::PerSecond => Self::PerSecond,
            Unit::Share => Self::Share,
        }
    }
}

impl From<question::Table> for TableAnswer {
    fn from(table: question::Table) -> Self {
        let columns = table.columns.into_iter();
        Self {
            of: table.of.to_owned(),
            window: table.window.into(),
            group: table.group,
            columns: columns
                .map(|column| FigureColumn { name: column.name, unit: column.unit.into() })
                .collect(),
            step_seconds: table.step.map(|step| step.as_secs()),
            rows: table.rows.into_iter().map(TableRow::from).collect(),
            left_out: table.left_out,
            rows_passed: table.rows_passed,
            cut: table.is_cut,
            coverage: (&table.coverage).into(),
        }
    }
}

impl From<question::Row> for TableRow {
    fn from(row: question::Row) -> Self {
        let steps = row.steps.into_iter();
        Self {
            key: row.key.into_iter().map(|value| value.map(String::from)).collect(),
            figures: row.figures,
            steps: steps
                .map(|(from, figures)| TableStep { from_unix_ms: unix_ms(from), figures })
                .collect(),
        }
    }
}

/// How a number is spread over time.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Heatmap {
    /// The window.
    pub window: Window,
    /// Unit of the edges.
    pub unit: FigureUnit,
    /// Edges of the buckets, ascending on a logarithmic axis: one more than there are buckets.
    pub edges: Vec<f64>,
    /// Stretches of time in which there were rows.
    pub columns: Vec<HeatmapColumn>,
    /// What it rests on.
    pub coverage: Coverage,
}

/// One stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeatmapColumn {
    /// Its begin.
    pub from_unix_ms: u64,
    /// Its end.
    pub to_unix_ms: u64,
    /// Rows in each bucket.
    pub counts: Vec<u64>,
}

impl From<question::Cells> for Heatmap {
    fn from(cells: question::Cells) -> Self {
        let columns = cells.columns.into_iter();
        Self {
            window: cells.window.into(),
            unit: cells.unit.into(),
            edges: cells.edges,
            columns: columns
                .map(|column| HeatmapColumn {
                    from_unix_ms: unix_ms(column.from),
                    to_unix_ms: unix_ms(column.to),
                    counts: column.counts,
                })
                .collect(),
            coverage: (&cells.coverage).into(),
        }
    }
}

/// What a selection has more often, or less, than the rest.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ComparisonAnswer {
    /// The window.
    pub window: Window,
    /// Rows of the selection.
    pub selected: u64,
    /// Rows that it is compared with.
    pub others: u64,
    /// Rows of the selection whose values were counted: all, or a fair sample of them.
    pub selected_counted: u64,
    /// The same of the others.
    pub others_counted: u64,
    /// Fields, the most telling first.
    pub fields: Vec<ComparedField>,
    /// What it rests on.
    pub coverage: Coverage,
}

/// A field by which the selection differs from the rest.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ComparedField {
    /// Its name, as filters have it.
    pub field: String,
    /// Values, those that differ most first.
    pub values: Vec<ComparedValue>,
}

/// A value, and how often it is there.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ComparedValue {
    /// The value; null for rows that have none.
    pub value: Option<String>,
    /// Its share of the selection, 0 to 1.
    pub selected_share: f64,
    /// Its share of the rest, 0 to 1.
    pub others_share: f64,
}

/// Fields that can be asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fields {
    /// Of what: `spans`, `logs` or `metrics`.
    pub of: String,
    /// Fields that all rows have, then attributes of recent rows by name.
    pub fields: Vec<String>,
}

/// Spans, in the order that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SpanList {
    /// The window.
    pub window: Window,
    /// Those that passed.
    pub spans: Vec<SpanSummary>,
    /// What it rests on.
    pub coverage: Coverage,
}

/// A span in a list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SpanSummary {
    /// Its trace.
    pub trace_id: String,
    /// Its identity.
    pub span_id: String,
    /// `service.name`.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its role: `server`.
    pub kind: String,
    /// When it began.
    pub start_unix_ms: u64,
    /// How long it took.
    pub duration_micros: f64,
    /// Whether it failed.
    pub failed: bool,
}

impl From<&model::Span> for SpanSummary {
    fn from(span: &model::Span) -> Self {
        Self {
            trace_id: span.trace_id.to_string(),
            span_id: span.span_id.to_string(),
            service: span.service().to_owned(),
            name: span.name.to_string(),
            kind: super::span::kind_name(span.kind).to_owned(),
            start_unix_ms: unix_ms(span.start),
            duration_micros: super::micros(span.duration()),
            failed: span.status.code == model::StatusCode::Error,
        }
    }
}
