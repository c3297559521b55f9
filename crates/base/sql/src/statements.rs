//! Statements already read, so that a parser sees each shape once and equal statements share one text.

use std::{hash::BuildHasherDefault, sync::Arc};

use model::{Parameters, StatementText};
use rustc_hash::FxHasher;

use crate::{Normalised, describe, normalise_into};

/// Raw texts kept in one generation: more statements than one service has, at 2 KB each 8 MB.
const RAW_MAX: usize = 4_096;
/// Longer raw texts are read anew each time.
const RAW_BYTES_MAX: usize = 8_192;
/// Shapes kept in one generation: literals that cannot be told from names may make many.
const SHAPES_MAX: usize = 16_384;

#[expect(
    clippy::disallowed_types,
    reason = "on the hot path; its hasher is fixed and it is never iterated"
)]
type Map<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<FxHasher>>;

/// What is known of one raw text.
type Read = (Arc<StatementText>, Parameters, Option<u64>, u32);

/// Statements already read.
///
/// Two maps: raw text to result, for texts with placeholders or without parameters, which repeat byte for byte;
/// fingerprint to shape, for all. Raw texts are compared, not only their hashes, and so are normalised
/// ones: a collision costs time and is never told as somebody else's statement. Each map has two
/// generations: when the young one is full, it becomes the old one and the old one is dropped; what is still
/// used moves on. That bounds memory (about 2 × 8 MB of raw texts, 2 × 16,384 shapes) at the price of a
/// second look-up, with no book-keeping per hit.
#[derive(Debug, Default)]
pub struct Statements {
    raw: Generations<Box<str>, Read>,
    shapes: Generations<u64, Arc<StatementText>>,
    scratch: Normalised,
}

impl Statements {
    /// The statement behind a raw text, its parameters, the value of its `OFFSET`, and
    /// [`Normalised::folded`].
    pub fn read(&mut self, raw: &str) -> Read {
        if let Some(read) = self.raw.get(raw) {
            return read;
        }
        normalise_into(raw, &mut self.scratch);
        let text = self.shape();
        let Normalised { parameters, offset, folded, .. } = self.scratch;
        let read = (text, parameters, offset, folded);
        let repeats = !matches!(self.scratch.parameters, Parameters::Known(_));
        if repeats && raw.len() <= RAW_BYTES_MAX {
            self.raw.insert(Box::from(raw), read.clone(), RAW_MAX);
        }
        read
    }

    /// The shape of the statement in `scratch`.
    fn shape(&mut self) -> Arc<StatementText> {
        let fingerprint = self.scratch.fingerprint;
        let known = self.shapes.get(&fingerprint);
        let same = |known: &Arc<StatementText>| {
            known.text == self.scratch.text && known.truncated == self.scratch.truncated
        };
        if let Some(known) = known.filter(same) {
            return known;
        }
        let text = Arc::new(describe(&self.scratch));
        self.shapes.insert(fingerprint, Arc::clone(&text), SHAPES_MAX);
        text
    }
}

#[derive(Debug)]
struct Generations<K, V> {
    young: Map<K, V>,
    old: Map<K, V>,
}

impl<K, V> Default for Generations<K, V> {
    fn default() -> Self {
        Self { young: Map::default(), old: Map::default() }
    }
}

impl<K: std::hash::Hash + Eq, V: Clone> Generations<K, V> {
    fn get<Q: std::hash::Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        // Moving on never grows the two together, so it needs no check of the bound.
        let (key, value) = self.old.remove_entry(key)?;
        self.young.insert(key, value.clone());
        Some(value)
    }

    fn insert(&mut self, key: K, value: V, max: usize) {
        if self.young.len() >= max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_statements_share_one_text() {
        let mut statements = Statements::default();
        let (first, parameters, ..) = statements.read("SELECT * FROM a WHERE id = $1");
        let (again, ..) = statements.read("SELECT * FROM a WHERE id = $1");
        let (literal, known, ..) = statements.read("select * from \"a\" where id = 17");
        assert!(Arc::ptr_eq(&first, &again) && Arc::ptr_eq(&first, &literal));
        assert_eq!(parameters, Parameters::Hidden);
        assert!(matches!(known, Parameters::Known(_)));
    }

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let mut statements = Statements::default();
        let kept = statements.read("SELECT kept").0;
        for number in 0..3 * SHAPES_MAX {
            let text = format!("SELECT a{number}x FROM t WHERE id = ?");
            statements.read(&text);
            if number % 1_000 == 0 {
                assert!(Arc::ptr_eq(&statements.read("SELECT kept").0, &kept));
            }
        }
        assert!(statements.raw.young.len() + statements.raw.old.len() <= 2 * RAW_MAX);
        assert!(statements.shapes.young.len() + statements.shapes.old.len() <= 2 * SHAPES_MAX);
    }

    #[test]
    fn a_cut_statement_is_not_taken_for_a_whole_one() {
        let mut statements = Statements::default();
        assert!(!statements.read("SELECT a FROM t WHERE b = 'x'").0.truncated);
        assert!(statements.read("SELECT a FROM t WHERE b = 'x").0.truncated);
    }
}
