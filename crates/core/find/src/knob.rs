//! Figures of detectors that users may set, each with the source of its default.

use std::collections::BTreeMap;

/// A figure that a detector goes by.
#[derive(Debug)]
pub struct Knob {
    /// Its key under `[find.<detector>]`, unit last: `saved-millis-min`.
    pub key: &'static str,
    /// What it is unless set.
    pub default: f64,
    /// Its unit, for people.
    pub unit: &'static str,
    /// What it decides, and where the default is from.
    pub doc: &'static str,
}

/// The figures of one detector as they are set.
#[derive(Debug, Clone, Copy)]
pub struct Knobs<'a> {
    detector: &'static str,
    set: &'a BTreeMap<(String, String), f64>,
}

impl<'a> Knobs<'a> {
    pub(crate) fn new(detector: &'static str, set: &'a BTreeMap<(String, String), f64>) -> Self {
        Self { detector, set }
    }

    /// The figure as set, or its default.
    #[must_use]
    pub fn get(&self, knob: &Knob) -> f64 {
        if self.set.is_empty() {
            return knob.default;
        }
        let key = (self.detector.to_owned(), knob.key.to_owned());
        self.set.get(&key).copied().unwrap_or(knob.default)
    }

    /// A figure in milliseconds as nanoseconds.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    pub fn nanos(&self, millis: &Knob) -> u64 {
        (self.get(millis) * 1e6) as u64
    }

    /// A figure that counts things.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    pub fn count(&self, knob: &Knob) -> usize {
        self.get(knob) as usize
    }
}
