//! What it costs to find out who asks and to count it: `cargo xtask bench limits`.

#![expect(clippy::print_stdout, reason = "prints a table")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    time::{Duration, Instant},
};

use http::HeaderName;
use model::Moment;
use traffic::{
    fields::Fields,
    limit::{Algorithm, Client, LimitKey, LimitRule, Limiter, Quota},
};

const WAYS: [Algorithm; 4] =
    [Algorithm::Bucket, Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::SlidingLog];

/// Clients that ask by turns: as many as a busy gateway has at a time.
const CLIENTS: u32 = 10_000;

fn main() {
    const DECISIONS: u32 = 2_000_000;
    const ROUNDS: usize = 5;
    println!("| counted here by | key | ns a decision (best of {ROUNDS}) |\n|---|---|---:|");
    for way in WAYS {
        for by_header in [false, true] {
            let key = if by_header {
                LimitKey::Header("x-api-key".parse().expect("a name"))
            } else {
                LimitKey::Address
            };
            let rule = LimitRule { algorithm: way, key, ..LimitRule::new(quota()) };
            let best = (0..ROUNDS).map(|_| round(&rule, DECISIONS)).min().unwrap_or_default();
            let nanos = best.as_secs_f64() * 1e9 / f64::from(DECISIONS);
            let key = if by_header { "header" } else { "address" };
            println!("| {} | {key} | {nanos:.0} |", way.name());
        }
    }
}

fn round(rule: &LimitRule, decisions: u32) -> Duration {
    let mut limiter = Limiter::new(rule.algorithm, rule.quota, 100_000, 42);
    let keys: Vec<u8> = (0..CLIENTS)
        .flat_map(|number| format!("key-{number:08x}-of-some-length").into_bytes())
        .collect();
    let of_client = keys.len() / CLIENTS as usize;
    let mut now = Moment { nanos: 1_700_000_000_000_000_000 };
    let began = Instant::now();
    for number in 0..decisions {
        let client = number.wrapping_mul(2_654_435_761) % CLIENTS;
        let address = IpAddr::V4(Ipv4Addr::from_bits(client));
        let head = Head(&keys[client as usize * of_client..][..of_client]);
        let client = Client::of(rule, address, &head, None);
        now = now + Duration::from_micros(5);
        black_box(limiter.take(client.key(), 1, now));
    }
    began.elapsed()
}

/// A head that was just read: what is asked for lies there ready.
struct Head<'a>(&'a [u8]);

impl Fields for Head<'_> {
    fn first(&self, _name: &HeaderName) -> Option<&[u8]> {
        Some(self.0)
    }

    fn all<'a>(&'a self, _name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        std::iter::once(self.0)
    }
}

fn quota() -> Quota {
    Quota::new(NonZeroU32::new(100).expect("not zero"), Duration::from_mins(1))
}
