//! Canaries held against simulated versions: good ones, bad ones, and such as nobody can tell apart.

use traffic::Dice;

use super::*;

const START: u64 = 1_700_000_000_000_000_000;

fn rule() -> CanaryRule {
    CanaryRule {
        steps: vec![0.1, 0.5],
        every: Duration::from_mins(1),
        requests_min: 100,
        sticky: Sticky::Request,
        ..CanaryRule::to(1)
    }
}

/// How a version behaves: its median in milliseconds, and the share of its requests that fail.
type Behaves = (f64, f64);

/// Lets two versions answer fifty requests a second for so many minutes, and tells what happened.
fn simulate(
    rule: CanaryRule,
    old: Behaves,
    new: Behaves,
    minutes: u64,
    seed: u64,
) -> Vec<CanaryNews> {
    let start = Moment { nanos: START };
    let canary = Canary::new(rule, ("api", "one", "two"), &[], start);
    let mut dice = Dice::new(seed);
    let mut news = Vec::new();
    for request in 0..minutes * 60 * 50 {
        let now = start + Duration::from_millis(request * 20);
        let drawn = canary.draw(([127, 0, 0, 1]).into(), &HeaderMap::new(), dice.share());
        let (median, failing) = if drawn.version == Version::New { new } else { old };
        // Log-normal, from the sum of twelve: tails as services have them.
        let normal = (0..12).map(|_| dice.share()).sum::<f64>() - 6.0;
        let took = Duration::from_secs_f64(median / 1e3 * (normal * 0.5).exp());
        canary.record(drawn, took, dice.share() < failing, now);
        if request % 25 == 0 {
            news.extend(canary.turn(now));
        }
    }
    news
}

fn stages(news: &[CanaryNews]) -> Vec<(&'static str, f64)> {
    news.iter().map(|news| (news.stage, news.share)).collect()
}

#[test]
fn a_good_version_gets_everything_step_by_step() {
    for seed in 0..5 {
        let news = simulate(rule(), (20.0, 0.001), (12.0, 0.001), 12, seed);
        let mut stages = stages(&news);
        // It may have to wait until there is enough to tell; that costs time and nothing else.
        stages.retain(|(stage, _)| *stage != "held");
        assert_eq!(stages, [("going", 0.5), ("done", 1.0)], "{seed}: {news:#?}");
    }
}

#[test]
fn a_bad_version_is_taken_back_before_its_step_ends() {
    for seed in 0..5 {
        for new in [(60.0, 0.001), (20.0, 0.2)] {
            let news = simulate(rule(), (20.0, 0.001), new, 6, seed);
            assert_eq!(stages(&news), [("reverted", 0.0)], "{seed}: {news:#?}");
            let took = news[0].time.since(Moment { nanos: START });
            assert!(took < Duration::from_mins(2), "{seed}: after {took:?}");
        }
    }
}

#[test]
fn an_unclear_version_is_held_at_its_share() {
    // Its latency is within the noise of so few requests, and they decide by a percent.
    let rule = CanaryRule { matters: 0.01, ..rule() };
    let news = simulate(rule, (20.0, 0.001), (20.0, 0.001), 3, 7);
    assert_eq!(stages(&news), [("held", 0.1)], "{news:#?}");
    assert!(news[0].why.contains("cannot tell"), "{}", news[0].why);
}

#[test]
fn the_same_version_twice_is_hardly_ever_taken_back() {
    let reverted = (0..40)
        .filter(|seed| {
            let news = simulate(rule(), (20.0, 0.005), (20.0, 0.005), 4, 1_000 + seed);
            news.iter().any(|news| news.stage == "reverted")
        })
        .count();
    assert!(reverted <= 3, "{reverted} of 40");
}

#[test]
fn it_goes_on_where_it_stood_and_orders_are_obeyed() {
    let now = Moment { nanos: START };
    let stood = CanaryStands {
        route: "api".to_owned(),
        new: "two".to_owned(),
        stage: "reverted".to_owned(),
        step: 0,
    };
    let canary = Canary::new(rule(), ("api", "one", "two"), &[stood], now);
    assert!(canary.share().abs() < 1e-9);
    let order = |word| canary.ordered(word, now).map(|news| (news.stage, news.share));
    assert_eq!(order("step"), Some(("going", 0.1)));
    assert_eq!(order("step"), Some(("going", 0.5)));
    assert_eq!(order("hold"), Some(("held", 0.5)));
    assert_eq!(order("finish"), Some(("done", 1.0)));
    assert_eq!(order("revert"), Some(("reverted", 0.0)));
    assert_eq!(order("dance"), None);
}

#[test]
fn a_version_that_was_taken_back_stays_so_when_its_rule_is_changed() {
    let now = Moment { nanos: START };
    let stood = |stage: &str, step| CanaryStands {
        route: "api".to_owned(),
        new: "two".to_owned(),
        stage: stage.to_owned(),
        step,
    };
    let canaries = Canaries::default();
    let told = Arc::new(AtomicU64::new(0));
    let counts = Arc::clone(&told);
    let listener = Box::new(move |_: &CanaryNews| {
        counts.fetch_add(1, Ordering::Relaxed);
    });
    canaries.keep(vec![stood("going", 1)], listener);
    let known = lock(&canaries.stood).clone();
    let canary = Canary::new(rule(), ("api", "one", "two"), &known, now);
    assert!((canary.share() - 0.5).abs() < 1e-9);
    canaries.tell(canary.ordered("revert", now).expect("it is known"));
    let changed = CanaryRule { every: Duration::from_mins(5), ..rule() };
    let again = Canary::new(changed, ("api", "one", "two"), &lock(&canaries.stood), now);
    assert!(again.share().abs() < 1e-9, "it was taken back, by an order");
    assert_eq!(told.load(Ordering::Relaxed), 1);
}

#[test]
fn what_is_kept_has_a_bound() {
    let mut sampled = Sampled::default();
    let one = |start_nanos| Request { start_nanos, took_nanos: 1, route: 0, failed: false };
    (0..50_000).for_each(|start| sampled.add(one(start)));
    assert_eq!((sampled.count, sampled.requests.len()), (50_000, SAMPLES_MAX));
    assert!(sampled.requests.iter().all(|request| 30_000 <= request.start_nanos));
}
