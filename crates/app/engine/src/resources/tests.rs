//! Points to series: shares, rates, quantiles, and exponential histograms of any scale.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use model::{
    Attributes, Buckets, ExponentialHistogram, Histogram, Measured, Metric, MetricKind, Moment,
    Number, Point, Resource, Scope, Temporality, Text, Value, Window,
};
use proptest::prelude::*;

use super::{
    USED, Used, exponential_quantile, histogram_quantile, points::Spread, read::series_of,
    told_apart,
};

const MINUTE: Duration = Duration::from_mins(1);

fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    let pair = |(key, value): &(&str, &str)| (Text::from(*key), Value::Text(Text::from(*value)));
    Attributes(pairs.iter().map(pair).collect())
}

/// Attributes, and a number for each minute.
type Told<'a> = (&'a [(&'a str, &'a str)], &'a [f64]);

/// A metric of the host `box` with a point for each minute.
fn metric(name: &str, kind: MetricKind, tracks: &[Told<'_>]) -> Metric {
    let resource = Resource {
        attributes: attributes(&[("service.name", "shop"), ("host.name", "box")]),
        ..Resource::default()
    };
    let points = tracks.iter().flat_map(|(pairs, values)| {
        (0_u32..).zip(*values).map(|(minute, value)| Point {
            attributes: attributes(pairs),
            start: Moment::default(),
            time: Moment::default() + MINUTE * minute,
            flags: 0,
            measured: Measured::Number(Number::Double(*value)),
            exemplars: Vec::new(),
        })
    });
    Metric {
        name: name.into(),
        description: Text::default(),
        unit: Text::default(),
        metadata: Attributes::default(),
        kind,
        points: points.collect(),
        resource: Arc::new(resource),
        scope: Arc::new(Scope::default()),
    }
}

fn read(metrics: &[Metric], whole: &[Metric]) -> Vec<(String, Vec<Option<f64>>)> {
    let used: &'static Used =
        USED.iter().find(|used| metrics[0].name == used.metric).expect("it is in the table");
    let window = Window { from: Moment::default(), to: Moment::default() + MINUTE * 3 };
    let series = series_of(used, metrics, whole, window, MINUTE);
    let rounded = |value: f64| (value * 1e6).round() / 1e6;
    let values = |values: Vec<Option<f64>>| values.into_iter().map(|it| it.map(rounded)).collect();
    series.into_iter().map(|series| (series.instance, values(series.values))).collect()
}

const COUNTER: MetricKind =
    MetricKind::Sum { temporality: Temporality::Cumulative, is_monotonic: true };

#[test]
fn cpu_in_use_is_what_was_not_idle() {
    let times = metric(
        "system.cpu.time",
        COUNTER,
        &[
            (&[("cpu.mode", "user")], &[100.0, 130.0, 130.0]),
            (&[("cpu.mode", "system")], &[10.0, 15.0, 15.0]),
            (&[("cpu.mode", "idle")], &[500.0, 525.0, 585.0]),
        ],
    );
    let expected = vec![None, Some(0.583_333), Some(0.0)];
    assert_eq!(read(&[times], &[]), [("box".to_owned(), expected)]);
}

#[test]
fn a_share_that_is_told_without_its_whole_is_taken_as_it_is() {
    let shares: [Told<'_>; 1] = [(&[], &[0.25, 0.5])];
    let told = metric("system.cpu.utilization", MetricKind::Gauge, &shares);
    assert_eq!(read(&[told], &[]), [("box".to_owned(), vec![Some(0.25), Some(0.5), None])]);
    let shares: [Told<'_>; 1] = [(&[("state", "used")], &[0.25, 0.5])];
    let told = metric("system.memory.utilization", MetricKind::Gauge, &shares);
    assert_eq!(read(&[told], &[]), [("box".to_owned(), vec![Some(0.25), Some(0.5), None])]);
}

#[test]
fn what_is_used_of_an_unknown_whole_is_no_share() {
    let bytes: [Told<'_>; 1] = [(&[("state", "used")], &[3e9, 4e9])];
    let usage = metric("system.memory.usage", MetricKind::Gauge, &bytes);
    assert_eq!(read(&[usage], &[]), []);
}

#[test]
fn memory_in_use_is_a_share_of_all_of_it() {
    let states: [Told<'_>; 2] =
        [(&[("state", "used")], &[3.0, 4.0]), (&[("state", "free")], &[1.0, 0.0])];
    let usage = metric("system.memory.usage", MetricKind::Gauge, &states);
    assert_eq!(read(&[usage], &[]), [("box".to_owned(), vec![Some(0.75), Some(1.0), None])]);
}

#[test]
fn connections_are_compared_with_their_pool_which_tells_its_size_once() {
    let pool: &[(&str, &str)] = &[("db.client.connection.pool.name", "main")];
    let used = [pool, &[("db.client.connection.state", "used")]].concat();
    let idle = [pool, &[("db.client.connection.state", "idle")]].concat();
    let counts = metric(
        "db.client.connection.count",
        MetricKind::Gauge,
        &[(&used, &[5.0, 9.0, 10.0]), (&idle, &[5.0, 1.0, 0.0])],
    );
    let most = metric("db.client.connection.max", MetricKind::Gauge, &[(pool, &[10.0])]);
    let expected = vec![Some(0.5), Some(0.9), Some(1.0)];
    assert_eq!(read(&[counts], &[most]), [("shop main".to_owned(), expected)]);
}

#[test]
fn of_several_disks_and_file_systems_the_fullest_counts_that_can_fill() {
    let disks: [Told<'_>; 2] = [
        (&[("system.device", "sda")], &[0.0, 54.0, 60.0]),
        (&[("system.device", "sdb")], &[0.0, 30.0, 84.0]),
    ];
    let busy = metric("system.disk.io_time", COUNTER, &disks);
    assert_eq!(read(&[busy], &[]), [("box".to_owned(), vec![None, Some(0.9), Some(0.9)])]);
    let systems: [Told<'_>; 2] = [
        (&[("type", "squashfs"), ("mode", "ro")], &[1.0, 1.0]),
        (&[("type", "ext4"), ("mode", "rw")], &[0.6, 0.7]),
    ];
    let full = metric("system.filesystem.utilization", MetricKind::Gauge, &systems);
    assert_eq!(read(&[full], &[]), [("box".to_owned(), vec![Some(0.6), Some(0.7), None])]);
}

#[test]
fn of_several_processes_of_a_service_the_busiest_counts_with_all_its_modes() {
    let modes: [Told<'_>; 2] =
        [(&[("cpu.mode", "user")], &[0.5]), (&[("cpu.mode", "system")], &[0.25])];
    let busy = metric("process.cpu.utilization", MetricKind::Gauge, &modes);
    let mut idle = metric("process.cpu.utilization", MetricKind::Gauge, &[(&[], &[0.6])]);
    let other = [("service.name", "shop"), ("host.name", "other")];
    idle.resource = Arc::new(Resource { attributes: attributes(&other), ..Resource::default() });
    assert_eq!(read(&[busy, idle], &[]), [("shop".to_owned(), vec![Some(0.75), None, None])]);
}

#[test]
fn a_series_says_whose_it_is_and_a_container_is_named_though_its_service_is_not() {
    let used: &'static Used =
        USED.iter().find(|used| used.metric == "k8s.pod.cpu_limit_utilization").expect("it is");
    let mut pod = metric(used.metric, MetricKind::Gauge, &[(&[], &[0.5])]);
    let window = Window { from: Moment::default(), to: Moment::default() + MINUTE };
    let told = |metric: &Metric| {
        let series = series_of(used, std::slice::from_ref(metric), &[], window, MINUTE);
        series.into_iter().map(|it| (it.instance, it.services)).collect::<Vec<_>>()
    };
    let of_shop = BTreeSet::from(["shop".to_owned()]);
    assert_eq!(told(&pod), [("shop".to_owned(), of_shop)]);
    let attributes = attributes(&[("k8s.pod.name", "shop-7d9f")]);
    pod.resource = Arc::new(Resource { attributes, ..Resource::default() });
    assert_eq!(told(&pod), [("shop-7d9f".to_owned(), BTreeSet::new())]);
}

#[test]
fn pods_of_one_name_in_two_namespaces_are_two_and_say_so_where_they_look_alike() {
    let used: &'static Used =
        USED.iter().find(|used| used.metric == "k8s.pod.cpu_limit_utilization").expect("it is");
    let window = Window { from: Moment::default(), to: Moment::default() + MINUTE };
    let pod = |of: &[(&str, &str)], value: f64| {
        let mut pod = metric(used.metric, MetricKind::Gauge, &[(&[], &[value])]);
        pod.resource = Arc::new(Resource { attributes: attributes(of), ..Resource::default() });
        pod
    };
    let told = |pods: &[Metric]| {
        let series = series_of(used, pods, &[], window, MINUTE);
        let names = told_apart(&series);
        names.into_iter().zip(series.into_iter().map(|it| it.values[0])).collect::<Vec<_>>()
    };
    let named = |name: &str, value| (name.to_owned(), Some(value));
    let web = ("k8s.pod.name", "web-0");
    let (prod, stage) = (("k8s.namespace.name", "prod"), ("k8s.namespace.name", "stage"));
    let mail = ("k8s.pod.name", "mail-0");
    assert_eq!(
        told(&[pod(&[web, stage], 0.25), pod(&[mail, prod], 0.75), pod(&[web, prod], 0.5)]),
        [named("mail-0", 0.75), named("web-0 (prod)", 0.5), named("web-0 (stage)", 0.25)]
    );
    let (west, east) = (("k8s.cluster.name", "west"), ("k8s.cluster.name", "east"));
    assert_eq!(
        told(&[pod(&[web, prod, west], 0.25), pod(&[web, prod, east], 0.5)]),
        [named("web-0 (east/prod)", 0.5), named("web-0 (west/prod)", 0.25)]
    );
    // Who says no namespace may mean that of the others.
    assert_eq!(
        told(&[pod(&[web], 0.25), pod(&[web, prod], 0.5)]),
        [named("web-0", 0.25), named("web-0", 0.5)]
    );
}

#[test]
fn of_containers_of_one_pod_the_fullest_counts() {
    let of = |container: &str, shares: &[f64]| {
        let name = "k8s.container.cpu_limit_utilization";
        let mut told = metric(name, MetricKind::Gauge, &[(&[], shares)]);
        let pairs = [("k8s.pod.name", "web-0"), ("k8s.container.name", container)];
        told.resource =
            Arc::new(Resource { attributes: attributes(&pairs), ..Resource::default() });
        told
    };
    let shares = [of("app", &[0.75, 0.5]), of("proxy", &[0.25, 0.25])];
    let expected = vec![Some(0.75), Some(0.5), None];
    assert_eq!(read(&shares, &[]), [("web-0".to_owned(), expected)]);
}

#[test]
fn a_counter_that_begins_anew_is_no_fall() {
    let errors = metric("system.network.errors", COUNTER, &[(&[], &[600.0, 660.0, 30.0])]);
    assert_eq!(read(&[errors], &[]), [("box".to_owned(), vec![None, Some(1.0), Some(0.5)])]);
}

#[test]
fn the_table_names_each_metric_once_and_tells_it_in_words() {
    let mut names: Vec<&str> = USED.iter().map(|used| used.metric).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(USED.iter().all(|used| !used.words.is_empty() && !used.metric.contains(' ')));
}

fn exponential(scale: i32, values: &[f64]) -> ExponentialHistogram {
    let base_log = 2_f64.powi(-scale);
    let mut histogram = ExponentialHistogram { scale, ..ExponentialHistogram::default() };
    let mut indices = Vec::new();
    for value in values {
        histogram.count += 1;
        if *value == 0.0 {
            histogram.zero_count += 1;
        } else {
            #[expect(clippy::cast_possible_truncation, reason = "made up to fit")]
            indices.push((value.log2() / base_log).ceil() as i32 - 1);
        }
    }
    if let (Some(first), Some(last)) = (indices.iter().min(), indices.iter().max()) {
        let mut counts = vec![0; usize::try_from(last - first).unwrap() + 1];
        for index in &indices {
            counts[usize::try_from(index - first).unwrap()] += 1;
        }
        histogram.positive = Buckets { offset: *first, counts };
    }
    histogram
}

proptest! {
    #[test]
    fn a_quantile_lies_in_the_bucket_of_its_rank(
        scale in -2_i32..8,
        mut values in prop::collection::vec(0.001_f64..1e6, 1..200),
        q in 0.0_f64..=1.0,
    ) {
        let found = exponential_quantile(&exponential(scale, &values), q).unwrap();
        values.sort_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "few")]
        let rank = ((q * values.len() as f64).ceil() as usize).max(1);
        let base = 2_f64.powf(2_f64.powi(-scale));
        let ratio = found / values[rank - 1];
        prop_assert!((1.0 / base..=base * 1.000_001).contains(&ratio), "{ratio} {base}");
    }

    #[test]
    fn spreads_of_any_scales_add_up_in_any_order(
        one in prop::collection::vec(0.001_f64..1e6, 1..50),
        other in prop::collection::vec(0.001_f64..1e6, 1..50),
        scales in (-2_i32..8, -2_i32..8),
    ) {
        let spread = |scale, values: &[f64]| {
            let mut spread = Spread::default();
            spread.add(&exponential(scale, values));
            spread
        };
        let (one, other) = (spread(scales.0, &one), spread(scales.1, &other));
        let mut forth = one.clone();
        forth.merge(&other);
        let mut back = other.clone();
        back.merge(&one);
        prop_assert_eq!(&forth, &back);
        let rest = forth.since(&other);
        let mut coarse = Spread::default();
        coarse.merge(&one);
        coarse.merge(&Spread::default());
        prop_assert_eq!(rest.quantile(1.0).is_some(), coarse.quantile(1.0).is_some());
    }

    #[test]
    fn histograms_of_any_make_are_read_without_a_fall(
        scale in any::<i32>(), offset in any::<i32>(), counts: Vec<u64>, bounds: Vec<f64>,
        zero_count: u64, q in any::<f64>(),
    ) {
        let positive = Buckets { offset, counts: counts.clone() };
        let histogram = ExponentialHistogram {
            scale, zero_count, negative: positive.clone(), positive, ..Default::default()
        };
        let _read = exponential_quantile(&histogram, q);
        let _read = histogram_quantile(&Histogram { counts, bounds, ..Default::default() }, q);
    }
}

#[test]
fn a_histogram_is_spread_evenly_within_its_buckets() {
    let histogram = Histogram {
        count: 4,
        bounds: vec![10.0, 20.0],
        counts: vec![2, 2, 0],
        ..Histogram::default()
    };
    assert_eq!(histogram_quantile(&histogram, 0.5), Some(10.0));
    assert_eq!(histogram_quantile(&histogram, 0.75), Some(15.0));
    assert_eq!(histogram_quantile(&Histogram::default(), 0.5), None);
}
