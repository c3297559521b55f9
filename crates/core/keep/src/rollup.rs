//! Roll-ups: what spans of one kind took in one minute, summed up in rows of [`MINUTES`].
//!
//! A sketch holds the same whatever the order and the split of what went in, so roll-ups of parts add up, in any
//! order, to the roll-up of the whole, and what they answer is what the spans answer, to the last digit. They
//! are made of all spans, before any are dropped.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use model::{Moment, Text, Window};
use rustc_hash::FxHashMap;
use stats::Sketch;

use crate::{
    chunk::{AttributeKind, Chunk, Column},
    query::{Field, Filter, Measure, Query},
    reader::Reader,
    table::{MINUTES, SPANS, minute, span},
    texts::{Texts, small},
};

#[cfg(test)]
mod tests;

/// Nanoseconds of a minute.
pub const MINUTE_NANOS: u64 = 60_000_000_000;

/// Kinds of spans of one minute that are told apart in one chunk. Where there are more, names are made up anew for each
/// request, and of the later ones all texts but service, kind and status become [`OTHERS`].
const KINDS_MAX: usize = 10_000;

/// What the texts of kinds beyond the bound become.
pub const OTHERS: &str = "(others)";

/// Attributes that say whom a call went to, the first that is there.
pub const REMOTES: [&str; 3] = ["server.address", "net.peer.name", "peer.service"];

/// Columns of spans, and the columns of minutes that say the same.
const SHARED: [(usize, usize); 6] = [
    (span::SERVICE, minute::SERVICE),
    (span::NAME, minute::NAME),
    (span::KIND, minute::KIND),
    (span::STATUS, minute::STATUS),
    (span::OPERATION, minute::OPERATION),
    (span::STATEMENT, minute::STATEMENT),
];

/// The columns of spans that a roll-up is made of, and their attributes.
pub const READS: ([usize; 9], [&str; 3]) = (
    [
        span::START,
        span::DURATION,
        span::SERVICE,
        span::NAME,
        span::KIND,
        span::STATUS,
        span::OPERATION,
        span::STATEMENT,
        span::WEIGHT,
    ],
    REMOTES,
);

/// Sums up spans by minute and kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Minutes {
    kinds: BTreeMap<Kind, Sketch>,
}

/// Spans that are summed up together: those of a minute that share these texts, in the order of the table's columns.
///
/// What is told of one kind within an hour lies together, so that who asks for few kinds reads few pages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    hour: u64,
    texts: [Text; 7],
    minute: u64,
}

impl Kind {
    fn new(minute: u64, texts: [Text; 7]) -> Self {
        Self { hour: MINUTES.kept_by(minute), texts, minute }
    }
}

/// The roll-up of a chunk of spans.
#[must_use]
pub fn of(spans: &Chunk) -> Chunk {
    let mut minutes = Minutes::default();
    minutes.add(spans);
    minutes.into_chunk()
}

/// A row for each minute of a roll-up, whatever the kind: what a question about all spans needs of it. Beside it, how many
/// rows each minute had. The chunk has the columns of the minute and of its sketch.
#[must_use]
pub fn condensed(minutes: &Chunk) -> (Chunk, BTreeMap<u64, u64>) {
    let mut sums: FxHashMap<u64, (Sketch, u64)> = FxHashMap::default();
    let mut room = Default::default();
    for (row, minute) in (0..).zip(whole(minutes, minute::MINUTE).unwrap_or_default()) {
        let (sum, rows) = sums.entry(*minute).or_default();
        *rows += 1;
        merge_into(sum, (minutes, row), &mut room);
    }
    let rows = sums.iter().map(|(minute, (_, rows))| (*minute, *rows)).collect();
    let kind = |(minute, (sketch, _))| (Kind::new(minute, <[Text; 7]>::default()), sketch);
    (Minutes { kinds: sums.into_iter().map(kind).collect() }.into_chunk(), rows)
}

impl Minutes {
    /// Takes in spans; the chunk has the columns and attributes of [`READS`].
    pub fn add(&mut self, spans: &Chunk) {
        let (remotes, remote_texts) = remotes(spans);
        let wholes = [span::START, span::DURATION, span::WEIGHT].map(|it| whole(spans, it));
        let [Some(starts), Some(durations), Some(weights)] = wholes else { return };
        let texts = SHARED.map(|(place, _)| texts(spans, place));
        let mut slots: FxHashMap<(u64, [u32; 7]), usize> = FxHashMap::default();
        let mut of_minute: FxHashMap<u64, usize> = FxHashMap::default();
        let mut found: Vec<((u64, [u32; 7]), Sketch)> = Vec::new();
        for row in (0..spans.rows()).filter(|row| 0 < weights[*row]) {
            let begin = starts[row] - starts[row] % MINUTE_NANOS;
            let mut numbers = [0; 7];
            for (number, texts) in numbers.iter_mut().zip(texts) {
                *number = texts.map_or(0, |texts| texts[row]);
            }
            numbers[6] = remotes[row];
            let mut key = (begin, numbers);
            let slot = if let Some(slot) = slots.get(&key) {
                *slot
            } else {
                let kinds = of_minute.entry(begin).or_default();
                *kinds += 1;
                if KINDS_MAX < *kinds {
                    let [service, _, kind, status, ..] = numbers;
                    key.1 = [service, CUT, kind, status, CUT, CUT, CUT];
                }
                *slots.entry(key).or_insert_with(|| {
                    found.push((key, Sketch::default()));
                    found.len() - 1
                })
            };
            found[slot].1.add_many(shown(durations[row]), weights[row]);
        }
        let text = |number| if number == CUT { OTHERS } else { spans.texts().get(number) };
        for ((minute, numbers), sketch) in found {
            let [service, name, kind, status, operation, statement, remote] = numbers;
            let own = [service, name, kind, status, operation, statement].map(text);
            let remote = if remote == CUT { OTHERS } else { remote_texts.get(remote) };
            let [service, name, kind, status, operation, statement] = own;
            let texts = [service, name, kind, status, operation, statement, remote].map(Text::from);
            self.take(Kind::new(minute, texts), &sketch);
        }
    }

    /// Takes in rows of another roll-up, which has all columns. Rows whose sketch is damaged are left out.
    pub fn merge(&mut self, minutes: &Chunk) {
        let reader = Reader { chunk: minutes };
        for row in 0..minutes.rows() {
            let Some(sketch) = sketch(minutes, small(row)) else { continue };
            let places = [
                minute::SERVICE,
                minute::NAME,
                minute::KIND,
                minute::STATUS,
                minute::OPERATION,
                minute::STATEMENT,
                minute::REMOTE,
            ];
            let texts = places.map(|place| Text::from(reader.text(place, row)));
            self.take(Kind::new(reader.whole(minute::MINUTE, row), texts), &sketch);
        }
    }

    /// Rows that it makes.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.kinds.len()
    }

    /// Its rows, by hour, then by their texts, then by minute.
    #[must_use]
    pub fn into_chunk(self) -> Chunk {
        let mut chunk = Chunk::new(&MINUTES);
        let (mut bytes, mut written) = (Vec::new(), String::new());
        for (Kind { minute, texts, .. }, sketch) in self.kinds {
            chunk.set_whole(minute::MINUTE, minute);
            for (place, text) in (minute::SERVICE..=minute::REMOTE).zip(&texts) {
                let number = if text.is_empty() { 0 } else { chunk.text(text) };
                chunk.set_text(place, number);
            }
            let sum = u64::try_from(sketch.sum()).unwrap_or(u64::MAX);
            chunk.set_whole(minute::COUNT, shown(sketch.count()));
            chunk.set_whole(minute::SUM, shown(sum));
            chunk.set_whole(minute::LEAST, sketch.min().unwrap_or(0));
            chunk.set_whole(minute::GREATEST, sketch.max().unwrap_or(0));
            bytes.clear();
            sketch.encode(&mut bytes);
            written.clear();
            BASE64.encode_string(&bytes, &mut written);
            let number = chunk.text(&written);
            chunk.set_text(minute::DURATIONS, number);
            chunk.end_row();
        }
        chunk
    }

    fn take(&mut self, kind: Kind, sketch: &Sketch) {
        self.kinds.entry(kind).or_default().merge(sketch);
    }
}

/// The number of a text that is not told apart from others. No chunk has so many texts.
const CUT: u32 = u32::MAX;

/// What fits a column of whole numbers as Parquet has them.
fn shown(number: u64) -> u64 {
    number.min(i64::MAX.cast_unsigned())
}

fn whole(chunk: &Chunk, place: usize) -> Option<&[u64]> {
    match chunk.column(place) {
        Column::Whole(values) => Some(values),
        _ => None,
    }
}

fn texts(chunk: &Chunk, place: usize) -> Option<&[u32]> {
    match chunk.column(place) {
        Column::Text(numbers) => Some(numbers),
        _ => None,
    }
}

/// For each row, the number of whom it called; 0 if it is no call to others or does not say.
fn remotes(spans: &Chunk) -> (Vec<u32>, Texts) {
    let mut remotes = vec![0; spans.rows()];
    let mut known = Texts::default();
    let kinds = texts(spans, span::KIND).unwrap_or_default();
    let calls = ["client", "producer"].map(|kind| spans.find_text(kind));
    let is_call = |row: u32| kinds.get(row as usize).is_some_and(|it| calls.contains(&Some(*it)));
    for key in REMOTES {
        let Some(key) = spans.find_text(key) else { continue };
        let columns = spans.attributes().iter();
        for column in columns.filter(|it| it.key == key && it.kind == AttributeKind::Text) {
            let mut last = (u64::MAX, 0);
            for (row, bits) in column.rows.iter().zip(&column.values) {
                if remotes[*row as usize] != 0 || !is_call(*row) {
                    continue;
                }
                if last.0 != *bits {
                    let text = spans.texts().get(u32::try_from(*bits).unwrap_or(0));
                    last = (*bits, known.number(text));
                }
                remotes[*row as usize] = last.1;
            }
        }
    }
    (remotes, known)
}

/// The sketch of a row of a roll-up; `None` if it is damaged.
#[must_use]
pub fn sketch(minutes: &Chunk, row: u32) -> Option<Sketch> {
    sketch_in(minutes, row, &mut Vec::new())
}

/// The same, where many are unpacked one after the other: `room` is that of the last one.
pub(crate) fn sketch_in(minutes: &Chunk, row: u32, room: &mut Vec<u8>) -> Option<Sketch> {
    encoded(minutes, row, room)?;
    Sketch::decode(room)
}

/// Adds the sketch of a row of a roll-up, where many are added one after the other: `room` is that of the last one.
pub(crate) fn merge_into(
    sketch: &mut Sketch,
    (minutes, row): (&Chunk, u32),
    room: &mut (Vec<u8>, Vec<u64>),
) {
    // What is damaged is left out.
    let _added = encoded(minutes, row, &mut room.0)
        .and_then(|()| sketch.merge_encoded(&room.0, &mut room.1));
}

/// The bytes of a row's sketch.
fn encoded(minutes: &Chunk, row: u32, room: &mut Vec<u8>) -> Option<()> {
    let place = minutes.table().sketch?;
    let number = *texts(minutes, place)?.get(row as usize)?;
    room.clear();
    BASE64.decode_vec(minutes.texts().get(number), room).ok()
}

/// The same question of [`MINUTES`], if it can answer it: nothing else than the duration is measured, and all by which spans
/// pass or are told apart is in its columns.
///
/// Its answer holds for whole minutes: see [`inner`].
#[must_use]
pub fn asked(query: &Query) -> Option<Query> {
    if query.table.name != SPANS.name {
        return None;
    }
    let measures = query.measures.iter().map(|it| match it {
        Measure::Count => Some(Measure::Count),
        Measure::Sum(field) => of_duration(field, minute::SUM).map(Measure::Sum),
        Measure::Least(field) => of_duration(field, minute::LEAST).map(Measure::Least),
        Measure::Greatest(field) => of_duration(field, minute::GREATEST).map(Measure::Greatest),
        Measure::Distribution(field) => {
            of_duration(field, minute::DURATIONS).map(Measure::Distribution)
        }
        Measure::Spread(_) => None,
    });
    Some(Query {
        table: &MINUTES,
        window: query.window,
        filter: filter(&query.filter)?,
        group: query.group.iter().map(field).collect::<Option<_>>()?,
        step: query.step,
        measures: measures.collect::<Option<_>>()?,
        limit: query.limit,
    })
}

fn of_duration(field: &Field, place: usize) -> Option<Field> {
    (*field == Field::Column(span::DURATION)).then_some(Field::Column(place))
}

fn field(field: &Field) -> Option<Field> {
    let Field::Column(place) = field else { return None };
    let (_, own) = SHARED.iter().find(|(of_spans, _)| of_spans == place)?;
    Some(Field::Column(*own))
}

fn filter(of_spans: &Filter) -> Option<Filter> {
    let each = |filters: &[Filter]| filters.iter().map(filter).collect::<Option<Vec<_>>>();
    Some(match of_spans {
        Filter::All => Filter::All,
        Filter::Is(it, values) => Filter::Is(field(it)?, values.clone()),
        Filter::Has(it) => Filter::Has(field(it)?),
        Filter::Contains(it, part) => Filter::Contains(field(it)?, part.clone()),
        Filter::Between(it, least, below) => Filter::Between(field(it)?, *least, *below),
        Filter::Not(it) => Filter::Not(Box::new(filter(it)?)),
        Filter::And(filters) => Filter::And(each(filters)?),
        Filter::Or(filters) => Filter::Or(each(filters)?),
    })
}

/// The whole minutes within a window: of these, a roll-up says all. `None` if there are none.
#[must_use]
pub fn inner(window: Window) -> Option<Window> {
    let from = window.from.nanos.checked_next_multiple_of(MINUTE_NANOS)?;
    // Filters compare signed numbers.
    let to = shown(window.to.nanos);
    let to = to - to % MINUTE_NANOS;
    (from < to).then_some(Window { from: Moment { nanos: from }, to: Moment { nanos: to } })
}

/// Whether each minute lies within one step of the question. If not, a roll-up counts a minute in the step in which it
/// begins.
#[must_use]
pub fn fits(query: &Query) -> bool {
    let minute = Duration::from_nanos(MINUTE_NANOS).as_nanos();
    query.step.is_none_or(|step| {
        step.as_nanos().is_multiple_of(minute)
            && query.window.from.nanos.is_multiple_of(MINUTE_NANOS)
    })
}

/// The question of [`asked`] for the whole minutes of its window alone, and what is left of `query` for the spans of the
/// rest: spans that pass it began in no whole minute.
#[must_use]
pub fn split(query: &Query, asked: &Query) -> Option<(Query, Query)> {
    let inner = inner(query.window)?;
    // Steps count from the begin of the window; minutes that begin before it are none of it.
    let window = Window { from: query.window.from, to: inner.to };
    let [from, to] = [inner.from, inner.to].map(|it| it.nanos.cast_signed());
    let begun = Filter::Between(Field::Column(span::START), from, to);
    let filter = Filter::And(vec![Filter::Not(Box::new(begun)), query.filter.clone()]);
    Some((Query { window, ..asked.clone() }, Query { filter, ..query.clone() }))
}
