//! Results added up: histograms exactly, what does not belong together not at all.

use super::*;
use crate::FORMAT;

/// A run of so many requests that took so many milliseconds each, ten a second.
fn run(began_unix_millis: u64, millis: &[u64]) -> Outcome {
    let mut corrected = histogram();
    for took in millis {
        corrected.record(took * 1_000_000).unwrap();
    }
    let count = millis.len() as u64;
    let place = |place: usize| place as u64;
    let samples = millis.iter().enumerate().map(|(at, took)| Sample {
        place: place(at),
        start_nanos: place(at) * 100_000_000,
        took_nanos: took * 1_000_000,
        route: u32::from(at % 2 == 1),
        failed: false,
    });
    let route = |name: &str| RouteOutcome {
        name: name.to_owned(),
        count: count / 2,
        failed: 1,
        p50: 7,
        p95: 8,
        p99: 9,
    };
    let interval = Interval {
        started: 10,
        answered: 10,
        failed: 0,
        p50: Some(1_000_000),
        p95: Some(2_000_000),
        p99: None,
    };
    Outcome {
        format: FORMAT.to_owned(),
        target: "http://shop/".to_owned(),
        load: "10 a second for 10 s, open model".to_owned(),
        is_open: true,
        began_unix_millis,
        seconds: 10.0,
        tail_seconds: 0.5,
        asked_rate: 10.0,
        is_interrupted: false,
        started: count,
        answered: count,
        in_time: Some(count),
        flows: count,
        cut: 0,
        failed: 1,
        unfinished: 0,
        body_bytes: 5,
        connections: 2,
        connections_max: 256,
        protocol: "HTTP/1.1".to_owned(),
        statuses: vec![(200, count)],
        troubles: vec![("timed out".to_owned(), 1)],
        routes: vec![route("a"), route("b")],
        intervals: vec![interval; 10],
        interval_seconds: 1.0,
        uncorrected: corrected.clone(),
        late: histogram(),
        corrected,
        processor_seconds: 0.1,
        threads: 1,
        samples_every: 1,
        samples: samples.collect(),
    }
}

fn sum(runs: &[Outcome]) -> Result<Outcome, String> {
    let name = |place: usize| format!("{place}.json");
    let named: Vec<(String, Outcome)> =
        runs.iter().enumerate().map(|(place, run)| (name(place), run.clone())).collect();
    add_up(&named).map_err(|error| error.to_string())
}

const QUICK: [u64; 100] = [2; 100];
const SLOW: [u64; 100] = [40; 100];

#[test]
fn runs_side_by_side_are_one_of_both_rates() {
    let both = sum(&[run(3_000, &SLOW), run(1_000, &QUICK)]).unwrap();
    assert_eq!((both.started, both.failed, both.corrected.len()), (200, 2, 200));
    assert_eq!(both.corrected.count_between(0, 3_000_000), 100, "each value is where it was");
    assert!((both.seconds - 10.0).abs() < 1e-9 && (both.rate() - 20.0).abs() < 1e-9);
    assert!((both.asked_rate - 20.0).abs() < 1e-9);
    assert_eq!((both.threads, both.connections_max), (2, 512));
    assert_eq!((both.statuses, both.troubles), (vec![(200, 200)], vec![("timed out".into(), 2)]));
    assert_eq!(both.load, "2 runs side by side: 10 a second for 10 s, open model");
    // The second began two seconds later: two intervals have the first alone, and two the second.
    let started: Vec<u64> = both.intervals.iter().map(|it| it.started).collect();
    assert_eq!(started, [10, 10, 20, 20, 20, 20, 20, 20, 20, 20, 10, 10]);
    let p95 = |place: usize| both.intervals[place].p95.unwrap() / 1_000_000;
    assert_eq!((p95(0), p95(11)), (2, 40));
    assert!((39..=41).contains(&p95(5)), "{}", p95(5));
    assert_eq!((both.routes[0].count, both.routes[0].failed), (100, 2));
    assert!((39_000_000..41_000_000).contains(&both.routes[0].p95), "{:?}", both.routes[0]);
    assert!(
        both.samples.is_sorted_by_key(|sample| sample.start_nanos) && both.samples.len() == 200
    );
}

#[test]
fn what_timed_out_has_waited_and_what_was_turned_away_has_not() {
    let mut millis = [2_u64; 100];
    millis[90..].fill(30_000);
    let overtaxed = |began| {
        let mut one = run(began, &millis);
        (one.answered, one.failed) = (90, 10);
        one.troubles = vec![("timed out".to_owned(), 10)];
        one.samples.iter_mut().for_each(|it| it.failed = 1_000_000_000 < it.took_nanos);
        one
    };
    let both = sum(&[overtaxed(1_000), overtaxed(1_100)]).unwrap();
    let (route, last) = (&both.routes[0], both.intervals[9]);
    assert!(29_000_000_000 < route.p95 && route.p50 < 3_000_000, "{route:?}");
    assert!(last.p50.is_some_and(|p50| 29_000_000_000 < p50), "{last:?}");
    let refusing = |began| {
        let mut one = run(began, &[2; 90]);
        (one.started, one.failed) = (100, 10);
        one.troubles = vec![("connection refused or failed".to_owned(), 10)];
        one.samples.extend((90..100).map(|place| Sample {
            place,
            start_nanos: place * 100_000_000,
            took_nanos: 0,
            route: 0,
            failed: true,
        }));
        one
    };
    let both = sum(&[refusing(1_000), refusing(1_100)]).unwrap();
    assert_eq!((both.samples.len(), both.intervals[9].p50), (200, None));
    assert!(1_900_000 < both.routes[0].p50, "{:?}", both.routes[0]);
}

#[test]
fn a_start_on_the_bound_of_an_interval_is_in_it() {
    let each = |began| {
        let mut one = run(began, &QUICK);
        (one.seconds, one.interval_seconds) = (110.0, 1.1);
        one.intervals = vec![one.intervals[0]; 100];
        one.samples.iter_mut().for_each(|it| it.start_nanos = it.place * 1_100_000_000);
        one
    };
    let both = sum(&[each(1_000), each(1_100)]).unwrap();
    let empty: Vec<usize> = (0..100).filter(|at| both.intervals[*at].p50.is_none()).collect();
    assert_eq!((both.intervals.len(), empty), (100, Vec::new()));
}

#[test]
fn runs_one_after_another_are_one_that_is_longer() {
    let both = sum(&[run(1_000, &QUICK), run(60_000, &SLOW)]).unwrap();
    assert!((both.seconds - 20.0).abs() < 1e-9 && (both.rate() - 10.0).abs() < 1e-9);
    assert!((both.asked_rate - 10.0).abs() < 1e-9);
    assert_eq!((both.threads, both.connections_max, both.intervals.len()), (1, 256, 20));
    assert_eq!(both.intervals[15].p95, Some(2_000_000), "as it was");
    assert_eq!(both.samples.last().unwrap().start_nanos, 19_900_000_000);
    assert!(both.load.starts_with("2 runs one after another: "), "{}", both.load);
}

#[test]
fn no_gap_is_between_runs_that_no_interval_divides() {
    let long = |began| {
        let mut one = run(began, &QUICK);
        (one.seconds, one.interval_seconds) = (1_000.0, 1.666_666_666);
        one.intervals = vec![one.intervals[0]; 600];
        one
    };
    let both = sum(&[long(1_000), long(2_000_000)]).unwrap();
    assert_eq!(both.intervals.len(), 1_200);
    assert!(both.intervals.iter().all(|it| it.started == 10));
}

#[test]
fn what_does_not_add_up_says_why() {
    let one = run(1_000, &QUICK);
    let with = |change: fn(&mut Outcome)| {
        let mut other = run(2_000, &SLOW);
        change(&mut other);
        sum(&[one.clone(), other]).unwrap_err()
    };
    assert!(sum(&[]).unwrap_err().starts_with("0 results"));
    assert!(sum(std::slice::from_ref(&one)).unwrap_err().starts_with("1 results"));
    assert_eq!(
        sum(&[one.clone(), one.clone()]).unwrap_err(),
        "`0.json` and `1.json` are the same run"
    );
    assert_eq!(
        with(|run| run.target = "http://mail/".to_owned()),
        "`0.json` and `1.json` do not add up: the target differs, `http://shop/` and `http://mail/`"
    );
    assert!(with(|run| run.is_open = false).contains("the model differs, `open` and `closed`"));
    assert!(with(|run| run.protocol = "HTTP/2".to_owned()).contains("the protocol differs"));
    assert!(with(|run| run.routes.truncate(1)).contains("what was asked for differs"));
    assert!(with(|run| run.interval_seconds = 2.0).contains("1 s and 2 s"));
    assert!(with(|run| run.began_unix_millis = 8_000).contains("a part of it alone"));
    for odd in [
        |run: &mut Outcome| run.seconds = f64::NAN,
        |run: &mut Outcome| run.interval_seconds = 1e-300,
        |run: &mut Outcome| run.intervals = vec![run.intervals[0]; 1_000],
        |run: &mut Outcome| run.asked_rate = -1.0,
    ] {
        assert_eq!(with(odd), "the figures of `1.json` are none of a run");
    }
}

#[test]
fn samples_stay_bounded_whatever_they_say() {
    let many = vec![3; SAMPLES_MAX];
    let both = sum(&[run(1_000, &many), run(1_500, &many)]).unwrap();
    assert_eq!((both.samples_every, both.samples.len()), (2, SAMPLES_MAX));
    let mut odd = run(1_000, &many);
    odd.samples.iter_mut().for_each(|sample| sample.place = 0);
    odd.samples_every = 0;
    let both = sum(&[odd, run(1_500, &many)]).unwrap();
    assert!(both.samples.len() <= SAMPLES_MAX);
}
