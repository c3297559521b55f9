//! Who gets what compressed how, and what the head of the answer says then.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use proptest::prelude::*;
use traffic::encoding::{
    Accepted, Coding, CompressRule, MediaRange, Outcome, Plain, Wish, ask, coded_tag, decide,
    dress, plain_tags,
};

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let line = |(name, value): &(&str, &str)| {
        let name = name.parse::<HeaderName>().expect("a name");
        (name, value.parse::<HeaderValue>().expect("a value"))
    };
    lines.iter().map(line).collect()
}

/// What a client with this `Accept-Encoding` gets.
fn best(accept: &str) -> Option<&'static str> {
    let accepted = Accepted::of(&headers(&[("accept-encoding", accept)]));
    accepted.best(&CompressRule::default()).map(Coding::token)
}

fn wish(lines: &[(&str, &str)]) -> Wish {
    ask(&CompressRule::default(), &mut headers(lines))
}

/// What becomes of a JSON answer of so many bytes.
fn outcome(request: &[(&str, &str)], answer: &[(&str, &str)], bytes: Option<u64>) -> Outcome {
    let mut head = headers(&[("content-type", "application/json")]);
    head.extend(headers(answer));
    decide(&CompressRule::default(), &wish(request), StatusCode::OK, &head, bytes)
}

const GZIP: &[(&str, &str)] = &[("accept-encoding", "gzip")];

#[test]
fn a_client_gets_what_it_likes_best() {
    for (accept, expected) in [
        ("gzip", Some("gzip")),
        ("x-gzip", Some("gzip")),
        ("GZIP;Q=0.5, deflate", Some("gzip")),
        ("gzip, deflate, br, zstd", Some("zstd")),
        ("gzip, br", Some("br")),
        ("gzip;q=1.0, br;q=0.9, zstd;q=0", Some("gzip")),
        ("*", Some("zstd")),
        ("*, zstd;q=0", Some("br")),
        ("gzip;q=0.001, *;q=0", Some("gzip")),
        ("identity;q=0.5, gzip;q=0.4", None),
        ("identity;q=0.5, gzip;q=0.5", Some("gzip")),
        ("identity", None),
        ("gzip;q=0", None),
        ("*;q=0", None),
        ("", None),
        ("deflate, compress", None),
        ("gzip;q=2, br;q=0.1", Some("br")),
        ("gzip;q=0.1234", None),
        ("gzip;q=", None),
        ("gzip ; q=0.3 , br ; q=0.2", Some("gzip")),
        ("gzip;q=0, gzip", None),
    ] {
        assert_eq!(best(accept), expected, "{accept}");
    }
    assert_eq!(Accepted::of(&HeaderMap::new()).best(&CompressRule::default()), None);
}

#[test]
fn who_refuses_plain_bodies_gets_none_however_small() {
    assert_eq!(outcome(GZIP, &[], Some(10)), Outcome::Plain(Plain::Small));
    let strict = [("accept-encoding", "gzip, identity;q=0")];
    assert_eq!(outcome(&strict, &[], Some(10)), Outcome::Coded(Coding::Gzip));
    // Nothing that fits: better plain than nothing (RFC 9110, 12.5.3).
    let nothing = [("accept-encoding", "deflate, *;q=0")];
    assert_eq!(outcome(&nothing, &[], Some(5_000)), Outcome::Plain(Plain::NotAccepted));
}

#[test]
fn what_must_not_or_need_not_be_compressed_is_left_as_it_is() {
    let plain = |request: &[(&str, &str)], answer: &[(&str, &str)]| match outcome(
        request,
        answer,
        Some(5_000),
    ) {
        Outcome::Plain(plain) => Some(plain),
        Outcome::Coded(_) => None,
    };
    assert_eq!(plain(GZIP, &[]), None);
    assert_eq!(plain(GZIP, &[("content-encoding", "br")]), Some(Plain::Already));
    assert_eq!(plain(GZIP, &[("content-encoding", "identity")]), None);
    assert_eq!(plain(GZIP, &[("cache-control", "public, No-Transform")]), Some(Plain::NoTransform));
    let asks = [("accept-encoding", "gzip"), ("cache-control", "no-transform")];
    assert_eq!(plain(&asks, &[]), Some(Plain::NoTransform));
    assert_eq!(plain(GZIP, &[("content-range", "bytes 0-1/9")]), Some(Plain::Status));
    assert_eq!(plain(GZIP, &[("repr-digest", "sha-256=:AA==:")]), Some(Plain::Digest));
    let of_status = |status| {
        let head = headers(&[("content-type", "text/html")]);
        decide(&CompressRule::default(), &wish(GZIP), status, &head, None)
    };
    for status in [204, 205, 206, 304] {
        let status = StatusCode::from_u16(status).expect("a status");
        assert_eq!(of_status(status), Outcome::Plain(Plain::Status), "{status}");
    }
    assert_eq!(of_status(StatusCode::NOT_FOUND), Outcome::Coded(Coding::Gzip));
}

#[test]
fn kinds_of_content_are_told_by_what_they_are() {
    let usual = MediaRange::usual();
    for (kind, compressed) in [
        ("text/html; charset=utf-8", true),
        ("TEXT/EVENT-STREAM", true),
        ("application/problem+json", true),
        ("image/svg+xml", true),
        ("application/wasm", true),
        ("image/png", false),
        ("font/woff2", false),
        ("application/octet-stream", false),
        ("video/mp4", false),
        ("", false),
        ("text", false),
    ] {
        let found = usual.iter().any(|range| range.contains(kind.as_bytes()));
        assert_eq!(found, compressed, "{kind}");
    }
    for wrong in ["text", "/", "*/json", "text/h*", "a b/c", "*/*+"] {
        let parsed = MediaRange::parse(wrong);
        assert!(parsed.is_none() || wrong == "*/*+", "{wrong}: {parsed:?}");
    }
}

#[test]
fn the_head_tells_what_became_of_the_body() {
    let mut head = headers(&[
        ("content-length", "5000"),
        ("etag", "\"abc\""),
        ("accept-ranges", "bytes"),
        ("vary", "origin"),
    ]);
    let wish = wish(GZIP);
    dress(&wish, StatusCode::OK, Outcome::Coded(Coding::Gzip), &mut head);
    assert_eq!(head[header::CONTENT_ENCODING], "gzip");
    assert_eq!(head[header::ETAG], "\"abc~gzip\"");
    assert!(
        !head.contains_key(header::CONTENT_LENGTH) && !head.contains_key(header::ACCEPT_RANGES)
    );
    let vary: Vec<_> = head.get_all(header::VARY).iter().collect();
    assert_eq!(vary, ["origin", "accept-encoding"]);
    // Another client would get it compressed: that is told as well, and once.
    let mut plain = headers(&[("vary", "Accept-Encoding, origin"), ("etag", "\"abc\"")]);
    dress(&wish, StatusCode::OK, Outcome::Plain(Plain::NotAccepted), &mut plain);
    assert_eq!(plain.get_all(header::VARY).iter().count(), 1);
    assert_eq!(plain[header::ETAG], "\"abc\"");
    let mut weak = headers(&[("etag", "W/\"abc\"")]);
    dress(&wish, StatusCode::OK, Outcome::Coded(Coding::Gzip), &mut weak);
    assert_eq!(weak[header::ETAG], "W/\"abc\"");
}

#[test]
fn a_client_that_has_the_compressed_answer_learns_that_it_has_not_changed() {
    let mut request = headers(&[
        ("accept-encoding", "gzip"),
        ("if-none-match", "\"x,y\", \"abc~gzip\", W/\"z\""),
        ("if-match", "\"abc~br\""),
    ]);
    let wish = ask(&CompressRule::default(), &mut request);
    assert_eq!(request[header::IF_NONE_MATCH], "\"x,y\", \"abc\", W/\"z\"");
    assert_eq!(request[header::IF_MATCH], "\"abc\"");
    let mut answer = headers(&[("etag", "\"abc\"")]);
    dress(&wish, StatusCode::NOT_MODIFIED, Outcome::Plain(Plain::Status), &mut answer);
    assert_eq!(answer[header::ETAG], "\"abc~gzip\"");
    assert_eq!(answer[header::VARY], "accept-encoding");
    // What it has under another tag is the plain answer.
    let mut other = headers(&[("etag", "\"x,y\"")]);
    dress(&wish, StatusCode::NOT_MODIFIED, Outcome::Plain(Plain::Status), &mut other);
    assert_eq!(other[header::ETAG], "\"x,y\"");
}

#[test]
fn a_compressed_answer_is_no_answer_for_who_asks_for_a_plain_one() {
    // Else a cache between would hand gzip to a client that cannot read it.
    for accept in ["identity", "br"] {
        let tags = "\"abc~gzip\"";
        let mut request = headers(&[("accept-encoding", accept), ("if-none-match", tags)]);
        let _wish = ask(&CompressRule::default(), &mut request);
        assert_eq!(request[header::IF_NONE_MATCH], tags, "{accept}");
    }
}

#[test]
fn members_are_asked_for_plain_bodies_where_the_gateway_takes_over() {
    let rule = CompressRule { takes_over: true, ..CompressRule::default() };
    let mut request = headers(GZIP);
    let wish = ask(&rule, &mut request);
    assert!(!request.contains_key(header::ACCEPT_ENCODING));
    let head = headers(&[("content-type", "text/css")]);
    let outcome = decide(&rule, &wish, StatusCode::OK, &head, None);
    assert_eq!(outcome, Outcome::Coded(Coding::Gzip));
}

/// Entries as clients send them, and worse.
fn entries() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("gzip"),
        Just("br"),
        Just("zstd"),
        Just("identity"),
        Just("*"),
        Just("deflate")
    ];
    let weight = prop_oneof![
        Just(String::new()),
        (0_u16..=1000).prop_map(|weight| format!(";q={}.{:03}", weight / 1000, weight % 1000)),
        "[;=q0-9. ]{0,6}"
    ];
    let entry = (name, weight).prop_map(|(name, weight)| format!("{name}{weight}"));
    proptest::collection::vec(entry, 0..6).prop_map(|entries| entries.join(", "))
}

proptest! {
    #[test]
    fn nobody_gets_what_it_refuses_or_likes_less(accept in entries()) {
        let accepted = Accepted::of(&headers(&[("accept-encoding", &accept)]));
        if let Some(best) = accepted.best(&CompressRule::default()) {
            prop_assert!(accepted.weight(best) > 0);
            prop_assert!(Coding::ALL.iter().all(|other| accepted.weight(*other) <= accepted.weight(best)));
        }
    }

    #[test]
    fn any_bytes_are_read(accept in proptest::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(value) = HeaderValue::from_bytes(&accept) {
            let mut request = HeaderMap::new();
            for name in [header::ACCEPT_ENCODING, header::IF_NONE_MATCH, header::IF_MATCH, header::CACHE_CONTROL] {
                request.insert(name, value.clone());
            }
            let wish = ask(&CompressRule::default(), &mut request);
            let mut answer = HeaderMap::new();
            answer.insert(header::ETAG, value.clone());
            answer.insert(header::CONTENT_TYPE, value.clone());
            answer.insert(header::VARY, value);
            for status in [StatusCode::OK, StatusCode::NOT_MODIFIED] {
                let outcome = decide(&CompressRule::default(), &wish, status, &answer, None);
                dress(&wish, status, outcome, &mut answer);
            }
        }
    }

    #[test]
    fn a_tag_comes_back_as_it_was(inner in "[!#-~]{0,20}", place in 0_usize..3) {
        let coding = Coding::ALL[place];
        let tag = HeaderValue::from_str(&format!("\"{inner}\"")).unwrap();
        let coded = coded_tag(&tag, coding).unwrap();
        prop_assert_ne!(&coded, &tag);
        prop_assert_eq!(plain_tags(&coded, &[coding]), Some(tag));
    }
}
