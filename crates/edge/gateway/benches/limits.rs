//! What a decision about a limit costs in a real Redis: `cargo xtask bench limits_redis`.

#![expect(clippy::print_stdout, reason = "prints a table")]

use std::{
    hint::black_box,
    num::NonZeroU32,
    time::{Duration, Instant},
};

use testkit::Redis;
use traffic::limit::{
    Algorithm, Quota,
    shared::{SCRIPT, words},
};

const WAYS: [Algorithm; 4] =
    [Algorithm::Bucket, Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::SlidingLog];

/// Clients that ask by turns: as many as a busy gateway has at a time.
const CLIENTS: u32 = 10_000;

/// The round trip, one decision at a time and several in one call.
fn main() {
    const CALLS: u32 = 10_000;
    let server = Redis::start();
    let client = redis::Client::open(server.url()).expect("an address");
    let mut connection = client.get_connection().expect("it runs");
    println!("| counted in Redis by | decisions a call | µs a call, p50 | p99 | µs a decision |");
    println!("|---|---:|---:|---:|---:|");
    let digest: String = redis::cmd("SCRIPT")
        .arg("LOAD")
        .arg(SCRIPT)
        .query(&mut connection)
        .expect("it is a script");
    for way in WAYS {
        for together in [1_u32, 16] {
            let mut took: Vec<Duration> = (0..CALLS / together)
                .map(|call| {
                    let mut command = redis::cmd("EVALSHA");
                    command.arg(&digest).arg(together);
                    for place in 0..together {
                        let client =
                            (call * together + place).wrapping_mul(2_654_435_761) % CLIENTS;
                        command.arg(format!("limit:{}:{client}", way.name()));
                    }
                    command.arg("").arg("");
                    for _ in 0..together {
                        command.arg(&words(way, &quota(), 1));
                    }
                    let began = Instant::now();
                    let told: Vec<i64> = command.query(&mut connection).expect("it answers");
                    black_box(told);
                    began.elapsed()
                })
                .collect();
            took.sort_unstable();
            let micros = |place: usize| took[place.min(took.len() - 1)].as_secs_f64() * 1e6;
            let (half, most) = (micros(took.len() / 2), micros(took.len() * 99 / 100));
            println!(
                "| {} | {together} | {half:.0} | {most:.0} | {:.1} |",
                way.name(),
                half / f64::from(together)
            );
        }
    }
}

fn quota() -> Quota {
    Quota::new(NonZeroU32::new(100).expect("not zero"), Duration::from_mins(1))
}
