//! How many different values a column has, and how many combinations several have.

use model::database::{ColumnStatistics, IndexColumn, IndexKey, Table};

use super::parts::{NullKeys, Part};

/// From this correlation with the order on disk on, two columns rise and fall together.
const CORRELATION_TOGETHER: f64 = 0.99;
/// Rows that `ANALYZE` looks at by default: 300 for each unit of `default_statistics_target`.
const SAMPLE_ROWS: f64 = 30_000.0;
/// Common values that `ANALYZE` keeps at most by default.
const COMMON_MAX: f64 = 100.0;
/// Below this share of common values a column counts as one whose values are about as common.
const EVEN_SHARE_MAX: f64 = 0.05;
/// Past so many cells columns are no longer split into common and other values.
const CELLS_MAX: usize = 1000;

/// Distinct values of a column in a table of so many rows, freed of a bias of `ANALYZE`.
///
/// Its estimator (Haas and Stokes, "Estimating the number of classes in a finite population", 1998, `Duj1`) is low
/// where each value has a few rows and all have about as many. What it gives in that case can be
/// computed, so that the number of values that makes it give what it gave can be looked for.
pub(super) fn unbiased(statistics: &ColumnStatistics, rows: f64) -> f64 {
    let told = statistics.distinct_in(rows);
    let present = rows * (1.0 - statistics.null_share);
    let sample = SAMPLE_ROWS * (1.0 - statistics.null_share);
    let is_even = statistics.common_share < EVEN_SHARE_MAX;
    if !is_even || present <= 2.0 * sample || told >= 0.98 * present || told < sample / 20.0 {
        return told;
    }
    let duj1 = |values: f64| {
        let seen = drawn(values, sample);
        let once = sample * (-sample / values).exp();
        sample * seen / (sample - once + once * sample / present)
    };
    // What it gives rises with what there is.
    let (mut low, mut high) = (told / 2.0, present * 50.0);
    for _ in 0..60 {
        let middle = (low * high).sqrt();
        if duj1(middle) < told { low = middle } else { high = middle }
    }
    drawn(low, present).clamp(told, present)
}

/// A sample with so much less than independent columns would show is one of columns that depend on each other; the rest is
/// chance.
const DEPENDENT_BELOW: f64 = 0.95;

/// How many combinations a table has, from those of a sample: as many fewer than if its columns were independent as
/// explains how few the sample met. `None` if it met as many as it should.
pub(super) fn combinations(parts: &[Part], sample: &super::Sample) -> Option<f64> {
    let super::Sample { rows, sampled, seen } = *sample;
    if !(1.0 <= seen && seen <= sampled && sampled <= rows) {
        return None;
    }
    let mut cells: Vec<Band> = vec![(1.0, 1.0)];
    for factor in parts.iter().map(bands) {
        let is_few = cells.len() * factor.len() <= CELLS_MAX;
        let all = [(factor.iter().map(|band| band.0).sum(), 1.0)];
        cells = multiplied(&cells, if is_few { &factor } else { &all });
    }
    let met = |scale: f64, rows: f64| -> f64 {
        cells.iter().map(|(values, share)| drawn(values * scale, rows * share)).sum()
    };
    if DEPENDENT_BELOW * met(1.0, sampled) <= seen {
        return None;
    }
    let (mut low, mut high) = (1e-9, 1.0);
    for _ in 0..60 {
        let middle: f64 = f64::sqrt(low * high);
        if met(middle, sampled) < seen { low = middle } else { high = middle }
    }
    let most_of_one = parts.iter().map(|part| part.distinct).fold(seen, f64::max);
    Some(met(low, rows).max(most_of_one).min(rows))
}

/// Values, or combinations of them, that are about as common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    /// How many of them there are.
    pub(super) values: f64,
    /// Entries that all of them have.
    pub(super) entries: f64,
}

/// What is known of the combinations of an index's keys.
#[derive(Debug)]
pub(super) struct Distinct<'a> {
    parts: &'a [Part],
    /// Places of keys whose combinations are known, and how many there are.
    groups: Vec<(Vec<usize>, f64)>,
    /// The keys hold the primary key: no two rows are alike.
    unique: bool,
    entries: f64,
}

/// Values of one factor that are about as common: how many, and their share of the rows.
type Band = (f64, f64);

impl<'a> Distinct<'a> {
    pub(super) fn of(
        table: &Table,
        columns: &[IndexColumn],
        parts: &'a [Part],
        entries: f64,
    ) -> Self {
        let place = |number: &i16| {
            columns.iter().position(|column| column.key == IndexKey::Column(*number))
        };
        let primary: Option<Vec<usize>> = table.primary_key.iter().map(place).collect();
        let unique = primary.is_some_and(|places| !places.is_empty());
        let mut groups: Vec<(Vec<usize>, f64)> = table
            .distinct_groups
            .iter()
            .filter_map(|(numbers, values)| {
                Some((numbers.iter().map(place).collect::<Option<Vec<_>>>()?, *values))
            })
            .collect();
        groups.sort_by_key(|(places, _)| std::cmp::Reverse(places.len()));
        Self { parts, groups, unique, entries }
    }

    /// Combinations among `entries` rows in which these keys are null and the others are not.
    pub(super) fn cells(&self, nulls: &NullKeys, entries: f64) -> Vec<Cell> {
        if entries <= 0.0 {
            return Vec::new();
        }
        if self.unique && nulls.is_empty() {
            return vec![Cell { values: entries, entries }];
        }
        let mut factors = self.factors(nulls);
        // Within the rows of each value of the one with most values, those of the others are drawn.
        let most = |factor: &Vec<Band>| factor.iter().map(|band| band.0).sum::<f64>();
        factors.sort_by(|one, other| most(other).total_cmp(&most(one)));
        let mut factors = factors.into_iter();
        let first = factors.next().unwrap_or_else(|| vec![(1.0, 1.0)]);
        let mut others: Vec<Band> = vec![(1.0, 1.0)];
        for factor in factors {
            others = if others.len() * factor.len() * first.len() <= CELLS_MAX {
                multiplied(&others, &factor)
            } else {
                multiplied(&others, &[(most(&factor), 1.0)])
            };
        }
        let mut cells = Vec::new();
        for (values, share) in &first {
            for (other_values, other_share) in &others {
                let entries = entries * share * other_share;
                let each = (entries / other_share / values).max(1.0);
                let met = values * met(*other_values, *other_share, each);
                if entries > 0.0 {
                    cells.push(Cell { values: met.min(entries).max(f64::MIN_POSITIVE), entries });
                }
            }
        }
        cells
    }

    /// The number of combinations rests on the columns being independent, and it would matter if they were not.
    pub(super) fn is_guess(&self) -> bool {
        let all = self.parts.len();
        if self.unique || self.groups.iter().any(|(places, _)| places.len() == all) {
            return false;
        }
        let least = self.parts.iter().map(|part| part.distinct).fold(1.0, f64::max);
        let cells = self.cells(&NullKeys::default(), self.entries);
        let most: f64 = cells.iter().map(|cell| cell.values).sum();
        // Two to a key is where merging begins to pay.
        least * 2.0 <= most && least * 2.0 <= self.entries && most * 8.0 > self.entries
    }

    /// Columns, or groups of them, that are taken as independent of each other.
    fn factors(&self, nulls: &NullKeys) -> Vec<Vec<Band>> {
        let mut left: Vec<usize> =
            (0..self.parts.len()).filter(|place| !nulls.holds(*place)).collect();
        let mut factors = Vec::new();
        for (places, values) in &self.groups {
            if places.len() > 1 && places.iter().all(|place| left.contains(place)) {
                left.retain(|place| !places.contains(place));
                factors.push(vec![(values.max(1.0), 1.0)]);
            }
        }
        let parts = left.iter().filter_map(|place| self.parts.get(*place));
        let (together, alone): (Vec<&Part>, Vec<&Part>) =
            parts.filter(|part| 1.0 < part.distinct).partition(|part| {
                part.correlation.is_some_and(|one| CORRELATION_TOGETHER <= one.abs())
            });
        // Columns that rise together meet in a staircase: no more steps than both have.
        if together.len() > 1 {
            let steps = together.iter().map(|part| part.distinct - 1.0).sum::<f64>() + 1.0;
            factors.push(vec![(steps, 1.0)]);
        } else {
            factors.extend(together.into_iter().map(bands));
        }
        factors.extend(alone.into_iter().map(bands));
        factors
    }
}

/// The values of a column, the most common apart from the others.
fn bands(part: &Part) -> Vec<Band> {
    let mut bands = Vec::new();
    let (mut values, mut share) = (part.distinct, 1.0);
    let mut known = 0.0;
    for common in part.common.iter().take_while(|common| **common > 0.0) {
        if values <= 1.0 {
            break;
        }
        bands.push((1.0, *common));
        values -= 1.0;
        share -= common;
        known += common;
    }
    // The other common ones: their tail falls off from the least of those that are known.
    let others = (part.common_all - known).max(0.0);
    let least = part.common.last().copied().unwrap_or(1.0);
    if others > 1e-6 && values > 1.0 {
        let count = (2.0 * others / least).clamp(1.0, COMMON_MAX.min(values - 0.5).max(1.0));
        bands.push((count, others));
        values -= count;
        share -= others;
    }
    if values > 0.0 && share > 1e-9 {
        bands.push((values, share));
    }
    let all: f64 = bands.iter().map(|band| band.1).sum();
    for band in &mut bands {
        band.1 /= all.max(f64::MIN_POSITIVE);
    }
    bands
}

fn multiplied(one: &[Band], other: &[Band]) -> Vec<Band> {
    one.iter()
        .flat_map(|(values, share)| other.iter().map(move |(v, s)| (values * v, share * s)))
        .collect()
}

/// How many of so many values, which have this share of all rows together, are met in so many rows.
fn met(values: f64, share: f64, rows: f64) -> f64 {
    let chance = (share / values).min(1.0);
    if chance >= 1.0 {
        return values;
    }
    // values * (1 - (1 - chance)^rows), without losing digits where the chance is small.
    -values * (rows * (-chance).ln_1p()).exp_m1()
}

/// How many of `possible` values are met in so many rows, if each is as likely and there is no end of rows.
fn drawn(possible: f64, rows: f64) -> f64 {
    if possible <= 1.0 {
        return 1.0_f64.min(rows);
    }
    // possible * (1 - (1 - 1/possible)^rows), without losing digits where possible is large.
    -possible * (-rows / possible).exp_m1()
}
