//! Heatmaps and histograms: how a number is spread, in one stretch of time after the other.

use std::time::Duration;

use model::{Moment, Window};
use stats::Sketch;
use store::{
    Answered, Coverage, Limits, Store,
    keep::query::{Measure, Measured, Query},
};

use super::{AskError, FieldKind, Unit, Wrong, field::named, filter::read_filter, table};

/// Columns of a heatmap.
const COLUMNS_MAX: usize = 400;

/// Buckets of a heatmap: as many as a chart of some hundred pixels can show.
const BUCKETS: usize = 48;

/// How a number is spread over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells {
    /// From when to when.
    pub window: Window,
    /// The unit of the edges.
    pub unit: Unit,
    /// Edges of the buckets, ascending on a logarithmic axis: one more than there are buckets; none without rows.
    pub edges: Vec<f64>,
    /// Stretches of time in which there were rows, in order.
    pub columns: Vec<CellColumn>,
    /// What was looked at.
    pub coverage: Coverage,
}

/// One stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellColumn {
    /// Its begin.
    pub from: Moment,
    /// Its end.
    pub to: Moment,
    /// Rows in each bucket.
    pub counts: Vec<u64>,
}

/// How a field is spread, in so many columns; one is a histogram.
///
/// # Errors
///
/// A part is not understood, or the store fails.
pub fn cells(
    (of, filter, field): (Option<&str>, &str, Option<&str>),
    columns: usize,
    window: Window,
    store: &dyn Store,
    limits: &Limits,
) -> Result<Cells, AskError> {
    let table = table(of)?;
    let field = named(table, field.unwrap_or("duration"), "field")?;
    if !matches!(field.kind, FieldKind::Duration | FieldKind::Whole | FieldKind::Any) {
        let hint = "take `duration` or an attribute that holds whole numbers";
        return Err(
            Wrong::new("field", format!("`{}` is no whole number", field.name), hint).into()
        );
    }
    if !(1..=COLUMNS_MAX).contains(&columns) {
        let what = format!("{columns} is not within 1 to {COLUMNS_MAX}");
        return Err(Wrong::new("columns", what, "one is a histogram; 120 fill a wide chart").into());
    }
    let unit = if field.kind == FieldKind::Duration { Unit::Micros } else { Unit::None };
    let nanos = window.length().as_nanos().div_ceil(columns as u128).max(1);
    let step = whole(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)));
    let query = Query {
        table,
        window,
        filter: read_filter(table, filter, "where")?,
        group: Vec::new(),
        step: Some(step),
        measures: vec![Measure::Distribution(field.field)],
        limit: 1,
    };
    let Answered { answer, coverage } = store.ask(&query, limits)?;
    let mut steps: Vec<(u32, Sketch)> = Vec::new();
    for group in answer.groups {
        if let Some(Measured::Distribution(sketch)) = group.measured.into_iter().next()
            && !sketch.is_empty()
        {
            steps.push((group.step, sketch));
        }
    }
    steps.sort_by_key(|(step, _)| *step);
    let Some(axis) = Axis::of(steps.iter().map(|(_, sketch)| sketch)) else {
        return Ok(Cells { window, unit, edges: Vec::new(), columns: Vec::new(), coverage });
    };
    let scale = if unit == Unit::Micros { 1000.0 } else { 1.0 };
    let columns = steps.iter().map(|(place, sketch)| {
        let from = window.from + step * *place;
        CellColumn { from, to: (from + step).min(window.to), counts: axis.counts(sketch) }
    });
    let edges = (0..=BUCKETS).map(|place| axis.edge(place) / scale).collect();
    Ok(Cells { window, unit, edges, columns: columns.collect(), coverage })
}

/// A step of a minute or more takes whole ones, which are rolled up.
fn whole(step: Duration) -> Duration {
    const MINUTE: Duration = Duration::from_mins(1);
    let minutes = step.as_nanos().div_ceil(MINUTE.as_nanos());
    if step < MINUTE { step } else { MINUTE * u32::try_from(minutes).unwrap_or(u32::MAX) }
}

/// A logarithmic axis of [`BUCKETS`] buckets of equal width.
struct Axis {
    low: f64,
    width: f64,
}

impl Axis {
    /// The axis that all values lie on; none if there are none.
    fn of<'a>(sketches: impl Iterator<Item = &'a Sketch>) -> Option<Self> {
        let ends = sketches.filter_map(|sketch| sketch.min().zip(sketch.max()));
        let (least, most) = ends.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))?;
        let (low, high) = (logarithm(least), logarithm(most));
        // At least a fifth of a decade, so that equal values have a bucket with a width.
        let margin = ((0.2 - (high - low)) / 2.0).max(0.0);
        #[expect(clippy::cast_precision_loss, reason = "some dozens")]
        let width = (high - low + 2.0 * margin) / BUCKETS as f64;
        Some(Self { low: low - margin, width })
    }

    #[expect(clippy::cast_precision_loss, reason = "some dozens")]
    fn edge(&self, place: usize) -> f64 {
        10_f64.powf(self.low + self.width * place as f64)
    }

    fn counts(&self, sketch: &Sketch) -> Vec<u64> {
        let mut counts = vec![0_u64; BUCKETS];
        for (from, to, count) in sketch.buckets() {
            let middle = logarithm(from).midpoint(logarithm(to));
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "what is below the first bucket is put into it"
            )]
            let place = ((middle - self.low) / self.width).max(0.0) as usize;
            counts[place.min(BUCKETS - 1)] += count;
        }
        counts
    }
}

/// Zero is taken as one, which has a logarithm.
#[expect(clippy::cast_precision_loss, reason = "buckets are wider than that")]
fn logarithm(value: u64) -> f64 {
    (value.max(1) as f64).log10()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_value_is_in_one_bucket(values in prop::collection::vec(any::<u64>(), 1..300)) {
            let sketch: Sketch = values.iter().copied().collect();
            let axis = Axis::of([&sketch].into_iter()).unwrap();
            let counted: u64 = axis.counts(&sketch).iter().sum();
            prop_assert_eq!(counted, values.len() as u64);
            prop_assert!((0..BUCKETS).all(|place| axis.edge(place) < axis.edge(place + 1)));
        }
    }
}
