//! What watching a PostgreSQL server costs it: its share of the database's time at the default intervals, and what
//! each look takes, under pgbench and over many tables.
//!
//! `observe [--rounds N] [--seconds N]`. Rounds with and without are interleaved, so that both see the same neighbours.

use std::{
    env,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use bench::{machine, table};
use postgres::{Connection, Limits, PollOptions, Poller, Target, connect};
use testkit::Postgres;

type Failed = Box<dyn std::error::Error>;

/// Tables of the second server: as many as are read at most.
const TABLES: u32 = 2_000;

fn main() -> Result<(), Failed> {
    let (mut rounds, mut seconds) = (3_u32, 60_u64);
    let words: Vec<String> = env::args().skip(1).collect();
    for pair in words.chunks(2) {
        match pair {
            [name, value] if name == "--rounds" => rounds = value.parse()?,
            [name, value] if name == "--seconds" => seconds = value.parse()?,
            _ => return Err("usage: observe [--rounds N] [--seconds N]".into()),
        }
    }
    table::say(&format!("{}\n", machine::describe()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(under_load(rounds, Duration::from_secs(seconds)))?;
    runtime.block_on(looks())
}

fn server() -> Postgres {
    Postgres::builder()
        .setting("shared_preload_libraries", "pg_stat_statements")
        .setting("track_io_timing", "on")
        .setting("shared_buffers", "256MB")
        .extension("pg_stat_statements")
        .start()
}

async fn opened(server: &Postgres) -> Result<Connection, Failed> {
    Ok(connect(&Target::parse(&server.url())?, &Limits::default()).await?)
}

/// pgbench, watched and not, in turns.
async fn under_load(rounds: u32, time: Duration) -> Result<(), Failed> {
    let server = server();
    let made = server.client("pgbench").args(["-i", "-q", "-s", "10"]).output()?;
    if !made.status.success() {
        return Err("pgbench could not make its tables".into());
    }
    table::say("round | watched | transactions a second | own share of the database's time\n");
    table::say("---|---|---|---\n");
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        // Whoever goes second meets what the first one left: take turns in that, too.
        let first = round % 2 == 0;
        for is_watched in [first, !first] {
            let load = pgbench(&server, time)?;
            let share = if is_watched { Some(watch(&server, time).await?) } else { None };
            let rate = rate(load)?;
            if is_watched {
                with.push(rate);
            } else {
                without.push(rate);
            }
            let word = if is_watched { "yes" } else { "no" };
            let share = share.map_or(String::new(), |share| format!("{:.3} %", share * 100.0));
            table::say(&format!("{round} | {word} | {rate:.0} | {share}\n"));
        }
    }
    table::say(&format!(
        "\nMedian with over median without: {:.3}\n\n",
        median(with) / median(without)
    ));
    Ok(())
}

fn pgbench(server: &Postgres, time: Duration) -> Result<Child, Failed> {
    let seconds = time.as_secs().to_string();
    let mut command = server.client("pgbench");
    command.args(["-n", "-c", "4", "-j", "1", "-T", &seconds]);
    Ok(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?)
}

fn rate(load: Child) -> Result<f64, Failed> {
    let output = load.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("tps = "));
    Ok(line.and_then(|line| line.split(' ').next()).ok_or("pgbench gave no rate")?.parse()?)
}

/// Watches at the default intervals; tells the share of the database's time.
async fn watch(server: &Postgres, time: Duration) -> Result<f64, Failed> {
    let connection = opened(server).await?;
    let options = PollOptions::default();
    let mut poller = Poller::new(options);
    let began = Instant::now();
    let mut poll_due = Duration::ZERO;
    while began.elapsed() + options.sample_every < time {
        if poll_due <= began.elapsed() {
            poller.poll(&connection).await?;
            poll_due += options.poll_every;
        }
        poller.sample(&connection).await?;
        tokio::time::sleep(options.sample_every).await;
    }
    poller.poll(&connection).await?;
    Ok(poller.own_share())
}

/// What each look takes with many tables: ten columns and two indexes each.
async fn looks() -> Result<(), Failed> {
    let server = server();
    server.psql(&format!(
        "do $$ begin for i in 1..{TABLES} loop \
           execute format('create table t%s (a int primary key, b int, c int, d int, e text, f text, g text, h date, \
                           i timestamptz, j numeric)', i); \
           execute format('create index on t%s (b, c)', i); \
           if i % 100 = 0 then commit; end if; end loop; end $$; analyze"
    ));
    let connection = opened(&server).await?;
    let mut poller = Poller::new(PollOptions::default());
    let taken = |name: &str, time: Duration| {
        table::say(&format!("{name} | {:.1} ms\n", time.as_secs_f64() * 1e3));
    };
    table::say(&format!(
        "a look at {TABLES} tables, {} indexes | by the clock\n---|---\n",
        TABLES * 2
    ));
    for name in ["first: catalogs, counters, texts", "second: counters", "third: counters"] {
        let began = Instant::now();
        poller.poll(&connection).await?;
        taken(name, began.elapsed());
    }
    let began = Instant::now();
    for _ in 0..100 {
        poller.sample(&connection).await?;
    }
    taken("a sample of sessions, mean of 100", began.elapsed() / 100);
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
