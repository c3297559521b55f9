//! nginx, `HAProxy`, Varnish and the gateway by turns in front of the same origin: requests per second of the proxy's own
//! processor time.
//!
//! The proxy has the first core, the origin (nginx) and the load (wrk, h2load) the second. Processor time is what the
//! kernel says of the proxy's process and its children, so figures hold on a machine that does other things as well.
//! `-- proxy cached` measures these cases alone; `--rounds` and `--seconds` say how long.

mod load;
mod peers;
mod process;
mod taut;

use std::{env, fmt::Write as _, fs, io::Write as _, path::Path};

use crate::{
    load::{Asking, Figures, How, idle, load},
    peers::Doing,
    process::{Server, is_there},
};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The cores of the proxy, and of everybody else.
const PROXY: usize = 0;
const REST: usize = 1;

/// What is measured.
struct Case {
    name: &'static str,
    doing: Doing,
    path: &'static str,
    header: Option<&'static str>,
    how: How,
    /// The gateway's ways to do it.
    taut: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "proxy",
        doing: Doing::Passing,
        path: "/1k",
        header: None,
        how: How::Plain,
        taut: &["bare", "full"],
    },
    Case {
        name: "large",
        doing: Doing::Passing,
        path: "/100k",
        header: None,
        how: How::Plain,
        taut: &["bare"],
    },
    Case {
        name: "cached",
        doing: Doing::Caching,
        path: "/cached/1k",
        header: None,
        how: How::Plain,
        taut: &["cache"],
    },
    Case {
        name: "cached-large",
        doing: Doing::Caching,
        path: "/cached/100k",
        header: None,
        how: How::Plain,
        taut: &["cache"],
    },
    Case {
        name: "gzip",
        doing: Doing::Compressing,
        path: "/json",
        header: Some("accept-encoding: gzip"),
        how: How::Plain,
        taut: &["compress"],
    },
    Case {
        name: "brotli",
        doing: Doing::Brotli,
        path: "/json",
        header: Some("accept-encoding: br"),
        how: How::Plain,
        taut: &["compress"],
    },
    // What a browser may say. The others have no zstd and send gzip.
    Case {
        name: "zstd",
        doing: Doing::Compressing,
        path: "/json",
        header: Some("accept-encoding: gzip, zstd"),
        how: How::Plain,
        taut: &["compress"],
    },
    Case {
        name: "tls",
        doing: Doing::Encrypting,
        path: "/1k",
        header: None,
        how: How::Encrypted,
        taut: &["tls"],
    },
    Case {
        name: "http2",
        doing: Doing::Two,
        path: "/1k",
        header: None,
        how: How::Two,
        taut: &["bare"],
    },
    Case {
        name: "http2-large",
        doing: Doing::Two,
        path: "/100k",
        header: None,
        how: How::Two,
        taut: &["bare"],
    },
];

/// Connections that say nothing, for the case `idle`.
const IDLE: usize = 10_000;

fn main() -> Outcome<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "--serve") {
        return taut::serve(&words[1..]);
    }
    refuse_unknown(&words)?;
    let number = |name: &str, usual: u32| -> Outcome<u32> {
        let place = words.iter().position(|word| word == name);
        let word = place.and_then(|place| words.get(place + 1));
        Ok(word.map_or(Ok(usual), |word| word.parse())?)
    };
    let (rounds, seconds) = (number("--rounds", 5)?, number("--seconds", 4)?);
    let named = |name: &str| words.iter().any(|word| word == name);
    let any = CASES.iter().any(|case| named(case.name)) || named("idle");
    let folder = env::temp_dir().join(format!("taut-bench-gateway-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let chosen = |name: &str| !any || named(name);
    let measured = run(&folder, &chosen, rounds, seconds);
    fs::remove_dir_all(&folder)?;
    measured
}

/// A word that means nothing here would otherwise measure everything for ten minutes.
fn refuse_unknown(words: &[String]) -> Outcome<()> {
    let known = |word: &String| {
        // `--bench` is what cargo itself adds.
        ["--rounds", "--seconds", "--bench", "idle"].contains(&word.as_str())
            || word.parse::<u32>().is_ok()
            || CASES.iter().any(|case| case.name == word)
    };
    let Some(unknown) = words.iter().find(|word| !known(word)) else { return Ok(()) };
    let cases: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    Err(format!(
        "there is no case `{unknown}`\nusage: gateway [--rounds N] [--seconds N] [CASE]..., of {}, idle",
        cases.join(", ")
    )
    .into())
}

/// Measures what was chosen.
fn run(folder: &Path, chosen: &dyn Fn(&str) -> bool, rounds: u32, seconds: u32) -> Outcome<()> {
    prepare(folder)?;
    for case in CASES.iter().filter(|case| chosen(case.name)) {
        measure(folder, case, rounds, seconds)?;
    }
    if chosen("idle") { sleepers(folder) } else { Ok(()) }
}

/// Files that the origin gives, and a certificate.
fn prepare(folder: &Path) -> Outcome<()> {
    fs::write(folder.join("1k"), "x".repeat(1_024))?;
    fs::write(folder.join("100k"), "x".repeat(100 << 10))?;
    let mut json = String::from("[");
    for number in 0_u64.. {
        if 100 << 10 < json.len() {
            break;
        }
        // As rows of a table look: names that repeat, numbers that do not.
        let hash = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        write!(
            json,
            "{{\"id\":{number},\"name\":\"customer {}\",\"amount\":{}.{:02},\"paid\":{},\"token\":\"{hash:x}\"}},",
            hash >> 44,
            hash >> 50,
            hash % 100,
            hash % 3 == 0,
        )?;
    }
    json.push_str("null]");
    fs::write(folder.join("json"), json)?;
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    fs::write(folder.join("both.pem"), format!("{chain}{key}"))?;
    fs::write(folder.join("chain.pem"), chain)?;
    fs::write(folder.join("key.pem"), key)?;
    Ok(())
}

/// Everybody who takes part in a case.
fn start(folder: &Path, case: &Case, origin: &Server) -> Outcome<Vec<Server>> {
    let mut servers = vec![peers::nginx_proxy(folder, PROXY, origin.address, case.doing)?];
    if case.doing == Doing::Brotli {
        // It has no brotli.
    } else if is_there("haproxy") {
        servers.push(peers::haproxy(folder, PROXY, origin.address, case.doing)?);
    } else {
        say("HAProxy (package haproxy) is not there, and left out\n")?;
    }
    if case.doing == Doing::Caching && is_there("varnishd") {
        servers.push(peers::varnish(folder, PROXY, origin.address)?);
    }
    for way in case.taut {
        let words = [(*way).to_owned(), origin.address.to_string(), folder.display().to_string()];
        servers.push(Server::gateway(&format!("taut, {way}"), PROXY, &words)?);
    }
    Ok(servers)
}

fn measure(folder: &Path, case: &Case, rounds: u32, seconds: u32) -> Outcome<()> {
    if case.how == How::Two && !is_there("h2load") {
        return say("http2 is left out: h2load (package nghttp2-client) is not there\n");
    }
    if case.doing == Doing::Brotli && !Path::new(peers::BROTLI).exists() {
        return say(
            "brotli is left out: nginx's module (package libnginx-mod-http-brotli-filter) is not there\n",
        );
    }
    let origin = peers::origin(folder, REST)?;
    let servers = start(folder, case, &origin)?;
    let asking = |seconds| Asking { path: case.path, header: case.header, how: case.how, seconds };
    for server in &servers {
        // Connections stand, and what is cached is there.
        load(server, &asking(1), REST)?;
    }
    let mut rows: Vec<Vec<Figures>> = Vec::new();
    for round in 0..usize::try_from(rounds)? {
        let mut row = vec![Figures::default(); servers.len()];
        // By turns, and each first in its turn.
        for turn in 0..servers.len() {
            let place = (round + turn) % servers.len();
            row[place] = load(&servers[place], &asking(seconds), REST)?;
        }
        let told = servers.iter().zip(&row).map(|(server, figures)| {
            format!("{} {:.0}/CPU-s", server.name, figures.per_cpu_second)
        });
        say(&format!(
            "  {} round {}: {}\n",
            case.name,
            round + 1,
            told.collect::<Vec<_>>().join(", ")
        ))?;
        rows.push(row);
    }
    tell(case, &servers, &rows)
}

fn tell(case: &Case, servers: &[Server], rows: &[Vec<Figures>]) -> Outcome<()> {
    let busy = fs::read_to_string("/proc/loadavg")?;
    let mut text = format!(
        "\n{}: {} of {} (load {})\n\n\
         | proxy | req/s | req/CPU-s | times nginx, median (range) | p50 ms | p99 ms | p99.9 ms | MiB | bytes an answer |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        case.name,
        case.path,
        if case.how == How::Two { "HTTP/2" } else { "HTTP/1.1" },
        busy.split(' ').next().unwrap_or_default(),
    );
    for (place, server) in servers.iter().enumerate() {
        let of = |get: &dyn Fn(&[Figures]) -> f64| {
            let mut values: Vec<f64> = rows.iter().map(|row| get(row)).collect();
            values.sort_by(f64::total_cmp);
            (values[0], values[values.len() / 2], values[values.len() - 1])
        };
        let (low, ratio, high) = of(&|row| row[place].per_cpu_second / row[0].per_cpu_second);
        writeln!(
            text,
            "| {} | {:.0} | {:.0} | {ratio:.2} ({low:.2} to {high:.2}) | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} |",
            server.name,
            of(&|row| row[place].per_second).1,
            of(&|row| row[place].per_cpu_second).1,
            of(&|row| row[place].p50_millis).1,
            of(&|row| row[place].p99_millis).1,
            of(&|row| row[place].p999_millis).1,
            of(&|row| row[place].memory_mib).1,
            of(&|row| row[place].answer_bytes).1,
        )?;
    }
    say(&(text + "\n"))
}

/// Connections that say nothing.
fn sleepers(folder: &Path) -> Outcome<()> {
    let origin = peers::origin(folder, REST)?;
    let case = &CASES[0];
    let mut text = format!(
        "\nidle: {IDLE} connections that asked once\n\n\
         | proxy | MiB before | MiB | KiB a connection | processor, % |\n|---|--:|--:|--:|--:|\n"
    );
    for server in start(folder, case, &origin)? {
        let before = server.memory_mib()?;
        let (memory, cpu) = idle(&server, IDLE)?;
        #[expect(clippy::cast_precision_loss, reason = "it is small")]
        let each = (memory - before) * 1_024.0 / IDLE as f64;
        writeln!(
            text,
            "| {} | {before:.0} | {memory:.0} | {each:.1} | {:.2} |",
            server.name,
            cpu * 100.0
        )?;
    }
    say(&(text + "\n"))
}

pub(crate) fn say(text: &str) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
