//! Canaries: who is once with the new version stays there while its share grows, and nothing but a clear word moves a course.

use http::{HeaderMap, HeaderName, HeaderValue};
use model::Moment;
use proptest::prelude::*;
use std::net::IpAddr;
use traffic::canary::{
    CanaryRule, ChoosingCookie, Course, Found, Look, Move, Stage, Sticky, Version, draw,
};

use crate::{at, millis};

fn rule() -> CanaryRule {
    CanaryRule {
        steps: vec![0.05, 0.5],
        every: millis(60_000),
        requests_min: 100,
        header: Some(HeaderName::from_static("x-version")),
        ..CanaryRule::to(1)
    }
}

fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
    let value = |text: &str| HeaderValue::from_str(text).expect("it is written here");
    pairs.iter().map(|(name, text)| (HeaderName::from_static(name), value(text))).collect()
}

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

#[test]
fn a_header_chooses_and_says_so() {
    for (word, version) in [("new", Version::New), ("old", Version::Old)] {
        let headers = headers(&[("x-version", word.to_owned())]);
        let drawn = draw(&rule(), 0.5, (CLIENT, &headers), 0.7);
        assert_eq!((drawn.version, drawn.chosen, drawn.remember), (version, true, None));
    }
    let other = headers(&[("x-version", "newest".to_owned())]);
    assert!(!draw(&rule(), 0.5, (CLIENT, &other), 0.7).chosen);
}

#[test]
fn a_cookie_chooses_and_the_header_before_it() {
    let by = |value: Option<&str>| CanaryRule {
        cookie: Some(ChoosingCookie { name: "v".to_owned(), value: value.map(str::to_owned) }),
        ..rule()
    };
    let drawn = |rule: &CanaryRule, lines: &[(&'static str, &str)]| {
        let lines: Vec<_> = lines.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        let drawn = draw(rule, 0.0, (CLIENT, &headers(&lines)), 0.7);
        assert!(!drawn.chosen || drawn.remember.is_none(), "{lines:?}");
        drawn.chosen.then_some(drawn.version)
    };
    let named = by(None);
    assert_eq!(drawn(&named, &[("cookie", "a=1; v=new")]), Some(Version::New));
    assert_eq!(drawn(&named, &[("cookie", "v=old; a=1")]), Some(Version::Old));
    for none in ["v=newer", "v=", "vv=new", "v", "a=v=new", "V=new"] {
        assert_eq!(drawn(&named, &[("cookie", none)]), None, "{none}");
    }
    let valued = by(Some("1"));
    assert_eq!(drawn(&valued, &[("cookie", "v=1")]), Some(Version::New));
    assert_eq!(drawn(&valued, &[("cookie", "v=new")]), None);
    let both = [("x-version", "old"), ("cookie", "v=1")];
    assert_eq!(drawn(&valued, &both), Some(Version::Old));
    let neither = [("x-version", "neither"), ("cookie", "v=1")];
    assert_eq!(drawn(&valued, &neither), Some(Version::New));
}

#[test]
fn a_cookie_that_is_no_place_is_drawn_again() {
    for value in ["", "1000000", "-1", "0x1", "99999999999999", "1e3", "é"] {
        let headers = headers(&[("cookie", format!("a=1; taut-version={value}; b=2"))]);
        assert!(draw(&rule(), 0.5, (CLIENT, &headers), 0.25).remember.is_some(), "{value}");
    }
}

#[test]
fn a_course_goes_step_by_step_and_waits_for_the_end_of_each() {
    let (rule, mut course) = (rule(), Course::new(at(0)));
    assert_eq!(course.look(&rule, (1_000, 99), at(70_000)), None);
    assert_eq!(course.look(&rule, (1_000, 100), at(1_000)), Some(Look::Between));
    let next = course.found(&rule, (Look::Between, Found::NoWorse), 100, at(1_000));
    assert_eq!((next, course.share(&rule)), (Move::Stay, 0.05));
    assert_eq!(course.look(&rule, (1_000, 199), at(59_000)), None);
    assert_eq!(course.look(&rule, (1_000, 199), at(60_000)), Some(Look::Due));
    let next = course.found(&rule, (Look::Due, Found::NoWorse), 199, at(60_000));
    assert_eq!(next, Move::Step { share: 0.5 });
    assert_eq!(course.look(&rule, (1_000, 1_000), at(61_000)), Some(Look::Between));
    assert_eq!(course.found(&rule, (Look::Due, Found::NoWorse), 1, at(120_000)), Move::Finish);
    assert_eq!((course.stage(), course.share(&rule)), (Stage::Done, 1.0));
    assert_eq!(course.look(&rule, (1_000, 1_000), at(900_000)), None);
}

#[test]
fn what_is_unclear_is_held_until_it_is_clear() {
    let (rule, mut course) = (rule(), Course::new(at(0)));
    assert_eq!(course.found(&rule, (Look::Due, Found::Unclear), 200, at(60_000)), Move::Hold);
    assert_eq!((course.stage(), course.share(&rule)), (Stage::Held, 0.05));
    assert_eq!(course.look(&rule, (1_000, 399), at(70_000)), None);
    assert_eq!(course.look(&rule, (1_000, 400), at(70_000)), Some(Look::Due));
    assert_eq!(course.found(&rule, (Look::Due, Found::Unclear), 400, at(70_000)), Move::Stay);
    let next = course.found(&rule, (Look::Due, Found::NoWorse), 800, at(90_000));
    assert_eq!((next, course.stage()), (Move::Step { share: 0.5 }, Stage::Going));
}

#[test]
fn a_canary_that_is_only_watched_stays() {
    let watched = CanaryRule { by_itself: false, ..rule() };
    assert_eq!(Course::new(at(0)).look(&watched, (9_999, 9_999), at(999_999)), None);
}

proptest! {
    #[test]
    fn who_is_with_the_new_version_stays_while_its_share_grows(
        chance in 0.0..1.0_f64,
        address in any::<[u8; 4]>(),
        low in 0.0..1.0_f64,
        more in 0.0..1.0_f64,
        sticky in prop_oneof![
            Just(Sticky::Address), Just(Sticky::Cookie("taut-version".to_owned())),
        ],
    ) {
        let rule = CanaryRule { sticky, ..rule() };
        let (client, high) = (IpAddr::from(address), (low + more).min(1.0));
        let first = draw(&rule, low, (client, &HeaderMap::new()), chance);
        let cookie = first.remember.map(|place| ("cookie", format!("x=y; taut-version={place}")));
        let headers = headers(&cookie.into_iter().collect::<Vec<_>>());
        // Whatever chance says later: the client is known.
        let later = draw(&rule, high, (client, &headers), 1.0 - chance);
        prop_assert!(first.version == Version::Old || later.version == Version::New);
        prop_assert_eq!(later.remember, None);
        let again = draw(&rule, low, (client, &headers), 0.5);
        prop_assert_eq!(again.version, first.version);
    }

    #[test]
    fn nobody_is_answered_by_what_has_no_share(chance in 0.0..1.0_f64, address in any::<[u8; 4]>()) {
        for sticky in [Sticky::Request, Sticky::Address, Sticky::Cookie("c".to_owned())] {
            let rule = CanaryRule { sticky, ..rule() };
            let asked = (IpAddr::from(address), &HeaderMap::new());
            prop_assert_eq!(draw(&rule, 0.0, asked, chance).version, Version::Old);
            prop_assert_eq!(draw(&rule, 1.0, asked, chance).version, Version::New);
        }
    }

    /// Whatever comparisons say, in whatever order: a worse one ends it, and its share only grows otherwise.
    #[test]
    fn a_course_is_never_worse_than_its_last_word(
        words in prop::collection::vec((0..3_u8, any::<bool>(), 1..100_000_u64), 1..40),
    ) {
        let rule = rule();
        let (mut course, mut now): (Course, Moment) = (Course::new(at(0)), at(0));
        for (word, due, wait) in words {
            now = now + millis(wait);
            let before = course.share(&rule);
            if matches!(course.stage(), Stage::Done | Stage::Reverted) {
                prop_assert_eq!(course.look(&rule, (9_999, 9_999), now), None);
                continue;
            }
            let found = [Found::NoWorse, Found::Worse, Found::Unclear][usize::from(word)];
            let look = if due { Look::Due } else { Look::Between };
            course.found(&rule, (look, found), 1_000, now);
            let after = course.share(&rule);
            match found {
                Found::Worse => prop_assert_eq!(course.stage(), Stage::Reverted),
                Found::NoWorse if due => prop_assert!(before < after),
                _ => prop_assert!((before - after).abs() < f64::EPSILON),
            }
        }
    }
}
