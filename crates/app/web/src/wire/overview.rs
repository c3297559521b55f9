//! How the services are doing, on the wire: golden signals, what changed, what may explain it.

use engine::Turned;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Percentiles, Spark, TargetFigures, Window, unix_ms};

/// How all services are doing, and what is otherwise than at the same time yesterday.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Overview {
    /// The window.
    pub window: Window,
    /// What it is compared with: the same hours of the day before, or the time before a window longer than a day.
    pub before: Window,
    /// What is aimed at.
    pub targets: TargetFigures,
    /// Services, by the time of their requests, most first; last those that were requested before only.
    pub services: Vec<ServiceSigns>,
    /// Endpoints that are otherwise than before, the most costly first.
    pub changes: Vec<ChangedEndpoint>,
    /// Releases and remedies since the window before.
    pub marks: Vec<Mark>,
}

/// Golden signals of a service.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ServiceSigns {
    /// `service.name`.
    pub service: String,
    /// Over the window.
    pub now: Signs,
    /// Over the window before; absent without requests in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Signs>,
    /// Whether it meets its objective, and if not, why.
    pub objective: Objective,
    /// Share of the requests that took no longer than the target of p95, 0 to 1.
    pub within_target: f64,
    /// Share of the time of all services, 0 to 1.
    pub share: f64,
    /// Over time, in equal steps of the window.
    pub spark: Vec<Spark>,
}

/// Where a service stands against its objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// It is quick enough, and fails seldom enough.
    Met,
    /// It fails too often, however quickly.
    Failing,
    /// Too many of its requests take too long.
    Slow,
    /// It was requested in the window before, and is no more.
    Silent,
}

impl From<engine::Objective> for Objective {
    fn from(objective: engine::Objective) -> Self {
        match objective {
            engine::Objective::Met => Self::Met,
            engine::Objective::Failing => Self::Failing,
            engine::Objective::Slow => Self::Slow,
            engine::Objective::Silent => Self::Silent,
        }
    }
}

/// Traffic, errors and latency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Signs {
    /// Requests.
    pub count: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Requests a second, over the whole window.
    pub rate_per_second: f64,
    /// Share that failed, 0 to 1.
    pub error_share: f64,
    /// Database statements per request, mean.
    pub statements_per_request: f64,
    /// How long they took.
    pub duration: Percentiles,
}

/// An endpoint that is otherwise than before.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChangedEndpoint {
    /// `service.name`.
    pub service: String,
    /// Such as `GET /api/orders/`.
    pub operation: String,
    /// How.
    pub how: ChangeKind,
    /// Before; absent where it was not requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Signs>,
    /// Now; absent where it is requested no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Signs>,
}

/// How an endpoint has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It fails more often.
    Failing,
    /// It takes longer.
    Slower,
    /// It was not requested before.
    New,
    /// It is requested no more.
    Gone,
    /// It is quicker.
    Quicker,
    /// It fails less often.
    Mended,
    /// It is requested twice as often, or more.
    Busier,
    /// It is requested half as often, or less.
    Quieter,
}

impl From<Turned> for ChangeKind {
    fn from(how: Turned) -> Self {
        match how {
            Turned::Failing => Self::Failing,
            Turned::Slower => Self::Slower,
            Turned::New => Self::New,
            Turned::Gone => Self::Gone,
            Turned::Quicker => Self::Quicker,
            Turned::Mended => Self::Mended,
            Turned::Busier => Self::Busier,
            Turned::Quieter => Self::Quieter,
        }
    }
}

/// Releases and remedies of a window, in order of time.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Marks {
    /// The window.
    pub window: Window,
    /// What happened.
    pub marks: Vec<Mark>,
}

/// Something that may explain why figures changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Mark {
    /// When.
    pub unix_ms: u64,
    /// What kind.
    pub kind: MarkKind,
    /// In a few words: `shop 4.2.1`, or the claim of the finding that was answered.
    pub words: String,
    /// The service; empty if it is about none alone.
    pub service: String,
    /// The finding that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
}

/// Kinds of marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MarkKind {
    /// A version of a service that came after another one.
    Release,
    /// A remedy that was applied.
    Applied,
    /// A remedy that was taken back.
    Reverted,
}

impl From<&engine::Mark> for Mark {
    fn from(mark: &engine::Mark) -> Self {
        Self {
            unix_ms: unix_ms(mark.time),
            kind: match mark.kind {
                engine::MarkKind::Release => MarkKind::Release,
                engine::MarkKind::Applied => MarkKind::Applied,
                engine::MarkKind::Reverted => MarkKind::Reverted,
            },
            words: mark.words.clone(),
            service: mark.service.to_string(),
            finding: mark.finding.map(|id| id.to_string()),
        }
    }
}
