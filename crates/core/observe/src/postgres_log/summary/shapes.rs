//! Statements by shape: normalised once for each text that has no literals, bounded in number.
//!
//! Past the bound the half that costs least is folded into one, so that what matters stays whatever the order in which
//! it comes. What was folded and comes again begins anew: its figures are then too low, and that is told.

use std::{hash::BuildHasherDefault, time::Duration};

use model::{Parameters, StatementKind};
use rustc_hash::FxHasher;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sql::{Normalised, normalise_into};

use super::{
    Durations, Who,
    parts::{more, nanos},
};
use crate::postgres_log::time::LogTime;

/// Shapes that are kept at the same time.
pub const SHAPES_MAX: usize = 20_000;
/// Raw texts whose shape is remembered.
const RAW_MAX: usize = 8_192;
/// Longer raw texts are read anew each time.
const RAW_BYTES_MAX: usize = 8_192;
/// Bytes of a normalised text that are kept.
const TEXT_BYTES_MAX: usize = 4_096;

#[expect(
    clippy::disallowed_types,
    reason = "on the hot path; its hasher is fixed and it is never iterated"
)]
type Map<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<FxHasher>>;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It reads.
    Select,
    /// It adds rows.
    Insert,
    /// It changes rows.
    Update,
    /// It removes rows.
    Delete,
    /// `COPY`, either way.
    Copy,
    /// It begins or ends a transaction.
    Transaction,
    /// It changes tables, indexes, rights.
    Definition,
    /// Anything else.
    Other,
}

/// Statements of one shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Of the normalised text.
    pub fingerprint: u64,
    /// Without literals; at most 4 KB of it.
    pub text: String,
    /// What it does.
    pub kind: Kind,
    /// How long each took.
    pub times: Durations,
    /// Logged without its time.
    pub untimed: u64,
    /// Reading and planning, ahead of the work.
    pub prepare_nanos: u64,
    /// By hour of the day, on the log's clock.
    pub hours_of_day: [u32; 24],
    /// How often it waited for a lock that it then had, and how long in all.
    pub lock_waits: u64,
    /// Nanoseconds waited.
    pub lock_nanos: u64,
    /// Files beside memory.
    pub temp_files: u64,
    /// Their size.
    pub temp_bytes: u64,
    /// How often it failed.
    pub errors: u64,
}

impl Shape {
    fn new(fingerprint: u64, text: &str) -> Self {
        Self {
            fingerprint,
            text: bounded(text),
            kind: kind(text),
            times: Durations::default(),
            untimed: 0,
            prepare_nanos: 0,
            hours_of_day: [0; 24],
            lock_waits: 0,
            lock_nanos: 0,
            temp_files: 0,
            temp_bytes: 0,
            errors: 0,
        }
    }

    /// How often it was run.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.times.count().saturating_add(self.untimed)
    }

    fn merge(&mut self, other: &Self) {
        self.times.merge(&other.times);
        more(&mut self.untimed, other.untimed);
        more(&mut self.prepare_nanos, other.prepare_nanos);
        for (own, others) in self.hours_of_day.iter_mut().zip(other.hours_of_day) {
            *own = own.saturating_add(others);
        }
        more(&mut self.lock_waits, other.lock_waits);
        more(&mut self.lock_nanos, other.lock_nanos);
        more(&mut self.temp_files, other.temp_files);
        more(&mut self.temp_bytes, other.temp_bytes);
        more(&mut self.errors, other.errors);
    }

    /// What it costs, for the choice of what is folded.
    fn cost(&self) -> (Duration, u64, u64) {
        (self.times.total(), self.count().saturating_add(self.errors), self.fingerprint)
    }
}

/// Where a shape stands; it stays there until some are folded, which its generation tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    at: usize,
    generation: u32,
}

/// All shapes.
#[derive(Debug, Clone, Default)]
pub(super) struct Shapes {
    list: Vec<Shape>,
    index: Map<u64, usize>,
    raw: Map<(u64, usize), usize>,
    folded: Who,
    generation: u32,
    scratch: Normalised,
}

impl Shapes {
    pub(super) fn list(&self) -> &[Shape] {
        &self.list
    }

    pub(super) fn of(&self, fingerprint: u64) -> Option<&Shape> {
        self.list.get(*self.index.get(&fingerprint)?)
    }

    pub(super) fn folded(&self) -> &Who {
        &self.folded
    }

    /// The shape of a raw text.
    pub(super) fn find(&mut self, raw: &str) -> Place {
        let key = (sql::hash(raw.as_bytes()), raw.len());
        if let Some(at) = self.raw.get(&key) {
            return Place { at: *at, generation: self.generation };
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        normalise_into(raw, &mut scratch);
        let at = self.place(scratch.fingerprint, &scratch.text);
        let repeats = !matches!(scratch.parameters, Parameters::Known(_));
        self.scratch = scratch;
        if repeats && raw.len() <= RAW_BYTES_MAX {
            if RAW_MAX <= self.raw.len() {
                self.raw.clear();
            }
            self.raw.insert(key, at);
        }
        Place { at, generation: self.generation }
    }

    fn place(&mut self, fingerprint: u64, text: &str) -> usize {
        if let Some(at) = self.index.get(&fingerprint) {
            return *at;
        }
        if SHAPES_MAX <= self.list.len() {
            self.fold();
        }
        let at = self.list.len();
        self.list.push(Shape::new(fingerprint, text));
        self.index.insert(fingerprint, at);
        at
    }

    /// Folds the half that costs least.
    fn fold(&mut self) {
        self.list.sort_by_key(|shape| std::cmp::Reverse(shape.cost()));
        for shape in self.list.drain(SHAPES_MAX / 2..) {
            self.folded.fold(&shape);
        }
        self.generation = self.generation.wrapping_add(1);
        self.raw.clear();
        self.index.clear();
        self.index.extend(self.list.iter().enumerate().map(|(at, shape)| (shape.fingerprint, at)));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for shape in &other.list {
            let at = self.place(shape.fingerprint, &shape.text);
            if let Some(own) = self.list.get_mut(at) {
                own.merge(shape);
            }
        }
        self.folded.merge(&other.folded);
    }

    /// Of a shape that is still there; else 0.
    pub(super) fn fingerprint(&self, place: Place) -> u64 {
        let same = place.generation == self.generation;
        let shape = self.list.get(place.at).filter(|_| same);
        shape.map_or(0, |shape| shape.fingerprint)
    }

    /// The shape is still where it was.
    fn at(&mut self, place: Place) -> Option<&mut Shape> {
        if place.generation != self.generation {
            return None;
        }
        self.list.get_mut(place.at)
    }

    /// It did its work: its fingerprint and kind.
    pub(super) fn add(
        &mut self,
        place: Place,
        took: Duration,
        time: Option<LogTime>,
    ) -> (u64, Kind) {
        let Some(shape) = self.at(place) else {
            self.folded.work(took);
            return (0, Kind::Other);
        };
        shape.times.add(took);
        let hour = time.and_then(|time| usize::try_from(time.hour().rem_euclid(24)).ok());
        if let Some(count) = hour.and_then(|hour| shape.hours_of_day.get_mut(hour)) {
            *count = count.saturating_add(1);
        }
        (shape.fingerprint, shape.kind)
    }

    pub(super) fn untimed(&mut self, place: Place) {
        if let Some(shape) = self.at(place) {
            shape.untimed += 1;
        }
    }

    /// The time of one that had none is known now.
    pub(super) fn timed(&mut self, place: Place) -> bool {
        let Some(shape) = self.at(place) else { return false };
        shape.untimed = shape.untimed.saturating_sub(1);
        true
    }

    pub(super) fn prepared(&mut self, place: Place, took: Duration) {
        if let Some(shape) = self.at(place) {
            shape.prepare_nanos = shape.prepare_nanos.saturating_add(nanos(took));
        }
    }

    pub(super) fn locked(&mut self, place: Place, waited: Duration) -> u64 {
        self.at(place).map_or(0, |shape| {
            shape.lock_waits += 1;
            shape.lock_nanos = shape.lock_nanos.saturating_add(nanos(waited));
            shape.fingerprint
        })
    }

    pub(super) fn spilled(&mut self, place: Place, bytes: u64) -> u64 {
        self.at(place).map_or(0, |shape| {
            shape.temp_files += 1;
            shape.temp_bytes = shape.temp_bytes.saturating_add(bytes);
            shape.fingerprint
        })
    }

    pub(super) fn failed(&mut self, place: Place, is_error: bool) -> u64 {
        self.at(place).map_or(0, |shape| {
            shape.errors += u64::from(is_error);
            shape.fingerprint
        })
    }
}

/// What is written down: the list and what was folded; the rest is found again.
#[derive(Serialize, Deserialize)]
struct Written<L> {
    list: L,
    folded: Who,
}

impl Serialize for Shapes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Written { list: &self.list, folded: self.folded.clone() }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Shapes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Written::<Vec<Shape>> { list, folded } = Written::deserialize(from)?;
        let mut shapes = Self { folded, ..Self::default() };
        for shape in list {
            let at = shapes.place(shape.fingerprint, &shape.text);
            if let Some(own) = shapes.list.get_mut(at) {
                own.kind = shape.kind;
                own.merge(&shape);
            }
        }
        Ok(shapes)
    }
}

fn bounded(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// By the first word of the normalised text; behind `with`, as the parser has it.
fn kind(text: &str) -> Kind {
    let word = text.trim_start_matches('(').split([' ', '(', ';']).next().unwrap_or_default();
    match word {
        "select" | "values" | "table" | "fetch" => Kind::Select,
        "insert" | "merge" => Kind::Insert,
        "update" => Kind::Update,
        "delete" => Kind::Delete,
        "copy" => Kind::Copy,
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release" => {
            Kind::Transaction
        }
        "create" | "alter" | "drop" | "truncate" | "comment" | "grant" | "revoke" | "reindex"
        | "refresh" | "cluster" => Kind::Definition,
        "with" => behind_with(text),
        _ => Kind::Other,
    }
}

fn behind_with(text: &str) -> Kind {
    let normalised = sql::normalise(text);
    match sql::describe(&normalised).kind {
        StatementKind::Select => Kind::Select,
        StatementKind::Insert => Kind::Insert,
        StatementKind::Update => Kind::Update,
        StatementKind::Delete => Kind::Delete,
        _ => Kind::Other,
    }
}
