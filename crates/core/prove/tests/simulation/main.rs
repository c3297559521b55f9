//! Verdicts over made-up pairs, and what a comparison does with pairs that are not alike. `cargo xtask bench verdicts`
//! does the first over thirty times as many.

mod families;

use families::FAMILIES;
use prove::{
    Random,
    compare::{Question, Request, Side, Verdict, compare},
};

/// Pairs of each family; few enough for every run of the tests.
const TRIALS: u64 = 40;

/// Of 400 pairs of all kinds, heavy tails, two humps and such that hang together among them, no more than are promised; of the 80 of one kind, 5 % are
/// 9 and more once in fifty times.
#[test]
fn where_there_is_no_difference_none_is_claimed() {
    let mut sum = 0.0;
    for family in FAMILIES {
        let of = |quantile| family.claims(TRIALS, family.count, 1.0, quantile).0;
        let alarms = of(0.5).midpoint(of(0.95));
        assert!(alarms <= 0.1, "{}: {alarms}", family.name);
        sum += alarms / 5.0;
    }
    assert_eq!(FAMILIES.len(), 5);
    assert!(sum <= 0.05, "{sum}");
}

/// Of each kind by the median, and by p95 where that takes no more than some ten thousand requests.
#[test]
fn a_shift_by_5_percent_is_found() {
    const REQUESTS_MAX: u32 = 20_000;
    for family in FAMILIES {
        for (quantile, requests) in [0.5, 0.95].into_iter().zip(family.finds) {
            if quantile > 0.9 && !(1..=REQUESTS_MAX).contains(&requests) {
                continue;
            }
            let trials = if REQUESTS_MAX < requests { 10 } else { 20 };
            let (found, _) = family.claims(trials, requests, 1.05, quantile);
            assert!(0.9 <= found, "{} by {quantile}: {found}", family.name);
        }
    }
    let plain = &FAMILIES[0];
    let seen = plain.compared(1, plain.finds[1], 0.9, 0.95);
    assert_eq!(seen.verdict, Verdict::Better, "{}", seen.reason);
}

#[test]
fn of_few_requests_what_lies_far_apart_is_told_and_nothing_else() {
    let (mut all, mut families) = (0.0, 0.0);
    for family in FAMILIES {
        let (alarms, had_interval) = family.claims(TRIALS, 150, 1.0, 0.95);
        assert!(had_interval <= 0.1, "{}: of so few there is hardly one", family.name);
        all += alarms;
        families += 1.0;
    }
    assert!(all / families <= 0.05, "{} of all pairs", all / families);
    let seen = FAMILIES[0].compared(1, 150, 0.02, 0.95);
    assert_eq!(seen.verdict, Verdict::Better, "{}", seen.reason);
    assert!(seen.reason.contains("it surely fell by 9"), "{}", seen.reason);
    let seen = FAMILIES[0].compared(2, 150, 50.0, 0.95);
    assert_eq!(seen.verdict, Verdict::Worse, "{}", seen.reason);
    let seen = FAMILIES[0].compared(1, 150, 0.9, 0.95);
    assert!(matches!(seen.verdict, Verdict::CannotTell { more: Some(_) }), "{}", seen.reason);
}

fn side(routes: &[(&str, usize, u64)], seed: u64) -> Side {
    let mut random = Random::new(seed);
    let mut requests = Vec::new();
    for (route, (_, count, millis)) in (0_u32..).zip(routes) {
        requests.extend((0..*count).map(|_| Request {
            start_nanos: random.bits() >> 30,
            took_nanos: millis * 1_000_000 + random.bits() % 1_000_000,
            route,
            failed: false,
        }));
    }
    let routes = routes.iter().map(|(name, ..)| (*name).to_owned()).collect();
    Side { routes, requests, ..Side::default() }
}

#[test]
fn another_mix_of_routes_is_no_difference() {
    let before = side(&[("/list", 8_000, 10), ("/report", 2_000, 100)], 1);
    let after = side(&[("/report", 8_000, 100), ("/list", 2_000, 10)], 2);
    let seen = compare(&before, &after, &Question::default());
    assert_eq!(seen.verdict, Verdict::NoDifference, "{}", seen.reason);
    assert!(seen.notes.iter().any(|note| note.contains("mix of routes differs by 60 %")));
    assert_eq!(seen.routes.len(), 2);
    assert_eq!((seen.routes[0].route.as_str(), seen.routes[0].counts), ("/list", (8_000, 2_000)));
}

#[test]
fn what_one_side_has_alone_is_left_out_and_said() {
    let before = side(&[("/list", 3_000, 10), ("/old", 1_000, 500)], 1);
    let after = side(&[("/list", 3_000, 10), ("/new", 1_000, 1)], 2);
    let seen = compare(&before, &after, &Question::default());
    assert_eq!((seen.before.alone, seen.after.alone), (1_000, 1_000));
    assert_eq!(seen.verdict, Verdict::NoDifference, "{}", seen.reason);
    let strangers = compare(&before, &side(&[("/new", 500, 1)], 3), &Question::default());
    assert_eq!(strangers.verdict, Verdict::CannotTell { more: None });
    assert_eq!(strangers.reason, "there is no route with answers on both sides");
}

#[test]
fn errors_outweigh_speed() {
    let before = side(&[("/", 4_000, 100)], 1);
    let mut after = side(&[("/", 4_000, 50)], 2);
    for request in after.requests.iter_mut().step_by(20) {
        request.failed = true;
    }
    let seen = compare(&before, &after, &Question::default());
    assert_eq!(seen.verdict, Verdict::Worse);
    assert_eq!(seen.reason, "errors rose from 0.00 % to 5.00 %");
    let back = compare(&after, &before, &Question::default());
    assert_eq!(back.verdict, Verdict::Worse, "it is slower: {}", back.reason);
}

/// An hour of a server: 20,000 of its 5,000,000 requests, one in so many failed, and all of a slow job of its first minute.
fn part_of_an_hour(seed: u64, fails: usize, job_fails: bool) -> Side {
    let mut random = Random::new(seed);
    let mut one = |start_millis: usize, millis: u64, route: u32, failed: bool| Request {
        start_nanos: start_millis as u64 * 1_000_000,
        took_nanos: millis * 1_000_000 + random.bits() % 1_000_000,
        route,
        failed,
    };
    let mut requests: Vec<Request> =
        (0..20_000_usize).map(|at| one(at * 180, 50, 0, at.is_multiple_of(fails))).collect();
    requests.extend((0..1_000).map(|at| one(at * 60, 500, 1, job_fails)));
    let routes = vec!["/".to_owned(), "/job".to_owned()];
    Side { routes, in_all: vec![5_000_000, 1_000], requests }
}

#[test]
fn a_seldom_route_of_which_more_is_given_makes_no_warm_up_and_no_drift() {
    let (before, after) = (part_of_an_hour(1, 1_000, false), part_of_an_hour(2, 1_000, false));
    let seen = compare(&before, &after, &Question::default());
    assert_eq!((seen.before.warm_up, seen.after.warm_up), (0, 0));
    assert!(!seen.notes.iter().any(|note| note.contains("drift")), "{:?}", seen.notes);
    assert_eq!(seen.verdict, Verdict::NoDifference, "{}", seen.reason);
    let shares: Vec<(&str, bool)> =
        seen.routes.iter().map(|it| (it.route.as_str(), it.share < 0.000_3)).collect();
    assert_eq!(shares, [("/", false), ("/job", true)]);
}

#[test]
fn errors_of_a_seldom_route_hide_none_of_the_others() {
    let (before, after) = (part_of_an_hour(1, 1_000, true), part_of_an_hour(2, 333, true));
    let seen = compare(&before, &after, &Question::default());
    assert_eq!(seen.verdict, Verdict::Worse, "{}: {:?}", seen.reason, seen.errors);
    assert!(seen.reason.starts_with("errors rose from 0.12 % to 0.3"), "{}", seen.reason);
}

/// A slow route that fails each time on one side has no latency there: those of the other side are no part of the comparison.
#[test]
fn a_route_that_failed_each_time_is_compared_by_its_errors_alone() {
    let routes = [("/list", 3_000, 10), ("/report", 1_000, 500)];
    let mut before = side(&routes, 1);
    for request in before.requests.iter_mut().filter(|request| request.route == 1) {
        request.failed = true;
    }
    let after = side(&routes, 2);
    let seen = compare(&before, &after, &Question { matters: 0.1, ..Question::default() });
    assert_eq!(seen.verdict, Verdict::Better, "{}", seen.reason);
    assert!(seen.reason.starts_with("errors fell from 25.00 % to 0.00 %"), "{}", seen.reason);
    assert_eq!((seen.before.compared, seen.after.compared), (3_000, 3_000));
    let p95 = seen.quantiles.iter().find(|change| (change.quantile - 0.95).abs() < 1e-9).unwrap();
    assert!(p95.ratio().abs() < 0.1, "{p95:?}");
    let told = "before: 1 of 2 routes failed each time";
    assert!(seen.notes.iter().any(|note| note.starts_with(told)), "{:?}", seen.notes);
    let back = compare(&after, &before, &Question::default());
    assert_eq!(back.verdict, Verdict::Worse);
    assert!(back.notes.iter().any(|note| note.starts_with("after: 1 of 2")), "{:?}", back.notes);
}

/// Whole milliseconds in a CSV: what took less is written as 0.
#[test]
fn from_no_time_at_all_to_some_is_no_standstill() {
    let mut nothing = side(&[("/", 2_000, 0)], 1);
    for request in &mut nothing.requests {
        request.took_nanos = 0;
    }
    let some = side(&[("/", 2_000, 5)], 2);
    let seen = compare(&nothing, &some, &Question::default());
    assert_eq!(seen.verdict, Verdict::Worse, "{}", seen.reason);
    let back = compare(&some, &nothing, &Question::default());
    assert_eq!(back.verdict, Verdict::Better, "{}", back.reason);
    let same = compare(&nothing, &nothing, &Question::default());
    assert_eq!(same.verdict, Verdict::NoDifference, "{}", same.reason);
}

#[test]
fn too_few_say_how_many_more() {
    let (before, after) = (side(&[("/", 30, 100)], 1), side(&[("/", 30, 50)], 2));
    let seen = compare(&before, &after, &Question::default());
    assert_eq!(seen.verdict, Verdict::CannotTell { more: Some(130) }, "{}", seen.reason);
    let course =
        "before, after: neither warm-up nor drift can be told of fewer than 600 answered requests";
    assert!(seen.notes.iter().any(|note| note == course), "{:?}", seen.notes);
    let many = compare(&side(&[("/", 600, 100)], 1), &after, &Question::default());
    assert!(many.notes.iter().any(|note| note.starts_with("after: neither")), "{:?}", many.notes);
    let none = compare(&Side::default(), &after, &Question::default());
    assert_eq!(none.verdict, Verdict::CannotTell { more: None });
    assert_eq!(none.reason, "a side has no requests");
}

#[test]
fn as_many_more_as_it_asks_for_are_enough() {
    let plain = &FAMILIES[0];
    let mut told = 0;
    for seed in 0..10 {
        let Verdict::CannotTell { more: Some(more) } =
            plain.compared(seed, 1_000, 1.06, 0.95).verdict
        else {
            continue;
        };
        let more = u32::try_from(more).unwrap().min(60_000);
        let again = plain.compared(seed + 100, 1_000 + more, 1.06, 0.95).verdict;
        told += i32::from(!matches!(again, Verdict::CannotTell { .. }));
        told -= i32::from(matches!(again, Verdict::CannotTell { .. }));
    }
    assert!(told > 0, "{told}");
}

#[test]
fn the_beginning_is_left_out_where_it_is_colder() {
    let plain = &FAMILIES[0];
    let mut random = Random::new(4);
    let before = plain.side(&mut random, 9_000, 1.0);
    let mut after = plain.side(&mut random, 9_000, 1.0);
    for request in after.requests.iter_mut().take(1_500) {
        request.took_nanos *= 3;
    }
    let seen = compare(&before, &after, &Question { matters: 0.08, ..Question::default() });
    assert_eq!((seen.before.warm_up, seen.after.warm_up), (0, 1_500));
    assert_eq!(seen.verdict, Verdict::NoDifference, "{}", seen.reason);
}

#[test]
fn the_same_seed_gives_the_same_intervals() {
    let plain = &FAMILIES[0];
    assert_eq!(plain.compared(3, 2_000, 1.02, 0.95), plain.compared(3, 2_000, 1.02, 0.95));
}
