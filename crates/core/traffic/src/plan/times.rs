//! How long anything may take, and what is tried again.

use std::time::Duration;

/// How long each phase of a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect: Duration,
    /// From the request until the head of the answer.
    pub answer: Duration,
    /// The longest pause within the body of the answer.
    pub pause: Duration,
    /// For all of a request, retries included, until the end of its answer, but for what the client takes to read that. `None`
    /// for no such bound.
    pub total: Option<Duration>,
}

impl Default for Timeouts {
    /// As nginx has them, but for connecting: within a data centre that takes milliseconds.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_mins(1),
            pause: Duration::from_mins(1),
            total: None,
        }
    }
}

/// What is said of timeouts in one place of the settings; what is not said there is as it is around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeoutRules {
    /// As in [`Timeouts::connect`].
    pub connect: Option<Duration>,
    /// As in [`Timeouts::answer`].
    pub answer: Option<Duration>,
    /// As in [`Timeouts::pause`].
    pub pause: Option<Duration>,
    /// As in [`Timeouts::total`].
    pub total: Option<Total>,
}

/// What is said of [`Timeouts::total`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// No such bound, whatever is said around it.
    Unbounded,
    /// So long.
    After(Duration),
}

impl TimeoutRules {
    /// What comes of it where this is how it is around it.
    #[must_use]
    pub fn over(&self, around: Timeouts) -> Timeouts {
        Timeouts {
            connect: self.connect.unwrap_or(around.connect),
            answer: self.answer.unwrap_or(around.answer),
            pause: self.pause.unwrap_or(around.pause),
            total: match self.total {
                None => around.total,
                Some(Total::Unbounded) => None,
                Some(Total::After(time)) => Some(time),
            },
        }
    }
}

/// What is tried again, and how often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retries {
    /// For one request, after the first try.
    pub max: u32,
    /// Beside requests: 0.1 for one in ten.
    pub share: f64,
    /// A second, besides.
    pub free_per_second: u32,
    /// The longest wait before the first.
    pub base: Duration,
}

impl Default for Retries {
    /// One retry, for at most a fifth of the requests, and ten a second for services with few.
    fn default() -> Self {
        Self { max: 1, share: 0.2, free_per_second: 10, base: Duration::from_millis(25) }
    }
}
