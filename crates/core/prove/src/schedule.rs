//! When requests are meant to start.
//!
//! The open model: starts come as they come, whatever the server does, and latency counts from them. Both kinds of
//! arrivals are one walk along the integral of the rate: even ones step by 1, Poisson ones by exponential steps.
//! The closed model: so many users, each waiting for its answer and then thinking.

use std::time::Duration;

use crate::Random;

/// Requests a second, at most: a hundred times what one machine can send.
pub const RATE_MAX: f64 = 10_000_000.0;
/// Stages of one schedule at most: a day in quarters of an hour is 96.
pub const STAGES_MAX: usize = 1_000;
/// A schedule lasts at most a week: a soak test.
pub const LENGTH_MAX: Duration = Duration::from_hours(7 * 24);
/// Starts at most: a week at 10,000 a second.
pub const STARTS_MAX: f64 = 6.1e9;
/// Users of a closed model at most: each holds a connection.
pub const USERS_MAX: u32 = 10_000;

/// A part of a schedule, in which the rate goes evenly from one figure to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// Starts a second at its beginning.
    pub from: f64,
    /// Starts a second at its end.
    pub to: f64,
    /// How long it takes.
    pub length: Duration,
}

/// How starts are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrivals {
    /// Evenly: what a rate limiter or a clock sends.
    #[default]
    Even,
    /// At random with the seed, as independent people come.
    Poisson(u64),
}

/// When requests are meant to start: at least one, and boundedly many.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    stages: Vec<Stage>,
    arrivals: Arrivals,
}

/// Why something is no schedule.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    /// A rate below zero, above [`RATE_MAX`], or no number.
    #[error("a rate of {0} a second is not between 0 and {RATE_MAX}")]
    Rate(f64),
    /// It takes no time, or more than [`LENGTH_MAX`].
    #[error("it has to last at least a millisecond and at most seven days")]
    Length,
    /// No stage, or more than [`STAGES_MAX`].
    #[error("it has to have between 1 and {STAGES_MAX} stages")]
    Stages,
    /// Nothing would start, or more than [`STARTS_MAX`].
    #[error("{0} requests would start; it has to be at least one and at most {STARTS_MAX}")]
    Starts(f64),
}

impl Schedule {
    /// Of these stages, one after the other.
    ///
    /// # Errors
    ///
    /// Nothing would start, or a bound is passed.
    pub fn new(stages: Vec<Stage>, arrivals: Arrivals) -> Result<Self, ScheduleError> {
        if stages.is_empty() || STAGES_MAX < stages.len() {
            return Err(ScheduleError::Stages);
        }
        let rates = stages.iter().flat_map(|stage| [stage.from, stage.to]);
        if let Some(wrong) = rates.into_iter().find(|rate| !(0.0..=RATE_MAX).contains(rate)) {
            return Err(ScheduleError::Rate(wrong));
        }
        let schedule = Self { stages, arrivals };
        let total = schedule
            .stages
            .iter()
            .try_fold(Duration::ZERO, |sum, stage| sum.checked_add(stage.length));
        if !total.is_some_and(|total| (Duration::from_millis(1)..=LENGTH_MAX).contains(&total)) {
            return Err(ScheduleError::Length);
        }
        let starts = schedule.expected();
        if starts <= 0.0 || STARTS_MAX < starts {
            return Err(ScheduleError::Starts(starts));
        }
        Ok(schedule)
    }

    /// One rate throughout; over hours, a soak test.
    ///
    /// # Errors
    ///
    /// As [`Schedule::new`].
    pub fn constant(
        rate: f64,
        length: Duration,
        arrivals: Arrivals,
    ) -> Result<Self, ScheduleError> {
        Self::new(vec![Stage { from: rate, to: rate, length }], arrivals)
    }

    /// From one rate to another, evenly.
    ///
    /// # Errors
    ///
    /// As [`Schedule::new`].
    pub fn ramp(
        from: f64,
        to: f64,
        length: Duration,
        arrivals: Arrivals,
    ) -> Result<Self, ScheduleError> {
        Self::new(vec![Stage { from, to, length }], arrivals)
    }

    /// From one rate to another in `count` steps, each held as long.
    ///
    /// # Errors
    ///
    /// As [`Schedule::new`].
    pub fn steps(
        (from, to): (f64, f64),
        count: u32,
        length: Duration,
        arrivals: Arrivals,
    ) -> Result<Self, ScheduleError> {
        let gap = (to - from) / f64::from(count.saturating_sub(1).max(1));
        let stages = (0..count.min(1_001)).map(|step| {
            let rate = from + gap * f64::from(step);
            Stage { from: rate, to: rate, length: length / count.max(1) }
        });
        Self::new(stages.collect(), arrivals)
    }

    /// One rate, in the middle fifth of the time another.
    ///
    /// # Errors
    ///
    /// As [`Schedule::new`].
    pub fn spike(
        base: f64,
        peak: f64,
        length: Duration,
        arrivals: Arrivals,
    ) -> Result<Self, ScheduleError> {
        let part = |rate, length| Stage { from: rate, to: rate, length };
        let side = length / 5 * 2;
        Self::new(vec![part(base, side), part(peak, length / 5), part(base, side)], arrivals)
    }

    /// How long it takes.
    pub fn length(&self) -> Duration {
        self.stages.iter().map(|stage| stage.length).sum()
    }

    /// Its stages.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// How its starts are spaced.
    pub fn arrivals(&self) -> Arrivals {
        self.arrivals
    }

    /// How many starts there are, or with Poisson arrivals are to be expected.
    pub fn expected(&self) -> f64 {
        self.stages.iter().map(Stage::area).sum()
    }

    /// Starts a second at this time since the beginning; 0 after the end.
    pub fn rate_at(&self, time: Duration) -> f64 {
        let mut before = Duration::ZERO;
        for stage in &self.stages {
            if time < before + stage.length {
                let part = time.saturating_sub(before).as_secs_f64() / stage.length.as_secs_f64();
                return stage.from + (stage.to - stage.from) * part;
            }
            before += stage.length;
        }
        0.0
    }

    /// The intended starts, since the beginning, ascending.
    pub fn starts(&self) -> Starts<'_> {
        let (mut random, mut goal) = (None, 0.0);
        if let Arrivals::Poisson(seed) = self.arrivals {
            let mut stream = Random::new(seed);
            goal = stream.exponential();
            random = Some(stream);
        }
        Starts { stages: &self.stages, random, goal, area_before: 0.0, time_before: Duration::ZERO }
    }
}

impl Stage {
    /// Starts within it.
    fn area(&self) -> f64 {
        f64::midpoint(self.from, self.to) * self.length.as_secs_f64()
    }

    /// Seconds until `area` of it has started: the root of a quadratic, written so that it holds for an even rate too.
    fn seconds_until(&self, area: f64) -> f64 {
        if area <= 0.0 {
            return 0.0;
        }
        let slope = (self.to - self.from) / self.length.as_secs_f64();
        let root = (self.from * self.from + 2.0 * slope * area).max(0.0).sqrt();
        2.0 * area / (self.from + root)
    }
}

/// The intended starts of a schedule, since its beginning.
#[derive(Debug, Clone)]
pub struct Starts<'schedule> {
    /// Those that are left.
    stages: &'schedule [Stage],
    random: Option<Random>,
    /// Where on the integral of the rate the next start is.
    goal: f64,
    area_before: f64,
    time_before: Duration,
}

impl Iterator for Starts<'_> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        loop {
            let (stage, rest) = self.stages.split_first()?;
            let area = stage.area();
            // A start that rounding puts on the very end belongs to the next stage.
            if self.goal + 1e-9 < self.area_before + area {
                let seconds = stage.seconds_until(self.goal - self.area_before);
                let within = Duration::try_from_secs_f64(seconds).unwrap_or(stage.length);
                self.goal += self.random.as_mut().map_or(1.0, Random::exponential);
                return Some(self.time_before + within.min(stage.length));
            }
            self.area_before += area;
            self.time_before += stage.length;
            self.stages = rest;
        }
    }
}

/// Users of a closed model, who each wait for an answer, think, and ask again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Users {
    /// How many.
    pub count: u32,
    /// They come one after the other over this time.
    pub arrive_over: Duration,
    /// What they do between an answer and the next request.
    pub think: Think,
    /// When they stop.
    pub length: Duration,
}

/// How long users think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Think {
    /// Not at all: as fast as the server answers.
    #[default]
    Never,
    /// As long each time.
    Always(Duration),
    /// Anything between the two, as likely.
    Between(Duration, Duration),
    /// Mostly briefly, sometimes long, with this mean: exponential, at most ten times the mean.
    About(Duration),
}

impl Users {
    /// When the user of this number comes.
    pub fn arrives(&self, user: u32) -> Duration {
        self.arrive_over.mul_f64(f64::from(user) / f64::from(self.count.max(1)))
    }
}

impl Think {
    /// How long this time.
    pub fn next(self, random: &mut Random) -> Duration {
        match self {
            Self::Never => Duration::ZERO,
            Self::Always(time) => time,
            Self::Between(least, most) => least + most.saturating_sub(least).mul_f64(random.unit()),
            Self::About(mean) => mean.mul_f64(random.exponential().min(10.0)),
        }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
