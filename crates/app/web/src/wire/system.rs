//! The system as a whole on the wire: who calls whom, and what its hosts, processes and pools are short of.

use engine::{Aspect, PeerKind, ResourceUnit};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Coverage, Percentiles, Window};

/// Who calls whom.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ServiceMap {
    /// The window.
    pub window: Window,
    /// Services, databases, queues and hosts, by name.
    pub nodes: Vec<MapNode>,
    /// Calls, the most frequent first.
    pub edges: Vec<MapEdge>,
    /// Traces that were looked at, a fair sample.
    pub traces: u64,
    /// Traces of the window that pass the filter. Counts are those of the sample times as many.
    pub traces_in_all: u64,
    /// There are more edges than are kept.
    pub cut: bool,
    /// What it rests on.
    pub coverage: Coverage,
}

/// What is at an end of an edge.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MapNode {
    /// What it is.
    pub kind: MapNodeKind,
    /// Its name.
    pub name: String,
    /// Requests that it answered, if it is a service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<MapTraffic>,
}

/// What is at an end of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MapNodeKind {
    /// A service that sends spans itself.
    Service,
    /// A database.
    Database,
    /// A cache.
    Cache,
    /// A queue or topic.
    Queue,
    /// A host of which nothing is known but its name.
    Remote,
}

/// Calls of one service to somebody.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MapEdge {
    /// Place of the caller in `nodes`.
    pub from: usize,
    /// Place of the called in `nodes`.
    pub to: usize,
    /// What goes over it.
    pub traffic: MapTraffic,
}

/// How often something happened, how often it failed, and how long it took.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MapTraffic {
    /// How often a second, as estimated from the sample.
    pub rate_per_second: f64,
    /// Share that failed, 0 to 1.
    pub error_share: f64,
    /// Calls of the sample.
    pub sampled: u64,
    /// Share of the time of the sampled traces in which somebody waited for it, 0 to 1: of a service, for its own
    /// work; of calls, for all that they caused.
    pub critical_share: f64,
    /// How long it took.
    pub duration: Percentiles,
    /// It is there, but so seldom that the sample has none of it: its figures are not known, and zero here.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub seldom: bool,
}

impl From<PeerKind> for MapNodeKind {
    fn from(kind: PeerKind) -> Self {
        match kind {
            PeerKind::Service => Self::Service,
            PeerKind::Database => Self::Database,
            PeerKind::Cache => Self::Cache,
            PeerKind::Queue => Self::Queue,
            PeerKind::Remote => Self::Remote,
        }
    }
}

/// Utilisation, saturation and errors of hosts, processes, pools and queues.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Resources {
    /// The window.
    pub window: Window,
    /// Length of a step.
    pub step_seconds: u64,
    /// Series by resource.
    pub series: Vec<ResourceSeries>,
    /// Series that are not told, since there are too many.
    pub left_out: usize,
    /// All metrics that came in the window, the most frequent first.
    pub metrics: Vec<MetricName>,
    /// Metrics that can be read as a resource.
    pub known: Vec<String>,
    /// What it rests on.
    pub coverage: Coverage,
}

/// One resource over time.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ResourceSeries {
    /// `cpu`, `memory`, `disk`, `connections`, …
    pub resource: String,
    /// Whose: `host`, `process`, `container`, `pool`, `queue`, `server`.
    pub of: String,
    /// Which host, process, pool or queue.
    pub instance: String,
    /// Which of the three.
    pub aspect: ResourceAspect,
    /// The metric that it is from.
    pub metric: String,
    /// What it tells, in a few words.
    pub words: String,
    /// Its unit.
    pub unit: ResourceFigure,
    /// A number for each step; null where no point came.
    pub values: Vec<Option<f64>>,
}

/// How full services are at the end of a window, the fourth golden signal.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Saturation {
    /// What was looked at: the end of the window, at most 15 minutes.
    pub window: Window,
    /// Services, by name; those of which nothing is told are not in it.
    pub services: Vec<ServiceSaturation>,
    /// Of all hosts, processes, pools and queues, what is nearest to full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fullest: Option<ResourceLevel>,
    /// What it rests on.
    pub coverage: Coverage,
}

/// How full a service is, with the hosts and pods that it runs on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ServiceSaturation {
    /// `service.name`.
    pub service: String,
    /// What is nearest to full, as a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fullest: Option<ResourceLevel>,
    /// What most waits for, as a count; absent where nothing waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<ResourceLevel>,
}

/// How much of a resource is used, or how much waits for it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ResourceLevel {
    /// `cpu`, `memory`, `disk`, `connections`, …
    pub resource: String,
    /// Whose: `host`, `process`, `container`, `pool`, `queue`, `server`.
    pub of: String,
    /// Which host, process, pool or queue.
    pub instance: String,
    /// The metric that it is from.
    pub metric: String,
    /// What it tells, in a few words.
    pub words: String,
    /// Its unit: a share, or a count of what waits.
    pub unit: ResourceFigure,
    /// The last number that came.
    pub value: f64,
}

/// One of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResourceAspect {
    /// How much of it is in use.
    Utilisation,
    /// How much waits for it.
    Saturation,
    /// What failed.
    Errors,
}

/// The unit of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceFigure {
    /// Of all, 0 to 1.
    Share,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// How many.
    Count,
    /// How many a second.
    PerSecond,
    /// Seconds.
    Seconds,
}

/// A metric that came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MetricName {
    /// Its name.
    pub name: String,
    /// Points of it.
    pub points: u64,
}

impl From<Aspect> for ResourceAspect {
    fn from(aspect: Aspect) -> Self {
        match aspect {
            Aspect::Utilisation => Self::Utilisation,
            Aspect::Saturation => Self::Saturation,
            Aspect::Errors => Self::Errors,
        }
    }
}

impl From<ResourceUnit> for ResourceFigure {
    fn from(unit: ResourceUnit) -> Self {
        match unit {
            ResourceUnit::Share => Self::Share,
            ResourceUnit::Bytes => Self::Bytes,
            ResourceUnit::BytesPerSecond => Self::BytesPerSecond,
            ResourceUnit::Count => Self::Count,
            ResourceUnit::PerSecond => Self::PerSecond,
            ResourceUnit::Seconds => Self::Seconds,
        }
    }
}

impl From<engine::Resources> for Resources {
    fn from(all: engine::Resources) -> Self {
        let series = all.series.into_iter().map(|series| ResourceSeries {
            resource: series.used.resource.to_owned(),
            of: series.used.of.to_owned(),
            instance: series.instance,
            aspect: series.used.aspect.into(),
            metric: series.used.metric.to_owned(),
            words: series.used.words.to_owned(),
            unit: series.used.unit.into(),
            values: series.values,
        });
        let names = all.names.into_iter();
        Self {
            window: all.window.into(),
            step_seconds: all.step.as_secs(),
            series: series.collect(),
            left_out: all.left_out,
            metrics: names
                .map(|(name, points)| MetricName { name: name.to_string(), points })
                .collect(),
            known: engine::USED.iter().map(|used| used.metric.to_owned()).collect(),
            coverage: (&all.coverage).into(),
        }
    }
}

impl From<engine::ResourceLevel> for ResourceLevel {
    fn from(level: engine::ResourceLevel) -> Self {
        let engine::ResourceLevel { used, instance, value } = level;
        Self {
            resource: used.resource.to_owned(),
            of: used.of.to_owned(),
            instance,
            metric: used.metric.to_owned(),
            words: used.words.to_owned(),
            unit: used.unit.into(),
            value,
        }
    }
}

impl From<engine::Saturation> for Saturation {
    fn from(all: engine::Saturation) -> Self {
        let services = all.services.into_iter().map(|(service, it)| ServiceSaturation {
            service,
            fullest: it.fullest.map(Into::into),
            waiting: it.waiting.map(Into::into),
        });
        Self {
            window: all.window.into(),
            services: services.collect(),
            fullest: all.all.fullest.map(Into::into),
            coverage: (&all.coverage).into(),
        }
    }
}
