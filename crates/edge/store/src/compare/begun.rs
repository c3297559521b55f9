//! What facts in memory know of the requests of one endpoint: when each that is compared began.

use std::{collections::BTreeSet, ops::Range};

use keep::{
    query::{Comparison, Counted, Field, Filter},
    table::span,
};
use model::{Moment, Text, Window};

use super::nanos;
use crate::{RequestFilter, answers::matching, requests::Requests};

/// When the requests began that are selected, and when the others, ascending; earlier ones may not be known.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(super) selected: Vec<u64>,
    pub(super) others: Vec<u64>,
    pub(super) since: Option<Moment>,
}

impl Begun {
    /// Of rows that count, those that began when a request of their side did; `rows`, ascending, have these times. `None` if a
    /// request that should be among them is not: facts tell moments of which clock skew is taken off, rows those that were sent.
    pub(super) fn those(&self, counted: &Counted, rows: &[u32], times: &[u64]) -> Option<Counted> {
        let of = |ranges: &[Range<u32>], begun: &[u64]| {
            let each = ranges.iter().map(|range| {
                let from = rows.partition_point(|row| *row < range.start);
                let to = rows.partition_point(|row| *row < range.end);
                those_of(begun, &rows[from..to], &times[from..to])
            });
            each.collect::<Option<Vec<_>>>().map(|ranges| ranges.concat())
        };
        Some(Counted {
            selected: of(&counted.selected, &self.selected)?,
            others: of(&counted.others, &self.others)?,
        })
    }
}

/// Rows that began at these moments; `None` if at one of them, between the first row and the last, none did.
fn those_of(begun: &[u64], rows: &[u32], times: &[u64]) -> Option<Vec<Range<u32>>> {
    let (least, most) = (times.iter().min().copied()?, times.iter().max().copied()?);
    let from = begun.partition_point(|at| *at < least);
    let to = begun.partition_point(|at| *at <= most);
    let mut missing: BTreeSet<u64> = begun[from..to].iter().copied().collect();
    let mut those: Vec<Range<u32>> = Vec::new();
    for (row, time) in rows.iter().zip(times) {
        if begun[from..to].binary_search(time).is_err() {
            continue;
        }
        missing.remove(time);
        match those.last_mut() {
            Some(last) if last.end == *row => last.end += 1,
            _ => those.push(*row..row + 1),
        }
    }
    missing.is_empty().then_some(those)
}

/// The requests that are compared, if the question is about one endpoint and facts tell all of it.
pub(crate) fn begun(requests: &Requests, comparison: &Comparison) -> Option<Begun> {
    let (service, operation) = endpoint(&comparison.filter)?;
    let since = requests.since().filter(|since| comparison.window.from < *since);
    if comparison.table.name != keep::SPANS.name
        || since.is_some_and(|since| comparison.window.to <= since)
    {
        return None;
    }
    let filter = RequestFilter {
        window: Window { from: since.unwrap_or(comparison.window.from), ..comparison.window },
        service: Some(service.as_str().into()),
        operation: Some(operation.as_str().into()),
        duration_min: None,
        failed: None,
    };
    let mut begun = Begun { since, ..Begun::default() };
    for (_, segment) in requests.segments() {
        for (_, row) in matching(segment, &filter) {
            let start = row.head.start.nanos;
            let is_selected = is_selected(&comparison.selection, start, row.head.duration_nanos)?;
            let side = if is_selected { &mut begun.selected } else { &mut begun.others };
            side.push(start);
        }
    }
    begun.selected.sort_unstable();
    begun.others.sort_unstable();
    Some(begun)
}

/// The service and the operation, if a filter asks for one endpoint and nothing else.
fn endpoint(filter: &Filter) -> Option<(&Text, &Text)> {
    let Filter::And(filters) = filter else { return None };
    let value = |place: usize| {
        filters.iter().find_map(|filter| match filter {
            Filter::Is(Field::Column(column), values) if *column == place => match &values[..] {
                [value] => Some(value),
                _ => None,
            },
            _ => None,
        })
    };
    let both = value(span::SERVICE).zip(value(span::OPERATION));
    both.filter(|_| filters.len() == 2)
}

/// Whether a request is selected; `None` if more has to be known of it than when it began and how long it took.
fn is_selected(selection: &Filter, start: u64, duration: u64) -> Option<bool> {
    let within = |number: u64, from: i64, to: i64| (from..to).contains(&nanos(number));
    let each = |filters: &[Filter]| -> Option<Vec<bool>> {
        filters.iter().map(|filter| is_selected(filter, start, duration)).collect()
    };
    match selection {
        Filter::All => Some(true),
        Filter::Between(Field::Column(span::START), from, to) => Some(within(start, *from, *to)),
        Filter::Between(Field::Column(span::DURATION), from, to) => {
            Some(within(duration, *from, *to))
        }
        Filter::Not(filter) => is_selected(filter, start, duration).map(|it| !it),
        Filter::And(filters) => Some(each(filters)?.into_iter().all(|it| it)),
        Filter::Or(filters) => Some(each(filters)?.into_iter().any(|it| it)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_that_began_when_a_request_of_their_side_did_are_left() {
        let begun = Begun { selected: vec![10, 30], others: vec![20, 30, 40], ..Begun::default() };
        let one = |range: Range<u32>| std::iter::once(range).collect::<Vec<_>>();
        let counted = Counted { selected: one(0..3), others: vec![1..3, 5..8] };
        let rows = counted.rows();
        assert_eq!(rows, [0, 1, 2, 5, 6, 7]);
        let those = begun.those(&counted, &rows, &[10, 30, 20, 40, 40, 10]);
        let some = Counted { selected: one(0..2), others: vec![1..3, 5..7] };
        assert_eq!(those, None, "there is nothing at 20 and 30 in the second range of others");
        let near = begun.those(&counted, &rows, &[10, 30, 20, 40, 40, 41]);
        assert_eq!(near, Some(some));
    }
}
