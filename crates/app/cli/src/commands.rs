//! Commands: one table; each is a file in `commands/`.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{
    exit::{self, EXIT_CODES, Exit},
    say::Failure,
};

mod board;
mod check;
mod complete;
mod explain;
mod find;
mod fix;
mod gateway;
mod ledger;
mod load;
mod log;
mod plan;
mod profile;
mod prove;
mod query;
mod replay;
mod settings;
mod status;
mod store;
mod trace;
mod up;
mod what_if;
mod written;

/// Finds what makes a web backend slow, says how to fix it, and proves that the fix worked.
#[derive(Debug, Parser)]
#[command(name = "taut", version, max_term_width = 100, after_help = after_help())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Find(find::Arguments),
    Check(check::Arguments),
    Fix(fix::Arguments),
    Gateway(gateway::Arguments),
    Ledger(ledger::Arguments),
    Report(board::Arguments),
    WhatIf(what_if::Arguments),
    Load(load::Arguments),
    Prove(prove::Arguments),
    Replay(replay::Arguments),
    Log(log::Arguments),
    Plan(plan::Arguments),
    Profile(profile::Arguments),
    Up(up::Arguments),
    Status(status::Arguments),
    Query(query::Arguments),
    Explain(explain::Arguments),
    Trace(trace::Arguments),
    Store(store::Arguments),
    Config(settings::Arguments),
    Completions(complete::Arguments),
}

/// Reads the command line, does as it says, and gives the code to end with.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Find(arguments) => find::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Fix(arguments) => fix::run(&arguments),
        Command::Gateway(arguments) => gateway::run(&arguments),
        Command::Ledger(arguments) => ledger::run(&arguments),
        Command::Report(arguments) => board::run(&arguments),
        Command::WhatIf(arguments) => what_if::run(&arguments),
        Command::Load(arguments) => load::run(&arguments),
        Command::Prove(arguments) => prove::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Log(arguments) => log::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Profile(arguments) => profile::run(&arguments),
        Command::Up(arguments) => up::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Query(arguments) => query::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Trace(arguments) => trace::run(&arguments),
        Command::Store(arguments) => store::run(&arguments),
        Command::Config(arguments) => settings::run(&arguments),
        Command::Completions(arguments) => complete::run(&arguments, &mut Cli::command()),
    };
    done.unwrap_or_else(|failure: Failure| failure.tell()).into()
}

pub(crate) use profile::Sort;

pub(crate) use ledger::Kind as LedgerKind;

/// What a command gives back.
type Done = Result<Exit, Failure>;

const OK: Done = Ok(exit::YES);

fn after_help() -> String {
    let mut text = String::from("Exit codes:\n");
    for exit in EXIT_CODES {
        text.push_str(&format!("  {:>3}  {}\n", exit.code, exit.meaning));
    }
    text.push_str(
        "\nExamples:\n  taut find spans.json            what is slow in a recording\n  \
         taut up                         receive OTLP on 4317 and 4318, pages on 7070\n  \
         taut query --group service.name what spans, log records and metrics say\n  \
         taut explain n-plus-one         what a finding means and what to do\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
