//! Limits by key, tier and cost, counted by one gateway or by several through a real Redis; and Redis killed, held up and
//! back.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use model::Moment;
use proptest::{prelude::*, test_runner::TestRunner};
use ring::hmac;
use serde_json::Value;
use testkit::Redis;
use traffic::{
    limit::{
        Algorithm, Away, Count, LimitKey, LimitRule, Quota, Tells, Tier, TierBy, Tiers,
        shared::{HEAD_NUMBERS, SCRIPT, verdict, words},
    },
    plan::{PathRule, Plan, Route},
    redis::RedisSettings,
    token::{Signing, TokenKey, TokenPlace, Tokens},
};

use crate::{
    admin::body,
    kit::{Origin, Path, Running, ask, eventually, get, ok, plan, start, status},
};

const WAYS: [Algorithm; 4] =
    [Algorithm::FixedWindow, Algorithm::SlidingLog, Algorithm::SlidingWindow, Algorithm::Bucket];

fn quota(requests: u32, window: Duration) -> Quota {
    Quota::new(NonZeroU32::new(requests).expect("not zero"), window)
}

/// A plan whose one route is limited so.
fn limited(origin: &Origin, rule: LimitRule) -> Plan {
    let mut plan = plan(&[origin.address]);
    plan.routes[0].limit = Some(rule);
    plan
}

/// The same, through Redis.
fn together(origin: &Origin, redis: &Redis, rule: LimitRule) -> Plan {
    // Longer than on any machine that is not broken: what is tested is not how quick it is.
    let timeout = Duration::from_secs(5);
    let settings = RedisSettings { timeout, ..RedisSettings::new(redis.url()) };
    Plan { redis: Some(settings), ..limited(origin, rule) }
}

fn is_up(gateway: &Running) -> bool {
    gateway.metric("taut_gateway_redis_connections") > 0.0
}

fn with_header(gateway: &Running, line: &str) -> String {
    ask(
        gateway.address,
        &format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{line}\r\n\r\n"),
    )
}

fn line<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// What the script says, at a moment that is made up.
fn by_script(
    connection: &mut ::redis::Connection,
    key: &str,
    (way, quota, cost): (Algorithm, &Quota, u32),
    micros: u64,
) -> traffic::limit::Verdict {
    let mut call = ::redis::cmd("EVAL");
    call.arg(SCRIPT).arg(1).arg(key).arg(micros / 1_000_000).arg(micros % 1_000_000);
    for word in words(way, quota, cost) {
        call.arg(word);
    }
    let numbers: Vec<i64> = call.query(connection).expect("the script runs");
    let now = Moment { nanos: micros * 1_000 };
    verdict(way, quota, cost, &numbers[HEAD_NUMBERS..], now).expect("five numbers")
}

#[test]
fn redis_decides_and_says_what_a_gateway_alone_would() {
    let server = Redis::start();
    let client = ::redis::Client::open(server.url()).unwrap();
    let connection = RefCell::new(client.get_connection().unwrap());
    let cases = (
        1_u32..12,
        prop_oneof![Just(1_000_u64), Just(999_983), Just(60_000_000), Just(7_000)],
        prop::option::of(1_u32..20),
        prop::collection::vec((0_u64..600, 1_u32..4), 1..40),
    );
    let number = Cell::new(0);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) };
    TestRunner::new(config)
        .run(&cases, |(requests, window_micros, burst, arrivals)| {
            for way in WAYS {
                number.set(number.get() + 1);
                let key = format!("case:{}", number.get());
                let burst = burst.filter(|_| way == Algorithm::Bucket).and_then(NonZeroU32::new);
                let quota =
                    Quota { burst, ..quota(requests, Duration::from_micros(window_micros)) };
                let mut here = Count::new(way);
                let mut micros = 1_790_000_000_123_456;
                for (pause, cost) in &arrivals {
                    // Pauses of up to two thirds of a window, so that windows end in between.
                    micros += pause * window_micros / 900;
                    let now = Moment { nanos: micros * 1_000 };
                    let expected = here.take(&quota, *cost, now);
                    let said = {
                        let connection = &mut connection.borrow_mut();
                        by_script(connection, &key, (way, &quota, *cost), micros)
                    };
                    prop_assert_eq!(said, expected, "{:?} {:?}", way, quota);
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn at_the_boundary_only_the_fixed_window_lets_twice_as_many_through() {
    let server = Redis::start();
    let client = ::redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let minute = Duration::from_mins(1);
    let quota = quota(100, minute);
    let boundary = 1_790_000_000_000_000_u64.next_multiple_of(60_000_000);
    let let_in = WAYS.map(|way| {
        // 150 within half a second before, 150 within half a second after.
        let before = (0..150).map(|step| boundary - 500_000 + step * 3_000);
        let after = (0..150).map(|step| boundary + step * 3_000);
        before
            .chain(after)
            .filter(|micros| {
                let key = format!("edge:{way:?}");
                by_script(&mut connection, &key, (way, &quota, 1), *micros).allowed
            })
            .count()
    });
    // Within that second the bucket fills by one, and so does what weighs of the last window.
    assert_eq!(let_in, [200, 100, 100, 101]);
}

#[test]
fn eight_gateways_let_in_what_one_would() {
    const LIMIT: u32 = 300;
    let (server, origin) = (Redis::start(), Origin::start(|_| ok("")));
    for way in WAYS {
        let rule = LimitRule {
            name: Some(way.name().to_owned()),
            algorithm: way,
            shared: Some(Away::Refuse),
            ..LimitRule::new(quota(LIMIT, Duration::from_hours(24)))
        };
        let gateways: Vec<Running> =
            (0..8).map(|_| start(together(&origin, &server, rule.clone()))).collect();
        for gateway in &gateways {
            eventually("connected", || is_up(gateway));
        }
        let let_in = Arc::new(AtomicUsize::new(0));
        thread::scope(|scope| {
            for gateway in &gateways {
                for _ in 0..2 {
                    let let_in = Arc::clone(&let_in);
                    scope.spawn(move || {
                        let requests = "GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(39)
                            + "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
                        let answers = ask(gateway.address, &requests);
                        let good = answers.matches("HTTP/1.1 200").count();
                        let_in.fetch_add(good, Ordering::Relaxed);
                    });
                }
            }
        });
        let let_in = let_in.load(Ordering::Relaxed);
        // 640 asked. Not one more than the limit: the bucket fills by one in five minutes.
        assert!((300..=301).contains(&let_in), "{way:?}: {let_in}");
    }
}

#[test]
fn redis_killed_under_load_and_back_costs_no_answer() {
    let (mut server, origin) = (Redis::start(), Origin::start(|_| ok("")));
    let rule = LimitRule {
        shared: Some(Away::Local),
        ..LimitRule::new(quota(1_000_000, Duration::from_hours(1)))
    };
    let gateway = start(together(&origin, &server, rule));
    eventually("connected", || is_up(&gateway));
    let stop = std::sync::atomic::AtomicBool::new(false);
    let good = AtomicUsize::new(0);
    let (address, stopped) = (gateway.address, &stop);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stopped.load(Ordering::Relaxed) {
                    let answer = get(address, "/");
                    assert_eq!(status(&answer), "200", "{answer}");
                    good.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let goes_on = |what: &str| {
            let before = good.load(Ordering::Relaxed);
            eventually(what, || before + 40 < good.load(Ordering::Relaxed));
        };
        goes_on("with Redis");
        server.kill();
        goes_on("without Redis");
        eventually("told", || !is_up(&gateway));
        assert!(gateway.page("/ready").contains("\"status\": \"down\""));
        assert!(gateway.metric("taut_gateway_redis_requests_total{outcome=\"spared\"}") > 0.0);
        server.start_again();
        eventually("back", || is_up(&gateway));
        goes_on("with Redis again");
        stop.store(true, Ordering::Relaxed);
    });
    assert!(gateway.metric("taut_gateway_redis_connected_total") >= 2.0);
    assert_eq!(status(&gateway.page("/ready")), "200");
}

#[test]
fn a_redis_that_hangs_costs_little_and_then_nothing() {
    let (server, origin) = (Redis::start(), Origin::start(|_| ok("")));
    let rule = LimitRule {
        shared: Some(Away::Allow),
        ..LimitRule::new(quota(1_000_000, Duration::from_hours(1)))
    };
    let mut plan = together(&origin, &server, rule);
    plan.redis.as_mut().unwrap().timeout = Duration::from_millis(50);
    let gateway = start(plan);
    eventually("connected", || is_up(&gateway));
    server.pause();
    let answers: Vec<String> = (0..20).map(|_| get(gateway.address, "/")).collect();
    assert!(answers.iter().all(|answer| status(answer) == "200"));
    // Three waited in vain; from then on nobody does.
    eventually("given up", || !is_up(&gateway));
    let late = gateway.metric("taut_gateway_redis_requests_total{outcome=\"late\"}");
    assert!((1.0..=8.0).contains(&late), "{late}");
    let before = gateway.metric("taut_gateway_redis_requests_total{outcome=\"spared\"}");
    assert!(line(&get(gateway.address, "/"), "ratelimit").is_none());
    let after = gateway.metric("taut_gateway_redis_requests_total{outcome=\"spared\"}");
    assert!(before < after);
    server.go_on();
    eventually("back", || is_up(&gateway));
    eventually("counted", || line(&get(gateway.address, "/"), "ratelimit").is_some());
}

#[test]
fn while_redis_is_away_what_the_settings_say_holds() {
    let origin = Origin::start(|_| ok(""));
    let (mut server, mut told) = (Redis::start(), Vec::new());
    server.kill();
    for away in [Away::Allow, Away::Refuse, Away::Local] {
        let rule =
            LimitRule { shared: Some(away), ..LimitRule::new(quota(4, Duration::from_hours(1))) };
        let mut plan = together(&origin, &server, rule);
        // Two gateways share: each lets in half.
        plan.redis.as_mut().unwrap().gateways = NonZeroU32::new(2).unwrap();
        let gateway = start(plan);
        let statuses: Vec<String> =
            (0..4).map(|_| status(&get(gateway.address, "/")).to_owned()).collect();
        let page = gateway.page("/ready");
        assert_eq!(page.contains("a limit refuses requests without it"), away == Away::Refuse);
        let ready = status(&page).to_owned();
        told.push((statuses.join(" "), ready));
    }
    let told: Vec<(&str, &str)> = told.iter().map(|(all, ready)| (&**all, &**ready)).collect();
    assert_eq!(
        told,
        [("200 200 200 200", "200"), ("503 503 503 503", "503"), ("200 200 429 429", "200"),]
    );
}

#[test]
fn scripts_that_somebody_flushed_are_sent_again() {
    let (server, origin) = (Redis::start(), Origin::start(|_| ok("")));
    let rule = LimitRule {
        shared: Some(Away::Refuse),
        ..LimitRule::new(quota(10, Duration::from_hours(1)))
    };
    let gateway = start(together(&origin, &server, rule));
    eventually("connected", || is_up(&gateway));
    assert_eq!(status(&get(gateway.address, "/")), "200");
    assert!(server.say("SCRIPT FLUSH").starts_with("+OK"));
    let answer = get(gateway.address, "/");
    assert_eq!(
        (status(&answer), line(&answer, "ratelimit-policy")),
        ("200", Some("\"default\";q=10;w=3600"))
    );
    // What is counted ends by itself.
    let keys = server.say("KEYS taut:limit:*");
    let key = keys.lines().find(|line| line.starts_with("taut:limit:")).expect("a count");
    assert!(!key.contains("127.0.0.1") && !server.say(&format!("PTTL {key}")).starts_with(":-"));
}

/// The limit of tiers that is sold in many places.
fn tiers(by: TierBy) -> LimitRule {
    let tier = |name: &str, requests| Tier {
        name: name.to_owned(),
        quota: quota(requests, Duration::from_hours(1)),
    };
    LimitRule {
        tiers: Tiers { of: vec![tier("premium", 3), tier("enterprise", 5)], by },
        ..LimitRule::new(quota(1, Duration::from_hours(1)))
    }
}

/// How many of these requests are let in.
fn let_in(gateway: &Running, header: &str) -> usize {
    (0..8).filter(|_| status(&with_header(gateway, header)) == "200").count()
}

#[test]
fn a_plan_gives_its_keys_more_and_keys_of_no_plan_are_none() {
    let origin = Origin::start(|_| ok(""));
    let plans = BTreeMap::from([(b"good".to_vec(), 1), (b"best".to_vec(), 2)]);
    let rule = LimitRule {
        key: LimitKey::Header("x-api-key".parse().unwrap()),
        tells: Tells::Both,
        ..tiers(TierBy::Plans(Arc::new(plans)))
    };
    let gateway = start(limited(&origin, rule));
    let answer = with_header(&gateway, "x-api-key: best");
    assert_eq!(line(&answer, "ratelimit-policy"), Some("\"enterprise\";q=5;w=3600"));
    assert_eq!(line(&answer, "x-ratelimit-limit"), Some("5"));
    assert_eq!(line(&answer, "x-ratelimit-remaining"), Some("4"));
    assert!(line(&answer, "x-ratelimit-reset").is_some());
    assert_eq!(let_in(&gateway, "x-api-key: best"), 4);
    assert_eq!(let_in(&gateway, "x-api-key: good"), 3);
    // Made up keys share what their address has.
    let made_up = (0..8).filter(|number| {
        status(&with_header(&gateway, &format!("x-api-key: made-up-{number}"))) == "200"
    });
    assert_eq!(made_up.count(), 1);
}

/// A token that is signed with HS256.
fn token(secret: &[u8], head: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
    let mark = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mark))
}

#[test]
fn a_token_counts_once_it_is_verified_on_either_way_through() {
    const SECRET: &[u8] = b"a secret of more than thirty-two bytes";
    let origin = Origin::start(|_| ok(""));
    let rule = LimitRule {
        key: LimitKey::Claim("sub".to_owned()),
        ..tiers(TierBy::Claim("plan".to_owned()))
    };
    let tokens = Tokens {
        keys: vec![TokenKey::new(Signing::Hs256, None, SECRET).unwrap()],
        place: TokenPlace::Authorization,
        issuer: None,
        audience: None,
        leeway: Duration::ZERO,
    };
    for path in Path::BOTH {
        let plan =
            Plan { tokens: Some(Arc::new(tokens.clone())), ..limited(&origin, rule.clone()) };
        let gateway = start(plan);
        let head = r#"{"alg":"HS256","typ":"JWT"}"#;
        let of = |sub: &str, secret: &[u8]| {
            let claims = format!(r#"{{"sub":"{sub}","plan":"enterprise","exp":4102444800}}"#);
            token(secret, head, &claims)
        };
        let count = |token: &str| {
            let line = format!("{}authorization: Bearer {token}", path.line());
            let all = (0..8).map(|_| with_header(&gateway, &line));
            all.filter(|answer| status(answer) == "200").count()
        };
        assert_eq!(count(&of("one", SECRET)), 5, "{path:?}");
        assert_eq!(count(&of("two", SECRET)), 5, "{path:?}");
        // Signed by somebody else, by nobody, or over: who has it is known by address, and has no tier.
        assert_eq!(count(&of("three", b"another secret of thirty-two bytes and more")), 1);
        let unsigned = of("four", SECRET);
        let unsigned = unsigned.rsplit_once('.').unwrap().0;
        assert_eq!(count(&format!("{unsigned}.")), 0);
        assert_eq!(count(&token(SECRET, head, r#"{"sub":"five","plan":"enterprise","exp":1}"#)), 0);
    }
}

#[test]
fn routes_of_one_limit_are_counted_together_each_at_its_cost() {
    let origin = Origin::start(|_| ok(""));
    let rule = LimitRule {
        name: Some("all".to_owned()),
        ..LimitRule::new(quota(10, Duration::from_hours(1)))
    };
    let mut plan = plan(&[origin.address]);
    let dear = LimitRule { cost: NonZeroU32::new(4).unwrap(), ..rule.clone() };
    plan.routes = vec![
        Route {
            paths: vec![PathRule::parse("/report").unwrap()],
            limit: Some(dear),
            ..Route::to("report", 0)
        },
        Route { limit: Some(rule), ..Route::to("rest", 0) },
    ];
    let gateway = start(plan);
    let left = |path: &str| {
        let answer = get(gateway.address, path);
        (
            status(&answer).to_owned(),
            line(&answer, "ratelimit").unwrap().split(';').nth(1).unwrap().to_owned(),
        )
    };
    let told: Vec<(String, String)> =
        ["/report", "/a", "/report", "/report", "/a", "/a"].iter().map(|path| left(path)).collect();
    let told: Vec<String> = told.iter().map(|(status, left)| format!("{status} {left}")).collect();
    assert_eq!(told, ["200 r=6", "200 r=5", "200 r=1", "429 r=1", "200 r=0", "429 r=0"]);
}

#[test]
fn a_dry_run_only_counts() {
    let origin = Origin::start(|_| ok(""));
    let rule = LimitRule { dry_run: true, ..LimitRule::new(quota(2, Duration::from_hours(1))) };
    let gateway = start(limited(&origin, rule));
    for path in Path::BOTH {
        for _ in 0..3 {
            let line = format!("{}x: y", path.line());
            assert_eq!(status(&with_header(&gateway, &line)), "200");
        }
    }
    let counted = |outcome: &str| {
        gateway.metric(&format!(
            "taut_gateway_limit_requests_total{{http_route=\"all\",outcome=\"{outcome}\"}}"
        ))
    };
    assert!((counted("let-in") - 2.0).abs() < 1e-9);
    assert!((counted("over-dry-run") - 4.0).abs() < 1e-9);
    assert!(counted("refused").abs() < 1e-9);
    let told: Value = serde_json::from_str(body(&gateway.page("/limits"))).expect("JSON");
    assert_eq!((&told["all"]["over_dry_run"], &told["all"]["refused"]), (&4.into(), &0.into()));
}
