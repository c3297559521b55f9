//! What was counted, as text for Prometheus.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use traffic::encoding::Coding;

use super::{
    BOUNDS, Coded, Counts, Labels, METHODS, METRICS, Metric, REFUSALS, Scheme, canaries, disk,
    edge, escaped, lately, limits, reloads,
};
use crate::{cache::counts as of_cache, clock, state::Shared, tracing::Outcomes};

/// Everything, in the text format of Prometheus.
pub(crate) fn text(shared: &Shared) -> String {
    let mut text = String::new();
    for metric in METRICS
        .iter()
        .chain(disk::METRICS)
        .chain(limits::METRICS)
        .chain(edge::METRICS)
        .chain(canaries::METRICS)
        .chain(reloads::METRICS)
    {
        let Metric { name, kind, about } = metric;
        // Writing into a text cannot fail.
        let _ok = write!(text, "# HELP {name} {about}\n# TYPE {name} {kind}\n");
        match *name {
            "http_server_request_duration_seconds" => durations(&mut text, name, shared),
            "http_server_active_requests" => active(&mut text, name, shared),
            "taut_gateway_request_duration_seconds" => quantiles(&mut text, name, shared),
            "taut_gateway_refused_total" => refusals(&mut text, name, shared),
            "taut_gateway_spans_total" => outcomes(&mut text, name, &shared.spans),
            "taut_gateway_access_log_lines_total" => outcomes(&mut text, name, &shared.lines),
            "taut_gateway_captured_total" => outcomes(&mut text, name, &shared.captured.outcomes),
            "taut_gateway_captured_bytes_total" => {
                let bytes = shared.captured.bytes.load(Ordering::Relaxed);
                let _ok = writeln!(text, "{name} {bytes}");
            }
            _ if disk::METRICS.iter().any(|metric| metric.name == *name) => {
                disk::write(&mut text, name, shared);
            }
            _ if limits::METRICS.iter().any(|metric| metric.name == *name) => {
                limits::write(&mut text, name, shared);
            }
            _ if edge::METRICS.iter().any(|metric| metric.name == *name) => {
                edge::write(&mut text, name, shared);
            }
            _ if reloads::METRICS.iter().any(|metric| metric.name == *name) => {
                reloads::write(&mut text, name, shared);
            }
            _ if name.starts_with("taut_gateway_canary_") => {
                canaries::write(&mut text, name, shared);
            }
            _ if name.starts_with("taut_gateway_cache_") => {
                of_cache::write(&mut text, name, shared);
            }
            _ if name.starts_with("taut_gateway_compress") => codings(&mut text, name, shared),
            _ if name.starts_with("taut_gateway_member_") => members(&mut text, name, shared),
            _ => {
                let sum = sum(shared, |counts| counted(name, counts));
                let _ok = writeln!(text, "{name} {sum}");
            }
        }
    }
    text
}

fn counted(name: &str, counts: &Counts) -> u64 {
    match name {
        "taut_gateway_connections" => counts.connections,
        "taut_gateway_sent_bytes_total" => counts.bytes_sent,
        "taut_gateway_retries_total" => counts.retries,
        "taut_gateway_broken_answers_total" => counts.broken,
        _ => 0,
    }
}

pub(super) fn sum(shared: &Shared, of: impl Fn(&Counts) -> u64) -> u64 {
    shared
        .counts
        .iter()
        .map(|counts| of(&counts.lock().unwrap_or_else(PoisonError::into_inner)))
        .sum()
}

fn refusals(text: &mut String, name: &str, shared: &Shared) {
    for (place, reason) in REFUSALS.iter().enumerate() {
        let sum = sum(shared, |counts| counts.refused[place]);
        let _ok = writeln!(text, "{name}{{reason=\"{reason}\"}} {sum}");
    }
}

fn quantiles(text: &mut String, name: &str, shared: &Shared) {
    let names = shared.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let now = clock::now();
    for (number, route) in names.iter().enumerate() {
        let (all, _) = lately(shared, number + 1, now);
        let labels = format!("http_route=\"{}\"", escaped(route));
        for q in [0.5, 0.9, 0.95, 0.99, 0.999] {
            let seconds = all.quantile(q).map(Duration::from_nanos);
            if let Some(seconds) = seconds.map(|duration| duration.as_secs_f64()) {
                let _ok = writeln!(text, "{name}{{{labels},quantile=\"{q}\"}} {seconds}");
            }
        }
        let (mut count, mut sum) = (0, 0.0);
        for counts in &shared.counts {
            let counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            let (more, seconds) = counts.total(number + 1);
            count += more;
            sum += seconds;
        }
        let _ok = write!(text, "{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {count}\n");
    }
}

fn outcomes(text: &mut String, name: &str, seen: &Outcomes) {
    for (outcome, counter) in
        [("done", &seen.done), ("dropped", &seen.dropped), ("failed", &seen.failed)]
    {
        let count = counter.load(Ordering::Relaxed);
        let _ok = writeln!(text, "{name}{{outcome=\"{outcome}\"}} {count}");
    }
}

fn codings(text: &mut String, name: &str, shared: &Shared) {
    for coding in Coding::ALL {
        let mut sum = Coded::default();
        for counts in &shared.counts {
            let counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            let one = counts.coded[coding.number()];
            sum.answers += one.answers;
            sum.taken += one.taken;
            sum.given += one.given;
            sum.took += one.took;
        }
        let value = match name {
            "taut_gateway_compressed_answers_total" => sum.answers.to_string(),
            "taut_gateway_compress_input_bytes_total" => sum.taken.to_string(),
            "taut_gateway_compress_output_bytes_total" => sum.given.to_string(),
            _ => sum.took.as_secs_f64().to_string(),
        };
        let _ok = writeln!(text, "{name}{{coding=\"{}\"}} {value}", coding.token());
    }
}

fn durations(text: &mut String, name: &str, shared: &Shared) {
    let mut merged: BTreeMap<(usize, Labels), ([u64; BOUNDS.len() + 1], f64)> = BTreeMap::new();
    for counts in &shared.counts {
        let counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (route, series) in counts.routes.iter().enumerate() {
            for one in series {
                let sum = merged.entry((route, one.labels)).or_default();
                sum.0.iter_mut().zip(one.buckets).for_each(|(sum, count)| *sum += count);
                sum.1 += one.seconds;
            }
        }
    }
    let names = shared.names.lock().unwrap_or_else(PoisonError::into_inner);
    for ((route, labels), (buckets, seconds)) in merged {
        let route = route.checked_sub(1).and_then(|place| names.get(place)).map_or("", |name| name);
        let labels = written(route, &labels);
        let mut below = 0;
        for (place, count) in buckets.iter().enumerate() {
            below += count;
            let bound = BOUNDS.get(place).map_or_else(|| "+Inf".to_owned(), ToString::to_string);
            let _ok = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {below}");
        }
        let _ok =
            write!(text, "{name}_sum{{{labels}}} {seconds}\n{name}_count{{{labels}}} {below}\n");
    }
}

/// A gauge that is told of at all times: what is not there is not 0.
fn active(text: &mut String, name: &str, shared: &Shared) {
    for (place, method) in METHODS.iter().enumerate() {
        for scheme in Scheme::ALL {
            let sum = sum(shared, |counts| counts.active[place][scheme as usize]);
            let scheme = scheme.name();
            let _ok = writeln!(
                text,
                "{name}{{http_request_method=\"{method}\",url_scheme=\"{scheme}\"}} {sum}"
            );
        }
    }
}

/// Labels of requests as text. What is not there is left out, which Prometheus takes for empty. An error is what one is for
/// the semantic conventions: of a status alone one of the server, not of the client.
fn written(route: &str, labels: &Labels) -> String {
    let status = labels.status.map(|status| status.to_string()).unwrap_or_default();
    let status = status.as_str();
    let error = match labels.status {
        Some(500..) if labels.error.is_empty() => status,
        _ => labels.error,
    };
    let all = [
        ("http_route", route),
        ("http_request_method", METHODS[labels.method]),
        ("http_response_status_code", status),
        ("url_scheme", labels.scheme.name()),
        ("error_type", error),
    ];
    let there = all.iter().filter(|(_, value)| !value.is_empty());
    let there = there.map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    there.collect::<Vec<_>>().join(",")
}

fn members(text: &mut String, name: &str, shared: &Shared) {
    let state = shared.state();
    let now = clock::now();
    for (service, known) in state.plan.services.iter().zip(&state.services) {
        for member in &known.members {
            let value = match name {
                "taut_gateway_member_up" => u64::from(member.is_fit(now)),
                "taut_gateway_member_active_requests" => {
                    u64::from(member.in_flight.load(Ordering::Relaxed))
                }
                "taut_gateway_member_waiting_requests" => {
                    u64::from(member.waiting.load(Ordering::Relaxed))
                }
                "taut_gateway_member_requests_total" => member.requests.load(Ordering::Relaxed),
                "taut_gateway_member_failures_total" => member.failures.load(Ordering::Relaxed),
                _ => member.connections.load(Ordering::Relaxed),
            };
            let (service, address) = (escaped(&service.name), escaped(&member.address));
            let _ok =
                writeln!(text, "{name}{{service=\"{service}\",member=\"{address}\"}} {value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::lately::Lately;

    const GET: Labels = Labels { method: 0, scheme: Scheme::Http, status: Some(200), error: "" };

    #[test]
    fn labels_are_those_of_the_semantic_conventions() {
        let status = |status| Labels { status: Some(status), ..GET };
        let gone = Labels { status: None, scheme: Scheme::Https, error: "gone", ..GET };
        for (route, labels, code, scheme, error) in [
            ("a", GET, "200", "http", ""),
            ("", status(404), "404", "http", ""),
            ("", status(500), "500", "http", "500"),
            ("", Labels { error: "no-member", ..status(503) }, "503", "http", "no-member"),
            ("", gone, "", "https", "gone"),
        ] {
            let expected: Vec<String> = [
                ("http_route", route),
                ("http_request_method", "GET"),
                ("http_response_status_code", code),
                ("url_scheme", scheme),
                ("error_type", error),
            ]
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}=\"{value}\""))
            .collect();
            assert_eq!(written(route, &labels), expected.join(","));
        }
        assert_eq!(
            written("a", &GET),
            "http_route=\"a\",http_request_method=\"GET\",http_response_status_code=\"200\",\
             url_scheme=\"http\""
        );
    }

    #[test]
    fn a_sum_never_falls_whatever_is_forgotten_of_late() {
        let mut counts = Counts::default();
        for status in [200, 200, 500] {
            counts.request(1, Labels { status: Some(status), ..GET }, Duration::from_secs(1));
        }
        counts.lately = vec![Lately::default(), Lately::default()];
        let (count, seconds) = counts.total(1);
        assert_eq!((count, counts.total(0).0, counts.total(7).0), (3, 0, 0));
        assert!((seconds - 3.0).abs() < 1e-9);
    }
}
