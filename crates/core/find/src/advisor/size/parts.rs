//! One column of an index: how wide its values are, how many there are, and how they lie in a tuple.

use model::database::{Column, IndexKey, Table};

use super::{distinct, expression};

/// What a column is looked at in.
pub(super) struct Context<'a> {
    pub(super) table: &'a Table,
    pub(super) predicate: &'a str,
    /// Rows of the table.
    pub(super) rows: f64,
    /// Rows that the predicate keeps.
    pub(super) entries: f64,
}

/// A column or an expression of an index.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) width: Width,
    pub(super) null_share: f64,
    /// Values that are not null among the entries.
    pub(super) distinct: f64,
    pub(super) correlation: Option<f64>,
    pub(super) deduplicates: bool,
    /// The predicate fixes it.
    pub(super) constant: bool,
    /// Shares of the most common values, largest first.
    pub(super) common: Vec<f64>,
    /// What all most common values have together.
    pub(super) common_all: f64,
    pub(super) rough: bool,
}

/// How many bytes a value takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Width {
    /// Always the same, aligned to so many.
    Fixed(u32, u32),
    /// Varies around a mean, short header included.
    Varying(f64),
    /// `numeric`: a header of 3, then 2 for every 4 digits.
    Digits(f64),
}

/// Up to this width a varying value has a header of one byte and is not aligned.
const SHORT_MAX: f64 = 127.0;
/// Widths of varying values are taken as spread evenly over so many bytes around the mean, half to each side.
const SPREAD_HALF: i32 = 4;
/// What the planner assumes of a varying type without statistics.
const WIDTH_UNKNOWN: u32 = 32;
/// Distinct values of a column without statistics, as the planner assumes.
const DISTINCT_UNKNOWN: f64 = 200.0;

impl Part {
    pub(super) fn of_key(key: &IndexKey, context: &Context<'_>) -> Self {
        match key {
            IndexKey::Column(number) => Self::of_column(*number, context),
            IndexKey::Expression(text) => expression::part(text, context),
        }
    }

    pub(super) fn of_column(number: i16, context: &Context<'_>) -> Self {
        context.table.column(number).map_or_else(Self::unknown, |column| Self::of(column, context))
    }

    /// A column that nothing is known of.
    pub(super) fn unknown() -> Self {
        Self {
            width: Width::Varying(f64::from(WIDTH_UNKNOWN)),
            null_share: 0.0,
            distinct: DISTINCT_UNKNOWN,
            correlation: None,
            deduplicates: true,
            constant: false,
            common: Vec::new(),
            common_all: 0.0,
            rough: true,
        }
    }

    pub(super) fn of(column: &Column, context: &Context<'_>) -> Self {
        let statistics = column.statistics.as_ref();
        let kept = context.entries / context.rows.max(1.0);
        let role = expression::role(&column.name, context.predicate);
        let null_share = match role {
            expression::Role::Free => {
                if column.not_null {
                    0.0
                } else {
                    statistics.map_or(0.0, |known| known.null_share)
                }
            }
            expression::Role::Null => 1.0,
            _ => 0.0,
        };
        let known_nulls = statistics.map_or(0.0, |known| known.null_share);
        let all =
            statistics.map_or(DISTINCT_UNKNOWN, |known| distinct::unbiased(known, context.rows));
        let distinct = match role {
            expression::Role::Equal | expression::Role::Null => 1.0,
            expression::Role::Bounded => (all * kept).max(1.0),
            expression::Role::NotNull => all,
            expression::Role::Free => {
                // Of a value with so many rows one is kept with this chance.
                let each = context.rows * (1.0 - known_nulls) / all;
                all * (1.0 - (1.0 - kept.min(1.0)).powf(each.max(1.0)))
            }
        };
        let (common, common_all) = match (role, statistics) {
            (expression::Role::Free, Some(known)) => {
                // Shares are of all rows, nulls among them.
                let present = (1.0 - known.null_share).max(1e-9);
                let shares = known.common_shares.iter().map(|share| share / present).collect();
                (shares, known.common_share / present)
            }
            _ => (Vec::new(), 0.0),
        };
        Self {
            width: width(column),
            null_share,
            distinct: distinct.clamp(1.0, context.entries.max(1.0)),
            correlation: statistics.and_then(|known| known.correlation),
            deduplicates: column.deduplicates,
            constant: matches!(role, expression::Role::Equal | expression::Role::Null),
            common,
            common_all,
            rough: statistics.is_none(),
        }
    }
}

fn width(column: &Column) -> Width {
    if let Ok(length) = u32::try_from(column.type_length) {
        return Width::Fixed(length, u32::from(column.type_align.max(1)));
    }
    let statistics = column.statistics.as_ref();
    if let Some(length) = blank_padded(&column.type_name) {
        return Width::settled(length + 1);
    }
    if column.type_name == "inet" || column.type_name == "cidr" {
        // 4 or 16 bytes of address, one for the kind, one for the mask, one for the header.
        let is_long = statistics.is_some_and(|known| known.width > 12);
        return Width::Fixed(if is_long { 19 } else { 7 }, 1);
    }
    // `avg_width` is cut to whole bytes: half a byte more on average, where widths vary.
    let mean = statistics.map_or(WIDTH_UNKNOWN, |known| known.width);
    if column.type_name.starts_with("numeric") {
        return Width::Digits(f64::from(mean) + 0.5);
    }
    match statistics.and_then(|known| known.width_range) {
        Some((least, most)) if least == most => Width::settled(most),
        _ => Width::Varying(f64::from(mean) + 0.5),
    }
}

impl Width {
    /// A varying type whose values are all as wide.
    fn settled(bytes: u32) -> Self {
        let align = if f64::from(bytes) <= SHORT_MAX { 1 } else { 4 };
        Self::Fixed(bytes, align)
    }

    fn mean(self) -> f64 {
        match self {
            Self::Fixed(bytes, _) => f64::from(bytes),
            Self::Varying(mean) | Self::Digits(mean) => mean,
        }
    }
}

/// Mean bytes of a column's values.
pub(super) fn column_width(column: &Column) -> f64 {
    width(column).mean()
}

/// `character(10)`: always as wide, in single-byte letters.
fn blank_padded(type_name: &str) -> Option<u32> {
    let digits = type_name.strip_prefix("character(")?.strip_suffix(')')?;
    digits.parse().ok().filter(|length| *length < 1000)
}

/// Which keys are null, by their places.
#[derive(Debug, Clone, Default)]
pub(super) struct NullKeys {
    keys: Vec<usize>,
    include: Vec<usize>,
}

impl NullKeys {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn holds(&self, key: usize) -> bool {
        self.keys.contains(&key)
    }
}

/// Columns that are now null and now not; past so many their combinations are no longer told apart.
const NULLABLE_MAX: usize = 5;

/// Shares of the rows in which these columns are null and the others are not.
pub(super) fn null_patterns(keys: &[Part], include: &[Part]) -> Vec<(f64, NullKeys)> {
    let mut patterns = vec![(1.0, NullKeys::default())];
    let mut told_apart = 0;
    let all = keys.iter().enumerate().map(|(place, part)| (true, place, part));
    for (is_key, place, part) in
        all.chain(include.iter().enumerate().map(|(place, part)| (false, place, part)))
    {
        let null = part.null_share.clamp(0.0, 1.0);
        if null <= 0.0 {
            continue;
        }
        let with = |pattern: &NullKeys| {
            let mut pattern = pattern.clone();
            if is_key { &mut pattern.keys } else { &mut pattern.include }.push(place);
            pattern
        };
        if null >= 1.0 || (told_apart >= NULLABLE_MAX && null >= 0.5) {
            patterns = patterns.iter().map(|(share, pattern)| (*share, with(pattern))).collect();
        } else if told_apart < NULLABLE_MAX {
            told_apart += 1;
            let nulls: Vec<_> =
                patterns.iter().map(|(share, pattern)| (share * null, with(pattern))).collect();
            for (share, _) in &mut patterns {
                *share *= 1.0 - null;
            }
            patterns.extend(nulls);
        }
    }
    patterns
}

/// Bytes of an index tuple.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TupleBytes {
    /// On average, aligned.
    pub(super) mean: f64,
    /// Every one takes the same.
    pub(super) fixed: bool,
}

/// Bytes of a tuple in which these columns are null.
pub(super) fn tuple_bytes(keys: &[Part], include: &[Part], nulls: &NullKeys) -> TupleBytes {
    let has_nulls = !nulls.keys.is_empty() || !nulls.include.is_empty();
    let mut layout = Layout::new(if has_nulls { 16.0 } else { 8.0 });
    for (place, part) in keys.iter().enumerate() {
        if !nulls.keys.contains(&place) {
            layout.add(part.width);
        }
    }
    for (place, part) in include.iter().enumerate() {
        if !nulls.include.contains(&place) {
            layout.add(part.width);
        }
    }
    layout.end()
}

/// Where the end of a tuple lies: for each remainder by 8 how likely it is, and how far the end is then on average.
struct Layout([(f64, f64); 8]);

impl Layout {
    fn new(header: f64) -> Self {
        let mut ends = [(0.0, 0.0); 8];
        ends[0] = (1.0, header);
        Self(ends)
    }

    fn add(&mut self, width: Width) {
        match width {
            Width::Fixed(bytes, align) => self.step(&[(1.0, bytes)], align),
            Width::Varying(mean) => self.step(&spread(mean), if mean <= SHORT_MAX { 1 } else { 4 }),
            Width::Digits(mean) => self.step(&digits(mean), 1),
        }
    }

    fn step(&mut self, widths: &[(f64, u32)], align: u32) {
        let align = align.clamp(1, 8);
        let mut next = [(0.0, 0.0); 8];
        for (remainder, (chance, mean)) in (0_u32..).zip(self.0) {
            if chance <= 0.0 {
                continue;
            }
            let padding = (align - remainder % align) % align;
            for (share, bytes) in widths {
                let end = usize::try_from((remainder + padding + bytes) % 8).unwrap_or(0);
                if let Some(slot) = next.get_mut(end) {
                    slot.0 += chance * share;
                    slot.1 += chance * share * (mean + f64::from(padding + bytes));
                }
            }
        }
        for slot in &mut next {
            if slot.0 > 0.0 {
                slot.1 /= slot.0;
            }
        }
        self.0 = next;
    }

    fn end(&self) -> TupleBytes {
        let mut mean = 0.0;
        let mut ways = 0;
        for (remainder, (chance, end)) in (0_u32..).zip(self.0) {
            if chance > 0.0 {
                ways += 1;
                mean += chance * (end + f64::from((8 - remainder) % 8));
            }
        }
        TupleBytes { mean, fixed: ways == 1 }
    }
}

/// Widths spread evenly around a mean; narrower where the mean is near the least there is.
fn spread(mean: f64) -> Vec<(f64, u32)> {
    let low = mean.floor().max(1.0);
    let half = f64::from(SPREAD_HALF).min(low - 1.0).max(1.0);
    let count = 2.0 * half;
    let first = (low - half + 1.0).max(1.0);
    (0..whole(count)).map(|step| (1.0 / count, whole(first) + step)).collect()
}

/// The two widths of a `numeric` next to a mean.
fn digits(mean: f64) -> Vec<(f64, u32)> {
    let low = ((mean - 3.0).max(0.0) / 2.0).floor() * 2.0 + 3.0;
    let more = ((mean - low) / 2.0).clamp(0.0, 1.0);
    vec![(1.0 - more, whole(low)), (more, whole(low + 2.0))]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "widths of values are small, and not below zero"
)]
fn whole(value: f64) -> u32 {
    value.round() as u32
}
