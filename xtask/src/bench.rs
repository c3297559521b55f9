//! `cargo xtask bench`: measures, with a release build.
//!
//! A benchmark is a program `src/bin/<name>.rs` of the crate `bench`, or a benchmark of the crate that it
//! measures; it prints its tables to stdout. The peer that `find` compares with is installed only where
//! `peer` is named: it is another project's program, under its own licence, and is only ever run.

use crate::{
    args::Args,
    failure::Failure,
    screen,
    shell::{Shell, make_folder, minutes},
};

/// Something that can be measured, or is needed for it.
struct Bench {
    name: &'static str,
    about: &'static str,
    what: What,
}

enum What {
    /// A program of the crate `bench`.
    Program,
    /// One that takes gigabytes of disk: only where it is named.
    Large,
    /// A benchmark of another crate: package and name.
    Of(&'static str, &'static str),
    /// Installs what is compared with; only where it is named.
    Peer,
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "ingest",
        about: "OTLP bytes to detected and durable: spans a second on one core, per step, and memory",
        what: What::Program,
    },
    Bench {
        name: "find",
        about: "files of traces to findings: Taut and, once it is installed, perf-sentinel",
        what: What::Program,
    },
    Bench {
        name: "log",
        about: "PostgreSQL's logs to a report: MB a second, memory, and pgBadger over the same file",
        what: What::Program,
    },
    Bench {
        name: "observe",
        about: "what watching a PostgreSQL server costs it: share of its time, and each look",
        what: What::Program,
    },
    Bench {
        name: "advisor",
        about: "indexes for a workload against others' choices; sizes and write costs, modelled and real",
        what: What::Program,
    },
    Bench {
        name: "advisor_model",
        about: "the same workload without HypoPG: a model's choice, judged by HypoPG; only where it is named",
        what: What::Large,
    },
    Bench {
        name: "posts",
        about: "ten million posts on a real server: what usual advice brings; 12 GB, and only where it is named",
        what: What::Large,
    },
    Bench {
        name: "store",
        about: "spans into the store and questions to it, beside ClickHouse where that is installed; 5 GB of disk",
        what: What::Program,
    },
    Bench {
        name: "pages",
        about: "what each page waits for: the real binary over ten million spans, cold and warm; 2 GB of disk",
        what: What::Program,
    },
    Bench {
        name: "gateway",
        about: "nginx, HAProxy, Varnish and Taut as proxies, by turns: requests a second of the proxy's processor time (needs nginx and wrk; haproxy, varnish, nghttp2-client where they are there)",
        what: What::Of("gateway", "proxy"),
    },
    Bench {
        name: "limits",
        about: "what a decision about a limit costs where the gateway counts itself",
        what: What::Of("traffic", "limits"),
    },
    Bench {
        name: "limits_redis",
        about: "the same counted by a real Redis: the round trip, one decision and several in a call",
        what: What::Of("gateway", "limits"),
    },
    Bench {
        name: "soak",
        about: "the store under load and questions for `-- --minutes 60`: growth of memory, files and latency; only where it is named",
        what: What::Large,
    },
    Bench {
        name: "sql",
        about: "the normaliser: microseconds a statement",
        what: What::Of("sql", "normalise"),
    },
    Bench {
        name: "load",
        about: "the load generator beside wrk, hey and oha on one nginx: processor a request, and truth over a pause",
        what: What::Of("load", "load"),
    },
    Bench {
        name: "breaking",
        about: "the breaking point of nginx with a known limit, as a search finds it",
        what: What::Of("load", "breaking"),
    },
    Bench {
        name: "verdicts",
        about: "how often a comparison of two samples errs: false alarms, and shifts that are found",
        what: What::Of("prove", "verdicts"),
    },
    Bench {
        name: "peer",
        about: "install perf-sentinel for `find`; takes long, and runs only where it is named",
        what: What::Peer,
    },
];

/// The newest version of the peer that could be built: later ones ask for newer crates than there were.
const PEER: (&str, &str) = ("perf-sentinel", "0.34.0");

/// `cargo xtask bench`
pub(crate) fn command(shell: &mut Shell, args: &Args) -> Result<(), Failure> {
    for name in &args.words {
        if !BENCHES.iter().any(|bench| bench.name == name) {
            let known: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
            return Err(Failure::usage(format!("there is no benchmark `{name}`"))
                .hint(format!("known benchmarks: {}", known.join(", "))));
        }
    }
    let is_named = |bench: &Bench| args.words.iter().any(|word| word == bench.name);
    let chosen: Vec<&Bench> = BENCHES
        .iter()
        .filter(|bench| match bench.what {
            What::Peer | What::Large => is_named(bench),
            What::Program | What::Of(..) => args.words.is_empty() || is_named(bench),
        })
        .collect();
    screen::heading("bench");
    let programs: Vec<&str> = chosen
        .iter()
        .filter(|bench| matches!(bench.what, What::Program | What::Large))
        .map(|bench| bench.name)
        .collect();
    if !programs.is_empty() {
        // Each program takes a minute to link, so only those that run, and `taut`, which some of them start.
        let mut words = vec!["build", "--release", "--package", "bench", "--package", "cli"];
        words.extend(programs.iter().chain(&["taut"]).flat_map(|name| ["--bin", name]));
        shell.run("cargo build --release", minutes(60), &mut shell.cargo(&words))?;
    }
    // The peer comes last in the table, and is needed first.
    for bench in chosen.iter().rev().filter(|bench| matches!(bench.what, What::Peer)) {
        install(shell, bench)?;
    }
    for bench in &chosen {
        let words: Vec<&str> = match bench.what {
            What::Peer => continue,
            What::Program | What::Large => {
                vec!["run", "--release", "--quiet", "--package", "bench", "--bin", bench.name, "--"]
            }
            What::Of(package, name) => {
                vec!["bench", "--quiet", "--package", package, "--bench", name, "--"]
            }
        };
        let mut command = shell.cargo(&words);
        command.args(&args.rest).env("BENCH_PEERS", shell.cache.join("peers/bin"));
        let printed = shell.run(&format!("bench {}", bench.name), minutes(90), &mut command)?;
        screen::print(&printed);
    }
    Ok(())
}

/// The benchmarks, for `help`.
pub(crate) fn help() -> String {
    let line = |bench: &Bench| format!("        {:<10} {}\n", bench.name, bench.about);
    format!("      benchmarks:\n{}", BENCHES.iter().map(line).collect::<String>())
}

/// Builds the peer into the cache, with as little of it as reading files needs.
fn install(shell: &Shell, bench: &Bench) -> Result<(), Failure> {
    let (name, version) = PEER;
    let folder = shell.cache.join("peers");
    make_folder(&folder)?;
    screen::say(&format!("{name} {version} (AGPL-3.0) goes to {}", folder.display()));
    let mut install = shell.cargo(&["install", name, "--version", version, "--locked", "--root"]);
    install.arg(&folder);
    install.args(["--no-default-features", "--ignore-rust-version"]);
    install.env("CARGO_TARGET_DIR", shell.cache.join("peers-target"));
    shell.run(&format!("bench {}: {name}", bench.name), minutes(120), &mut install)?;
    Ok(())
}
