//! pprof, the profile of Go and of many others: protobuf, gzipped as a rule.
//!
//! Message: <https://github.com/google/pprof/blob/main/proto/profile.proto>. One profile for each type of sample; that
//! which pprof itself shows first, the last unless the file says otherwise, comes first.

use std::collections::BTreeMap;

use model::{Profile, ProfileUnit};

use super::{DEPTH_MAX, FUNCTIONS_MAX, Malformed, PROFILES_MAX, ProfileFormat, stacks::Stacks};
use crate::otlp::{Cursor, DecodeError, Field};

pub(super) static FORMAT: ProfileFormat = ProfileFormat {
    name: "pprof",
    title: "pprof",
    doc: "Protobuf, gzipped or not: what Go's `runtime/pprof`, `perf_to_profile`, parca, pyroscope and the Datadog \
          profilers write. A profile a type of sample.",
    sniff,
    read,
};

/// Highest field number of the message today; what is above is of another message.
const FIELD_MAX: u32 = 15;

/// Whether all fields are there that a profile has, and none that it has not.
fn sniff(bytes: &[u8]) -> bool {
    let mut cursor = Cursor::new(bytes);
    let (mut types, mut texts) = (false, false);
    while let Ok(Some(field)) = cursor.field() {
        types |= field.number == 1;
        texts |= field.number == 6;
        if FIELD_MAX < field.number || cursor.skip(field).is_err() {
            return false;
        }
        if types && texts {
            return true;
        }
    }
    false
}

#[derive(Default)]
struct Raw<'a> {
    types: Vec<(u64, u64)>,
    samples: Vec<Cursor<'a>>,
    locations: BTreeMap<u64, Vec<(u64, u64)>>,
    functions: BTreeMap<u64, (u64, u64, u64)>,
    addresses: BTreeMap<u64, u64>,
    texts: Vec<&'a [u8]>,
    shown_first: u64,
}

impl From<DecodeError> for Malformed {
    fn from(error: DecodeError) -> Self {
        Self(error.to_string())
    }
}

fn read(bytes: &[u8]) -> Result<Vec<Profile>, Malformed> {
    let mut raw = Raw::default();
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        raw.take(&mut cursor, field)?;
    }
    if raw.types.is_empty() {
        return Err(Malformed("no type of sample".to_owned()));
    }
    raw.types.truncate(PROFILES_MAX);
    let count = raw.types.len();
    let wanted = |place: &usize| {
        0 < raw.shown_first && raw.types.get(*place).is_some_and(|one| one.0 == raw.shown_first)
    };
    let first = (0..count).find(wanted).unwrap_or(count - 1);
    let order = std::iter::once(first).chain((0..count).filter(|place| *place != first));
    order.map(|place| raw.profile(place)).collect()
}

impl<'a> Raw<'a> {
    fn take(&mut self, cursor: &mut Cursor<'a>, field: Field) -> Result<(), DecodeError> {
        match field.number {
            1 => self.types.push(pair(cursor.message(field)?, [1, 2])?),
            2 => self.samples.push(cursor.message(field)?),
            4 => self.take_location(cursor.message(field)?)?,
            5 => self.take_function(cursor.message(field)?)?,
            6 => self.texts.push(cursor.bytes(field)?),
            14 => self.shown_first = cursor.number(field)?,
            _ => cursor.skip(field)?,
        }
        Ok(())
    }

    fn take_location(&mut self, mut cursor: Cursor<'a>) -> Result<(), DecodeError> {
        let (mut id, mut lines) = (0, Vec::new());
        let mut address = 0;
        while let Some(field) = cursor.field()? {
            match field.number {
                1 => id = cursor.number(field)?,
                3 => address = cursor.number(field)?,
                4 => lines.push(pair(cursor.message(field)?, [1, 2])?),
                _ => cursor.skip(field)?,
            }
        }
        if self.locations.len() < FUNCTIONS_MAX {
            self.locations.insert(id, lines);
            self.addresses.insert(id, address);
        }
        Ok(())
    }

    fn take_function(&mut self, mut cursor: Cursor<'a>) -> Result<(), DecodeError> {
        let (mut id, mut name, mut system_name, mut file, mut line) = (0, 0, 0, 0, 0);
        while let Some(field) = cursor.field()? {
            match field.number {
                1 => id = cursor.number(field)?,
                2 => name = cursor.number(field)?,
                3 => system_name = cursor.number(field)?,
                4 => file = cursor.number(field)?,
                5 => line = cursor.number(field)?,
                _ => cursor.skip(field)?,
            }
        }
        if self.functions.len() < FUNCTIONS_MAX {
            let name = if name == 0 { system_name } else { name };
            self.functions.insert(id, (name, file, line));
        }
        Ok(())
    }

    fn text(&self, place: u64) -> std::borrow::Cow<'a, str> {
        let bytes = usize::try_from(place).ok().and_then(|place| self.texts.get(place));
        String::from_utf8_lossy(bytes.copied().unwrap_or_default())
    }

    /// The profile of the type of sample at `place`.
    fn profile(&self, place: usize) -> Result<Profile, Malformed> {
        let (kind, unit) = self.types[place];
        let (unit, factor) = unit_of(&self.text(unit));
        let mut stacks = Stacks::new();
        let mut frames: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        let (mut ids, mut values, mut stack) = (Vec::new(), Vec::new(), Vec::new());
        let mut negative = 0_u64;
        for sample in &self.samples {
            ids.clear();
            values.clear();
            stack.clear();
            let mut cursor = *sample;
            while let Some(field) = cursor.field()? {
                match field.number {
                    1 => cursor.numbers(field, &mut ids)?,
                    2 => cursor.numbers(field, &mut values)?,
                    _ => cursor.skip(field)?,
                }
            }
            let value = values.get(place).copied().unwrap_or(0).cast_signed();
            negative += u64::from(value < 0);
            let Ok(value @ 1..) = u64::try_from(value) else { continue };
            // The leaf is first in the file; past the bound it is the leaf that is cut.
            for id in ids.iter().rev().take(DEPTH_MAX + 1) {
                let known = frames.entry(*id).or_insert_with(|| self.frames(*id, &mut stacks));
                stack.extend_from_slice(known);
            }
            let count = if unit == ProfileUnit::Count { value } else { 1 };
            stacks.add(&stack, count, value.saturating_mul(factor));
        }
        let mut profile = stacks.finish(&self.text(kind), unit);
        if 0 < negative {
            profile.notes.push(format!(
                "{negative} samples are below zero, as in a difference, and were left out"
            ));
        }
        Ok(profile)
    }

    /// The frames of a location, the outermost first: those within were inlined into it.
    fn frames(&self, id: u64, stacks: &mut Stacks) -> Vec<u32> {
        let lines = self.locations.get(&id).map(Vec::as_slice).unwrap_or_default();
        let named = lines.iter().rev().filter_map(|(function, _)| {
            let (name, file, line) = self.functions.get(function)?;
            let line = u32::try_from(*line).unwrap_or(0);
            Some(stacks.function(&self.text(*name), &self.text(*file), line))
        });
        let named: Vec<u32> = named.collect();
        if !named.is_empty() {
            return named;
        }
        // Without symbols the address is all that is known.
        let address = self.addresses.get(&id).copied().unwrap_or(0);
        vec![stacks.function(&format!("{address:#x}"), "", 0)]
    }
}

/// Two numbers of a small message.
fn pair(mut cursor: Cursor<'_>, numbers: [u32; 2]) -> Result<(u64, u64), DecodeError> {
    let mut found = (0, 0);
    while let Some(field) = cursor.field()? {
        match field.number {
            number if number == numbers[0] => found.0 = cursor.number(field)?,
            number if number == numbers[1] => found.1 = cursor.number(field)?,
            _ => cursor.skip(field)?,
        }
    }
    Ok(found)
}

/// The unit, and what to multiply with to get there.
fn unit_of(text: &str) -> (ProfileUnit, u64) {
    match text {
        "nanoseconds" | "ns" => (ProfileUnit::Nanos, 1),
        "microseconds" | "us" => (ProfileUnit::Nanos, 1_000),
        "milliseconds" | "ms" => (ProfileUnit::Nanos, 1_000_000),
        "seconds" | "s" => (ProfileUnit::Nanos, 1_000_000_000),
        "bytes" => (ProfileUnit::Bytes, 1),
        "kilobytes" => (ProfileUnit::Bytes, 1 << 10),
        "megabytes" => (ProfileUnit::Bytes, 1 << 20),
        _ => (ProfileUnit::Count, 1),
    }
}
