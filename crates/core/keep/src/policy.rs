//! What stays of spans that are no longer kept all: traces that were slow, that failed or that a finding names, and a
//! fair sample of the rest.
//!
//! What stays of a kind is one in 2ⁿ traces, chosen by a hash of their ids, and each row of it stands for 2ⁿ: counts,
//! rates, sums and quantiles stay right on average, in whole numbers. `n` is the least with which the traces
//! that a service had in a minute come down to what it may keep, and a trace stays for the service that may keep
//! most of it. How many there were is told by the roll-ups of all spans ([`crate::rollup`]), so that it does not
//! matter which spans are at hand. Choosing by hashes is from "trace-id-ratio" sampling of OpenTelemetry; that
//! estimates stay unbiased when each row counts as the inverse of its share, from Horvitz and Thompson, 1952.
//!
//! A trace whose spans are looked at together stays or goes as a whole. What is decided about traces that go on
//! in rows that come later is handed on: [`Carried`].

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use model::{Text, TraceId};
use rustc_hash::FxHashMap;
use stats::Sketch;

use crate::{
    chunk::{AttributeKind, Chunk, Column},
    reader::Reader,
    rollup,
    table::{minute, span},
    texts::small,
};

#[cfg(test)]
mod tests;

/// Nanoseconds of an hour: so long is the stretch of time in which an operation's requests are compared.
pub const HOUR_NANOS: u64 = 3_600_000_000_000;

/// Slow is what takes longer than so much of the requests of its operation in that hour.
const SLOW_QUANTILE: f64 = 0.95;

/// Traces that are handed on at most; there are as many as were under way at one moment. A megabyte.
const CARRIED_MAX: usize = 65_536;

/// One in 2³² is as good as none.
const RARITY_MAX: u8 = 32;

/// How many requests of each service and minute may stay; of more, a fair share does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Of those that were slow or failed.
    pub notable: u64,
    /// Of all others.
    pub others: u64,
}

/// From which duration on requests are slow for their operation, by hour.
#[derive(Debug, Clone, Default)]
pub struct Slow {
    from_nanos: BTreeMap<Hourly, u64>,
}

/// An hour, a service and an operation of it.
type Hourly = (u64, Text, Text);

/// How long the requests of operations took, by hour.
#[derive(Debug, Clone, Default)]
pub struct Durations(BTreeMap<Hourly, Sketch>);

/// How many requests services had in each minute.
#[derive(Debug, Clone)]
pub struct Demand {
    slow: Slow,
    quotas: Quotas,
    minutes: BTreeMap<(Text, u64), Counts>,
}

/// What a service had in a minute.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    requests: u64,
    notable: u64,
    /// Spans that are no entries of requests.
    inner: u64,
    inner_failed: u64,
}

/// The columns of minutes that [`Durations`] and [`Demand`] are made of.
pub const MINUTES_READS: [usize; 6] = [
    minute::MINUTE,
    minute::SERVICE,
    minute::STATUS,
    minute::OPERATION,
    minute::COUNT,
    minute::DURATIONS,
];

/// The columns and attributes of spans that [`Traces`] look at.
pub const SPANS_READS: ([usize; 6], [&str; 2]) = (
    [span::TRACE_ID, span::START, span::DURATION, span::SERVICE, span::STATUS, span::OPERATION],
    ["http.response.status_code", "http.status_code"],
);

impl Durations {
    /// Takes in rows of a roll-up that lie in these hours, which are told by their begin.
    pub fn add(&mut self, minutes: &Chunk, hours: &BTreeSet<u64>) {
        each_row(minutes, hours, |row| {
            if !row.operation.is_empty()
                && let Some(sketch) = rollup::sketch(minutes, row.place)
            {
                let key = (row.hour, row.service.into(), row.operation.into());
                self.0.entry(key).or_default().merge(&sketch);
            }
        });
    }

    /// What is slow.
    #[must_use]
    pub fn slow(self) -> Slow {
        let from_nanos = self.0.into_iter().filter_map(|(key, sketch)| {
            let quantile = sketch.quantile(SLOW_QUANTILE)?;
            // Where sketches tell durations apart: so, counts of buckets are counts of what is slow.
            let bucket = sketch.buckets().find(|(_, high, _)| quantile <= *high);
            let from_nanos = bucket.map_or(quantile, |(low, _, _)| low);
            // Where most take about as long, none is slow.
            (sketch.quantile(0.5)? < from_nanos).then_some((key, from_nanos))
        });
        Slow { from_nanos: from_nanos.collect() }
    }
}

impl Demand {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(slow: Slow, quotas: Quotas) -> Self {
        Self { slow, quotas, minutes: BTreeMap::new() }
    }

    /// Takes in rows of a roll-up that lie in these hours, which are told by their begin.
    pub fn add(&mut self, minutes: &Chunk, hours: &BTreeSet<u64>) {
        each_row(minutes, hours, |row| {
            let counts = self.minutes.entry((row.service.into(), row.minute)).or_default();
            if row.operation.is_empty() {
                counts.inner += row.count;
                counts.inner_failed += if row.is_failed { row.count } else { 0 };
                return;
            }
            counts.requests += row.count;
            if row.is_failed {
                counts.notable += row.count;
                return;
            }
            let from_nanos = self.slow.of(row.hour, row.service, row.operation);
            if from_nanos == u64::MAX {
                return;
            }
            if let Some(sketch) = rollup::sketch(minutes, row.place) {
                let slow = sketch.buckets().filter(|(low, _, _)| from_nanos <= *low);
                counts.notable += slow.map(|(_, _, count)| count).sum::<u64>();
            }
        });
    }

    /// How rare the traces are that stay for an entry of a request, or for another span, in this minute.
    fn rarities(&self, service: &str, minute: u64, is_entry: bool) -> Rarities {
        let counts = self.minutes.get(&(Text::from(service), minute)).copied().unwrap_or_default();
        let (all, notable) = if is_entry {
            (counts.requests, counts.notable)
        } else {
            (counts.inner, counts.inner_failed)
        };
        Rarities {
            notable: rarity(notable, self.quotas.notable),
            others: rarity(all.saturating_sub(notable), self.quotas.others),
        }
    }
}

impl Slow {
    fn of(&self, hour: u64, service: &str, operation: &str) -> u64 {
        let key = (hour, Text::from(service), Text::from(operation));
        self.from_nanos.get(&key).copied().unwrap_or(u64::MAX)
    }
}

/// The least `n` for which one in 2ⁿ of so many are no more than that.
fn rarity(count: u64, quota: u64) -> u8 {
    let fits = |rarity: &u8| count <= quota.saturating_mul(1 << rarity);
    (0..RARITY_MAX).find(fits).unwrap_or(RARITY_MAX)
}

/// A row of a roll-up.
struct Row<'a> {
    place: u32,
    hour: u64,
    minute: u64,
    service: &'a str,
    operation: &'a str,
    is_failed: bool,
    count: u64,
}

fn each_row(minutes: &Chunk, hours: &BTreeSet<u64>, mut each: impl FnMut(Row<'_>)) {
    let reader = Reader { chunk: minutes };
    for row in 0..minutes.rows() {
        let minute = reader.whole(minute::MINUTE, row);
        let hour = minute - minute % HOUR_NANOS;
        if hours.contains(&hour) {
            each(Row {
                place: small(row),
                hour,
                minute,
                service: reader.text(minute::SERVICE, row),
                operation: reader.text(minute::OPERATION, row),
                is_failed: reader.text(minute::STATUS, row) == "error",
                count: reader.whole(minute::COUNT, row),
            });
        }
    }
}

/// How rare the traces are that stay: one in two to the power of this.
#[derive(Debug, Clone, Copy)]
struct Rarities {
    notable: u8,
    others: u8,
}

/// What is decided about traces that go on in rows that come later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried {
    rarities: BTreeMap<u64, u8>,
}

impl Carried {
    /// As text, for the label of a block.
    #[must_use]
    pub fn to_text(&self) -> String {
        let bytes = self.rarities.iter().flat_map(|(key, rarity)| {
            let mut record = [*rarity; 9];
            record[..8].copy_from_slice(&key.to_le_bytes());
            record
        });
        BASE64.encode(bytes.collect::<Vec<u8>>())
    }

    /// What [`Carried::to_text`] wrote; nothing if it did not.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let bytes = BASE64.decode(text).unwrap_or_default();
        let (records, _) = bytes.as_chunks::<9>();
        let record = |[key @ .., rarity]: &[u8; 9]| (u64::from_le_bytes(*key), *rarity);
        Self { rarities: records.iter().map(record).collect() }
    }

    /// How many traces it is about.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rarities.len()
    }

    /// Whether it is about none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rarities.is_empty()
    }

    /// Puts what another one says beside it, so far as there is room.
    pub fn join(&mut self, other: &Self) {
        for (key, rarity) in &other.rarities {
            if self.rarities.len() < CARRIED_MAX {
                self.rarities.entry(*key).or_insert(*rarity);
            }
        }
    }
}

/// Traces, as they are gathered from rows that are looked at together.
#[derive(Debug, Clone, Default)]
pub struct Traces {
    seen: FxHashMap<u64, Seen>,
}

/// What is known of a trace.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// By its entries of requests.
    entries: Option<u8>,
    /// By its other spans, for traces without an entry.
    inner: u8,
    is_within: bool,
    goes_on: bool,
}

/// Which rows are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Those of which it is decided what stays.
    Within,
    /// Those that come after; they say what traces are, and get their turn later.
    After,
}

/// What stays.
#[derive(Debug)]
pub struct Decided {
    rarities: FxHashMap<u64, u8>,
}

impl Traces {
    /// Takes in spans; the chunk has the columns and attributes of [`SPANS_READS`]. `is_named` tells which traces a
    /// finding names.
    pub fn add(
        &mut self,
        spans: &Chunk,
        place: Place,
        demand: &Demand,
        is_named: &dyn Fn(TraceId) -> bool,
    ) {
        let reader = Reader { chunk: spans };
        let failed = failed(spans);
        let mut known: FxHashMap<(u64, u32, u32), (Rarities, u64)> = FxHashMap::default();
        let mut last = None;
        for (row, is_failed) in failed.into_iter().enumerate() {
            let (service, operation) =
                (reader.number(span::SERVICE, row), reader.number(span::OPERATION, row));
            let start = reader.whole(span::START, row);
            let minute = start - start % rollup::MINUTE_NANOS;
            let (rarities, slow_nanos) =
                *known.entry((minute, service, operation)).or_insert_with(|| {
                    let texts = spans.texts();
                    let (service, name) = (texts.get(service), texts.get(operation));
                    let hour = minute - minute % HOUR_NANOS;
                    let slow_nanos = demand.slow.of(hour, service, name);
                    (demand.rarities(service, minute, !name.is_empty()), slow_nanos)
                });
            let is_slow = slow_nanos <= reader.whole(span::DURATION, row);
            let mut rarity = rarities.others;
            if is_failed || is_slow {
                rarity = rarity.min(rarities.notable);
            }
            let id = reader.id16(span::TRACE_ID, row);
            // Spans of one trace mostly come together.
            let (key, is_named) = match last {
                Some((same, key, is_named)) if same == id => (key, is_named),
                _ => (key(id), is_named(TraceId(id))),
            };
            last = Some((id, key, is_named));
            let seen = self.seen.entry(key).or_insert(Seen {
                entries: None,
                inner: u8::MAX,
                is_within: false,
                goes_on: false,
            });
            if is_named {
                seen.entries = Some(0);
            } else if operation == 0 {
                seen.inner = seen.inner.min(rarity);
            } else {
                seen.entries = Some(seen.entries.map_or(rarity, |it| it.min(rarity)));
            }
            seen.is_within |= place == Place::Within;
            seen.goes_on |= place == Place::After;
        }
    }

    /// Decides; what was decided before about a trace that goes on stands.
    #[must_use]
    pub fn decide(&self, before: &Carried) -> (Decided, Carried) {
        let mut decided = Decided { rarities: FxHashMap::default() };
        let mut going_on = BTreeMap::new();
        #[expect(clippy::iter_over_hash_type, reason = "each goes into a map by its key")]
        for (key, seen) in &self.seen {
            let own = seen.entries.unwrap_or(seen.inner);
            let handed_on = before.rarities.get(key);
            let rarity = handed_on.copied().unwrap_or(own);
            if seen.is_within {
                decided.rarities.insert(*key, rarity);
            }
            // What comes later alone is decided then, unless it was already.
            if seen.goes_on && (seen.is_within || handed_on.is_some()) {
                going_on.insert(*key, rarity);
            }
        }
        let rarities = going_on.into_iter().take(CARRIED_MAX).collect();
        (decided, Carried { rarities })
    }
}

impl Decided {
    /// The rows that stay, and how many each of them stands for. The chunk has the column of trace ids.
    #[must_use]
    pub fn rows(&self, spans: &Chunk) -> (Vec<u32>, Vec<u64>) {
        let Column::Id16(ids) = spans.column(span::TRACE_ID) else { return Default::default() };
        let weight = |id: &[u8; 16]| {
            let key = key(*id);
            // What was not gathered is not decided about: it stays.
            let rarity = self.rarities.get(&key).map_or(0, |it| (*it).min(RARITY_MAX));
            (u32::from(rarity) <= key.leading_zeros()).then_some(1_u64 << rarity)
        };
        let kept = (0_u32..).zip(ids).filter_map(|(row, id)| Some((row, weight(id)?)));
        kept.unzip()
    }
}

/// Makes each row stand for that many times as much as before.
pub fn weigh(chunk: &mut Chunk, weights: &[u64]) {
    let Some(place) = chunk.table().weight else { return };
    let Column::Whole(before) = chunk.column(place) else { return };
    let pairs = before.iter().zip(weights);
    let after = pairs.map(|(before, more)| before.max(&1).saturating_mul(*more)).collect();
    chunk.put_column(place, Column::Whole(after));
}

/// For each row, whether it failed: its status says so, or that of its response.
fn failed(spans: &Chunk) -> Vec<bool> {
    let error = spans.find_text("error");
    let mut failed: Vec<bool> = match spans.column(span::STATUS) {
        Column::Text(numbers) => numbers.iter().map(|number| Some(*number) == error).collect(),
        _ => vec![false; spans.rows()],
    };
    for key in SPANS_READS.1 {
        let Some(key) = spans.find_text(key) else { continue };
        for column in spans.attributes().iter().filter(|column| column.key == key) {
            let is_server_error = |bits: u64| match column.kind {
                AttributeKind::Int => (500..600).contains(&bits),
                AttributeKind::Text => {
                    let text = spans.texts().get(u32::try_from(bits).unwrap_or(0));
                    text.len() == 3 && text.starts_with('5')
                }
                _ => false,
            };
            for (row, bits) in column.rows.iter().zip(&column.values) {
                if let Some(failed) = failed.get_mut(*row as usize) {
                    *failed |= is_server_error(*bits);
                }
            }
        }
    }
    failed
}

/// A number that is as good as drawn by lot, and the same for the same trace everywhere.
///
/// Ids are not taken as they are: who sampled the traces before may have gone by their bits. Mixed as in `SplitMix64`
/// (Steele, Lea and Flood, 2014).
fn key(id: [u8; 16]) -> u64 {
    let (halves, _) = id.as_chunks::<8>();
    halves.iter().fold(0x7461_7574, |mixed, half| mix(mixed ^ u64::from_be_bytes(*half)))
}

fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
