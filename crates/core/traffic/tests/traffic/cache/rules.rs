//! Lifetimes, ages, what is stored, and what a stored answer says.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use proptest::prelude::*;
use traffic::cache::{
    Answer, CacheRule, Clients, Judged, NotStored, Place, Purge, Purges, Query, Range, SetCookie,
    Stored, Template, answer, date, freshened, is_same, judge, key_of, may_stand_in, range_asked,
    request_control, selecting,
};

use super::{headers, lifetime, now, of, seconds};

#[test]
fn a_clock_that_was_wrong_when_it_was_read_makes_no_answer_old() {
    let rule = CacheRule::default();
    let map = headers(&[
        ("cache-control", "max-age=60"),
        ("date", &date::format(now().nanos / 1_000_000_000)),
    ]);
    let ahead = now() + seconds(3_600);
    let received = traffic::cache::Received {
        method: &Method::GET,
        status: StatusCode::OK,
        headers: &map,
        asked_at: ahead,
        received_at: ahead,
        came_at: now(),
    };
    let asker = traffic::cache::Asker::default();
    let policy = traffic::cache::policy(&rule, asker, &request_control(&map), &received).unwrap();
    assert_eq!(policy.left(ahead), Ok(seconds(60)));
}

#[test]
fn how_long_it_is_fresh_is_what_the_answer_says_first() {
    let control = |value| lifetime(&[("cache-control", value)]);
    assert_eq!(control("max-age=60"), Some(60));
    assert_eq!(control("MaX-aGe=60, foo=\"max-age=1, x\""), Some(60));
    assert_eq!(control("max-age=60, s-maxage=5"), Some(5));
    assert_eq!(control("max-age=\"60\""), Some(60));
    assert_eq!(control("max-age=1, max-age=60"), Some(1));
    assert_eq!(control("max-age=99999999999999999999"), Some(1 << 31));
    for odd in
        ["max-age='60'", "max-age=-1", "max-age=6.5", "max-age = 60", "max-age", "max-age=6a"]
    {
        assert_eq!(control(odd), Some(0), "{odd}");
    }
    let date = ("date", "Tue, 14 Nov 2023 22:13:20 GMT");
    let expires = |value| lifetime(&[date, ("expires", value)]);
    assert_eq!(expires("Tue, 14 Nov 2023 22:14:20 GMT"), Some(60));
    assert_eq!(expires("Tuesday, 14-Nov-23 22:14:20 gmt"), Some(60));
    assert_eq!(expires("Tue Nov 14 22:14:20 2023"), Some(60));
    assert_eq!(expires("Tue, 14 Nov 2023 22:14:20 CET"), Some(0));
    assert_eq!(expires("0"), Some(0));
    assert_eq!(lifetime(&[date, ("expires", "0"), ("cache-control", "max-age=9")]), Some(9));
}

#[test]
fn a_field_for_gateways_counts_before_those_for_all() {
    let both = |cdn, all| lifetime(&[("cdn-cache-control", cdn), ("cache-control", all)]);
    assert_eq!(both("max-age=10", "max-age=1"), Some(10));
    assert_eq!(both("max-age=10;x=1, foo=(1 2);q, bar=\"a\\\"b\"", "no-store"), Some(10));
    assert_eq!(both("max-age=1, max-age=10", "max-age=2"), Some(10));
    assert_eq!(both("no-store", "max-age=1"), None);
    // What cannot be read is as good as absent.
    for void in ["", "max-age=10,", "MAX-AGE=10", "max-age=10 x", "max-age=\"a"] {
        assert_eq!(both(void, "max-age=1"), Some(1), "{void}");
    }
    let surrogate =
        |value| lifetime(&[("surrogate-control", value), ("cache-control", "max-age=1")]);
    assert_eq!(surrogate("max-age=10"), Some(10));
    assert_eq!(surrogate("max-age=10;other"), Some(1));
    assert_eq!(surrogate("max-age=10;taut, content=\"ESI/1.0\""), Some(10));
    let policy = of(&CacheRule::default(), 200, &[("surrogate-control", "max-age=10+60")]).unwrap();
    assert_eq!((policy.lifetime, policy.stale_if_error), (seconds(10), seconds(60)));
}

#[test]
fn the_age_is_what_caches_before_say_or_the_clock_shows() {
    let age = |lines: &[(&str, &str)]| {
        let lines = [lines, &[("cache-control", "max-age=9")]].concat();
        of(&CacheRule::default(), 200, &lines).unwrap().initial_age.as_secs()
    };
    assert_eq!(age(&[("age", "30")]), 30);
    assert_eq!(age(&[("age", "30, 7")]), 30);
    assert_eq!(age(&[("age", "7"), ("age", "30")]), 7);
    assert_eq!(age(&[("age", "x")]), 0);
    assert_eq!(age(&[("age", "-1")]), 0);
    assert_eq!(age(&[("date", "Tue, 14 Nov 2023 22:13:10 GMT"), ("age", "3")]), 10);
}

#[test]
fn what_is_not_for_others_is_not_stored() {
    let rule = CacheRule { ttl: Some(seconds(60)), ..CacheRule::default() };
    let why = |lines: &[(&str, &str)]| of(&rule, 200, lines).unwrap_err();
    assert_eq!(why(&[("cache-control", "no-store")]), NotStored::NoStore);
    assert_eq!(why(&[("cache-control", "private")]), NotStored::Private);
    assert_eq!(why(&[("cache-control", "private=\"b c\", max-age=1")]), NotStored::Private);
    assert_eq!(why(&[("set-cookie", "a=b")]), NotStored::SetCookie);
    assert_eq!(of(&rule, 206, &[]).unwrap_err(), NotStored::Status);
    assert_eq!(of(&rule, 500, &[]).unwrap_err(), NotStored::NoLifetime);
    let unknown = of(&rule, 599, &[("cache-control", "max-age=9, must-understand, no-store")]);
    assert_eq!(unknown.unwrap_err(), NotStored::Status);
    assert!(of(&rule, 200, &[("cache-control", "max-age=9, must-understand, no-store")]).is_ok());
    let strip = CacheRule { set_cookie: SetCookie::Strip, ..rule.clone() };
    assert!(
        of(&strip, 200, &[("set-cookie", "a=b")])
            .unwrap()
            .omitted
            .contains(&http::header::SET_COOKIE)
    );
    assert_eq!(of(&rule, 200, &[]).unwrap().lifetime, seconds(60));
    assert_eq!(of(&rule, 404, &[]).unwrap_err(), NotStored::NoLifetime);
}

#[test]
fn where_nothing_is_guessed_a_validator_alone_is_no_reason_to_store() {
    let guessing = CacheRule::default();
    let strict = CacheRule { heuristic_share: 0.0, ..CacheRule::default() };
    let validator = ("etag", "\"a\"");
    assert!(of(&guessing, 200, &[validator]).is_ok());
    assert_eq!(of(&strict, 200, &[validator]).unwrap_err(), NotStored::NoLifetime);
    // To be asked for each time is what it says itself.
    assert!(of(&strict, 200, &[validator, ("cache-control", "no-cache")]).is_ok());
    assert!(of(&strict, 200, &[validator, ("cache-control", "max-age=0")]).is_ok());
}

#[test]
fn stale_answers_stand_in_only_where_nothing_forbids_it() {
    let after = |value: &str| {
        let policy = of(&CacheRule::default(), 200, &[("cache-control", value)]).unwrap();
        let (later, none) = (now() + seconds(20), request_control(&HeaderMap::new()));
        let judged = judge(&policy, &none, Clients::Obey, (0.0, 0.0), later);
        let error = may_stand_in(&policy, &none, Some(StatusCode::BAD_GATEWAY), later);
        (judged, error, may_stand_in(&policy, &none, None, later))
    };
    assert_eq!(after("max-age=10"), (Judged::Stale, false, true));
    assert_eq!(
        after("max-age=10, stale-while-revalidate=30"),
        (Judged::StaleMeanwhile, false, true)
    );
    assert_eq!(after("max-age=10, stale-while-revalidate=5"), (Judged::Stale, false, true));
    assert_eq!(after("max-age=10, stale-if-error=30"), (Judged::Stale, true, true));
    for strict in ["must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=10"] {
        assert_eq!(
            after(&format!("max-age=10, {strict}")),
            (Judged::Stale, false, false),
            "{strict}"
        );
    }
    let strict = after("max-age=10, must-revalidate, stale-while-revalidate=60, stale-if-error=60");
    assert_eq!(strict, (Judged::Stale, false, false));
}

#[test]
fn clients_have_their_say_unless_they_are_ignored() {
    let policy =
        of(&CacheRule::default(), 200, &[("cache-control", "max-age=100, immutable")]).unwrap();
    let judged = |value: &str, clients, age| {
        let asked = request_control(&headers(&[("cache-control", value)]));
        judge(&policy, &asked, clients, (0.0, 0.0), now() + seconds(age))
    };
    assert_eq!(judged("no-cache", Clients::Obey, 1), Judged::Wanted);
    assert_eq!(judged("no-cache", Clients::Ignore, 1), Judged::Fresh);
    assert_eq!(judged("max-age=10", Clients::Obey, 20), Judged::Wanted);
    assert_eq!(judged("min-fresh=90", Clients::Obey, 20), Judged::Wanted);
    assert_eq!(judged("max-stale=30", Clients::Obey, 120), Judged::StaleAllowed);
    assert_eq!(judged("max-stale", Clients::Obey, 9_999), Judged::StaleAllowed);
    assert_eq!(judged("max-stale=30", Clients::Ignore, 120), Judged::Stale);
    // What does not change is not asked for again by a reload.
    assert_eq!(judged("max-age=0", Clients::Obey, 1), Judged::Fresh);
}

fn stored(lines: &[(&str, &str)], body: &'static str) -> Stored {
    let lines = [lines, &[("cache-control", "max-age=60")]].concat();
    let policy = of(&CacheRule::default(), 200, &lines).expect("it may be stored");
    let selecting = selecting(&headers(&lines), &HeaderMap::new()).expect("it varies by nothing");
    let parts = (policy, selecting, Place::default());
    Stored::new(StatusCode::OK, headers(&lines), Bytes::from_static(body.as_bytes()), parts)
}

#[test]
fn conditions_and_ranges_are_answered_from_what_is_stored() {
    let etag = ("etag", "W/\"a,b\"");
    let modified = ("last-modified", "Tue, 14 Nov 2023 20:00:00 GMT");
    let stored = stored(&[etag, modified, ("date", "Tue, 14 Nov 2023 22:13:20 GMT")], "0123456789");
    let said = |lines: &[(&str, &str)]| answer(&stored, &Method::GET, &headers(lines), now());
    assert_eq!(said(&[]), Answer::Whole);
    assert_eq!(said(&[("if-none-match", "\"x\", \"a,b\"")]), Answer::NotModified);
    assert_eq!(said(&[("if-none-match", "*")]), Answer::NotModified);
    assert_eq!(
        said(&[("if-none-match", "\"x\""), ("if-modified-since", modified.1)]),
        Answer::Whole
    );
    assert_eq!(said(&[("if-modified-since", modified.1)]), Answer::NotModified);
    assert_eq!(said(&[("if-modified-since", "yesterday")]), Answer::Whole);
    let part = |first, last| Answer::Part(Range { first, last });
    assert_eq!(said(&[("range", "bytes=2-4")]), part(2, 4));
    assert_eq!(said(&[("range", "bytes=8-99")]), part(8, 9));
    assert_eq!(said(&[("range", "bytes=-3")]), part(7, 9));
    assert_eq!(said(&[("range", "bytes=10-")]), Answer::Unsatisfiable);
    for whole in ["bytes=1-2,4-5", "lines=1-2", "bytes=4-2", "bytes=-", "bytes=a-"] {
        assert_eq!(said(&[("range", whole)]), Answer::Whole, "{whole}");
    }
    // A weak tag says nothing about bytes; a date that is old enough does.
    assert_eq!(said(&[("range", "bytes=2-4"), ("if-range", etag.1)]), Answer::Whole);
    assert_eq!(said(&[("range", "bytes=2-4"), ("if-range", modified.1)]), part(2, 4));
}

#[test]
fn not_modified_changes_fields_but_not_what_the_body_is() {
    let stored = stored(&[("etag", "\"1\""), ("x", "old"), ("content-encoding", "gzip")], "body");
    let told = headers(&[
        ("etag", "\"1\""),
        ("x", "new"),
        ("content-encoding", "br"),
        ("content-length", "9"),
    ]);
    assert!(is_same(&stored, &told));
    assert!(!is_same(&stored, &headers(&[("etag", "\"2\"")])));
    let fresh = freshened(&stored, &told);
    assert_eq!(fresh["x"], "new");
    assert_eq!(
        (&fresh["content-encoding"], &fresh["content-length"]),
        (&"gzip".parse().unwrap(), &"4".parse().unwrap())
    );
}

#[test]
fn vary_is_about_what_is_meant_not_how_it_is_written() {
    let chosen = |name: &str, first: &[(&str, &str)], second: &[(&str, &str)]| {
        let by = selecting(&headers(&[("vary", name)]), &headers(first)).unwrap();
        by.takes(&headers(second))
    };
    assert!(chosen("foo", &[("foo", "1, 2")], &[("foo", "1"), ("foo", "2")]));
    assert!(chosen("foo", &[("foo", "1,2")], &[("foo", " 1 , 2")]));
    assert!(!chosen("foo", &[("foo", "1")], &[]));
    assert!(!chosen("foo", &[], &[("foo", "")]));
    assert!(chosen("foo, , bar", &[], &[]));
    assert!(chosen(
        "accept-language",
        &[("accept-language", "en, de")],
        &[("accept-language", "De;q=1.0,EN")]
    ));
    assert!(!chosen(
        "accept-language",
        &[("accept-language", "en;q=0.5, de")],
        &[("accept-language", "en, de")]
    ));
    // Credentials are compared byte by byte.
    assert!(!chosen("cookie", &[("cookie", "a=1, b")], &[("cookie", "a=1,b")]));
    for star in ["*", ", *", "foo, *", "*, *"] {
        assert!(selecting(&headers(&[("vary", star)]), &HeaderMap::new()).is_none(), "{star}");
    }
}

#[test]
fn the_key_has_what_the_route_says() {
    let key = |rule: &CacheRule, target: &str, lines: &[(&str, &str)]| {
        key_of(rule, "r", ("http", "Example.com", target), &headers(lines), 7).bytes
    };
    let all = CacheRule::default();
    assert_ne!(key(&all, "/?a=1", &[]), key(&all, "/?a=2", &[]));
    let only = CacheRule { query: Query::Only(vec!["a".to_owned()]), ..CacheRule::default() };
    assert_eq!(key(&only, "/?b=1&a=1", &[]), key(&only, "/?a=1&c=3", &[]));
    let without =
        CacheRule { query: Query::Without(vec!["utm_*".to_owned()]), ..CacheRule::default() };
    assert_eq!(key(&without, "/?b=1&a=1&utm_x=2", &[]), key(&without, "/?a=1&b=1", &[]));
    let lang = CacheRule { headers: vec!["x-lang".parse().unwrap()], ..CacheRule::default() };
    assert_ne!(key(&lang, "/", &[("x-lang", "en")]), key(&lang, "/", &[]));
    assert_ne!(key(&lang, "/", &[("x-lang", "")]), key(&lang, "/", &[]));
    let other = key_of(&all, "r", ("http", "other.com", "/"), &HeaderMap::new(), 7).bytes;
    assert_ne!(key(&all, "/", &[]), other);
    // On `http` there may be no more than the way to `https`.
    let encrypted = key_of(&all, "r", ("https", "example.com", "/"), &HeaderMap::new(), 7);
    assert_ne!(key(&all, "/", &[]), encrypted.bytes);
    assert_eq!(encrypted.scheme(), Some("https"));
}

#[test]
fn orders_to_forget_mean_what_they_say() {
    let place = Place {
        route: "r".to_owned(),
        host: "a.com".to_owned(),
        target: "/orders/7?x=1".to_owned(),
        tags: vec!["order-7".to_owned()],
    };
    let takes = |text: &str| Purge::url(text).expect("a URL").takes(&place);
    for yes in
        ["/orders/7", "/orders/7?x=1", "/orders/*", "//a.com/orders/7", "https://A.com:8080/*"]
    {
        assert!(takes(yes), "{yes}");
    }
    for no in ["/orders/70", "/orders/7?x=2", "/order", "//b.com/orders/7"] {
        assert!(!takes(no), "{no}");
    }
    assert!(Purge::Tag("order-7".to_owned()).takes(&place));
    assert_eq!(Purge::url("orders"), None);
    let mut purges = Purges::default();
    let began = purges.count();
    purges.add(Purge::Tag("other".to_owned()));
    assert!(!purges.outdates(began, &place) && purges.may_outdate(began, &place));
    purges.add(Purge::Tag("order-7".to_owned()));
    assert!(purges.outdates(began, &place) && !purges.outdates(purges.count(), &place));
    assert_eq!(Template::parse("order-{2}").unwrap().tag("/orders/7").as_deref(), Some("order-7"));
    assert_eq!(Template::parse("order-{3}").unwrap().tag("/orders/7"), None);
    for bad in ["", "{", "{0}", "{x}", "a b", "}"] {
        assert_eq!(Template::parse(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(name in 0_usize..9, value in proptest::collection::vec(any::<u8>(), 0..60)) {
        let name = ["cache-control", "cdn-cache-control", "surrogate-control", "expires", "age", "vary", "date",
            "last-modified", "surrogate-key"][name];
        let Ok(value) = http::HeaderValue::from_bytes(&value) else { return Ok(()) };
        let mut map = HeaderMap::new();
        map.insert(http::HeaderName::from_static(name), value);
        let _policy = of(&CacheRule::default(), 200, &[]);
        let received = traffic::cache::Received {
            method: &Method::GET, status: StatusCode::OK, headers: &map, asked_at: now(), received_at: now(), came_at: now(),
        };
        let _any = traffic::cache::policy(&CacheRule::default(), traffic::cache::Asker::default(),
            &request_control(&map), &received);
        let _by = selecting(&map, &map);
        let _tags = traffic::cache::tags_of(&CacheRule::default(), "/a", &map);
    }

    #[test]
    fn dates_are_read_as_they_are_written(seconds in 0_u64..250_000_000_000) {
        let text = date::format(seconds);
        prop_assert_eq!(date::parse(text.as_bytes(), now()), Some(seconds), "{}", text);
    }

    #[test]
    fn a_range_lies_within(text in "bytes=[0-9]{0,3}-[0-9]{0,3}", length in 0_u64..300) {
        if let Some(Some(range)) = range_asked(text.as_bytes(), length) {
            prop_assert!(range.first <= range.last && range.last < length);
        }
    }

    #[test]
    fn what_is_fresh_ages_until_it_is_not(age in 0_u64..100, max_age in 0_u64..100, passed in 0_u64..200) {
        let (age_text, control) = (age.to_string(), format!("max-age={max_age}"));
        let policy = of(&CacheRule::default(), 200, &[("age", &*age_text), ("cache-control", &*control)]).unwrap();
        let left = policy.left(now() + seconds(passed));
        prop_assert_eq!(left.is_ok(), age + passed < max_age);
    }
}
