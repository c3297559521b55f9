//! The search for the rate at which an objective breaks: up by half until it does, then halving what is left.
//!
//! A step that breaks it is tried again before it is believed: one pause is not the limit. Pure: it says what to try
//! next, and is told how that went.

/// Steps of a search at most: from 1 to a million a second takes 35, the halving 5, and each break is tried twice.
pub const SEARCH_STEPS_MAX: usize = 60;

/// From one step up to the next.
const GROWTH: f64 = 1.5;

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// Load at this rate.
    Try(f64),
    /// It is known, as nearly as was asked for.
    Done(Breaking),
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The objective was met.
    Yes,
    /// It was broken.
    No,
}

/// Between which rates it breaks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Breaking {
    /// The highest rate at which it was met; `None` if it never was.
    pub held: Option<f64>,
    /// The lowest rate above at which it was broken, twice; `None` if it never was.
    pub broke: Option<f64>,
}

/// Why there is nothing to search.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SearchError {
    /// The rates are not above zero, or the wrong way round.
    #[error("a search from {0} to {1} requests a second is none")]
    Rates(f64, f64),
    /// Nearness is not between 0.1 % and 50 %.
    #[error("a limit cannot be found within {0}; 0.02 is within 2 %")]
    Within(f64),
}

/// A search under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    first: f64,
    most: f64,
    within: f64,
    known: Breaking,
    /// Broken once, to be tried again.
    doubted: Option<f64>,
    steps: usize,
}

impl Search {
    /// From a rate upwards, no further than another, until the limit is known to this part of it.
    ///
    /// # Errors
    ///
    /// What is no search.
    pub fn new(first: f64, most: f64, within: f64) -> Result<Self, SearchError> {
        if !(first > 0.0 && first <= most && most.is_finite()) {
            return Err(SearchError::Rates(first, most));
        }
        if !(0.001..=0.5).contains(&within) {
            return Err(SearchError::Within(within));
        }
        let known = Breaking { held: None, broke: None };
        Ok(Self { first, most, within, known, doubted: None, steps: 0 })
    }

    /// What to do next.
    #[must_use]
    pub fn next(&self) -> Step {
        if SEARCH_STEPS_MAX <= self.steps {
            return Step::Done(self.known);
        }
        if let Some(rate) = self.doubted {
            return Step::Try(rate);
        }
        match (self.known.held, self.known.broke) {
            (None, None) => Step::Try(self.first),
            (Some(held), None) if self.most <= held => Step::Done(self.known),
            (Some(held), None) => Step::Try((held * GROWTH).min(self.most)),
            // Downwards, until it holds or is a thousandth of where it began.
            (None, Some(broke)) if broke <= self.first / 1_000.0 => Step::Done(self.known),
            (None, Some(broke)) => Step::Try(broke / 2.0),
            (Some(held), Some(broke)) if broke <= held * (1.0 + self.within) => {
                Step::Done(self.known)
            }
            (Some(held), Some(broke)) => Step::Try(f64::midpoint(held, broke)),
        }
    }

    /// Takes in how the step that was asked for went.
    pub fn tell(&mut self, held: Held) {
        let Step::Try(rate) = self.next() else { return };
        self.steps += 1;
        match held {
            Held::Yes => {
                self.doubted = None;
                self.known.held = Some(self.known.held.map_or(rate, |known| known.max(rate)));
            }
            Held::No if self.doubted.is_none() => self.doubted = Some(rate),
            Held::No => {
                self.doubted = None;
                self.known.broke = Some(self.known.broke.map_or(rate, |known| known.min(rate)));
            }
        }
    }

    /// What is known so far.
    #[must_use]
    pub fn known(&self) -> Breaking {
        self.known
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Random;

    /// Runs a search against a limit; some steps below it break all the same.
    fn search(limit: f64, first: f64, flaky: f64, seed: u64) -> (Breaking, usize) {
        let mut random = Random::new(seed);
        let mut search = Search::new(first, 1e6, 0.02).unwrap();
        while let Step::Try(rate) = search.next() {
            let holds = rate <= limit && flaky <= random.unit();
            search.tell(if holds { Held::Yes } else { Held::No });
        }
        (search.known(), search.steps)
    }

    #[test]
    fn a_limit_is_found_in_a_few_steps() {
        let (known, steps) = search(3_300.0, 500.0, 0.0, 1);
        assert!(known.held.unwrap() <= 3_300.0 && 3_300.0 < known.broke.unwrap());
        assert!(steps <= 20, "{steps}");
    }

    #[test]
    fn a_pause_is_not_the_limit() {
        let near = (0..200).filter(|seed| {
            let (known, _) = search(3_300.0, 500.0, 0.03, *seed);
            (known.held.unwrap() / 3_300.0 - 1.0).abs() < 0.05
        });
        let near = near.count();
        assert!(near > 190, "{near} of 200");
    }

    #[test]
    fn what_never_holds_or_never_breaks_ends_too() {
        let (known, _) = search(0.0, 500.0, 0.0, 1);
        assert_eq!(known.held, None);
        let (known, _) = search(2e6, 500.0, 0.0, 1);
        assert_eq!((known.held, known.broke), (Some(1e6), None));
        assert_eq!(Search::new(0.0, 5.0, 0.02), Err(SearchError::Rates(0.0, 5.0)));
        assert_eq!(Search::new(1.0, 5.0, 0.0), Err(SearchError::Within(0.0)));
    }

    proptest! {
        #[test]
        fn any_limit_is_found_as_nearly_as_asked(limit in 2.0..5e5_f64, first in 1.0..5_000.0_f64) {
            let (known, steps) = search(limit, first, 0.0, 1);
            let (held, broke) = (known.held.unwrap(), known.broke.unwrap());
            prop_assert!(held <= limit && limit < broke && broke <= held * 1.02, "{known:?}");
            prop_assert!(steps < SEARCH_STEPS_MAX);
        }
    }
}
