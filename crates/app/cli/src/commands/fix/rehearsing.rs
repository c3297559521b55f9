//! Rehearsing it: where, how thoroughly, and how far it is.

use std::time::Duration;

use clap::Args;
use config::Settings;
use engine::database::{
    fix::{
        FixError, Fixable, Fixes, Place, RehearsalNews, RehearsalOutcome, RehearsalRequest,
        Rehearsed,
    },
    target,
};
use indicatif::ProgressBar;
use postgres::{
    Target,
    clone::CloneOptions,
    rehearse::{Allowed, Options},
};
use tokio::runtime::Runtime;

use super::{
    doing::{failure, told_to_stop},
    time,
};
use crate::{
    commands::Done,
    exit,
    report::{fix as report, layout},
    say::{self, AMBER, DIM, Failure},
};

/// Fewer runs prove nothing, more than this are for a benchmark.
const RUNS: std::ops::RangeInclusive<u32> = 3..=100;

/// How `--clone` says: on the server of the database itself.
const HERE: &str = "here";

/// How a rehearsal is asked for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rehearsal")]
pub(super) struct RehearsalArguments {
    /// Rehearse on this replica; with --clone, its rows are read there.
    #[arg(long, value_name = "URL", requires = "rehearse")]
    on: Option<String>,
    /// Let --on be a server that takes writes: statements are run there, read-only and rolled back.
    #[arg(long, requires = "on")]
    on_primary: bool,
    /// Rehearse on a clone: schema and a sample of the rows, made on this server, or `here` on the one of the
    /// database; dropped afterwards. Indexes need one.
    #[arg(long, value_name = "URL|here", requires = "rehearse")]
    clone: Option<String>,
    /// Bytes that the rows of a clone may have together.
    #[arg(long, value_name = "SIZE", default_value = "1GB", requires = "clone")]
    clone_bytes: String,
    /// Rows that a table of a clone may have, more or less.
    #[arg(long, value_name = "N", default_value_t = 20_000_000, requires = "clone")]
    clone_rows: u64,
    /// Rehearse with this statement instead of those that it is for; may be given more than once.
    #[arg(long, value_name = "SQL", requires = "rehearse")]
    pub(super) query: Vec<String>,
    /// Runs of each side that count, 3 to 100; from 6 on there are intervals.
    #[arg(long, value_name = "N", default_value_t = 6, requires = "rehearse")]
    runs: u32,
    /// A run that takes longer is ended.
    #[arg(long, value_name = "TIME", default_value = "30s", requires = "rehearse")]
    timeout: String,
}

/// A rehearsal that was asked for.
pub(super) struct Rehearsing<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) target: &'a Target,
    pub(super) settings: &'a Settings,
    pub(super) json: bool,
}

impl Rehearsing<'_> {
    pub(super) fn run(
        &self,
        arguments: &RehearsalArguments,
        fixes: &mut Fixes,
        fixable: &Fixable,
    ) -> Done {
        let request = self.request(arguments, fixable)?;
        let mut shown = Shown::new();
        let rehearsed = self.runtime.block_on(async {
            let words = ["stopping: what was made for it is dropped", "it is being dropped"];
            let stop = told_to_stop(words);
            fixes.rehearse(fixable, &request, (&mut |news| shown.tell(&news), stop)).await
        });
        shown.bar.finish_and_clear();
        let rehearsed: Rehearsed = match rehearsed {
            Err(FixError::Stopped) => {
                say::words(&format!("{AMBER}stopped{AMBER:#}: nothing of it is left behind\n"));
                return Ok(exit::INTERRUPTED);
            }
            Err(error) => return Err(failure(&error)),
            Ok(rehearsed) => rehearsed,
        };
        say::data(&if self.json {
            report::rehearsal_json(&self.target.to_string(), fixable, &rehearsed)
        } else {
            report::rehearsal(fixable, &rehearsed, say::columns())
        })?;
        let is_better = rehearsed.figures.outcome == RehearsalOutcome::Better;
        Ok(if is_better { exit::YES } else { exit::NO })
    }

    fn request(
        &self,
        arguments: &RehearsalArguments,
        fixable: &Fixable,
    ) -> Result<RehearsalRequest, Failure> {
        let place = self.place(arguments, fixable)?;
        if !RUNS.contains(&arguments.runs) {
            return Err(Failure::use_of(format!(
                "{} runs are too few or too many",
                arguments.runs
            ))
            .hint(format!("from {} to {}", RUNS.start(), RUNS.end())));
        }
        let bytes_max = config::parse_bytes(&arguments.clone_bytes).ok_or_else(|| {
            Failure::use_of(format!("`{}` is no size", arguments.clone_bytes))
                .hint("write `500MB` or `2GiB`")
        })?;
        let allowed = |is: bool| if is { Allowed::Yes } else { Allowed::No };
        let here = arguments.clone.as_deref() == Some(HERE);
        Ok(RehearsalRequest {
            target: self.target.clone(),
            place,
            statements: arguments.query.clone(),
            options: Options {
                statement_timeout: time(&arguments.timeout)?,
                runs: arguments.runs,
                primary: allowed(arguments.on_primary),
                ..Options::default()
            },
            clone: CloneOptions {
                bytes_max,
                rows_max: arguments.clone_rows,
                same_server: allowed(here),
                ..CloneOptions::default()
            },
        })
    }

    /// Where it is rehearsed: as was said; a rewrite else on a replica that the settings name.
    fn place(&self, arguments: &RehearsalArguments, fixable: &Fixable) -> Result<Place, Failure> {
        let parse = |url: &str| {
            target(url, self.settings).map_err(|error| Failure::use_of(&error).hint(error.hint()))
        };
        let on = arguments.on.as_deref().map(parse).transpose()?;
        let rows_from = || Box::new(on.clone().unwrap_or_else(|| self.target.clone()));
        match (arguments.clone.as_deref(), &on) {
            (Some(HERE), _) => {
                Ok(Place::Clone { scratch: Box::new(self.target.clone()), rows_from: rows_from() })
            }
            (Some(url), _) => {
                Ok(Place::Clone { scratch: Box::new(parse(url)?), rows_from: rows_from() })
            }
            (None, Some(on)) => Ok(Place::On(Box::new(on.clone()))),
            (None, None) => {
                let standby = self.settings.postgres.standbys.first();
                match standby.filter(|_| fixable.change.apply.is_empty()) {
                    Some(url) => Ok(Place::On(Box::new(parse(url.secret())?))),
                    None => Err(nowhere()),
                }
            }
        }
    }
}

fn nowhere() -> Failure {
    Failure::use_of("where shall it be rehearsed? Not on the database itself").hint(
        "--clone here copies schema and a sample of the rows into a database beside it, --clone URL onto another \
         server, and drops it afterwards; --on URL takes a replica, where no index can be built",
    )
}

/// How far it is: a line that changes on a terminal, else a line for each step.
struct Shown {
    bar: ProgressBar,
    last: String,
}

impl Shown {
    fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, last: String::new() }
    }

    fn tell(&mut self, news: &RehearsalNews) {
        let phase = layout::clean(&news.phase);
        if self.bar.is_hidden() {
            if phase != self.last {
                say::words(&format!("{DIM}{phase}{DIM:#}\n"));
                self.last = phase;
            }
            return;
        }
        let room = say::columns().saturating_sub(4);
        let both = if news.detail.is_empty() { phase } else { format!("{phase}: {}", news.detail) };
        self.bar.set_message(layout::cut(&both, room));
    }
}
