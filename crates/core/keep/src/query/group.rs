//! Rows to groups, and groups of many chunks to an answer.

use std::collections::BTreeMap;

use model::Text;
use rustc_hash::FxHashMap;
use stats::{Sketch, Spread};

use super::{
    Answer, Field, Filter, GROUP_FIELDS_MAX, GROUPS_BYTES_MAX, GROUPS_MAX, Group, Measure,
    Measured, Query,
    fields::{FieldFractions, FieldNumbers, FieldTexts},
    select,
};
use crate::{
    chunk::{Chunk, Column},
    rollup,
    table::{SPANS, span},
};

/// What many chunks say together.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    /// Values of the fields, numbered in the order in which they first came.
    keys: BTreeMap<Vec<Option<Text>>, u32>,
    /// By number of the values, and step. Nothing is measured any more of groups that were left out for room.
    measured: FxHashMap<(u32, u32), Vec<Measured>>,
    /// Bytes of what was measured, roughly.
    bytes: usize,
    rows_read: u64,
    rows_passed: u64,
    is_cut: bool,
    is_estimate: bool,
}

/// Values of the fields, and the step.
type Key = (Vec<Option<Text>>, u32);

impl Groups {
    /// Takes in what a chunk says. It holds the columns and attributes of [`Query::reads`].
    pub fn add(&mut self, query: &Query, chunk: &Chunk) {
        let rows = select::rows(chunk, query.window, &query.filter);
        self.rows_read += chunk.rows() as u64;
        self.rows_passed += rows.len() as u64;
        self.is_estimate |= stand_for_several(chunk, &rows);
        let part = Part::of(query, chunk, &rows);
        let mut measured: Vec<Vec<Measured>> =
            query.measures.iter().map(|it| measure(it, chunk, &rows, &part)).collect();
        let mut known: FxHashMap<[u32; GROUP_FIELDS_MAX], u32> = FxHashMap::default();
        for (slot, (numbers, step)) in part.keys.iter().enumerate() {
            let key = *known.entry(*numbers).or_insert_with(|| {
                let texts = part.fields.iter().zip(numbers);
                let key = texts
                    .map(|(field, number)| (*number != 0).then(|| Text::from(field.text(*number))));
                self.number(key.collect())
            });
            let of_slot = measured
                .iter_mut()
                .map(|column| std::mem::replace(&mut column[slot], Measured::Count(0)));
            self.take_at((key, *step), of_slot.collect());
        }
        self.is_cut |= part.is_cut;
    }

    /// Takes in what other chunks say.
    pub fn merge(&mut self, other: Self) {
        let keys: FxHashMap<u32, u32> =
            other.keys.into_iter().map(|(key, number)| (number, self.number(key))).collect();
        #[expect(clippy::iter_over_hash_type, reason = "each is merged with its own")]
        for ((key, step), measured) in other.measured {
            if let Some(key) = keys.get(&key) {
                self.take_at((*key, step), measured);
            }
        }
        self.rows_read += other.rows_read;
        self.rows_passed += other.rows_passed;
        self.is_cut |= other.is_cut;
        self.is_estimate |= other.is_estimate;
    }

    /// Takes in a group as another engine tells it.
    pub fn take(&mut self, (key, step): Key, measured: Vec<Measured>) {
        let key = self.number(key);
        self.take_at((key, step), measured);
    }

    fn number(&mut self, key: Vec<Option<Text>>) -> u32 {
        let fresh = crate::texts::small(self.keys.len());
        *self.keys.entry(key).or_insert(fresh)
    }

    fn take_at(&mut self, key: (u32, u32), measured: Vec<Measured>) {
        let bytes = |measured: &[Measured]| measured.iter().map(Measured::bytes).sum::<usize>();
        if let Some(known) = self.measured.get_mut(&key) {
            let before = bytes(known);
            if measured.is_empty() {
                // It was left out there, so that what is known here is not all of it.
                known.clear();
            }
            for (known, more) in known.iter_mut().zip(measured) {
                known.merge(more);
            }
            self.bytes = (self.bytes + bytes(known)).saturating_sub(before);
        } else if self.measured.len() < GROUPS_MAX {
            self.bytes += bytes(&measured);
            self.measured.insert(key, measured);
        } else {
            self.is_cut = true;
        }
        if GROUPS_BYTES_MAX < self.bytes {
            self.make_room(GROUPS_BYTES_MAX / 2);
        }
    }

    /// Leaves out the groups that rank last until the others take so many bytes at most. What comes of those later is
    /// left out too, so that what is told is right.
    fn make_room(&mut self, bytes_max: usize) {
        let rank = |measured: &[Measured]| measured.first().map_or(0.0, Measured::rank);
        let all = self.measured.iter().filter(|(_, measured)| !measured.is_empty());
        let mut ranked: Vec<(f64, (u32, u32))> =
            all.map(|(key, measured)| (rank(measured), *key)).collect();
        ranked.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        for (_, key) in ranked {
            if self.bytes <= bytes_max {
                break;
            }
            if let Some(measured) = self.measured.get_mut(&key) {
                let bytes: usize = measured.iter().map(Measured::bytes).sum();
                self.bytes = self.bytes.saturating_sub(bytes);
                *measured = Vec::new();
            }
        }
        self.is_cut = true;
    }

    /// Takes in how many rows another engine looked at, how many of them passed, and whether it left groups out.
    pub fn looked(&mut self, rows_read: u64, rows_passed: u64, is_cut: bool) {
        self.rows_read += rows_read;
        self.rows_passed += rows_passed;
        self.is_cut |= is_cut;
    }

    /// Takes in that rows of another engine that passed stand for several.
    pub fn estimated(&mut self, is_estimate: bool) {
        self.is_estimate |= is_estimate;
    }

    /// Bytes of memory that they take, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        const KEY_BYTES: usize = 160;
        size_of::<Self>() + self.bytes + (self.keys.len() + self.measured.len()) * KEY_BYTES
    }

    /// Rows that were looked at.
    #[must_use]
    pub fn rows_read(&self) -> u64 {
        self.rows_read
    }

    /// The answer.
    #[must_use]
    pub fn answer(self, query: &Query) -> Answer {
        let mut all: Vec<((u32, u32), Vec<Measured>)> = self.measured.into_iter().collect();
        all.retain(|(_, measured)| !measured.is_empty() || query.measures.is_empty());
        all.sort_unstable_by_key(|(key, _)| *key);
        // Steps of one key stay together: the greatest keys are chosen by the sum of their steps.
        let mut totals = vec![None; self.keys.len()];
        for ((key, _), measured) in &all {
            let total: &mut f64 = totals[*key as usize].get_or_insert_default();
            *total += measured.first().map_or(0.0, Measured::rank);
        }
        let ranked = self.keys.into_iter();
        let mut ranked: Vec<(Vec<Option<Text>>, u32, f64)> = ranked
            .filter_map(|(key, number)| Some((key, number, totals[number as usize]?)))
            .collect();
        ranked.sort_by(|one, other| other.2.total_cmp(&one.2));
        ranked.truncate(query.limit);
        let mut places = vec![None; totals.len()];
        for (place, (_, number, _)) in ranked.iter().enumerate() {
            places[*number as usize] = Some(place);
        }
        let mut groups: Vec<(usize, Group)> = Vec::new();
        for ((key, step), measured) in all {
            if let Some(place) = places[key as usize] {
                let key = ranked[place].0.clone();
                groups.push((place, Group { key, step, measured }));
            }
        }
        groups.sort_by_key(|(place, group)| (*place, group.step));
        Answer {
            groups: groups.into_iter().map(|(_, group)| group).collect(),
            rows_read: self.rows_read,
            rows_passed: self.rows_passed,
            is_cut: self.is_cut,
            is_estimate: self.is_estimate,
        }
    }
}

/// Whether one of the rows stands for several. Where rows sum things up, that says nothing.
fn stand_for_several(chunk: &Chunk, rows: &[u32]) -> bool {
    let weight = chunk.table().weight.filter(|_| chunk.table().sketch.is_none());
    match weight.map(|place| chunk.column(place)) {
        Some(Column::Whole(weights)) => {
            rows.iter().any(|row| weights.get(*row as usize).is_some_and(|weight| 1 < *weight))
        }
        _ => false,
    }
}

impl Query {
    /// With many steps, the question after which groups to ask first: the same without steps. `None` if it is not
    /// worth it, as where all groups are told, or if groups are not ranked by what adds up over steps.
    #[must_use]
    pub fn without_steps(&self) -> Option<Self> {
        let step = self.step?.as_nanos().max(1);
        let length = self.window.to.nanos.saturating_sub(self.window.from.nanos);
        let adds_up = matches!(
            self.measures.first(),
            Some(Measure::Count | Measure::Sum(_) | Measure::Distribution(_) | Measure::Spread(_))
        );
        let is_worth_it = STEPS_MANY < u128::from(length) / step
            && !self.group.is_empty()
            && self.limit < GROUPS_MAX;
        // Distributions rank by their counts, which are read in no time.
        let ranking = self.measures.first().map(|measure| match measure {
            Measure::Distribution(field) if self.is_of_all(field) => Measure::Count,
            measure => measure.clone(),
        });
        (adds_up && is_worth_it).then(|| Self {
            step: None,
            measures: ranking.into_iter().collect(),
            ..self.clone()
        })
    }

    /// Whether each span has this, so that there are as many values as spans.
    fn is_of_all(&self, field: &Field) -> bool {
        self.table.name == SPANS.name && *field == Field::Column(span::DURATION)
    }

    /// The same question of fewer rows, with the same answer for the groups of these keys, as [`Query::without_steps`]
    /// gave them: only rows that may be of one of them.
    #[must_use]
    pub fn narrowed(&self, keys: &[Vec<Option<Text>>]) -> Self {
        let mut filters = vec![self.filter.clone()];
        for (place, field) in self.group.iter().take(GROUP_FIELDS_MAX).enumerate() {
            let values = keys.iter().filter_map(|key| key.get(place));
            let mut texts: Vec<Text> = values.clone().flatten().cloned().collect();
            texts.sort_unstable();
            texts.dedup();
            let is_one = Filter::Is(field.clone(), texts);
            filters.push(if values.clone().any(Option::is_none) {
                Filter::Or(vec![is_one, Filter::Not(Box::new(Filter::Has(field.clone())))])
            } else {
                is_one
            });
        }
        Self { filter: Filter::And(filters), ..self.clone() }
    }
}

/// Steps with which groups soon are more than can be kept.
const STEPS_MANY: u128 = 60;

/// The groups of one chunk.
struct Part<'a> {
    fields: Vec<FieldTexts<'a>>,
    keys: Vec<([u32; GROUP_FIELDS_MAX], u32)>,
    /// For each of the rows, its place in `keys`; none if there were too many.
    slots: Vec<Option<u32>>,
    is_cut: bool,
}

impl<'a> Part<'a> {
    fn of(query: &Query, chunk: &'a Chunk, rows: &[u32]) -> Self {
        let fields: Vec<FieldTexts<'a>> = query
            .group
            .iter()
            .take(GROUP_FIELDS_MAX)
            .map(|field| FieldTexts::of(chunk, field))
            .collect();
        let mut part = Self { fields, keys: Vec::new(), slots: Vec::new(), is_cut: false };
        let step_nanos =
            query.step.map(|step| u64::try_from(step.as_nanos().max(1)).unwrap_or(u64::MAX));
        let Column::Whole(times) = chunk.column(chunk.table().time) else { return part };
        let mut known: FxHashMap<([u32; GROUP_FIELDS_MAX], u32), u32> = FxHashMap::default();
        for row in rows.iter().map(|row| *row as usize) {
            let mut numbers = [0; GROUP_FIELDS_MAX];
            for (number, field) in numbers.iter_mut().zip(&part.fields) {
                *number = field.numbers[row];
            }
            let passed = times[row].saturating_sub(query.window.from.nanos);
            let step =
                step_nanos.map_or(0, |nanos| u32::try_from(passed / nanos).unwrap_or(u32::MAX));
            let key = (numbers, step);
            let slot = match known.get(&key) {
                Some(slot) => Some(*slot),
                None if part.keys.len() < GROUPS_MAX => {
                    let slot = crate::texts::small(part.keys.len());
                    part.keys.push(key);
                    known.insert(key, slot);
                    Some(slot)
                }
                None => None,
            };
            part.is_cut |= slot.is_none();
            part.slots.push(slot);
        }
        part
    }
}

/// One measure of each group of a chunk.
fn measure(measure: &Measure, chunk: &Chunk, rows: &[u32], part: &Part<'_>) -> Vec<Measured> {
    let mut all = vec![measure.nothing(); part.keys.len()];
    let sketches = chunk.table().sketch;
    if sketches.is_some() && measure.field() == sketches.map(Field::Column).as_ref() {
        let mut room = <(Vec<u8>, Vec<u64>)>::default();
        for (row, slot) in rows.iter().zip(&part.slots) {
            let Some(slot) = slot else { continue };
            match &mut all[*slot as usize] {
                Measured::Distribution(sketch) => {
                    rollup::merge_into(sketch, (chunk, *row), &mut room);
                }
                other => {
                    if let Some(sketch) = rollup::sketch_in(chunk, *row, &mut room.0) {
                        other.sum_up(&sketch);
                    }
                }
            }
        }
        return all;
    }
    if let Measure::Spread(field) = measure {
        spread(chunk, field, rows, part, &mut all);
        return all;
    }
    let numbers = measure.field().map(|field| FieldNumbers::of(chunk, field).numbers);
    // Where a row sums up many things, so do its numbers.
    let weight = chunk.table().weight.filter(|_| sketches.is_none() || numbers.is_none());
    let weights = weight.map(|place| chunk.column(place));
    for (row, slot) in rows.iter().map(|row| *row as usize).zip(&part.slots) {
        let Some(slot) = slot else { continue };
        let weight = match weights {
            Some(Column::Whole(weights)) => weights.get(row).copied().unwrap_or(1),
            _ => 1,
        };
        let number = numbers.as_ref().and_then(|numbers| numbers[row]);
        all[*slot as usize].add(number, weight);
    }
    all
}

/// How the numbers of a field are spread in each group of a chunk.
fn spread(chunk: &Chunk, field: &Field, rows: &[u32], part: &Part<'_>, all: &mut [Measured]) {
    let numbers = FieldFractions::of(chunk, field).numbers;
    let weight = chunk.table().weight.filter(|_| chunk.table().sketch.is_none());
    let weights = weight.map(|place| chunk.column(place));
    for (row, slot) in rows.iter().map(|row| *row as usize).zip(&part.slots) {
        let (Some(slot), Some(number)) = (slot, numbers[row]) else { continue };
        let weight = match weights {
            Some(Column::Whole(weights)) => weights.get(row).copied().unwrap_or(1),
            _ => 1,
        };
        if let Measured::Spread(spread) = &mut all[*slot as usize] {
            spread.add_many(number, weight);
        }
    }
}

impl Measure {
    fn nothing(&self) -> Measured {
        match self {
            Self::Count => Measured::Count(0),
            Self::Sum(_) => Measured::Sum(None),
            Self::Least(_) => Measured::Least(None),
            Self::Greatest(_) => Measured::Greatest(None),
            Self::Distribution(_) => Measured::Distribution(Sketch::default()),
            Self::Spread(_) => Measured::Spread(Spread::default()),
        }
    }
}

impl Measured {
    fn add(&mut self, number: Option<i64>, weight: u64) {
        if let Self::Count(count) = self {
            *count = count.saturating_add(weight);
        }
        let Some(number) = number else { return };
        match self {
            Self::Count(_) | Self::Spread(_) => {}
            Self::Sum(sum) => {
                *sum = Some(sum.unwrap_or(0) + i128::from(number) * i128::from(weight));
            }
            Self::Least(least) => *least = Some(least.map_or(number, |it| it.min(number))),
            Self::Greatest(most) => *most = Some(most.map_or(number, |it| it.max(number))),
            Self::Distribution(sketch) => {
                if let Ok(number) = u64::try_from(number) {
                    sketch.add_many(number, weight);
                }
            }
        }
    }

    /// Takes in all values that were summed up.
    fn sum_up(&mut self, sketch: &Sketch) {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let more = match self {
            Self::Count(_) => Self::Count(sketch.count()),
            Self::Sum(_) => Self::Sum(i128::try_from(sketch.sum()).ok()),
            Self::Least(_) => Self::Least(sketch.min().map(whole)),
            Self::Greatest(_) => Self::Greatest(sketch.max().map(whole)),
            Self::Distribution(_) => Self::Distribution(sketch.clone()),
            // What is summed up has no fractions.
            Self::Spread(_) => return,
        };
        self.merge(more);
    }

    fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Count(count), Self::Count(more)) => *count = count.saturating_add(more),
            (Self::Sum(sum), Self::Sum(Some(more))) => *sum = Some(sum.unwrap_or(0) + more),
            (Self::Least(least), Self::Least(Some(other))) => {
                *least = Some(least.map_or(other, |it| it.min(other)));
            }
            (Self::Greatest(most), Self::Greatest(Some(other))) => {
                *most = Some(most.map_or(other, |it| it.max(other)));
            }
            // Mostly there is one of a minute.
            (Self::Distribution(sketch), Self::Distribution(more)) if sketch.is_empty() => {
                *sketch = more;
            }
            (Self::Distribution(sketch), Self::Distribution(more)) => sketch.merge(&more),
            (Self::Spread(spread), Self::Spread(more)) => spread.merge(&more),
            // Nothing was measured there; parts of one question measure the same.
            _ => {}
        }
    }

    /// Bytes of memory that it takes, roughly.
    fn bytes(&self) -> usize {
        match self {
            Self::Distribution(sketch) => sketch.bytes(),
            Self::Spread(spread) => spread.bytes(),
            _ => size_of::<Self>(),
        }
    }

    /// What groups are ranked by.
    #[expect(clippy::cast_precision_loss, reason = "of what is nearly equal, either may be first")]
    fn rank(&self) -> f64 {
        match self {
            Self::Count(count) => *count as f64,
            Self::Sum(sum) => sum.map_or(0.0, |sum| sum as f64),
            Self::Least(number) | Self::Greatest(number) => number.map_or(0.0, |it| it as f64),
            Self::Distribution(sketch) => sketch.count() as f64,
            Self::Spread(spread) => spread.count() as f64,
        }
    }
}
