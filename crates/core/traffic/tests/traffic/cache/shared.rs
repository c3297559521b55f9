//! Answers as bytes, and orders to forget that gateways hear of one another.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use traffic::cache::{
    CacheRule, OrderId, Orders, Place, Purge, Sent, Stored, packed, selecting, unpacked,
};

use super::{headers, now, of};

fn stored(lines: &[(&str, &str)], body: &[u8], asked: &HeaderMap) -> Stored {
    let rule = CacheRule { stale_if_error: Some(Duration::from_secs(9)), ..CacheRule::default() };
    let policy = of(&rule, 200, lines).expect("it is stored");
    let lines = headers(lines);
    let selecting = selecting(&lines, asked).expect("it does not vary by all");
    let place = Place {
        route: "all".to_owned(),
        host: "a".to_owned(),
        target: "/items/1?x=y".to_owned(),
        tags: vec!["item".to_owned(), "item-1".to_owned()],
    };
    let parts = (policy, selecting, place);
    Stored::new(StatusCode::OK, lines, Bytes::copy_from_slice(body), parts)
}

#[test]
fn what_was_packed_is_the_same_but_older() {
    let asked = headers(&[("accept-language", "de"), ("cookie", "a=b")]);
    let lines = [
        ("cache-control", "max-age=60, stale-while-revalidate=5"),
        ("vary", "accept-language, cookie, x-none"),
        ("x-twice", "one"),
        ("x-twice", "two"),
        ("date", "Tue, 14 Nov 2023 22:13:20 GMT"),
    ];
    let before = stored(&lines, b"a body", &asked);
    let bytes = Bytes::from(packed(&before, now() + Duration::from_secs(10)));
    // Packed after ten seconds, found five seconds later, on a machine whose clock is a day ahead.
    let later = now() + Duration::from_hours(24);
    let after = unpacked(&bytes, Duration::from_secs(5), later).expect("it is as it was written");
    assert_eq!(after.policy.age(later), Duration::from_secs(15));
    assert_eq!(after.policy.left(later), Ok(Duration::from_secs(45)));
    assert_eq!((&after.headers, &after.body), (&before.headers, &before.body));
    assert_eq!((&after.place, &after.selecting), (&before.place, &before.selecting));
    assert_eq!(after.lines(), before.lines());
    assert_eq!(after.policy.stale_while_revalidate, before.policy.stale_while_revalidate);
    assert_eq!(after.policy.stale_if_error, before.policy.stale_if_error);
    assert!(after.selecting.takes(&asked));
}

proptest! {
    #[test]
    fn damage_is_as_good_as_nothing(
        body in prop::collection::vec(any::<u8>(), 0..200),
        place in any::<prop::sample::Index>(),
        flip in 1_u8..=255,
        cut in any::<prop::sample::Index>(),
    ) {
        let before = stored(&[("cache-control", "max-age=60")], &body, &HeaderMap::new());
        let whole = packed(&before, now());
        let unpacks = |bytes: Vec<u8>| {
            unpacked(&Bytes::from(bytes), Duration::ZERO, now()).map(|stored| stored.body)
        };
        prop_assert_eq!(unpacks(whole.clone()), Some(Bytes::from(body)));
        let mut flipped = whole.clone();
        flipped[place.index(whole.len())] ^= flip;
        prop_assert_eq!(unpacks(flipped), None);
        prop_assert_eq!(unpacks(whole[..cut.index(whole.len())].to_vec()), None);
    }

    #[test]
    fn bytes_from_anywhere_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        // With the right beginning and the right sum, so that the rest is read.
        let mut all = b"TtC\x01".to_vec();
        all.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        all.extend_from_slice(&bytes);
        let _any = unpacked(&Bytes::from(all), Duration::ZERO, now());
    }

    #[test]
    fn orders_are_the_same_in_words(purge in purges()) {
        prop_assert_eq!(Purge::of_words(purge.words()), Some(purge));
    }

    #[test]
    fn whatever_was_ordered_after_it_was_asked_for_outdates_it(
        all in prop::collection::vec(purges(), 1..40),
        asked_at in 0_u64..40,
        tag in "[a-c]",
    ) {
        let place = Place { tags: vec![tag], target: "/a".to_owned(), ..Place::default() };
        let mut orders = Orders::default();
        for (number, purge) in all.iter().enumerate() {
            let id = OrderId { millis: number as u64 + 1, count: 0 };
            prop_assert!(orders.hear(id, 0, purge.clone()));
            prop_assert!(!orders.hear(id, 0, purge.clone()), "heard twice");
        }
        let since = all.iter().skip(usize::try_from(asked_at).unwrap());
        let mut since = since;
        let is_old = since.any(|purge| purge.takes(&place));
        let id = OrderId { millis: asked_at, count: 0 };
        prop_assert_eq!(orders.outdates(id, &place), is_old);
    }
}

fn purges() -> impl Strategy<Value = Purge> {
    let host = prop::option::of("[a-b]");
    prop_oneof![
        Just(Purge::All),
        "[a-c]".prop_map(Purge::Route),
        "[a-c]".prop_map(Purge::Tag),
        (host.clone(), "/[a-b]").prop_map(|(host, target)| Purge::Url { host, target }),
        (host, "/[a-b]?").prop_map(|(host, path)| Purge::Prefix { host, path }),
    ]
}

fn id(millis: u64) -> OrderId {
    OrderId { millis, count: 0 }
}

fn tag(name: &str) -> Purge {
    Purge::Tag(name.to_owned())
}

#[test]
fn what_cannot_be_told_counts_as_old() {
    let place = Place { tags: vec!["kept".to_owned()], ..Place::default() };
    let mut orders = Orders::default();
    for number in 1..=Orders::KNOWN_MAX as u64 + 10 {
        orders.hear(id(number), 0, tag("other"));
    }
    // Of the first ten orders nothing is known any more.
    assert!(orders.outdates(id(9), &place));
    assert!(!orders.outdates(id(10), &place));
    // The sequence broke off: all from before.
    orders.begin(id(10_000));
    assert!(orders.outdates(id(9_999), &place));
    assert!(!orders.outdates(id(10_000), &place));
    assert_eq!(orders.heard(), id(10_000));
}

#[test]
fn where_numbers_begin_anew_lower_ones_are_heard_of() {
    let place = Place { tags: vec!["item".to_owned()], ..Place::default() };
    let mut orders = Orders::default();
    orders.hear(id(9_000), 0, tag("other"));
    let before = orders.asked();
    orders.send(Sent { nonce: 7, purge: tag("item"), soft: false });
    // The clock of the next server is behind.
    orders.begin_anew(id(100));
    assert!(!orders.goes_on(before) && orders.goes_on(orders.asked()));
    assert!(orders.outdates(id(99), &place), "all from before");
    assert_eq!(orders.sent().count(), 1, "what is not told yet is told there");
    assert!(orders.hear(id(101), 7, tag("item")) && orders.hear(id(102), 8, tag("other")));
    assert_eq!(orders.heard(), id(102));
    assert!(orders.outdates(id(100), &place) && !orders.outdates(id(101), &place));
}

#[test]
fn an_own_order_counts_before_anybody_heard_of_it() {
    let place = Place { tags: vec!["item".to_owned()], ..Place::default() };
    let mut orders = Orders::default();
    orders.send(Sent { nonce: 7, purge: tag("item"), soft: false });
    assert!(orders.outdates(id(5), &place));
    // What is asked for now comes after it, whatever its number will be; not after what others order meanwhile.
    let asked = orders.asked();
    assert_eq!(orders.number_of(asked), None);
    orders.hear(id(6), 7, tag("item"));
    assert_eq!(orders.number_of(asked), Some(id(6)));
    assert_eq!(orders.sent().count(), 0);
    assert!(orders.outdates(id(5), &place));
    assert!(!orders.outdates(id(6), &place));
    orders.hear(id(8), 99, tag("item"));
    assert_eq!(orders.number_of(asked), Some(id(6)));
    // More than can wait are one: to forget everything.
    for nonce in 0..=Orders::SENT_MAX as u64 {
        orders.send(Sent { nonce, purge: tag("x"), soft: true });
    }
    assert_eq!(orders.sent().map(|sent| &sent.purge).collect::<Vec<_>>(), [&Purge::All]);
}
