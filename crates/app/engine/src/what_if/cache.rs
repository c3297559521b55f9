//! A cache in front of recorded requests, with the decisions of the gateway's own.
//!
//! Hit rates of several sizes are told from a sample of keys where that is enough: a key is in it by its hash, and the cache
//! is smaller by the same share (Waldspurger and others, "Efficient MRC construction with SHARDS", 2015).

use std::{collections::BTreeMap, time::Duration};

use find::RequestView;
use model::{AnswerEnd, AnswerSeen, Exchange, Moment, Trace};
use prove::gate::Pattern;
use traffic::cache::{
    CacheRule, Heard, NotStored, Recorded, heard,
    simulate::{Event, Outcome, simulate},
};

use super::{Scope, nanos, requests};

/// What may be answered out of a cache.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cacheable {
    /// What answers and requests say of caches does not count, as with `over-answer` of a route. Spans do not tell it.
    pub over_answer: bool,
    /// The query does not tell answers apart.
    pub ignores_query: bool,
    /// Bytes of an answer whose span does not tell them.
    pub bytes_unless_told: u64,
}

/// Requests that could have been answered by a cache.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// In the order of time.
    pub events: Vec<(Moment, Event)>,
    /// How many different things were asked for.
    pub keys: usize,
    /// Requests that no cache answers: other methods, failures, other endpoints.
    pub others: usize,
    /// Requests whose spans do not tell how large their answers were.
    pub sizes_unknown: usize,
    /// Answers that are not stored because of what they or their requests say, by the reason: they are among the events.
    pub not_stored: BTreeMap<&'static str, usize>,
    /// Bytes of the largest answer that is stored.
    pub answer_bytes_max: u64,
}

/// Requests of a recording as a cache sees them: reads that were answered well.
#[must_use]
pub fn asked(traces: &[Trace], scope: &Scope, what: &Cacheable) -> Asked {
    let mut asked = Asked::default();
    for view in requests(traces, scope) {
        let Some(request) = view.request().filter(|_| is_cacheable(&view)) else {
            asked.others += 1;
            continue;
        };
        let query = if what.ignores_query { "" } else { request.query.as_str() };
        let name = [&*view.key.service, request.path.as_str(), query].join("\0");
        asked.sizes_unknown += usize::from(request.response_bytes.is_none());
        let body = request.response_bytes.unwrap_or(what.bytes_unless_told);
        let event = Event::Ask {
            key: sql::hash(name.as_bytes()),
            bytes: held(body, name.len(), HEAD_UNKNOWN),
            took: view.duration(),
            lives: None,
        };
        asked.events.push((view.entry_call().start, event));
    }
    in_order(asked)
}

/// The same of a capture, whose answers tell all of their sizes, and what they say of caches.
#[must_use]
pub fn asked_of(exchanges: &[Exchange], endpoint: Option<&Pattern>, what: &Cacheable) -> Asked {
    let mut asked = Asked::default();
    for exchange in exchanges {
        let request = &exchange.request;
        let operation = format!("{} {}", request.method, request.path());
        let is_meant = matches!(request.method.as_str(), "GET" | "HEAD")
            && endpoint.is_none_or(|pattern| pattern.fits(&operation));
        let answer = exchange.answer.as_ref().filter(|answer| {
            is_meant && (200..300).contains(&answer.status) && answer.end == AnswerEnd::Whole
        });
        let Some(answer) = answer else {
            asked.others += 1;
            continue;
        };
        let target = if what.ignores_query { request.path() } else { request.target.as_str() };
        let (lives, chosen_by) = match said(exchange, answer) {
            _ if what.over_answer => (None, 0),
            Ok(heard) => (heard.lives, heard.chosen_by),
            Err(reason) => {
                *asked.not_stored.entry(reason.name()).or_default() += 1;
                (Some(Duration::ZERO), 0)
            }
        };
        let host = request.header("host").unwrap_or_default();
        let name = [host, target, &chosen_by.to_string()].join("\0");
        let text = |(name, value): &(String, String)| name.len() + value.len() + 4;
        let head = (answer.headers.len(), answer.headers.iter().map(text).sum());
        let event = Event::Ask {
            key: sql::hash(name.as_bytes()),
            bytes: held(answer.body.sent_bytes, host.len() + target.len() + 1, head),
            took: exchange.took,
            lives,
        };
        asked.events.push((exchange.began, event));
    }
    in_order(asked)
}

/// What a recorded answer says of caches, or why it would not be stored.
fn said(exchange: &Exchange, answer: &AnswerSeen) -> Result<Heard, NotStored> {
    heard(&Recorded {
        request: &exchange.request.headers,
        answer: &answer.headers,
        status: answer.status,
        asked_at: exchange.began,
        received_at: exchange.began + exchange.took,
    })
}

/// Headers of an answer, and their bytes, where no recording tells them: a date, a type, a length, a server and some more.
const HEAD_UNKNOWN: (usize, usize) = (8, 320);

/// Bytes that an answer takes in the gateway's cache: it counts what it takes to keep and to find it, too.
fn held(body: u64, name_bytes: usize, (headers, head_bytes): (usize, usize)) -> u64 {
    /// Of the entry and of the answer, whatever is in them.
    const FIXED: usize = 256 + 512;
    /// Of a header's place.
    const HEADER: usize = 96;
    body.saturating_add((FIXED + 3 * name_bytes + HEADER * headers + 2 * head_bytes) as u64)
}

fn in_order(mut asked: Asked) -> Asked {
    asked.events.sort_by_key(|(at, event)| (*at, key(event)));
    let mut keys: Vec<u64> = asked.events.iter().map(|(_, event)| key(event)).collect();
    keys.sort_unstable();
    keys.dedup();
    asked.keys = keys.len();
    let bytes = asked.events.iter().filter_map(|(_, event)| match event {
        Event::Ask { bytes, lives, .. } if *lives != Some(Duration::ZERO) => Some(*bytes),
        _ => None,
    });
    asked.answer_bytes_max = bytes.max().unwrap_or(0);
    asked
}

fn is_cacheable(view: &RequestView<'_>) -> bool {
    view.request().is_some_and(|request| {
        matches!(request.method.as_str(), "GET" | "HEAD")
            && (request.status == 0 || (200..300).contains(&request.status))
            && !view.entry_call().failed
            && !request.background
    })
}

fn key(event: &Event) -> u64 {
    match event {
        Event::Ask { key, .. } | Event::Change { key } => *key,
    }
}

/// What a cache of this size would have done, with answers fresh for `ttl`; of so many keys in a thousand.
#[must_use]
pub fn cached(asked: &Asked, ttl: Duration, bytes_max: u64, per_mille: u64, seed: u64) -> Outcome {
    let per_mille = per_mille.clamp(1, 1_000);
    // Chance must not hang on the order of keys: their hashes are even already.
    let is_in = |event: &Event| key(event).rotate_left(32) % 1_000 < per_mille;
    // What answers say themselves was heard when they were looked at.
    let rule = CacheRule { ttl: Some(ttl), over: true, ..CacheRule::default() };
    let events = asked.events.iter().filter(|(_, event)| is_in(event)).copied();
    simulate(&rule, scaled(bytes_max, per_mille), seed, events)
}

/// The room that a sample leaves of a cache of this size, if the largest answer does not fit into it although it fits into
/// the whole cache: what the sample tells is too little then.
#[must_use]
pub fn too_small(asked: &Asked, bytes_max: u64, per_mille: u64) -> Option<u64> {
    let room = scaled(bytes_max, per_mille.clamp(1, 1_000));
    let largest = asked.answer_bytes_max;
    (room < largest && largest <= bytes_max).then_some(room)
}

fn scaled(bytes: u64, per_mille: u64) -> u64 {
    let scaled = u128::from(bytes) * u128::from(per_mille) / 1_000;
    u64::try_from(scaled).unwrap_or(u64::MAX).max(1)
}

/// The most requests for one thing that were under way at once: what hits a service at once when its answer goes stale,
/// unless they wait for each other.
#[must_use]
pub fn stampede(asked: &Asked) -> usize {
    let mut under_way: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    let mut most = 0;
    for (at, event) in &asked.events {
        let Event::Ask { key, took, .. } = event else { continue };
        let ends = under_way.entry(*key).or_default();
        ends.retain(|end| at.nanos < *end);
        ends.push(at.nanos.saturating_add(nanos(*took)));
        most = most.max(ends.len());
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(millis: u64, keys: u64, count: u64) -> Asked {
        let events = (0..count).map(|place| {
            let at = Moment { nanos: (1 + place * millis) * 1_000_000 };
            let key = sql::hash(&(place % keys).to_le_bytes());
            (at, Event::Ask { key, bytes: 1_000, took: Duration::from_millis(1), lives: None })
        });
        in_order(Asked { events: events.collect(), ..Asked::default() })
    }

    #[test]
    fn what_is_asked_again_in_time_is_answered_out_of_the_cache() {
        let asked = every(100, 1, 100);
        let rate = |ttl| cached(&asked, ttl, 1 << 20, 1_000, 1).hit_rate();
        assert!(
            (0.85..0.95).contains(&rate(Duration::from_secs(1))),
            "{}",
            rate(Duration::from_secs(1))
        );
        assert!(rate(Duration::from_secs(1)) < rate(Duration::from_mins(1)));
        assert!(rate(Duration::from_millis(10)).abs() < 1e-9);
    }

    #[test]
    fn a_sample_of_keys_tells_about_what_all_of_them_do() {
        let asked = every(1, 5_000, 40_000);
        let ttl = Duration::from_mins(10);
        let rate = |per_mille| cached(&asked, ttl, 64 << 20, per_mille, 1).hit_rate();
        assert!((rate(100) - rate(1_000)).abs() < 0.02, "{} of {}", rate(100), rate(1_000));
    }

    #[test]
    fn a_sample_tells_as_much_where_a_cache_pushes_answers_out() {
        // Four of five requests are for a fifth of 10,000 things, by chance; the cache has room for 2,000 or 6,000 of them.
        let mut dice = traffic::Dice::new(7);
        let events = (0..150_000_u64).map(|place| {
            let number = if dice.below(5) < 4 { dice.below(2_000) } else { dice.below(10_000) };
            let key = sql::hash(&(number as u64).to_le_bytes());
            let took = Duration::from_micros(100);
            let at = Moment { nanos: (1 + place) * 1_000_000 };
            (at, Event::Ask { key, bytes: 1_000, took, lives: None })
        });
        let asked = in_order(Asked { events: events.collect(), ..Asked::default() });
        let ttl = Duration::from_mins(10);
        for size in [2_000_000, 6_000_000] {
            let [all, some] = [1_000, 100].map(|per_mille| cached(&asked, ttl, size, per_mille, 1));
            assert!(0 < all.evictions && 0 < some.evictions, "{size}: {some:?}");
            let (all, some) = (all.hit_rate(), some.hit_rate());
            assert!((all - some).abs() < 0.03, "{size}: {some} of {all}");
        }
    }

    #[test]
    fn a_sample_whose_room_holds_no_answer_says_so() {
        let asked = every(1, 5_000, 40_000);
        assert_eq!(too_small(&asked, 64 << 20, 1_000), None);
        assert_eq!(too_small(&asked, 500_000, 1), Some(500), "an answer takes 1,000 bytes");
        assert_eq!(cached(&asked, Duration::from_mins(10), 500_000, 1, 1).hits, 0);
        assert_eq!(too_small(&asked, 500, 1), None, "nor does it fit into all of it");
    }

    #[test]
    fn what_answers_say_counts_unless_a_route_says_otherwise() {
        let exchange = |second: u64, answer: &[(&str, &str)]| Exchange {
            began: Moment { nanos: 1_795_308_660_000_000_000 + second * 1_000_000_000 },
            took: Duration::from_millis(5),
            request: model::RequestSeen {
                method: "GET".to_owned(),
                target: "/x".to_owned(),
                ..model::RequestSeen::default()
            },
            answer: Some(AnswerSeen {
                status: 200,
                headers: answer
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
                ..AnswerSeen::default()
            }),
            ..Exchange::default()
        };
        let hits = |said: &[(&str, &str)], over_answer| {
            let exchanges: Vec<Exchange> = (0..10).map(|second| exchange(second, said)).collect();
            let what = Cacheable { over_answer, ..Cacheable::default() };
            let asked = asked_of(&exchanges, None, &what);
            let refused: usize = asked.not_stored.values().sum();
            let outcome = cached(&asked, Duration::from_mins(1), 1 << 20, 1_000, 1);
            assert_eq!(outcome.requests, 10);
            (outcome.hits, refused)
        };
        assert_eq!(hits(&[], false), (9, 0));
        assert_eq!(hits(&[("cache-control", "no-store")], false), (0, 10));
        assert_eq!(hits(&[("cache-control", "no-store")], true), (9, 0));
        // Fresh for four seconds and a little less by what it says, whatever the route says: four hits, then it is asked for anew.
        let (some, refused) = hits(&[("cache-control", "max-age=4")], false);
        assert!((6..9).contains(&some) && refused == 0, "{some}");
    }

    #[test]
    fn requests_for_one_thing_at_once_are_a_stampede() {
        let took = Duration::from_millis(50);
        let ask = |millis: u64, key| {
            (Moment { nanos: millis * 1_000_000 }, Event::Ask { key, bytes: 1, took, lives: None })
        };
        let events = vec![ask(0, 1), ask(10, 1), ask(20, 1), ask(20, 2), ask(100, 1)];
        assert_eq!(stampede(&Asked { events, ..Asked::default() }), 3);
    }
}
