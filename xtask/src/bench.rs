//! `cargo xtask bench`: measures, with a release build.
//!
//! Each benchmark is a program `src/bin/<name>.rs` of the crate `bench`; it prints its table to stdout.

use crate::{
    args::Args,
    failure::Failure,
    screen,
    shell::{Shell, minutes},
};

/// What can be measured, and what for.
const BENCHES: &[(&str, &str)] = &[
    ("ingest", "OTLP bytes to detected and durable: spans a second, per stage, and memory"),
    ("find", "detection alone: traces a second on one core"),
    ("sql", "the normaliser: microseconds a statement"),
    ("peer", "the same files through Taut and through perf-sentinel: speed, and what each finds"),
];

/// `cargo xtask bench`
pub(crate) fn command(shell: &mut Shell, args: &Args) -> Result<(), Failure> {
    for name in &args.words {
        if !BENCHES.iter().any(|(known, _)| known == name) {
            let known: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
            return Err(Failure::usage(format!("there is no benchmark `{name}`"))
                .hint(format!("known benchmarks: {}", known.join(", "))));
        }
    }
    screen::heading("bench");
    let mut build = shell.cargo(&["build", "--release", "--package", "bench", "--package", "cli"]);
    shell.run("cargo build --release", minutes(40), &mut build)?;
    for (name, _) in BENCHES {
        if !args.words.is_empty() && !args.words.iter().any(|word| word == name) {
            continue;
        }
        let mut command = shell.cargo(&[
            "run",
            "--release",
            "--quiet",
            "--package",
            "bench",
            "--bin",
            name,
            "--",
        ]);
        command.args(&args.rest);
        let printed = shell.run(&format!("bench {name}"), minutes(60), &mut command)?;
        screen::print(&printed);
    }
    Ok(())
}

/// The benchmarks, for `help`.
pub(crate) fn help() -> String {
    let lines = BENCHES.iter().map(|(name, about)| format!("        {name:<10} {about}\n"));
    format!("      benchmarks:\n{}", lines.collect::<String>())
}
