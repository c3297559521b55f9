//! Figures about Taut itself: the table, the text, and that they rise with what happens.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::TcpListener,
    time::Duration,
};

use engine::metrics::{Exposition, METRICS, MetricKind, Unit, expose};

use crate::{live::Engine, shop};

/// Reads an exposition as strictly as promtool does, and returns its samples.
fn parse(text: &str, format: Exposition) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut families: BTreeMap<&str, &str> = BTreeMap::new();
    let mut family = "";
    assert!(text.ends_with('\n') && !text.contains("\n\n"), "{text}");
    let body = text.strip_suffix("# EOF\n");
    assert_eq!(body.is_some(), format == Exposition::OpenMetrics);
    for line in body.unwrap_or(text).lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().expect("the text is well formed");
            assert!(rest.len() > family.len() + 1, "no help: {line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("the text is well formed");
            assert_eq!(name, family, "{line}");
            assert!(families.insert(name, kind).is_none(), "{name} comes twice");
        } else if let Some(rest) = line.strip_prefix("# UNIT ") {
            let (name, unit) = rest.split_once(' ').expect("the text is well formed");
            assert!(name == family && name.ends_with(&format!("_{unit}")), "{line}");
        } else {
            let (series, value) = line.rsplit_once(' ').expect("the text is well formed");
            let name = series.split('{').next().expect("the text is well formed");
            let endings = match (families[family], format) {
                ("histogram", _) => &["_bucket", "_sum", "_count"][..],
                ("counter", Exposition::OpenMetrics) => &["_total"],
                ("info", _) => &["_info"],
                _ => &[""],
            };
            assert!(endings.iter().any(|it| name == format!("{family}{it}")), "{line}");
            check_labels(series);
            let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
            assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
        }
    }
    samples
}

fn check_labels(series: &str) {
    let Some((_, labels)) = series.split_once('{') else { return };
    let labels = labels.strip_suffix('}').expect("the text is well formed");
    for pair in labels.split("\",") {
        let (name, value) = pair.split_once("=\"").unwrap_or_else(|| panic!("{series}"));
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{series}");
        assert!(!value.trim_end_matches('"').contains(['\n', '"']), "{series}");
    }
}

/// Classes of a histogram only grow, and the last is the count.
fn check_histograms(samples: &BTreeMap<String, f64>) {
    for (series, count) in samples {
        let Some((name, rest)) = series.split_once("_count") else { continue };
        let others = rest.trim_matches(['{', '}']);
        let mut classes: Vec<(f64, f64)> = samples
            .iter()
            .filter(|(it, _)| it.starts_with(&format!("{name}_bucket{{")) && it.contains(others))
            .map(|(it, count)| {
                let bound = it
                    .split_once("le=\"")
                    .expect("the text is well formed")
                    .1
                    .split('"')
                    .next()
                    .expect("the text is well formed");
                (bound.parse().expect("the text is well formed"), *count)
            })
            .collect();
        classes.sort_by(|one, other| one.0.total_cmp(&other.0));
        assert!(classes.is_sorted_by(|one, other| one.1 <= other.1), "{series}: {classes:?}");
        assert_eq!(classes.last(), Some(&(f64::INFINITY, *count)), "{series}");
    }
}

#[test]
fn names_follow_the_rules_of_prometheus() {
    let mut names = BTreeSet::new();
    for metric in METRICS.iter().copied().flatten() {
        let name = metric.name;
        assert!(names.insert(name), "{name} comes twice");
        assert!(name.starts_with("taut_") || name.starts_with("process_"), "{name}");
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(name.bytes().all(is_plain) && !name.contains("__"), "{name}");
        assert_eq!(metric.kind == MetricKind::Counter, name.ends_with("_total"), "{name}");
        assert_eq!(metric.kind == MetricKind::Info, name.ends_with("_info"), "{name}");
        let base = name.trim_end_matches("_total");
        match metric.unit {
            Unit::None => {
                assert!(!base.ends_with("_seconds") && !base.ends_with("_bytes"), "{name}");
            }
            unit => assert!(base.ends_with(&format!("_{}", unit.word())), "{name}"),
        }
        assert!(metric.kind != MetricKind::Histogram || metric.unit == Unit::Seconds, "{name}");
        assert!(metric.help.ends_with(['.', '0']) && metric.help.len() > 5, "{name}");
        assert!(metric.labels.iter().all(|label| !["le", "job", "instance"].contains(label)));
    }
}

#[test]
fn every_row_is_exported_in_both_formats_and_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    let reading = engine.live.reading();
    for format in [Exposition::Prometheus, Exposition::OpenMetrics] {
        let text = expose(&reading, format);
        check_histograms(&parse(&text, format));
        for metric in METRICS.iter().copied().flatten() {
            let family = match (format, metric.kind) {
                (Exposition::OpenMetrics, MetricKind::Counter) => {
                    metric.name.trim_end_matches("_total")
                }
                (Exposition::OpenMetrics, MetricKind::Info) => {
                    metric.name.trim_end_matches("_info")
                }
                _ => metric.name,
            };
            assert!(text.contains(&format!("# TYPE {family} ")), "{family} is missing");
            for sample in (metric.read)(&reading) {
                assert_eq!(sample.labels.len(), metric.labels.len(), "{family}");
            }
        }
    }
    engine.stop();
}

#[test]
fn figures_rise_with_what_comes() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    let read =
        || parse(&expose(&engine.live.reading(), Exposition::Prometheus), Exposition::Prometheus);
    let before = read();
    let spans = shop::orders(1, shop::now());
    let count = spans.len();
    engine.accept(spans).unwrap();
    engine.wait_until("the finding", |live| !live.findings().is_empty());
    let after = read();
    let rise = |name: &str| after[name] - before[name];
    #[expect(clippy::cast_precision_loss, reason = "a handful of spans")]
    let sent = count as f64;
    assert!((rise("taut_spans_kept_total") - sent).abs() < 0.5);
    assert!((rise("taut_spans_received_total") - sent).abs() < 0.5);
    for name in [
        "taut_traces_settled_total",
        "taut_requests_seen_total",
        "taut_sightings_total",
        "taut_store_append_duration_seconds_count",
        "taut_store_sync_duration_seconds_count",
        "taut_store_bytes{kind=\"log\"}",
        "taut_look_duration_seconds_count",
    ] {
        assert!(0.0 < rise(name), "{name} did not rise");
    }
    assert!(1_000_000.0 < after["process_resident_memory_bytes"]);
    engine.stop();
}

#[test]
fn what_is_refused_is_told_by_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start_with(folder.path(), &[("TAUT_ENGINE_SPANS_IN_FLIGHT_MAX", "1000")]);
    let mut refused = 0_usize;
    let mut sent = 0_usize;
    while refused == 0 && sent < 100_000 {
        // The bound is on what waits; whole traces are closed early only now and then.
        let spans: Vec<_> = (0..20).flat_map(|number| shop::orders(number, shop::now())).collect();
        let count = spans.len();
        sent += count;
        refused += if engine.accept(spans).is_err() { count } else { 0 };
    }
    let reading = engine.live.reading();
    let text = expose(&reading, Exposition::Prometheus);
    let samples = parse(&text, Exposition::Prometheus);
    let of_series = |name: &str| samples[name];
    #[expect(clippy::cast_precision_loss, reason = "some thousand spans")]
    let (sent, refused) = (sent as f64, refused as f64);
    assert!(0.0 < refused);
    assert!((of_series("taut_spans_refused_total{reason=\"busy\"}") - refused).abs() < 0.5);
    assert!((of_series("taut_spans_received_total") - sent).abs() < 0.5);
    let (since_start, lately, _) = engine.live.flows(&reading, Duration::from_mins(5));
    assert_eq!((since_start.refused, since_start.received), (lately.refused, lately.received));
    engine.stop();
}

#[test]
fn the_format_is_the_one_that_is_preferred() {
    let openmetrics = "application/openmetrics-text;version=1.0.0";
    for (accept, expected) in [
        ("", Exposition::Prometheus),
        ("text/html,*/*;q=0.1", Exposition::Prometheus),
        (openmetrics, Exposition::OpenMetrics),
        (
            "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Exposition::OpenMetrics,
        ),
        ("application/openmetrics-text;q=0,text/plain;q=0.5", Exposition::Prometheus),
    ] {
        assert_eq!(Exposition::accepted(accept), expected, "{accept}");
    }
}

#[test]
fn own_spans_reach_a_collector_and_are_never_about_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", collector.local_addr().unwrap());
    let engine = Engine::start_with(folder.path(), &[("TAUT_OBSERVE_SELF_ENDPOINT", &address)]);
    engine.accept(shop::orders(1, shop::now())).unwrap();
    let (mut stream, _) = collector.accept().unwrap();
    let mut request = Vec::new();
    let body = loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).unwrap();
        assert!(0 < read, "it ended early");
        request.extend_from_slice(&part[..read]);
        let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
        let (_, length) = head.split_once("content-length: ").unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if request.len() == end + 4 + length {
            assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
            break request.split_off(end + 4);
        }
    };
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    drop(stream);
    let spans = observe::otlp::decode(&body).unwrap().spans;
    assert!(spans.iter().any(|span| span.name == "accept a batch"), "{spans:?}");
    assert!(spans.iter().all(|span| span.service() == "taut"));
    engine.wait_until("the count", |live| 0 < live.reading().own_spans.exported);
    // They come back, as they do from a collector that sends everything here: nothing is made of that.
    let before = engine.live.own_spans().seen();
    engine.accept(spans).unwrap();
    assert_eq!(engine.live.own_spans().seen(), before);
    engine.stop();
}

#[test]
fn without_a_collector_nothing_is_made_and_one_that_is_away_costs_nothing_but_its_spans() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    assert!(!engine.live.own_spans().is_on());
    engine.stop();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = format!("http://{nobody}");
    let engine = Engine::start_with(folder.path(), &[("TAUT_OBSERVE_SELF_ENDPOINT", &address)]);
    engine.accept(shop::orders(1, shop::now())).unwrap();
    engine.wait_until("the failure", |live| 0 < live.reading().own_spans.failed);
    engine.stop();
}
