//! `taut report board`: before and after, for people who decide.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use engine::{board, history};
use model::Span;

use super::{
    Done, OK, find, ledger,
    settings::{SettingsFile, flag},
};
use crate::{
    report::board as report,
    say::{self, Failure},
};

const EXAMPLES: &str = "\
Examples:
  taut report board > board.md                     what the ledger has: proven, taken back, decided
  taut report board --before old.json --after new.json --html > board.html
                                                   with what operations did in two recordings
  TAUT_PRICE_DATABASE_PER_MONTH=4000 taut report board --before old.json --after new.json
                                                   and what that is worth

The page prints on A4. Each figure says how many requests it is of; a change is called sure where the intervals of both
sides lie apart.";

/// Reports for people who decide.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Board(Board),
}

/// Before and after in figures and money, what worked, what did not, and what was decided.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[command(group = ArgGroup::new("format").multiple(false))]
struct Board {
    /// A recording of before; may be given more than once.
    #[arg(long, value_name = "FILE", requires = "after")]
    before: Vec<PathBuf>,
    /// A recording of after; may be given more than once.
    #[arg(long, value_name = "FILE", requires = "before")]
    after: Vec<PathBuf>,
    /// What stands at its top.
    #[arg(long, value_name = "TEXT", default_value = "What was made faster")]
    title: String,
    /// Write a page that needs nothing else, for a screen and for paper.
    #[arg(long, group = "format")]
    html: bool,
    /// Write Markdown, which is also what comes without a format.
    #[arg(long, group = "format")]
    markdown: bool,
    /// The folder in which the ledger lies.
    #[arg(long, value_name = "FOLDER")]
    store: Option<String>,
    #[command(flatten)]
    settings: SettingsFile,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let Action::Board(arguments) = &arguments.action;
    let store = flag("--store", "store.folder", arguments.store.as_ref());
    let settings = arguments.settings.load(store.into_iter().collect())?;
    let history = history::history(&ledger::place_of(&settings.store))
        .map_err(|error| Failure::world(&error).hint(ledger::hint(&error)))?;
    let side = |files: &[PathBuf]| -> Result<Option<board::Side>, Failure> {
        if files.is_empty() {
            return Ok(None);
        }
        let mut spans: Vec<Span> = Vec::new();
        for path in files {
            let read = engine::read_file(path)
                .map_err(|error| Failure::world(&error).hint(error.hint()))?;
            find::tell_problems(&read);
            spans.extend(read.spans);
        }
        if spans.is_empty() {
            return Err(find::no_spans(files));
        }
        Ok(Some(board::side(&engine::traces_of(spans), &settings)))
    };
    let sides = side(&arguments.before)?.zip(side(&arguments.after)?);
    let report = report::Board {
        title: &arguments.title,
        rows: sides.as_ref().map(|(before, after)| board::rows(before, after)).unwrap_or_default(),
        sides: sides.as_ref(),
        history: &history,
        price: &settings.price,
    };
    if sides.is_some() && report.rows.is_empty() {
        return Err(Failure::use_of("the two recordings have no operation in common")
            .hint("give two recordings of the same services, `OTEL_SERVICE_NAME` alike"));
    }
    say::data(&if arguments.html { report::html(&report) } else { report::markdown(&report) })?;
    OK
}
