//! Answers of the store to tables of figures.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use model::{Moment, Text, Window};
use store::{
    Answered, Coverage, Limits, Store,
    keep::query::{Answer, Filter, Measure, Measured, Query},
};

use super::{AskError, Question, measure};

/// Figures of groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Of what: `spans`.
    pub of: &'static str,
    /// From when to when.
    pub window: Window,
    /// Names of the fields that rows are grouped by.
    pub group: Vec<String>,
    /// The figures of each row.
    pub columns: Vec<Column>,
    /// Length of a step, if there are any.
    pub step: Option<Duration>,
    /// Groups, the first by the figure that they are ranked by.
    pub rows: Vec<Row>,
    /// Groups that are not told, since there are more than were asked for.
    pub left_out: usize,
    /// Rows of the store that passed the filter.
    pub rows_passed: u64,
    /// There were more groups than can be kept: others are missing.
    pub is_cut: bool,
    /// What was looked at.
    pub coverage: Coverage,
}

/// A figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// As it was asked for: `p95(duration)`.
    pub name: String,
    /// Its unit.
    pub unit: Unit,
}

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
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
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The value of each field; `None` for rows that have none.
    pub key: Vec<Option<Text>>,
    /// Its figures over the whole window; `None` where nothing was measured.
    pub figures: Vec<Option<f64>>,
    /// The same for each step in which it was seen, by the begin of the step.
    pub steps: Vec<(Moment, Vec<Option<f64>>)>,
}

/// Errors of groups and of their steps.
type Errors = BTreeMap<(Vec<Option<Text>>, u32), u64>;

/// What was measured of one group, step by step.
type Steps = Vec<(u32, Vec<Measured>)>;

impl Question {
    /// Asks a store.
    ///
    /// # Errors
    ///
    /// The store fails, or keeps nothing of it.
    pub fn answer(&self, store: &dyn Store, limits: &Limits) -> Result<Table, AskError> {
        let Some(ranking) = self.ranking() else {
            return self.answer_of(&self.query(), store, limits);
        };
        let begun = Instant::now();
        let first = ranking.answer_of(&ranking.query(), store, limits)?;
        let keys: Vec<_> = first.rows.into_iter().map(|row| row.key).collect();
        let left = Limits { time: limits.time.saturating_sub(begun.elapsed()), ..*limits };
        let mut table = self.answer_of(&self.query().narrowed(&keys), store, &left)?;
        table.left_out = first.left_out;
        table.rows_passed = first.rows_passed;
        table.is_cut |= first.is_cut;
        table.coverage.of_rest(first.coverage);
        Ok(table)
    }

    /// Which groups come first, if there are steps: those of all groups take many times as long as those that are told.
    fn ranking(&self) -> Option<Self> {
        let shown = self.shown.get(self.order)?;
        (self.step.is_some() && !self.group.is_empty()).then(|| Self {
            step: None,
            shown: vec![shown.clone()],
            order: 0,
            measures: vec![shown.what.measure()],
            ..self.clone()
        })
    }

    fn answer_of(
        &self,
        query: &Query,
        store: &dyn Store,
        limits: &Limits,
    ) -> Result<Table, AskError> {
        let Answered { answer, mut coverage } = store.ask(query, limits)?;
        let errors = self.errors(query, store, limits, &mut coverage)?;
        let Answer { groups, rows_passed, is_cut, .. } = answer;
        let mut by_key: BTreeMap<Vec<Option<Text>>, Steps> = BTreeMap::new();
        for group in groups {
            by_key.entry(group.key).or_default().push((group.step, group.measured));
        }
        let mut rows: Vec<Row> =
            by_key.into_iter().map(|(key, steps)| self.row(key, steps, &errors)).collect();
        let rank = |row: &Row| row.figures[self.order].unwrap_or(f64::NEG_INFINITY);
        // What has the same figure stays in order of its key.
        rows.sort_by(|one, other| rank(other).total_cmp(&rank(one)));
        let left_out = rows.len().saturating_sub(self.limit);
        rows.truncate(self.limit);
        let columns =
            self.shown.iter().map(|shown| Column { name: shown.name.clone(), unit: shown.unit });
        Ok(Table {
            of: self.table.name,
            window: self.window,
            group: self.group.iter().map(|named| named.name.clone()).collect(),
            columns: columns.collect(),
            step: self.step,
            rows,
            left_out,
            rows_passed,
            is_cut,
            coverage,
        })
    }

    /// Counts what failed, if a figure needs it.
    fn errors(
        &self,
        query: &Query,
        store: &dyn Store,
        limits: &Limits,
        coverage: &mut Coverage,
    ) -> Result<Errors, AskError> {
        let needed = self.shown.iter().any(|shown| shown.what.needs_errors());
        let Some(failed) = measure::failed(self.table).filter(|_| needed) else {
            return Ok(Errors::new());
        };
        let filter = Filter::And(vec![query.filter.clone(), failed]);
        let query = Query { filter, measures: vec![Measure::Count], ..query.clone() };
        let answered = store.ask(&query, limits)?;
        coverage.reached = coverage.reached.or(answered.coverage.reached);
        let count = |measured: &[Measured]| match measured.first() {
            Some(Measured::Count(count)) => *count,
            _ => 0,
        };
        let groups = answered.answer.groups.into_iter();
        Ok(groups.map(|group| ((group.key, group.step), count(&group.measured))).collect())
    }

    fn row(&self, key: Vec<Option<Text>>, steps: Steps, errors: &Errors) -> Row {
        let errors_at = |step| errors.get(&(key.clone(), step)).copied().unwrap_or(0);
        let mut told = Vec::new();
        let mut all: Option<Vec<Measured>> = None;
        let mut all_errors = 0;
        for (step, measured) in steps {
            let errors = errors_at(step);
            all_errors += errors;
            if let Some(length) = self.step {
                let from = self.window.from + length * step;
                let to = (from + length).min(self.window.to);
                told.push((from, self.figures(&measured, errors, to.since(from))));
            }
            match &mut all {
                None => all = Some(measured),
                Some(all) => {
                    all.iter_mut().zip(&measured).for_each(|(all, one)| measure::merge(all, one));
                }
            }
        }
        told.sort_by_key(|(from, _)| *from);
        let all = all.unwrap_or_default();
        Row { key, figures: self.figures(&all, all_errors, self.window.length()), steps: told }
    }

    fn figures(&self, measured: &[Measured], errors: u64, time: Duration) -> Vec<Option<f64>> {
        let figure = |shown: &measure::Shown| {
            let wanted = shown.what.measure();
            let place = self.measures.iter().position(|measure| *measure == wanted)?;
            shown.what.figure(measured.get(place)?, errors, time.as_secs_f64(), shown.unit)
        };
        self.shown.iter().map(figure).collect()
    }
}
