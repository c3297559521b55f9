//! Answers that gateways share through a real Redis: asked for once for all of them, forgotten by all of them, and never
//! wrong when Redis is killed.

use std::{
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use testkit::Redis;
use traffic::{
    cache::{CacheRule, Template},
    plan::{PathRule, Plan, Route},
    redis::RedisSettings,
};

use crate::kit::{Origin, Running, answer, ask, counting, eventually, get, plan, start, status};

fn rule(ttl: Duration) -> CacheRule {
    CacheRule {
        ttl: Some(ttl),
        shared: true,
        early: 0.0,
        tags: vec![Template::parse("item-{2}").expect("a template")],
        ..CacheRule::default()
    }
}

fn hour() -> CacheRule {
    rule(Duration::from_hours(1))
}

fn with(rule: CacheRule, origin: &Origin, redis: &Redis) -> Plan {
    let mut plan = plan(&[origin.address]);
    let changes = Route {
        methods: vec!["POST".parse().expect("a method")],
        paths: vec![PathRule::parse("/write/*").expect("a path")],
        forgets: vec![Template::parse("item-{2}").expect("a template")],
        ..Route::to("changes", 0)
    };
    plan.routes = vec![changes, Route { cache: Some(rule), ..Route::to("all", 0) }];
    plan.admin_token = Some(traffic::plan::Secret("sesame".to_owned()));
    // Longer than on any machine that is not broken: what is tested is not how quick it is.
    plan.redis =
        Some(RedisSettings { timeout: Duration::from_secs(5), ..RedisSettings::new(redis.url()) });
    plan
}

fn up(plan: Plan) -> Running {
    let gateway = start(plan);
    eventually("connected", || {
        gateway.told("/metrics").contains("taut_gateway_redis_connections 1")
    });
    gateway
}

fn cache_status(answer: &str) -> &str {
    answer.lines().find_map(|line| line.strip_prefix("cache-status: ")).unwrap_or_default()
}

/// Waits until an answer has come to Redis.
fn in_redis(redis: &Redis, count: usize) {
    let is_there = || redis.say("ZCARD taut:cache-ends").trim_end() == format!(":{count}");
    eventually("shared", is_there);
}

#[test]
fn what_one_gateway_asked_for_another_finds() {
    let (redis, origin) = (Redis::start(), counting("etag: \"1\"\r\n"));
    let (one, two) = (up(with(hour(), &origin, &redis)), up(with(hour(), &origin, &redis)));
    assert!(get(one.address, "/items/1").ends_with("answer 0"));
    in_redis(&redis, 1);
    let found = get(two.address, "/items/1");
    assert!(found.ends_with("answer 0"), "{found}");
    assert!(cache_status(&found).starts_with("taut; hit; ttl=3"), "{found}");
    assert!(cache_status(&found).ends_with("detail=shared"), "{found}");
    // From now on it has it itself.
    eventually("stored", || !cache_status(&get(two.address, "/items/1")).contains("shared"));
    assert_eq!(origin.seen().len(), 1);
    let line = "taut_gateway_cache_requests_total{http_route=\"all\",result=\"shared\"} 1";
    assert!(two.told("/metrics").contains(line));
    // And one that starts anew has it as well.
    let three = up(with(hour(), &origin, &redis));
    assert!(get(three.address, "/items/1").ends_with("answer 0"));
    assert_eq!(origin.seen().len(), 1);
}

#[test]
fn answers_that_vary_are_told_apart() {
    let redis = Redis::start();
    let origin = Origin::start(|request| {
        let language = request.lines().find_map(|line| line.strip_prefix("accept-language: "));
        answer("vary: accept-language\r\n", language.unwrap_or("none"))
    });
    let (one, two) = (up(with(hour(), &origin, &redis)), up(with(hour(), &origin, &redis)));
    let asked = |gateway: &Running, language: &str| {
        let head = format!(
            "GET /a HTTP/1.1\r\nhost: a\r\naccept-language: {language}\r\nconnection: close\r\n\r\n"
        );
        ask(gateway.address, &head)
    };
    for language in ["de", "fr"] {
        assert!(asked(&one, language).ends_with(language));
    }
    // Two answers, and by what they are told apart.
    in_redis(&redis, 3);
    for language in ["fr", "de"] {
        let found = asked(&two, language);
        assert!(found.ends_with(language) && cache_status(&found).contains("shared"), "{found}");
    }
    assert!(asked(&two, "it").ends_with("it"));
    assert_eq!(origin.seen().len(), 3);
}

#[test]
fn a_stampede_over_two_gateways_costs_one_request() {
    let redis = Redis::start();
    let (number, slow) = (AtomicU32::new(0), Arc::new(AtomicBool::new(false)));
    let is_slow = Arc::clone(&slow);
    let origin = Origin::start(move |_| {
        if is_slow.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(700));
        }
        answer("", &format!("answer {}", number.fetch_add(1, Ordering::Relaxed)))
    });
    let short = rule(Duration::from_secs(1));
    let gateways = [up(with(short.clone(), &origin, &redis)), up(with(short, &origin, &redis))];
    // Both have it, and then it is over.
    for gateway in &gateways {
        assert!(get(gateway.address, "/items/1").ends_with("answer 0"));
        in_redis(&redis, 1);
    }
    assert_eq!(origin.seen().len(), 1);
    slow.store(true, Ordering::Relaxed);
    thread::sleep(Duration::from_millis(1_200));
    let barrier = Barrier::new(500);
    let answers: Vec<String> = thread::scope(|scope| {
        let ask = |place: usize| {
            let (barrier, gateway) = (&barrier, &gateways[place % 2]);
            move || {
                barrier.wait();
                get(gateway.address, "/items/1")
            }
        };
        let all: Vec<_> = (0..500).map(|place| scope.spawn(ask(place))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let wrong = answers.iter().find(|answer| !answer.ends_with("answer 1"));
    assert!(wrong.is_none(), "{wrong:?}");
    assert_eq!(origin.seen().len(), 2);
}

#[test]
fn of_two_gateways_one_asks_before_the_end() {
    let redis = Redis::start();
    let (number, go_on) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, may_go_on) = (Arc::clone(&number), Arc::clone(&go_on));
    // The first answer ends in ten seconds, the second in a year, and it comes when it is told to.
    let origin = Origin::start(move |_| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let told = match number {
            0 => "cache-control: max-age=3600\r\nage: 3590\r\n",
            _ => "cache-control: max-age=31536000\r\n",
        };
        thread::sleep(Duration::from_millis(20));
        eventually("told", || number == 0 || may_go_on.load(Ordering::Relaxed));
        answer(told, &format!("answer {number}"))
    });
    // As the paper has it the time that asking takes counts: so many times, ten seconds are soon and a year is not.
    let eager = CacheRule { early: 1e5, ttl: None, ..hour() };
    let (one, two) = (up(with(eager.clone(), &origin, &redis)), up(with(eager, &origin, &redis)));
    assert!(get(one.address, "/items/1").ends_with("answer 0"));
    in_redis(&redis, 1);
    assert!(get(two.address, "/items/1").ends_with("answer 0"));
    // All are answered at once, with what is fresh, while one gateway asks for both.
    for _ in 0..10 {
        for gateway in [&one, &two] {
            assert!(get(gateway.address, "/items/1").ends_with("answer 0"));
        }
    }
    eventually("asked", || 2 <= number.load(Ordering::Relaxed));
    go_on.store(true, Ordering::Relaxed);
    for gateway in [&one, &two] {
        eventually("there", || get(gateway.address, "/items/1").ends_with("answer 1"));
    }
    assert_eq!(number.load(Ordering::Relaxed), 2, "one of them asked");
}

#[test]
fn what_one_is_told_to_forget_all_forget() {
    let (redis, origin) = (Redis::start(), counting(""));
    let gateways = [up(with(hour(), &origin, &redis)), up(with(hour(), &origin, &redis))];
    let both = |path: &str| {
        let answers = gateways.each_ref().map(|gateway| get(gateway.address, path));
        answers.map(|answer| answer.rsplit_once(' ').unwrap().1.to_owned())
    };
    assert_eq!(both("/items/1"), ["0", "0"]);
    in_redis(&redis, 1);
    for (place, body) in [
        r#"{"tag": "item-1"}"#,
        r#"{"url": "/items/1"}"#,
        r#"{"prefix": "/items/"}"#,
        r#"{"route": "all"}"#,
        r#"{"all": true}"#,
    ]
    .iter()
    .enumerate()
    {
        let told = gateways[place % 2].order("/cache/purge", body);
        assert_eq!(status(&told), "200", "{told}");
        // At once for who was told; for the other as soon as it hears.
        let expected = (place + 1).to_string();
        let first = get(gateways[place % 2].address, "/items/1");
        assert!(first.ends_with(&format!("answer {expected}")), "{body}: {first}");
        eventually(body, || both("/items/1") == [expected.clone(), expected.clone()]);
    }
    assert_eq!(origin.seen().len(), 6);
}

#[test]
fn a_write_through_one_gateway_is_seen_through_the_other() {
    let redis = Redis::start();
    let value = Arc::new(AtomicU32::new(0));
    let of_origin = Arc::clone(&value);
    let origin = Origin::start(move |request| {
        if request.starts_with("POST") {
            of_origin.fetch_add(1, Ordering::SeqCst);
        }
        answer("", &format!("value {}", of_origin.load(Ordering::SeqCst)))
    });
    let (one, two) = (up(with(hour(), &origin, &redis)), up(with(hour(), &origin, &redis)));
    for round in 0..10 {
        let expected = format!("value {round}");
        eventually("seen", || get(two.address, "/items/7").ends_with(&expected));
        let written = ask(
            one.address,
            "POST /write/7 HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        );
        assert_eq!(status(&written), "200");
        // Who wrote sees it at once.
        assert!(get(one.address, "/items/7").ends_with(&format!("value {}", round + 1)));
    }
}

#[test]
fn redis_killed_while_all_wait_costs_no_answer() {
    let mut redis = Redis::start();
    let waits = Arc::new(AtomicBool::new(true));
    let (of_origin, number) = (Arc::clone(&waits), AtomicU32::new(0));
    let origin = Origin::start(move |_| {
        while of_origin.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(10));
        }
        answer("", &format!("answer {}", number.fetch_add(1, Ordering::Relaxed)))
    });
    let gateways = [up(with(hour(), &origin, &redis)), up(with(hour(), &origin, &redis))];
    let answers: Vec<String> = thread::scope(|scope| {
        let ask = |place: usize| {
            let address = gateways[place % 2].address;
            move || get(address, "/items/1")
        };
        let all: Vec<_> = (0..40).map(|place| scope.spawn(ask(place))).collect();
        // One asks; the other gateway waits for it.
        eventually("asked", || origin.seen().len() == 1);
        redis.kill();
        // It does not wait for who cannot tell it any more.
        eventually("asked for itself", || origin.seen().len() == 2);
        waits.store(false, Ordering::Relaxed);
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| status(answer) == "200"), "{answers:?}");
    assert_eq!(origin.seen().len(), 2);
    // What is here is answered; what is not is asked for; and when it is back it is shared again.
    assert!(cache_status(&get(gateways[0].address, "/items/1")).starts_with("taut; hit"));
    assert_eq!(status(&get(gateways[0].address, "/items/2")), "200");
    redis.start_again();
    for gateway in &gateways {
        eventually("back", || {
            gateway.told("/metrics").contains("taut_gateway_redis_connections 1")
        });
    }
    assert_eq!(status(&get(gateways[0].address, "/items/3")), "200");
    in_redis(&redis, 1);
    assert!(cache_status(&get(gateways[1].address, "/items/3")).contains("shared"));
}

#[test]
fn orders_given_while_redis_was_away_are_heard_when_it_is_back() {
    let (mut redis, origin) = (Redis::start(), counting(""));
    let gateways = [up(with(hour(), &origin, &redis)), up(with(hour(), &origin, &redis))];
    assert!(
        gateways
            .each_ref()
            .map(|gateway| get(gateway.address, "/items/1"))
            .iter()
            .all(|answer| answer.ends_with("answer 0"))
    );
    redis.kill();
    let told = gateways[0].order("/cache/purge", r#"{"tag": "item-1"}"#);
    assert_eq!(status(&told), "200", "{told}");
    assert!(get(gateways[0].address, "/items/1").ends_with("answer 1"));
    redis.start_again();
    eventually("heard", || !get(gateways[1].address, "/items/1").ends_with("answer 0"));
}

#[test]
fn orders_of_another_redis_are_heard_whose_clock_is_behind() {
    let (mut redis, origin) = (Redis::start(), counting(""));
    let gateways = [up(with(hour(), &origin, &redis)), up(with(hour(), &origin, &redis))];
    let is_first = |gateway: &Running| get(gateway.address, "/items/1").ends_with("answer 0");
    assert!(is_first(&gateways[0]));
    in_redis(&redis, 1);
    assert!(is_first(&gateways[1]));
    // Numbers are milliseconds: those of this one are some centuries ahead.
    let ahead = "XADD taut:orders 9999999999999-0 nonce 1 soft 0 kind tag host - what item-1";
    assert!(redis.say(ahead).contains("9999999999999-0"));
    eventually("heard", || !gateways.iter().any(is_first));
    redis.kill();
    redis.start_again();
    for gateway in &gateways {
        eventually("back", || {
            gateway.told("/metrics").contains("taut_gateway_redis_connections 1")
        });
    }
    // The first order there begins the sequence; all after it are heard, too, though their numbers are lower than before.
    for _ in 0..3 {
        let before = origin.seen().len();
        let told = gateways[0].order("/cache/purge", r#"{"tag": "item-1"}"#);
        assert_eq!(status(&told), "200", "{told}");
        eventually("forgotten", || {
            let answer = get(gateways[1].address, "/items/1");
            let number = answer.rsplit(' ').next().and_then(|number| number.parse().ok());
            number.is_some_and(|number: usize| before <= number)
        });
    }
}

#[test]
fn a_write_to_what_nobody_shares_is_none_of_the_others_business() {
    let (redis, origin) = (Redis::start(), counting(""));
    let mut plan = with(hour(), &origin, &redis);
    let own = Route {
        paths: vec![PathRule::parse("/own/*").expect("a path")],
        cache: Some(CacheRule { shared: false, ..hour() }),
        ..Route::to("own", 0)
    };
    plan.routes.insert(0, own);
    let gateway = up(plan);
    let write = |path: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a:80\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        assert_eq!(status(&ask(gateway.address, &head)), "200");
    };
    assert!(get(gateway.address, "/own/1").ends_with("answer 0"));
    write("/own/1");
    assert!(get(gateway.address, "/own/1").ends_with("answer 2"), "here it is forgotten");
    write("/items/1");
    // Orders are told one after the other: the first would have been before it.
    eventually("told", || redis.say("XRANGE taut:orders - +").contains("/items/1"));
    assert!(!redis.say("XRANGE taut:orders - +").contains("/own/1"));
}

#[test]
fn what_is_damaged_there_is_asked_for_again() {
    let (redis, origin) = (Redis::start(), counting(""));
    let (one, two) = (up(with(hour(), &origin, &redis)), up(with(hour(), &origin, &redis)));
    assert!(get(one.address, "/items/1").ends_with("answer 0"));
    in_redis(&redis, 1);
    let keys = redis.say("KEYS taut:cache:*");
    let key = keys.lines().find(|line| line.starts_with("taut:cache:")).expect("a key");
    assert!(redis.say(&format!("SETRANGE {key} 60 damaged")).starts_with(':'));
    assert!(get(two.address, "/items/1").ends_with("answer 1"));
    assert_eq!(origin.seen().len(), 2);
}

#[test]
fn redis_holds_no_more_than_it_may() {
    let redis = Redis::start();
    let origin = Origin::start(|_| answer("", &"x".repeat(100_000)));
    let mut plan = with(hour(), &origin, &redis);
    plan.redis.as_mut().unwrap().cache_bytes_max = 1 << 20;
    let gateway = up(plan);
    for number in 0..30 {
        assert_eq!(status(&get(gateway.address, &format!("/items/{number}"))), "200");
    }
    let number = |words: &str| -> u64 {
        let said = redis.say(words);
        // A number, or a text that is one.
        said.trim_end().trim_start_matches(':').rsplit("\r\n").next().unwrap().parse().unwrap_or(0)
    };
    eventually("bounded", || number("ZCARD taut:cache-ends") == 10);
    assert!(number("GET taut:cache-bytes") <= 1 << 20);
    assert_eq!(redis.say("KEYS taut:cache:*").matches("taut:cache:").count(), 10);
}

#[test]
fn what_is_for_one_user_alone_never_goes_there() {
    let redis = Redis::start();
    let origin = Origin::start(|request| {
        let user = request.lines().find_map(|line| line.strip_prefix("authorization: "));
        answer("", user.unwrap_or("nobody"))
    });
    let (one, two) = (up(with(hour(), &origin, &redis)), up(with(hour(), &origin, &redis)));
    let asked = |gateway: &Running, user: &str| {
        let head = format!(
            "GET /me HTTP/1.1\r\nhost: a\r\nauthorization: {user}\r\nconnection: close\r\n\r\n"
        );
        ask(gateway.address, &head)
    };
    for (gateway, user) in [(&one, "anna"), (&two, "bert"), (&one, "cleo"), (&two, "anna")] {
        assert!(asked(gateway, user).ends_with(user));
    }
    assert!(!redis.say("KEYS taut:cache:*").contains("taut:cache:"));
}

#[test]
fn what_was_asked_for_most_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let origin = counting("");
    let mut settings = plan(&[origin.address]);
    settings.routes =
        vec![Route { cache: Some(CacheRule { shared: false, ..hour() }), ..Route::to("all", 0) }];
    settings.top_keys = Some(folder.path().join("top-keys.json"));
    let gateway = start(settings.clone());
    for _ in 0..3 {
        get(gateway.address, "/items/often");
    }
    get(gateway.address, "/items/once");
    assert_eq!(origin.seen().len(), 2);
    gateway.stop();
    let record = std::fs::read_to_string(folder.path().join("top-keys.json")).unwrap();
    let data = std::fs::metadata(folder.path().join("top-keys.json")).unwrap();
    assert_eq!(
        data.permissions().mode() & 0o777,
        0o600,
        "addresses may hold what nobody else shall know"
    );
    let urls: Vec<&str> = record.lines().filter_map(|line| line.split('"').nth(1)).collect();
    assert_eq!(urls, ["http://a/items/often", "http://a/items/once"]);
    let gateway = start(settings);
    eventually("warmed", || origin.seen().len() == 4);
    eventually("hit", || cache_status(&get(gateway.address, "/items/often")).contains("hit"));
    assert_eq!(origin.seen().len(), 4);
}
