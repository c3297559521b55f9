//! The course of a canary: from step to step, held, taken back, or done.
//!
//! A step is only taken at its end, and only where the comparison says that the new version is no worse. Looks before that
//! end can only take it back, and happen each time its requests have doubled: looking after each request would sooner or
//! later see a difference by chance (Armitage, `McPherson`, Rowe: "Repeated significance tests on accumulating data", 1969).

use model::Moment;

use super::CanaryRule;

/// Where a canary stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Course {
    stage: Stage,
    /// The place among the steps.
    step: usize,
    /// When the step began.
    since: Moment,
    /// Requests of the new version at the last look of this step.
    looked: u64,
}

/// What is done with the new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It gets its share, and more if it does well.
    Going,
    /// It gets its share, and no more until there is enough to tell, or somebody says so.
    Held,
    /// It answers everything.
    Done,
    /// It answers nothing.
    Reverted,
}

impl Stage {
    /// `going`, `held`, `done`, `reverted`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Going => "going",
            Self::Held => "held",
            Self::Done => "done",
            Self::Reverted => "reverted",
        }
    }

    /// The stage of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Going, Self::Held, Self::Done, Self::Reverted]
            .into_iter()
            .find(|stage| stage.name() == name)
    }
}

/// What a comparison of both versions found of the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Found {
    /// Better, or no difference that matters.
    NoWorse,
    /// Slower, or more errors.
    Worse,
    /// Too little to tell.
    Unclear,
}

/// Why the two are compared now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Look {
    /// The step has lasted as long as it should.
    Due,
    /// It has not, but there is twice as much as at the last look.
    Between,
}

/// What becomes of a canary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Move {
    /// Nothing.
    Stay,
    /// More.
    Step {
        /// Its share from now on.
        share: f64,
    },
    /// No more, until it is clear.
    Hold,
    /// Everything.
    Finish,
    /// Nothing any more.
    Revert,
}

impl Course {
    /// A canary that begins now.
    #[must_use]
    pub fn new(now: Moment) -> Self {
        Self { stage: Stage::Going, step: 0, since: now, looked: 0 }
    }

    /// One that goes on where it stood.
    #[must_use]
    pub fn resumed(stage: Stage, step: usize, now: Moment) -> Self {
        Self { stage, step, since: now, looked: 0 }
    }

    /// What is done with the new version.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Its place among the steps.
    #[must_use]
    pub fn step(&self) -> usize {
        self.step
    }

    /// When the step began, or the last change.
    #[must_use]
    pub fn since(&self) -> Moment {
        self.since
    }

    /// The share of the new version.
    #[must_use]
    pub fn share(&self, rule: &CanaryRule) -> f64 {
        match self.stage {
            Stage::Done => 1.0,
            Stage::Reverted => 0.0,
            Stage::Going | Stage::Held => rule.steps.get(self.step).copied().unwrap_or(0.0),
        }
    }

    /// Whether the two are to be compared now; `old` and `new` are their requests since the step began.
    #[must_use]
    pub fn look(&self, rule: &CanaryRule, (old, new): (u64, u64), now: Moment) -> Option<Look> {
        let is_on = matches!(self.stage, Stage::Going | Stage::Held);
        if !rule.by_itself || !is_on || old < rule.requests_min || new < rule.requests_min {
            return None;
        }
        let doubled = self.looked.saturating_mul(2).max(rule.requests_min) <= new;
        let due = rule.every <= now.since(self.since);
        match (due, doubled, self.stage) {
            // One look at the end of the step, whatever was looked at before; then again with twice as much.
            (true, _, Stage::Going) | (true, true, Stage::Held) => Some(Look::Due),
            (_, true, _) => Some(Look::Between),
            _ => None,
        }
    }

    /// Takes note of a comparison, and says what follows. `new` is what [`Self::look`] was given.
    pub fn found(
        &mut self,
        rule: &CanaryRule,
        (look, found): (Look, Found),
        new: u64,
        now: Moment,
    ) -> Move {
        self.looked = new;
        match (look, found) {
            (_, Found::Worse) => self.revert(now),
            (Look::Due, Found::NoWorse) => self.forward(rule, now),
            (Look::Due, Found::Unclear) if self.stage == Stage::Going => {
                self.stage = Stage::Held;
                Move::Hold
            }
            (Look::Due, Found::Unclear) | (Look::Between, _) => Move::Stay,
        }
    }

    /// The next step, or everything.
    pub fn forward(&mut self, rule: &CanaryRule, now: Moment) -> Move {
        if self.stage == Stage::Reverted {
            *self = Self::new(now);
            return Move::Step { share: self.share(rule) };
        }
        let next = self.step + 1;
        if rule.steps.len() <= next || self.stage == Stage::Done {
            *self = Self { stage: Stage::Done, step: self.step, since: now, looked: 0 };
            return Move::Finish;
        }
        *self = Self { stage: Stage::Going, step: next, since: now, looked: 0 };
        Move::Step { share: self.share(rule) }
    }

    /// Nothing for the new version any more.
    pub fn revert(&mut self, now: Moment) -> Move {
        *self = Self { stage: Stage::Reverted, step: 0, since: now, looked: 0 };
        Move::Revert
    }

    /// Its share stays as it is until somebody says otherwise or it is clear.
    pub fn hold(&mut self) -> Move {
        if self.stage == Stage::Going {
            self.stage = Stage::Held;
        }
        Move::Hold
    }

    /// Everything for the new version.
    pub fn finish(&mut self, now: Moment) -> Move {
        *self = Self { stage: Stage::Done, step: self.step, since: now, looked: 0 };
        Move::Finish
    }
}
