//! The table of commands, and how one of them is chosen and ended.

use std::process::ExitCode;

use crate::{
    args::Args, bench, demo, docs, failure::Failure, fronts, linger, pairs, screen, setup,
    shell::Shell, test, web,
};

/// One command.
pub(crate) struct Command {
    /// What is typed.
    name: &'static str,
    /// What may follow it.
    usage: &'static str,
    /// What it does, in one line.
    about: &'static str,
    /// Its options and what they mean, line by line.
    options: &'static [(&'static str, &'static str)],
    /// What may be given once, and what takes a value.
    known: &'static [&'static str],
    run: fn(&mut Shell, &Args) -> Result<(), Failure>,
}

/// All commands, in the order in which `help` prints them. An option that ends in `=` takes a value.
const COMMANDS: &[Command] = &[
    Command {
        name: "setup",
        usage: "[--lint-tools]",
        about: "Install what the other commands need; skips what is there",
        options: &[(
            "--lint-tools",
            "also cargo-nextest, cargo-deny, cargo-shear and typos, built from source",
        )],
        known: &["--lint-tools"],
        run: setup::command,
    },
    Command {
        name: "web",
        usage: "[--force]",
        about: "Build the pages into web/dist; skipped while their sources are unchanged",
        options: &[("--force", "build although nothing changed")],
        known: &["--force"],
        run: web::command,
    },
    Command {
        name: "demo",
        usage: "[--scale full|small] [--mode faulty|fixed] [--seconds N] [--exit]",
        about: "Run a slow Django application, watch it with Taut, print what is wrong with it",
        options: &[
            ("--scale full|small", "how much data the application has (full)"),
            ("--mode faulty|fixed", "with its faults, or without (faulty)"),
            ("--seconds N", "how long traffic is driven at it (60)"),
            ("--exit", "end once the findings are printed, instead of on Ctrl-C"),
        ],
        known: &["--scale=", "--mode=", "--seconds=", "--exit"],
        run: demo::command,
    },
    Command {
        name: "test",
        usage: "[--only STEP]... [--skip STEP]...",
        about: "Everything that must hold: pages, format, lints, docs, tests, the real application",
        options: &[
            ("--only STEP", "run this step alone; may be repeated"),
            ("--skip STEP", "leave this step out; may be repeated"),
        ],
        known: &["--only=", "--skip="],
        run: test::command,
    },
    Command {
        name: "bench",
        usage: "[NAME]... [-- ARGUMENT...]",
        about: "Measure, with a release build; all benchmarks unless some are named",
        options: &[("-- ARGUMENT", "handed on to the benchmark")],
        known: &[],
        run: bench::command,
    },
    Command {
        name: "pairs",
        usage: "[--only NAME]... [--scale full|small] [--distance MS] [--share N] [--profile NAME | --taut FILE]",
        about: "Each faulty endpoint of the application beside its fixed version: answers, statements, latencies, verdict",
        options: &[
            ("--only NAME", "this endpoint alone; may be repeated"),
            ("--scale full|small", "how much data the application has (full)"),
            ("--distance MS", "pretend that the database is so far away, there and back (0)"),
            ("--share N", "percent of the usual time of each load (100)"),
            ("--profile NAME", "how taut is built (demo)"),
            ("--taut FILE", "do not build it: take this one"),
        ],
        known: &["--only=", "--scale=", "--distance=", "--share=", "--profile=", "--taut="],
        run: pairs::command,
    },
    Command {
        name: "fronts",
        usage: "[--only NAME]... [--scale full|small] [--share N] [--profile NAME | --taut FILE]",
        about: "The faulty application with the gateway in front and without: answers, latencies, bytes, verdict",
        options: &[
            ("--only NAME", "these requests alone; may be repeated"),
            ("--scale full|small", "how much data the application has (full)"),
            ("--share N", "percent of the usual time of each load (100)"),
            ("--profile NAME", "how taut is built (demo)"),
            ("--taut FILE", "do not build it: take this one"),
        ],
        known: &["--only=", "--scale=", "--share=", "--profile=", "--taut="],
        run: fronts::command,
    },
    Command {
        name: "docs",
        usage: "[--check]",
        about: "Write the pages of the guide that come from tables in the code",
        options: &[("--check", "write nothing; fail where a page is not what it would be")],
        known: &["--check"],
        run: docs::command,
    },
    Command {
        name: "help",
        usage: "",
        about: "Print this",
        options: &[],
        known: &[],
        run: |_, _| {
            print_help();
            Ok(())
        },
    },
];

/// Runs what was typed; the exit code is that of the product: 0 yes, 1 the answer is no, 2 wrong use,
/// 3 the world failed, 130 interrupted.
pub(crate) fn run(typed: Vec<String>) -> ExitCode {
    let mut typed = typed.into_iter();
    let name = typed.next().unwrap_or_else(|| "help".to_owned());
    let rest: Vec<String> = typed.collect();
    let asks_for_help = matches!(name.as_str(), "-h" | "--help")
        || rest.iter().any(|word| word == "--help" || word == "-h");
    let outcome = if asks_for_help {
        print_help();
        Ok(())
    } else {
        choose(&name).and_then(|command| {
            let args = Args::parse(rest, command.known)?;
            let mut shell = Shell::new()?;
            let outcome = (command.run)(&mut shell, &args);
            linger::end_descendants();
            outcome
        })
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}

fn choose(name: &str) -> Result<&'static Command, Failure> {
    COMMANDS.iter().find(|command| command.name == name).ok_or_else(|| {
        let known: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
        Failure::usage(format!("there is no command `{name}`"))
            .hint(format!("known commands: {}", known.join(", ")))
    })
}

fn print_help() {
    let mut lines = vec!["Everything a developer runs.\n\nUsage: cargo xtask COMMAND\n".to_owned()];
    for command in COMMANDS {
        lines.push(format!("\n  {} {}\n", command.name, command.usage));
        lines.push(format!("      {}\n", command.about));
        lines.extend(
            command.options.iter().map(|(name, means)| format!("      {name:<20} {means}\n")),
        );
        match command.name {
            "test" => lines.push(test::help()),
            "bench" => lines.push(bench::help()),
            _ => {}
        }
    }
    lines.push("\nState and caches: $XDG_CACHE_HOME/taut, or ~/.cache/taut.\n".to_owned());
    screen::print(&lines.concat());
}
