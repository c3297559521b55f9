//! A mergeable latency sketch: exact up to 128 values, log-linear buckets beyond.
//!
//! Buckets are found by shifting, so that every machine agrees: 64 per octave (as in HDR histograms),
//! the middle of each at most 1/128 from its ends. What a sketch holds depends only on which values
//! went in, never on their order or on how they were split over sketches.
//! Memory: 80 bytes and 8 for each value up to 128 of them; then 8 bytes for each bucket from the smallest
//! to the largest value: 512 an octave, 7 KB for 1 ms to 10 s, never more than 30 KB.

use crate::{Interval, interval::interval_ranks, quantile::rank};

/// A sketch of at most this many values holds each of them.
pub const EXACT_COUNT_MAX: u64 = 128;

/// How far a quantile may be from the value of its rank, relative to that value.
pub const RELATIVE_ERROR: f64 = 1.0 / 128.0;

const SUB_BITS: u32 = 6;
const SUBS: u64 = 1 << SUB_BITS;
/// Values below have a bucket each.
const LINEAR_MAX: u64 = 2 * SUBS;
/// Buckets from 0 to [`u64::MAX`].
const BUCKETS: u64 = LINEAR_MAX + (64 - SUB_BITS as u64 - 1) * SUBS;

/// Values (nanoseconds, bytes …), summarised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sketch {
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
    state: State,
}

/// Exact if and only if `count` is at most [`EXACT_COUNT_MAX`]: that makes merging independent of order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Ascending.
    Exact(Vec<u64>),
    /// From the bucket of the minimum to the bucket of the maximum, no further.
    Buckets { first: usize, counts: Vec<u64> },
}

impl Default for State {
    fn default() -> Self {
        Self::Exact(Vec::new())
    }
}

impl Sketch {
    /// Takes in a value.
    pub fn add(&mut self, value: u64) {
        self.add_many(value, 1);
    }

    /// Takes in a value that was seen `count` times.
    pub fn add_many(&mut self, value: u64, count: u64) {
        if count == 0 {
            return;
        }
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.count = self.count.saturating_add(count);
        self.sum = self.sum.saturating_add(u128::from(value) * u128::from(count));
        if self.count > EXACT_COUNT_MAX {
            self.spill();
        }
        match &mut self.state {
            State::Exact(values) => {
                let place = values.partition_point(|known| *known <= value);
                values.splice(place..place, (0..count).map(|_| value));
            }
            State::Buckets { first, counts } => bump(first, counts, bucket(value), count),
        }
    }

    /// Takes in all that `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        match &other.state {
            State::Exact(values) => self.extend_exact(values),
            State::Buckets { first, counts } => {
                self.spill();
                self.min = if self.count == 0 { other.min } else { self.min.min(other.min) };
                self.max = self.max.max(other.max);
                self.count = self.count.saturating_add(other.count);
                self.sum = self.sum.saturating_add(other.sum);
                if let State::Buckets { first: own_first, counts: own } = &mut self.state {
                    // Both ends first, so that the buckets in between need no more room.
                    for place in [*first, first + counts.len() - 1] {
                        bump(own_first, own, place, 0);
                    }
                    for (own, count) in own[first - *own_first..].iter_mut().zip(counts) {
                        *own = own.saturating_add(*count);
                    }
                }
            }
        }
    }

    /// Takes in ascending values.
    fn extend_exact(&mut self, values: &[u64]) {
        let (Some(least), Some(most)) = (values.first(), values.last()) else { return };
        let count = self.count.saturating_add(u64_of(values.len()));
        match &mut self.state {
            State::Exact(own) if count <= EXACT_COUNT_MAX => {
                let is_sorted = own.last().is_none_or(|last| last <= least);
                own.extend_from_slice(values);
                if !is_sorted {
                    own.sort_unstable();
                }
                self.min = if self.count == 0 { *least } else { self.min.min(*least) };
                self.max = self.max.max(*most);
                self.count = count;
                self.sum += values.iter().map(|value| u128::from(*value)).sum::<u128>();
            }
            _ => {
                self.spill();
                self.min = if self.count == 0 { *least } else { self.min.min(*least) };
                self.max = self.max.max(*most);
                self.count = count;
                let sum = values.iter().map(|value| u128::from(*value)).sum();
                self.sum = self.sum.saturating_add(sum);
                if let State::Buckets { first, counts } = &mut self.state {
                    bump_each(first, counts, values);
                }
            }
        }
    }

    /// Takes in all that was seen by the sketch that these bytes are ([`Self::encode`]), without making it; `room` is that of
    /// the last one. `None` for anything else, of which nothing is taken in.
    #[must_use]
    pub fn merge_encoded(&mut self, bytes: &[u8], room: &mut Vec<u64>) -> Option<()> {
        let mut rest = bytes;
        let count = take_u64(&mut rest)?;
        if EXACT_COUNT_MAX < count {
            self.merge(&decode_buckets(count, &mut rest)?);
            return Some(());
        }
        room.clear();
        take_exact(count, &mut rest, room)?;
        rest.is_empty().then(|| self.extend_exact(room))
    }

    /// Values seen.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether nothing was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Their sum, exact.
    #[must_use]
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// Their mean, exact up to rounding; `None` if there are none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a mean is rounded anyway")]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The smallest, exact; `None` if there are none.
    #[must_use]
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest, exact; `None` if there are none.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// The value of rank `ceil(q * count)`, up to [`RELATIVE_ERROR`]; exact for at most
    /// [`EXACT_COUNT_MAX`] values and for the first and the last rank. `None` if there are no values
    /// or `q` is not a number.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        rank(q, self.count).map(|rank| self.at_rank(rank))
    }

    /// The 95 % interval of the quantile `q`, as [`crate::quantile_interval`] has it, its ends up to
    /// [`RELATIVE_ERROR`].
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "53 bits are plenty for a latency")]
    pub fn quantile_interval(&self, q: f64) -> Option<Interval> {
        let (low, high) = interval_ranks(self.count, q)?;
        Some(Interval { low: self.at_rank(low) as f64, high: self.at_rank(high) as f64 })
    }

    /// Bytes of memory that it takes, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let held = match &self.state {
            State::Exact(values) => values.capacity(),
            State::Buckets { counts, .. } => counts.capacity(),
        };
        size_of::<Self>() + held * size_of::<u64>()
    }

    /// Lowest value, highest value (both included) and count of each bucket that holds something,
    /// ascending; while the sketch is exact, the two are the same.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        let (values, first, counts): (&[u64], usize, &[u64]) = match &self.state {
            State::Exact(values) => (values, 0, &[]),
            State::Buckets { first, counts } => (&[], *first, counts),
        };
        let exact = values.chunk_by(PartialEq::eq).map(|run| (run[0], run[0], u64_of(run.len())));
        let held = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        exact.chain(held.map(move |(place, count)| {
            let (low, high) = bounds(u64_of(first + place));
            (low, high, *count)
        }))
    }

    /// Appends a compact form: a few bytes for each value or bucket that holds something.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put(out, u128::from(self.count));
        match &self.state {
            State::Exact(values) => {
                let mut last = 0;
                for value in values {
                    put(out, u128::from(value - last));
                    last = *value;
                }
            }
            State::Buckets { first, counts } => {
                put(out, self.sum);
                put(out, u128::from(self.min));
                put(out, u128::from(self.max));
                let mut last = 0;
                for (place, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                    put(out, u128::from(u64_of(first + place - last)));
                    put(out, u128::from(*count));
                    last = first + place;
                }
            }
        }
    }

    /// Reads what [`Self::encode`] wrote, which must be all of `bytes`; `None` for anything else.
    /// Never takes more memory than a sketch may.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let count = take_u64(&mut rest)?;
        let sketch = if count <= EXACT_COUNT_MAX {
            decode_exact(count, &mut rest)?
        } else {
            decode_buckets(count, &mut rest)?
        };
        rest.is_empty().then_some(sketch)
    }

    fn at_rank(&self, rank: u64) -> u64 {
        match &self.state {
            State::Exact(values) => {
                let place = usize::try_from(rank - 1).unwrap_or(usize::MAX);
                values.get(place).copied().unwrap_or(self.max)
            }
            State::Buckets { .. } if rank <= 1 => self.min,
            State::Buckets { .. } if rank >= self.count => self.max,
            State::Buckets { first, counts } => {
                let mut below = 0_u64;
                let place = counts.iter().position(|count| {
                    below = below.saturating_add(*count);
                    below >= rank
                });
                let Some(place) = place else { return self.max };
                let (low, high) = bounds(u64_of(first + place));
                (low + (high - low) / 2).clamp(self.min, self.max)
            }
        }
    }

    /// Puts exact values into buckets.
    fn spill(&mut self) {
        if let State::Exact(values) = &mut self.state {
            let (mut first, mut counts) = (0, Vec::new());
            bump_each(&mut first, &mut counts, values);
            self.state = State::Buckets { first, counts };
        }
    }
}

impl Extend<u64> for Sketch {
    fn extend<T: IntoIterator<Item = u64>>(&mut self, values: T) {
        for value in values {
            self.add(value);
        }
    }
}

impl FromIterator<u64> for Sketch {
    fn from_iter<T: IntoIterator<Item = u64>>(values: T) -> Self {
        let mut sketch = Self::default();
        sketch.extend(values);
        sketch
    }
}

fn decode_exact(count: u64, rest: &mut &[u8]) -> Option<Sketch> {
    let mut values = Vec::with_capacity(usize::try_from(count).ok()?);
    take_exact(count, rest, &mut values)?;
    let (min, max) = (values.first().copied().unwrap_or(0), values.last().copied().unwrap_or(0));
    let sum = values.iter().map(|value| u128::from(*value)).sum();
    Some(Sketch { count, sum, min, max, state: State::Exact(values) })
}

/// Reads so many ascending values.
fn take_exact(count: u64, rest: &mut &[u8], values: &mut Vec<u64>) -> Option<()> {
    let mut value = 0_u64;
    for _ in 0..count {
        value = value.checked_add(take_u64(rest)?)?;
        values.push(value);
    }
    Some(())
}

fn decode_buckets(count: u64, rest: &mut &[u8]) -> Option<Sketch> {
    let sum = take(rest)?;
    let (min, max) = (take_u64(rest)?, take_u64(rest)?);
    let (mut first, mut counts) = (0, Vec::new());
    let (mut place, mut total) = (0_u64, 0_u64);
    let mut started = false;
    while !rest.is_empty() {
        let gap = take_u64(rest)?;
        place = place.checked_add(gap).filter(|place| *place < BUCKETS)?;
        let held = take_u64(rest)?;
        total = total.checked_add(held)?;
        if held == 0 || (started && gap == 0) {
            return None;
        }
        started = true;
        bump(&mut first, &mut counts, usize::try_from(place).ok()?, held);
    }
    let ends = bucket(min) == first && bucket(max) == (first + counts.len()).checked_sub(1)?;
    let low = u128::from(min) * u128::from(count);
    let high = u128::from(max) * u128::from(count);
    let sound = ends && total == count && (low..=high).contains(&sum);
    sound.then_some(Sketch { count, sum, min, max, state: State::Buckets { first, counts } })
}

/// Adds to a bucket; makes room for it at either end.
fn bump(first: &mut usize, counts: &mut Vec<u64>, place: usize, count: u64) {
    if counts.is_empty() {
        *first = place;
    }
    if place < *first {
        counts.splice(0..0, std::iter::repeat_n(0, *first - place));
        *first = place;
    }
    if place - *first >= counts.len() {
        counts.resize(place - *first + 1, 0);
    }
    let held = &mut counts[place - *first];
    *held = held.saturating_add(count);
}

/// Adds ascending values to their buckets; makes room at either end once.
fn bump_each(first: &mut usize, counts: &mut Vec<u64>, values: &[u64]) {
    for end in [values.first(), values.last()].into_iter().flatten() {
        bump(first, counts, bucket(*end), 0);
    }
    for value in values {
        if let Some(held) = counts.get_mut(bucket(*value) - *first) {
            *held = held.saturating_add(1);
        }
    }
}

/// Place of the bucket that holds `value`: at most [`BUCKETS`] - 1, which fits any `usize`.
#[expect(clippy::cast_possible_truncation, reason = "below 4,000")]
fn bucket(value: u64) -> usize {
    if value < LINEAR_MAX {
        return value as usize;
    }
    let shift = value.ilog2() - SUB_BITS;
    // `value >> shift` is 64 to 127, which makes up for the octave that `shift - 1` leaves out.
    (u64::from(shift) * SUBS + (value >> shift)) as usize
}

/// Lowest and highest value of a bucket.
fn bounds(place: u64) -> (u64, u64) {
    if place < LINEAR_MAX {
        return (place, place);
    }
    let shift = place / SUBS - 1;
    let low = (place - shift * SUBS) << shift;
    (low, low + ((1 << shift) - 1))
}

/// Writes a number in groups of 7 bits, low ones first (LEB128).
#[expect(clippy::cast_possible_truncation, reason = "7 bits at a time")]
fn put(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take(rest: &mut &[u8]) -> Option<u128> {
    let mut value = 0_u128;
    // 19 groups of 7 bits hold 133: what does not fit is refused, and so are needless zeros.
    for group in 0..19 {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        let bits = u128::from(byte & 0x7f);
        let moved = bits << (7 * group);
        if moved >> (7 * group) != bits || (*byte == 0 && group > 0) {
            return None;
        }
        value |= moved;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The same, of what fits 64 bits: most do, and 128 bits are slow.
#[inline]
fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    match rest.first_chunk::<8>() {
        Some(word) => take_word(rest, u64::from_le_bytes(*word)),
        None => take_bytes(rest),
    }
}

/// The same, where eight bytes are left: all groups of 7 bits are brought together at once.
#[inline]
fn take_word(rest: &mut &[u8], word: u64) -> Option<u64> {
    const MORE: u64 = 0x8080_8080_8080_8080;
    let ends = !word & MORE;
    if ends == 0 {
        return take_bytes(rest);
    }
    let bits = ends.trailing_zeros() + 1;
    let groups = word & (u64::MAX >> (u64::BITS - bits)) & !MORE;
    // A last group of zeros is needless.
    if 8 < bits && groups >> (bits - 8) == 0 {
        return None;
    }
    let pairs = (groups & 0x007f_007f_007f_007f) | ((groups & 0x7f00_7f00_7f00_7f00) >> 1);
    let fours = (pairs & 0x0000_3fff_0000_3fff) | ((pairs & 0x3fff_0000_3fff_0000) >> 2);
    let value = (fours & 0x0fff_ffff) | ((fours & 0x0fff_ffff_0000_0000) >> 4);
    *rest = rest.get(bits as usize / 8..)?;
    Some(value)
}

/// The same, byte by byte.
fn take_bytes(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    // 10 groups of 7 bits hold 70: of the last one, one bit fits.
    for (group, byte) in rest.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if group == 9 && 1 < bits {
            return None;
        }
        value |= bits << (7 * group);
        if byte & 0x80 == 0 {
            *rest = rest.get(group + 1..)?;
            return (*byte != 0 || group == 0).then_some(value);
        }
    }
    None
}

fn u64_of(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "sketch_tests.rs"]
mod tests;
