//! A question as its texts, and once they are understood.

use std::time::Duration;

use model::Window;
use store::keep::{
    self,
    query::{Filter, GROUP_FIELDS_MAX, GROUPS_MAX, Measure, Query},
};

use super::{
    Named, Wrong,
    field::named,
    filter::read_filter,
    measure::{self, Shown},
    table,
};

/// Rows of a table of figures: more than anybody reads.
pub const LIMIT_MAX: usize = 1_000;

/// Rows unless told otherwise.
const LIMIT: usize = 50;

/// Steps of time: one for each pixel or two of a chart.
pub const STEPS_MAX: u128 = 1_000;

/// Figures of a row.
const SHOWN_MAX: usize = 8;

/// A question, text by text. Whatever is `None` has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Of what: `spans`, `logs` or `metrics`.
    pub of: Option<String>,
    /// Which rows.
    pub filter: Option<String>,
    /// Fields to group by, with commas between them.
    pub group: Option<String>,
    /// Figures, with commas between them; `count` unless told otherwise.
    pub show: Option<String>,
    /// The figure by which groups are ranked; the first unless told otherwise.
    pub order: Option<String>,
    /// Length of a step of time: `1m`.
    pub step: Option<String>,
    /// Most groups.
    pub limit: Option<usize>,
}

/// A question that is understood.
#[derive(Debug, Clone)]
pub struct Question {
    pub(super) window: Window,
    pub(super) table: &'static keep::Table,
    pub(super) filter: Filter,
    pub(super) group: Vec<Named>,
    pub(super) shown: Vec<Shown>,
    /// The place in `shown` of the figure by which groups are ranked.
    pub(super) order: usize,
    pub(super) step: Option<Duration>,
    pub(super) limit: usize,
    /// What the store measures; figures share it.
    pub(super) measures: Vec<Measure>,
}

impl Question {
    /// Understands a question.
    ///
    /// # Errors
    ///
    /// The part that is wrong, and what would be right.
    pub fn read(asked: &Asked, window: Window) -> Result<Self, Wrong> {
        let table = table(asked.of.as_deref())?;
        let filter = read_filter(table, asked.filter.as_deref().unwrap_or(""), "where")?;
        let group = names(asked.group.as_deref().unwrap_or(""));
        if GROUP_FIELDS_MAX < group.len() {
            let what = format!("{} fields are more than {GROUP_FIELDS_MAX}", group.len());
            return Err(Wrong::new("group", what, "leave some out, or filter by them"));
        }
        let group = group.into_iter().map(|name| named(table, name, "group"));
        let group = group.collect::<Result<Vec<_>, _>>()?;
        let mut shown = shown(table, asked.show.as_deref())?;
        let order = match &asked.order {
            None => 0,
            Some(order) => {
                let order = measure::read(table, order.trim())
                    .map_err(|wrong| Wrong { parameter: "order", ..wrong })?;
                shown.iter().position(|shown| *shown == order).unwrap_or_else(|| {
                    shown.push(order);
                    shown.len() - 1
                })
            }
        };
        let step = asked.step.as_deref().map(|text| step(text, window)).transpose()?;
        let limit = match asked.limit {
            Some(limit @ 1..=LIMIT_MAX) => limit,
            None => LIMIT,
            Some(limit) => {
                let what = format!("{limit} is not within 1 to {LIMIT_MAX}");
                return Err(Wrong::new("limit", what, "ask for fewer, or filter more"));
            }
        };
        let mut measures = Vec::new();
        for measure in shown.iter().map(|shown| shown.what.measure()) {
            if !measures.contains(&measure) {
                measures.push(measure);
            }
        }
        Ok(Self { window, table, filter, group, shown, order, step, limit, measures })
    }

    /// What the store is asked. It tells all groups that it keeps: which of them are first is not always a matter of
    /// what it measures.
    pub(super) fn query(&self) -> Query {
        Query {
            table: self.table,
            window: self.window,
            filter: self.filter.clone(),
            group: self.group.iter().map(|named| named.field.clone()).collect(),
            step: self.step,
            measures: self.measures.clone(),
            limit: GROUPS_MAX,
        }
    }
}

fn names(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
}

fn shown(table: &'static keep::Table, text: Option<&str>) -> Result<Vec<Shown>, Wrong> {
    let mut shown: Vec<Shown> = Vec::new();
    for name in names(text.unwrap_or("count")) {
        let figure = measure::read(table, name)?;
        if !shown.contains(&figure) {
            shown.push(figure);
        }
    }
    if shown.is_empty() {
        shown.push(measure::read(table, "count")?);
    }
    if SHOWN_MAX < shown.len() {
        let what = format!("{} figures are more than {SHOWN_MAX}", shown.len());
        return Err(Wrong::new("show", what, "ask for fewer"));
    }
    Ok(shown)
}

/// The length of a step: at least a second, and few enough of them for a chart.
pub(super) fn step(text: &str, window: Window) -> Result<Duration, Wrong> {
    let wrong =
        |what: String| Wrong::new("step", what, "write a number and s, m, h or d: `step=1m`");
    let number = text.get(..text.len().saturating_sub(1)).and_then(|it| it.parse::<u64>().ok());
    let unit = match text.as_bytes().last() {
        Some(b's') => 1,
        Some(b'm') => 60,
        Some(b'h') => 3_600,
        Some(b'd') => 86_400,
        _ => return Err(wrong(format!("`{text}` is no stretch of time"))),
    };
    let secs =
        number.and_then(|it| it.checked_mul(unit)).filter(|secs| (1..1 << 32).contains(secs));
    let step = Duration::from_secs(secs.ok_or_else(|| wrong(format!("`{text}` is no step")))?);
    let steps = window.length().as_nanos().div_ceil(step.as_nanos());
    if STEPS_MAX < steps {
        let what = format!("a window of {steps} steps has more than {STEPS_MAX}");
        return Err(Wrong::new("step", what, "make the step longer, or the window shorter"));
    }
    Ok(step)
}

#[cfg(test)]
mod tests {
    use model::Moment;

    use super::*;

    fn read(change: impl FnOnce(&mut Asked)) -> Result<Question, Wrong> {
        let mut asked = Asked::default();
        change(&mut asked);
        let hour =
            Window { from: Moment::default(), to: Moment::default() + Duration::from_hours(1) };
        Question::read(&asked, hour)
    }

    #[test]
    fn without_words_spans_are_counted() {
        let question = read(|_| {}).unwrap();
        assert_eq!((question.table.name, question.shown.len()), ("spans", 1));
        assert_eq!((question.measures, question.limit), (vec![Measure::Count], 50));
    }

    #[test]
    fn figures_of_the_same_field_are_measured_once() {
        let question = read(|asked| {
            asked.show = Some("count, rate, p50, p95, avg(duration), errors".to_owned());
            asked.order = Some("p99".to_owned());
        });
        let question = question.unwrap();
        assert_eq!((question.shown.len(), question.order), (7, 6));
        assert_eq!(question.measures.len(), 2);
    }

    #[test]
    fn the_part_that_is_wrong_is_named() {
        let part =
            |change: fn(&mut Asked)| read(change).map(|_| ()).map_err(|wrong| wrong.parameter);
        assert_eq!(part(|asked| asked.of = Some("cats".to_owned())), Err("of"));
        assert_eq!(part(|asked| asked.filter = Some("a =".to_owned())), Err("where"));
        assert_eq!(part(|asked| asked.group = Some("a,b,c,d,e".to_owned())), Err("group"));
        assert_eq!(part(|asked| asked.show = Some("cats".to_owned())), Err("show"));
        assert_eq!(part(|asked| asked.order = Some("cats".to_owned())), Err("order"));
        assert_eq!(part(|asked| asked.step = Some("3".to_owned())), Err("step"));
        assert_eq!(part(|asked| asked.step = Some("1s".to_owned())), Err("step"));
        assert_eq!(part(|asked| asked.step = Some("ä".to_owned())), Err("step"));
        assert_eq!(part(|asked| asked.limit = Some(0)), Err("limit"));
        assert_eq!(part(|asked| asked.limit = Some(1_001)), Err("limit"));
    }
}
