//! Points of metrics put together by what they tell of: a host, a process, a pool, and the services that told it.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attributes, Metric, MetricKind, Point, Value};

/// A point and how its metric is read.
pub(super) struct Seen<'a> {
    pub(super) kind: MetricKind,
    pub(super) point: &'a Point,
}

/// Points that tell the same of the same, in order of time.
pub(super) type Track<'a> = Vec<Seen<'a>>;

/// By process, then by attributes.
pub(super) type Tracks<'a> = BTreeMap<(String, String), Track<'a>>;

/// What came of one host, process, pool or queue.
#[derive(Default)]
pub(super) struct Instance<'a> {
    /// `service.name` of those that told it: whose it is, unless it is a host.
    pub(super) services: BTreeSet<String>,
    pub(super) tracks: Tracks<'a>,
}

/// Which host, process, pool or queue. A pod that is made anew under its name is the same one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Which {
    pub(super) name: String,
    /// Of a pod or what runs in it, where it is told.
    pub(super) namespace: Option<String>,
    /// The cluster of the namespace.
    pub(super) cluster: Option<String>,
}

/// All points, by instance.
pub(super) fn instances<'a>(of: &str, metrics: &'a [Metric]) -> BTreeMap<Which, Instance<'a>> {
    let mut instances = BTreeMap::<Which, Instance<'_>>::new();
    for metric in metrics {
        let service = metric.resource.attributes.text("service.name");
        for point in &metric.points {
            let instance = instances.entry(which(of, metric, point)).or_default();
            if let Some(service) = service.filter(|it| !instance.services.contains(*it)) {
                instance.services.insert(service.to_owned());
            }
            // Two processes of one service: each counts for itself.
            let key = (process(metric), told(&point.attributes));
            instance.tracks.entry(key).or_default().push(Seen { kind: metric.kind, point });
        }
    }
    for track in instances.values_mut().flat_map(|instance| instance.tracks.values_mut()) {
        track.sort_by_key(|seen| seen.point.time);
    }
    instances
}

fn which(of: &str, metric: &Metric, point: &Point) -> Which {
    let resource = |key| metric.resource.attributes.text(key).filter(|_| of == "container");
    Which {
        name: instance(of, metric, point),
        namespace: resource("k8s.namespace.name").map(str::to_owned),
        cluster: resource("k8s.cluster.name").map(str::to_owned),
    }
}

/// What a series is called: the host, or the service, and the pool or queue if there is one.
fn instance(of: &str, metric: &Metric, point: &Point) -> String {
    let resource = |key| metric.resource.attributes.text(key);
    let attribute = |keys: &[&str]| keys.iter().find_map(|key| point.attributes.text(key));
    let service = metric.service();
    let inner = match of {
        "host" => return resource("host.name").unwrap_or(service).to_owned(),
        "container" => resource("container.name").or_else(|| resource("k8s.pod.name")),
        "pool" => attribute(&["db.client.connection.pool.name", "pool.name", "pool"]),
        "queue" => attribute(&["messaging.destination.name", "queue", "topic"])
            .or_else(|| resource("rabbitmq.queue.name")),
        _ => None,
    };
    match inner {
        // A collector tells of containers without the service that runs in them.
        Some(inner) if of == "container" && resource("service.name").is_none() => inner.to_owned(),
        Some(inner) if inner != service => format!("{service} {inner}"),
        _ => service.to_owned(),
    }
}

fn process(metric: &Metric) -> String {
    let resource = &metric.resource.attributes;
    let keys =
        ["service.instance.id", "host.name", "process.pid", "container.id", "k8s.container.name"];
    keys.iter().filter_map(|key| resource.get(key)).map(shown).collect::<Vec<_>>().join(" ")
}

fn told(attributes: &Attributes) -> String {
    let mut pairs: Vec<String> =
        attributes.0.iter().map(|(key, value)| format!("{key}={}", shown(value))).collect();
    pairs.sort_unstable();
    pairs.join(",")
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        other => format!("{other:?}"),
    }
}
