//! How full each service is, the fourth golden signal: of its processes, pools and queues, and of the hosts and pods that
//! it runs on, what is nearest to full, and what most waits for.
//!
//! A collector tells of hosts and pods without the services on them. Those are joined by what both sides say of where
//! they run: metrics of the services' own, and their newest spans.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use model::Window;
use store::{
    Answered, Coverage, Limits, Store,
    keep::{
        METRICS, SPANS,
        query::{Answer, Field, Filter, Measure, Query},
        table::span,
    },
};

use crate::{
    question::AskError,
    resources::{Aspect, ResourceSeries, ResourceUnit, Used, resources_that, told_apart},
};

/// The end of a window that is looked at: exporters send each minute, and how full something was an hour ago says
/// nothing of whether it is.
const LOOKED_AT: Duration = Duration::from_mins(15);

/// What a service may run on: whose a metric of [`crate::USED`] is, and the attribute that names it on either side.
const GROUNDS: [(&str, &str); 2] = [("host", "host.name"), ("container", "k8s.pod.name")];

/// Within which names of pods are those of one pod, as far as both sides say it.
const NAMESPACE: &str = "k8s.namespace.name";

/// Pairs of a service and what it runs on: two hundred services on a hundred hosts each.
const PAIRS_MAX: usize = 20_000;

/// How far the newest spans are looked through for where services run: a tenth of a second at most.
const SPANS_LOOKED_AT: Limits = Limits { time: Duration::from_millis(100), rows: 200_000 };

/// How full services are at the end of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Saturation {
    /// What was looked at.
    pub window: Window,
    /// By `service.name`; those of which nothing is told are not in it.
    pub services: BTreeMap<String, Fullness>,
    /// Of all, whosever it is.
    pub all: Fullness,
    /// What it rests on.
    pub coverage: Coverage,
}

/// What is short.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fullness {
    /// What is nearest to full, as a share.
    pub fullest: Option<ResourceLevel>,
    /// What most waits for, as a count.
    pub waiting: Option<ResourceLevel>,
}

/// How much of a resource is used, or how much waits for it.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceLevel {
    /// What it tells.
    pub used: &'static Used,
    /// Which host, process, pool or queue.
    pub instance: String,
    /// The last number that came.
    pub value: f64,
}

impl Fullness {
    fn take(&mut self, level: &ResourceLevel) {
        let most = if waits(level.used) { &mut self.waiting } else { &mut self.fullest };
        if most.as_ref().is_none_or(|most| most.value < level.value) {
            *most = Some(level.clone());
        }
    }
}

/// How full services are at the end of a window.
///
/// # Errors
///
/// The store fails, or keeps no metrics.
pub fn saturation(
    window: Window,
    store: &dyn Store,
    limits: &Limits,
) -> Result<Saturation, AskError> {
    let begun = Instant::now();
    let window = Window { from: window.from.max(window.to - LOOKED_AT), to: window.to };
    let told = |used: &Used| is_share(used) || waits(used);
    let mut read = resources_that(told, &Filter::All, window, store, limits)?;
    let is_on_ground =
        |series: &ResourceSeries| GROUNDS.iter().any(|(of, _)| *of == series.used.of);
    let mut grounds = Grounds::default();
    if read.series.iter().any(is_on_ground) {
        let left = Limits { time: limits.time.saturating_sub(begun.elapsed()), ..*limits };
        // Not by column: that has a word for those without a service, which would then run on every host of a collector.
        let service = Field::Resource("service.name".into());
        let Answered { answer, coverage } =
            store.ask(&Query { table: &METRICS, ..pairs(service, window) }, &left)?;
        read.coverage.merge(coverage);
        grounds.add(answer);
        // Some spans of each service are enough, so that it is no want that not all were looked at.
        let spans = Limits { time: SPANS_LOOKED_AT.time.min(left.time), ..SPANS_LOOKED_AT };
        let service = Field::Column(span::SERVICE);
        grounds.add(store.ask(&pairs(service, window), &spans)?.answer);
    }
    let mut services = BTreeMap::<String, Fullness>::new();
    let mut all = Fullness::default();
    let names = told_apart(&read.series);
    for (series, name) in read.series.iter().zip(names) {
        let Some(value) = latest(series) else { continue };
        let whose: BTreeSet<&String> =
            series.services.iter().chain(grounds.services(series)).collect();
        let level = ResourceLevel { used: series.used, instance: name, value };
        all.take(&level);
        for service in whose {
            services.entry(service.clone()).or_default().take(&level);
        }
    }
    Ok(Saturation { window, services, all, coverage: read.coverage })
}

fn is_share(used: &Used) -> bool {
    used.aspect == Aspect::Utilisation && used.unit == ResourceUnit::Share
}

/// Whether it counts what waits for something, as a load average and requests in flight do not.
fn waits(used: &Used) -> bool {
    used.aspect == Aspect::Saturation
        && used.unit == ResourceUnit::Count
        && matches!(used.resource, "connections" | "queue" | "threads")
}

/// The last number that came, if it tells anything: that nothing waits does not.
fn latest(series: &ResourceSeries) -> Option<f64> {
    let last = series.values.iter().rev().find_map(|value| *value)?;
    (last.is_finite() && (0.0 < last || !waits(series.used))).then_some(last)
}

/// Which services run on which hosts, and which in which pods.
fn pairs(service: Field, window: Window) -> Query {
    let grounds = GROUNDS.iter().map(|(_, attribute)| *attribute);
    let grounds = grounds.chain([NAMESPACE]).map(|attribute| Field::Resource(attribute.into()));
    Query {
        table: &SPANS,
        window,
        filter: Filter::All,
        group: [service].into_iter().chain(grounds).collect(),
        step: None,
        measures: vec![Measure::Count],
        limit: PAIRS_MAX,
    }
}

/// Services, each with the namespace in which it is.
type OnIt = BTreeSet<(Option<String>, String)>;

/// The services on each host and in each pod.
#[derive(Debug, Default)]
struct Grounds(BTreeMap<&'static str, BTreeMap<String, OnIt>>);

impl Grounds {
    fn add(&mut self, answer: Answer) {
        for group in answer.groups {
            let mut key = group.key.into_iter().map(|part| part.map(|part| part.to_string()));
            let Some(service) = key.next().flatten() else { continue };
            let names: Vec<Option<String>> = key.by_ref().take(GROUNDS.len()).collect();
            let namespace = key.next().flatten();
            for ((of, _), name) in GROUNDS.iter().zip(names) {
                if let Some(name) = name {
                    let named = self.0.entry(*of).or_default().entry(name).or_default();
                    named.insert((namespace.clone(), service.clone()));
                }
            }
        }
    }

    /// Those on what a series tells of. A pod is another one where both sides name another namespace.
    fn services(&self, series: &ResourceSeries) -> impl Iterator<Item = &String> {
        let named = self.0.get(series.used.of).and_then(|named| named.get(&series.instance));
        let ours = series.namespace.clone();
        let is_ours =
            move |theirs: &Option<String>| theirs.is_none() || ours.is_none() || *theirs == ours;
        let on_it = named.into_iter().flatten().filter(move |(theirs, _)| is_ours(theirs));
        on_it.map(|(_, service)| service)
    }
}

#[cfg(test)]
mod tests {
    use model::Moment;
    use store::keep::query::GROUP_FIELDS_MAX;

    use super::*;
    use crate::USED;

    fn series(metric: &str, values: &[Option<f64>]) -> ResourceSeries {
        let used = USED.iter().find(|used| used.metric == metric).expect("it is in the table");
        let services = BTreeSet::from(["shop".to_owned()]);
        ResourceSeries {
            used,
            instance: "shop".to_owned(),
            namespace: None,
            cluster: None,
            services,
            values: values.to_vec(),
        }
    }

    #[test]
    fn what_is_full_is_a_share_and_what_waits_a_count() {
        let told: Vec<&str> =
            USED.iter().filter(|used| is_share(used) || waits(used)).map(|it| it.metric).collect();
        for (metric, is_told) in [
            ("db.client.connection.count", true),
            ("db.client.connection.pending_requests", true),
            ("celery.queue.length", true),
            ("nodejs.eventloop.utilization", true),
            ("system.cpu.load_average.1m", false),
            ("http.server.active_requests", false),
            ("process.memory.usage", false),
        ] {
            assert_eq!(told.contains(&metric), is_told, "{metric}");
        }
    }

    #[test]
    fn the_last_number_counts_and_that_nothing_waits_is_not_told() {
        let cpu = series("process.cpu.utilization", &[Some(0.9), Some(0.0), None]);
        assert_eq!(latest(&cpu), Some(0.0));
        assert_eq!(latest(&series("process.cpu.utilization", &[Some(f64::NAN)])), None);
        let pending = "db.client.connection.pending_requests";
        assert_eq!(latest(&series(pending, &[Some(4.0), Some(0.0)])), None);
        assert_eq!(latest(&series(pending, &[Some(4.0), None])), Some(4.0));
    }

    #[test]
    fn the_fullest_stays_whatever_comes_after_it() {
        let mut fullness = Fullness::default();
        for (metric, value) in [
            ("process.cpu.utilization", 0.4),
            ("db.client.connection.count", 0.95),
            ("nodejs.eventloop.utilization", 0.7),
            ("celery.queue.length", 1_204.0),
        ] {
            let used = series(metric, &[]).used;
            fullness.take(&ResourceLevel { used, instance: String::new(), value });
        }
        let told = [&fullness.fullest, &fullness.waiting].map(|it| it.as_ref().map(|it| it.value));
        assert_eq!(told, [Some(0.95), Some(1_204.0)]);
    }

    #[test]
    fn where_services_run_is_told_by_what_both_sides_name() {
        let at = |nanos| Moment { nanos };
        let service = Field::Column(span::SERVICE);
        let query = pairs(service, Window { from: at(0), to: at(1) });
        let names: Vec<&Field> = query.group.iter().skip(1).collect();
        let named = |name: &str| Field::Resource(name.into());
        assert_eq!(names, ["host.name", "k8s.pod.name", NAMESPACE].map(named).each_ref());
        assert!(query.group.len() <= GROUP_FIELDS_MAX, "more are not asked for");
        let known: BTreeSet<&str> = USED.iter().map(|used| used.of).collect();
        assert!(GROUNDS.iter().all(|(of, _)| known.contains(of)));
    }
}
