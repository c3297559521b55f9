//! What counts as a difference between two versions, and what does not.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::time::Duration;

use model::{AnswerSeen, BodySeen, Kept, Moment, RequestSeen};
use proptest::prelude::*;
use prove::replay::{Compared, Difference, Place, Rules, Sessions, Tally, compare, endpoint};

fn answer(status: u16, kind: &str, body: &str) -> AnswerSeen {
    AnswerSeen {
        status,
        headers: vec![("content-type".to_owned(), kind.to_owned())],
        body: BodySeen::whole(body.as_bytes().to_vec()),
        ..AnswerSeen::default()
    }
}

fn json(body: &str) -> AnswerSeen {
    answer(200, "application/json", body)
}

fn now() -> Moment {
    Moment::from_date("2026-11-22T00:51:00Z").unwrap()
}

fn with(rules: &Rules, old: &AnswerSeen, new: &AnswerSeen) -> Compared {
    compare(old, new, (now(), now() + Duration::from_mins(1)), rules)
}

/// The differences as `place: old -> new`.
fn told(compared: Compared) -> Vec<String> {
    let Compared::Different(found) = compared else { return vec![format!("{compared:?}")] };
    let one = |one: Difference| format!("{}: {} -> {}", one.place, one.old, one.new);
    found.into_iter().map(one).collect()
}

fn between(old: &str, new: &str) -> Vec<String> {
    told(with(&Rules::default(), &json(old), &json(new)))
}

#[test]
fn bytes_come_first_and_structure_then() {
    assert_eq!(between("{\"a\":1}", "{\"a\":1}"), ["Identical"]);
    assert_eq!(between("{\"a\":1,\"b\":2}", "{ \"b\": 2, \"a\": 1 }"), ["Equal"]);
    assert_eq!(
        between("{\"a\":[{\"b\":1},{\"b\":2}]}", "{\"a\":[{\"b\":1},{\"b\":3}]}"),
        ["/a/*/b: 2 -> 3"]
    );
    assert_eq!(between("{\"a\":1}", "{\"a\":\"1\"}"), ["/a: 1 -> \"1\""]);
    assert_eq!(between("{\"a\":1}", "{}"), ["/a: 1 -> "]);
    assert_eq!(between("[1,2]", "[1]"), ["/*: 2 entries -> 1 entries"]);
    assert_eq!(between("{}", "[]"), ["the JSON itself: {} -> []"]);
    let page = |text| answer(200, "text/html", text);
    let rules = Rules::default();
    assert_eq!(told(with(&rules, &page("a\nb\n"), &page("a\nc\n"))), ["body: b -> c"]);
    let wrong = answer(500, "text/html", "no");
    assert_eq!(told(with(&rules, &json("{}"), &wrong)), ["status: 200 -> 500"]);
    let other = told(with(&rules, &json("{}"), &page("no")));
    assert_eq!(other, ["header content-type: application/json -> text/html", "body: {} -> no"]);
}

#[test]
fn what_is_made_for_the_answer_is_masked() {
    let rules = Rules { mask_dates: true, mask_ids: true, ..Rules::default() };
    let (old, new) = (
        "{\"at\":\"2026-11-22T00:51:00Z\",\"id\":\"550e8400-e29b-41d4-a716-446655440000\"}",
        "{\"at\":\"2026-11-22T00:52:00Z\",\"id\":\"660e8400-e29b-41d4-a716-446655440001\"}",
    );
    assert_eq!(with(&rules, &json(old), &json(new)), Compared::Equal);
    assert_eq!(between(old, new).len(), 2);
    let born = |year: u32| json(&format!("{{\"born\":\"{year}-01-01T00:00:00Z\"}}"));
    assert_eq!(told(with(&rules, &born(1990), &born(1991))).len(), 1);
    let page = |time: &str| answer(200, "text/html", &format!("<p>at {time}</p>"));
    assert_eq!(
        with(&rules, &page("2026-11-22T00:51:00Z"), &page("2026-11-22T00:52:00Z")),
        Compared::Equal
    );
}

#[test]
fn order_counts_unless_told_otherwise() {
    let (old, new) = (
        "{\"r\":[{\"id\":1,\"n\":1},{\"id\":2,\"n\":2}]}",
        "{\"r\":[{\"id\":2,\"n\":2},{\"id\":1,\"n\":7}]}",
    );
    assert_eq!(between(old, new).len(), 4);
    let rules = Rules { unordered: vec!["/r".to_owned()], ..Rules::default() };
    assert_eq!(told(with(&rules, &json(old), &json(new))), ["/r/*/n: 1 -> 7"]);
    let rules =
        Rules { ignore: vec!["/r/*/n".to_owned(), "/r/*/id".to_owned()], ..Rules::default() };
    assert_eq!(with(&rules, &json(old), &json(new)), Compared::Equal);
}

#[test]
fn what_was_not_kept_is_not_compared() {
    let left =
        AnswerSeen { body: BodySeen { kept: Kept::LeftOut, ..BodySeen::default() }, ..json("") };
    assert_eq!(with(&Rules::default(), &left, &json("{}")), Compared::Unknown);
    let hidden = Rules { hidden: Some(|text| text.starts_with('~')), ..Rules::default() };
    assert_eq!(
        with(&hidden, &json("{\"t\":\"~ab\"}"), &json("{\"t\":\"secret\"}")),
        Compared::Equal
    );
    assert_eq!(told(with(&hidden, &json("{\"t\":\"ab\"}"), &json("{\"t\":\"secret\"}"))).len(), 1);
}

/// An answer of which so many bytes were kept.
fn cut(kind: &str, body: &str, kept: usize) -> AnswerSeen {
    let mut answer = answer(200, kind, body.get(..kept).unwrap());
    answer.body.kept = Kept::Cut;
    answer.body.sent_bytes = body.len() as u64;
    answer
}

#[test]
fn a_body_that_was_cut_is_compared_as_far_as_it_was_kept() {
    let rules = Rules { ignore: vec!["/at".to_owned()], mask_ids: true, ..Rules::default() };
    let list = |total: u32, at: u32| {
        let entries: Vec<String> =
            (0..50).map(|id| format!("{{\"id\":{id},\"total\":{}}}", id * total)).collect();
        format!("{{\"at\":{at},\"results\":[{}],\"more\":true}}", entries.join(","))
    };
    let (old, same, wrong) = (list(1, 7), list(1, 123_456), list(2, 7));
    let kept = cut("application/json", &old, 300);
    // Another length before the cut, and what was cut off, are no differences.
    assert_eq!(with(&rules, &kept, &json(&same)), Compared::SoFar);
    assert_eq!(with(&rules, &kept, &cut("application/json", &same, 500)), Compared::SoFar);
    assert_eq!(told(with(&rules, &kept, &json(&wrong)))[0], "/results/*/total: 1 -> 2");
    // What is whole in the part that was kept lacks nothing.
    let added = same.replace("{\"id\":3,", "{\"id\":3,\"new\":1,");
    assert_eq!(told(with(&rules, &kept, &json(&added))), ["/results/*/new:  -> 1"]);
    let short = "{\"at\":7,\"results\":[{\"id\":0,\"total\":0}],\"more\":true}";
    let fewer = told(with(&rules, &kept, &json(short)));
    assert!(fewer.len() == 1 && fewer[0].ends_with("entries -> 1 entries"), "{fewer:?}");
    let page = |text: &str| answer(200, "text/html", text);
    let text = "<p>order 550e8400-e29b-41d4-a716-446655440000 is paid</p>\n<p>thank you</p>";
    let kept = cut("text/html", text, 62);
    let other = text.replace("550e8400", "660e8400");
    assert_eq!(with(&rules, &kept, &page(&other)), Compared::SoFar);
    assert_eq!(told(with(&rules, &kept, &page(&text.replace("paid", "open")))).len(), 1);
    assert_eq!(
        told(with(&rules, &kept, &page("<p>order"))).len(),
        1,
        "it is shorter than what was kept"
    );
    assert_eq!(with(&rules, &cut("text/html", "x", 1), &page("xyz")), Compared::Unknown);
    let mut tally = Tally::default();
    tally.add("GET /", "GET /", Compared::SoFar);
    let report = tally.report();
    assert_eq!((report.compared, report.so_far, report.identical, report.unknown), (1, 1, 0, 0));
}

#[test]
fn noise_is_what_differs_between_two_of_the_same() {
    let mut tally = Tally::default();
    let differ =
        |body: &str| with(&Rules::default(), &json("{\"views\":0,\"total\":1}"), &json(body));
    for round in 0..100 {
        let total = if round % 4 == 0 { 2 } else { 1 };
        tally.add(
            "GET /a",
            "GET /a",
            differ(&format!("{{\"views\":{},\"total\":{total}}}", round + 1)),
        );
        tally.add_noise("GET /a", differ(&format!("{{\"views\":{},\"total\":1}}", round + 1)));
        tally.add("GET /b", "GET /b", Compared::Identical);
    }
    let report = tally.report();
    assert_eq!(
        (report.compared, report.identical, report.noisy, report.different),
        (200, 100, 75, 25)
    );
    assert_eq!(report.groups.len(), 1);
    let group = &report.groups[0];
    assert_eq!(
        (group.endpoint.as_str(), group.place.clone(), group.count),
        ("GET /a", Place::Json("/total".to_owned()), 25)
    );
    assert_eq!(group.example.as_ref().unwrap().new, "2");
    assert_eq!(report.noise[0].place, Place::Json("/views".to_owned()));
}

#[test]
fn keys_that_are_made_up_for_each_answer_take_no_room_without_end() {
    let mut tally = Tally::default();
    let differs = |place: String| {
        let (exactly, old, new) = (String::new(), String::new(), String::new());
        Compared::Different(vec![Difference { place: Place::Json(place), exactly, old, new }])
    };
    for number in 0..25_000 {
        tally.add("GET /", "GET /", differs(format!("/{number}x")));
    }
    let report = tally.report();
    assert_eq!((report.compared, report.different, report.beyond), (25_000, 25_000, 5_000));
    // A key as long as a body is told by its beginning.
    let body = format!("{{\"{}\": 1}}", "k".repeat(100_000));
    let Compared::Different(found) = with(&Rules::default(), &json("{}"), &json(&body)) else {
        panic!("a key is new")
    };
    assert!(found[0].place.to_string().chars().count() <= 401, "{}", found[0].exactly.len());
}

#[test]
fn entries_of_a_long_list_find_their_like_by_id() {
    let list = |numbers: &mut dyn Iterator<Item = u32>, value: u32| {
        let entries: Vec<String> =
            numbers.map(|id| format!("{{\"id\": {id}, \"value\": {value}}}")).collect();
        json(&format!("{{\"r\": [{}]}}", entries.join(",")))
    };
    let rules = Rules { unordered: vec!["/r".to_owned()], ..Rules::default() };
    let (old, new) = (list(&mut (0_u32..5_000), 1), list(&mut (0_u32..5_000).rev(), 2));
    let Compared::Different(found) = with(&rules, &old, &new) else { panic!("values differ") };
    for difference in &found {
        assert_eq!(difference.place, Place::Json("/r/*/value".to_owned()), "{difference:?}");
    }
}

fn request(target: &str, headers: &[(&str, &str)], body: &str) -> RequestSeen {
    RequestSeen {
        method: "GET".to_owned(),
        target: target.to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: BodySeen::whole(body.as_bytes().to_vec()),
    }
}

#[test]
fn later_requests_carry_what_the_replay_was_given() {
    let mut sessions = Sessions::default();
    let log_in = |token: &str, cookie: &str| AnswerSeen {
        headers: vec![("set-cookie".to_owned(), format!("sid={cookie}; Path=/"))],
        ..json(&format!("{{\"user\":{{\"token\":\"{token}\"}},\"order\":{}}}", token.len()))
    };
    sessions.learn(
        "ada",
        true,
        &log_in("~0123456789ab", "old-session"),
        &log_in("real-token-of-today", "new/session="),
    );
    let asked = request(
        "/orders/13/?t=~0123456789ab",
        &[("authorization", "Bearer ~0123456789ab"), ("cookie", "a=1; sid=old-session")],
        "{\"order\":13,\"t\":\"~0123456789ab\"}",
    );
    let sent = sessions.translated("ada", &asked);
    assert_eq!(sent.target, "/orders/19/?t=real-token-of-today");
    assert_eq!(sent.header("authorization"), Some("Bearer real-token-of-today"));
    assert_eq!(sent.header("cookie"), Some("a=1; sid=new/session="));
    assert_eq!(sent.body.bytes, b"{\"order\":19,\"t\":\"real-token-of-today\"}");
    // An order's number of one client says nothing about another's.
    assert_eq!(sessions.translated("bob", &asked).path(), "/orders/13/");
}

#[test]
fn a_form_gives_its_hidden_fields() {
    let form = |token: &str| {
        answer(
            200,
            "text/html; charset=utf-8",
            &format!("<form><input type=\"hidden\" name=\"csrf\" value=\"{token}\"></form>"),
        )
    };
    let mut sessions = Sessions::default();
    sessions.learn("ada", false, &form("~0123456789ab"), &form("token-of-today"));
    let sent = sessions.translated("ada", &request("/", &[], "csrf=~0123456789ab&n=1"));
    assert_eq!(sent.body.bytes, b"csrf=token-of-today&n=1");
}

/// JSON of some depth.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        "[a-z~0-9]{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            proptest::collection::btree_map("[a-d]", inner, 0..4)
                .prop_map(|all| serde_json::Value::Object(all.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn an_answer_is_the_same_as_itself_however_it_is_written(value in value()) {
        let (tight, wide) = (value.to_string(), format!("{value:#}"));
        prop_assert_eq!(with(&Rules::default(), &json(&tight), &json(&tight)), Compared::Identical);
        let seen = with(&Rules::default(), &json(&tight), &json(&wide));
        prop_assert_eq!(seen, if tight == wide { Compared::Identical } else { Compared::Equal });
    }

    #[test]
    fn a_list_in_another_order_is_the_same_where_that_is_told(list in proptest::collection::vec(value(), 0..8), turn in 0_usize..8) {
        let mut turned = list.clone();
        turned.rotate_left(turn % list.len().max(1));
        let of = |list: Vec<serde_json::Value>| json(&serde_json::json!({"r": list}).to_string());
        let rules = Rules { unordered: vec!["/r".to_owned()], ..Rules::default() };
        let seen = with(&rules, &of(list), &of(turned));
        prop_assert!(matches!(seen, Compared::Identical | Compared::Equal), "{seen:?}");
    }

    #[test]
    fn two_different_values_differ(old in value(), new in value()) {
        let seen = with(&Rules::default(), &json(&old.to_string()), &json(&new.to_string()));
        prop_assert_eq!(matches!(seen, Compared::Different(_)), old != new);
    }

    #[test]
    fn any_bytes_are_compared(old in proptest::collection::vec(any::<u8>(), 0..60), new in proptest::collection::vec(any::<u8>(), 0..60)) {
        let of = |bytes: Vec<u8>| AnswerSeen { body: BodySeen::whole(bytes), ..json("") };
        let rules = Rules { mask_dates: true, mask_ids: true, ..Rules::default() };
        drop(with(&rules, &of(old.clone()), &of(new.clone())));
        let mut sessions = Sessions::default();
        sessions.learn("a", true, &of(old), &of(new.clone()));
        let target = String::from_utf8_lossy(&new).into_owned();
        drop(endpoint("GET", &target));
        drop(sessions.translated("a", &request(&target, &[("cookie", &target)], &target)));
    }

    #[test]
    fn counts_add_up(kinds in proptest::collection::vec(0_u8..5, 1..60)) {
        let mut tally = Tally::default();
        for kind in &kinds {
            let other = format!("{{\"a\":{kind}}}");
            let seen = match kind {
                0 => Compared::Identical,
                1 => Compared::Equal,
                2 => Compared::Unknown,
                _ => with(&Rules::default(), &json("{\"a\":0}"), &json(&other)),
            };
            tally.add("GET /", "GET /", seen.clone());
            tally.add_noise("GET /", if *kind == 4 { seen } else { Compared::Identical });
        }
        let report = tally.report();
        prop_assert_eq!(report.compared, kinds.len() as u64);
        prop_assert_eq!(report.identical + report.equal + report.unknown + report.noisy + report.different, report.compared);
    }
}
