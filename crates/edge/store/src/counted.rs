//! What whole row groups of roll-ups say to a question without steps, remembered: windows of pages move on by minutes and hold
//! most row groups whole, and the same question is asked again and again.

use std::sync::Arc;

use keep::query::{Groups, Query};

use crate::{
    Coverage, Limits, StoreError,
    questions::{ahead, look_at},
    remembered::Remembered,
    shelf::Shelf,
    snapshot::{Reading, Unit},
};

/// Bytes of them: what some dozen questions say of a day.
const BYTES_MAX: usize = 16 << 20;

/// What was said, by block, row group and question.
#[derive(Debug)]
pub(crate) struct Answers(Remembered<(u64, usize, String), Groups>);

impl Default for Answers {
    fn default() -> Self {
        Self(Remembered::new(BYTES_MAX))
    }
}

impl Answers {
    /// Whether a question has the same answer for a row group whatever its window is, as long as that holds all of it.
    pub(crate) fn are_of(query: &Query) -> bool {
        query.step.is_none()
    }

    fn key(unit: Unit<'_>, query: &Query) -> Option<(u64, usize, String)> {
        let Unit::Group(kept, group) = unit else { return None };
        let (first, last) = kept.block.groups().get(group)?.times;
        let is_whole = query.window.from.nanos <= first && last < query.window.to.nanos;
        let asked = || format!("{:?} {:?} {:?}", query.filter, query.group, query.measures);
        is_whole.then(|| (kept.number, group, asked()))
    }
}

impl Shelf {
    /// Looks at units, but for those of which is known what they say.
    pub(crate) fn look_once(
        &self,
        units: &[Unit<'_>],
        (query, reading): (&Query, &Reading),
        limits: &Limits,
    ) -> Result<(Vec<Groups>, Coverage), StoreError> {
        let keys: Vec<_> = units.iter().map(|unit| Answers::key(*unit, query)).collect();
        let places: Vec<usize> = (0..units.len()).collect();
        let is_known =
            |place: usize| keys[place].as_ref().is_some_and(|key| self.answers.0.has(key));
        look_at(units.len(), limits, |own: &mut Groups, place| {
            if let Some(known) = keys[place].as_ref().and_then(|key| self.answers.0.get(key)) {
                own.merge(Groups::clone(&known));
                return Ok(known.rows_read());
            }
            ahead(place, &places, |next| {
                if !is_known(*next) {
                    units[*next].will_need(reading, None);
                }
            });
            let chunks = self.read(units[place], reading)?;
            let looked_at = units[place].rows(&chunks);
            let mut found = Groups::default();
            for chunk in &chunks {
                found.add(query, chunk);
            }
            found.looked(looked_at.saturating_sub(found.rows_read()), 0, false);
            if let Some(key) = &keys[place] {
                self.answers.0.put(key.clone(), Arc::new(found.clone()), found.bytes());
            }
            own.merge(found);
            Ok(looked_at)
        })
    }
}
