//! Doing it: asks, shows how far it is, and stops when told to.

use std::time::Duration;

use engine::database::fix::{FixError, Fixes, Judgement};
use indicatif::{ProgressBar, ProgressStyle};
use postgres::{
    Target,
    apply::{ApplyError, BuildProgress, Done as Ran, News, Options, Stop},
    clone::CloneError,
    rehearse::RehearseError,
};
use store::ledger::Remedy;
use tokio::{runtime::Runtime, sync::watch};

use super::asking::ask;
use crate::{
    commands::Done,
    exit::{self, Exit},
    report::{fix as report, layout},
    say::{self, AMBER, BOLD, DIM, Failure},
    units,
};

/// Letters of a statement of somebody else that is in the way.
const HOLDER_LETTERS: usize = 160;

pub(super) struct Runner<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) target: &'a Target,
    pub(super) options: Options,
    pub(super) yes: bool,
    pub(super) json: bool,
}

/// What a failure is to whoever typed the command: what he asked for, or what the world did.
pub(super) fn failure(error: &FixError) -> Failure {
    let is_use = matches!(
        error,
        FixError::NotRehearsed { .. }
            | FixError::InForce { .. }
            | FixError::Code
            | FixError::Clone(CloneError::SameServer)
            | FixError::Rehearse(RehearseError::Refused(_))
    );
    if is_use {
        return Failure::use_of(error).hint(error.hint());
    }
    Failure::world(error).hint(error.hint())
}

impl Runner<'_> {
    pub(super) fn apply(&self, fixes: &mut Fixes, remedy: &Remedy) -> Result<Exit, Failure> {
        let statements = remedy.proposal.change.apply.join(";\n  ");
        self.ask("Apply", &statements)?;
        let mut shown = Shown::new();
        let done = self.runtime.block_on(async {
            let stop = told_to_stop(STOPPING);
            fixes
                .apply(remedy.id, self.target, self.options, (&mut |news| shown.tell(news), stop))
                .await
        });
        shown.end();
        self.ended(done, "applied", &remedy.proposal.finding)
    }

    pub(super) fn revert(&self, fixes: &mut Fixes, remedy: &Remedy, because: &str) -> Done {
        let statements = remedy.proposal.change.revert.join(";\n  ");
        self.ask("Take back", &statements)?;
        let mut shown = Shown::new();
        let done = self.runtime.block_on(async {
            let stop = told_to_stop(STOPPING);
            let tell = &mut |news| shown.tell(news);
            fixes.revert((remedy.id, because), self.target, self.options, (tell, stop)).await
        });
        shown.end();
        self.ended(done, "taken back", &remedy.proposal.finding)
    }

    pub(super) fn check(
        &self,
        fixes: &mut Fixes,
        remedy: &Remedy,
        time: Duration,
    ) -> Result<Judgement, Failure> {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(200));
        let judged = self.runtime.block_on(async {
            let stop = Box::pin(async {
                // Without the signal, the time ends it.
                if tokio::signal::ctrl_c().await.is_err() {
                    std::future::pending::<()>().await;
                }
            });
            let mut tell = |judgement: &Judgement| {
                bar.set_message(layout::clean(&judgement.verdict.claim));
            };
            fixes.check(remedy.id, self.target, time, (&mut tell, stop)).await
        });
        bar.finish_and_clear();
        judged.map_err(|error| failure(&error))
    }

    fn ended(&self, done: Result<Ran, FixError>, what: &str, id: &str) -> Done {
        match done {
            Ok(ran) if self.json => {
                say::data(&report::done_json(&self.target.to_string(), (what, id), &ran))?;
                Ok(exit::YES)
            }
            Ok(ran) if ran.statements == 0 => {
                say::data(&format!("{BOLD}nothing was to be done{BOLD:#}: {}\n", notes(&ran)))?;
                Ok(exit::YES)
            }
            Ok(_) => {
                say::data(&format!("{BOLD}{what}{BOLD:#} on {}\n", self.target))?;
                if what == "applied" {
                    say::words(&format!(
                        "{DIM}taut fix {id} --check tells whether it worked; --revert takes it back{DIM:#}\n"
                    ));
                }
                Ok(exit::YES)
            }
            Err(FixError::Apply(ApplyError::Stopped { left })) => {
                let left = if left.is_empty() {
                    "nothing of it is left behind".to_owned()
                } else {
                    format!("the index {left} is left behind, not valid: --revert clears it")
                };
                say::words(&format!("{AMBER}stopped{AMBER:#}: {}\n", layout::clean(&left)));
                Ok(exit::INTERRUPTED)
            }
            Err(error) => Err(failure(&error)),
        }
    }

    fn ask(&self, what: &str, statements: &str) -> Result<(), Failure> {
        ask(self.yes, &format!("{what} on {}?\n  {statements}", self.target))
    }
}

fn notes(ran: &Ran) -> String {
    if ran.notes.is_empty() {
        "it is as it should be".to_owned()
    } else {
        layout::clean(&ran.notes.join("; "))
    }
}

/// What is said at the first and the second Ctrl-C of a build.
const STOPPING: [&str; 2] = [
    "stopping: what is under way is cancelled and cleared; again to leave it as it is",
    "leaving it as it is",
];

/// Counts Ctrl-C: the first cancels and clears, the second does not wait for that. Each is answered with a word.
pub(super) fn told_to_stop(words: [&'static str; 2]) -> Stop {
    let (sender, receiver) = watch::channel(0);
    tokio::spawn(async move {
        let mut times = 0;
        while tokio::signal::ctrl_c().await.is_ok() {
            times += 1;
            let text = if times == 1 { words[0] } else { words[1] };
            say::words(&format!("\n{AMBER}{text}{AMBER:#}\n"));
            if sender.send(times).is_err() {
                break;
            }
        }
    });
    Stop::new(receiver)
}

/// What is happening: a bar on a terminal, else a line for each phase.
struct Shown {
    bar: ProgressBar,
    last: String,
}

impl Shown {
    fn new() -> Self {
        let bar = ProgressBar::no_length();
        let style = ProgressStyle::with_template("{msg} {wide_bar} {percent} %  {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        Self { bar, last: String::new() }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, text: &str) {
        self.bar.suspend(|| say::words(&format!("{text}\n")));
    }

    fn tell(&mut self, news: News) {
        match news {
            News::Running { sql } => {
                self.last.clear();
                self.line(&format!("{DIM}running{DIM:#} {}", layout::clean(&sql)));
            }
            News::Progress(progress) => self.progress(&progress),
            News::Done { took } => self.line(&format!("{DIM}done in {}{DIM:#}", units::time(took))),
            News::Retry { why, pause } => self.line(&format!(
                "{AMBER}not yet{AMBER:#}: {}; again in {}",
                layout::clean(&why),
                units::time(pause)
            )),
            News::Waits(holders) => {
                for holder in holders {
                    let holder = layout::cut(&holder.to_string(), HOLDER_LETTERS);
                    self.line(&format!("{AMBER}will wait for{AMBER:#} {holder}"));
                }
            }
            News::Note(note) => {
                self.line(&format!("{AMBER}note{AMBER:#}: {}", layout::clean(&note)));
            }
        }
    }

    fn progress(&mut self, progress: &BuildProgress) {
        let mut phase = layout::clean(&progress.phase);
        if let Some(holder) = &progress.holder {
            phase.push_str(&format!(": {}", layout::cut(&holder.to_string(), HOLDER_LETTERS)));
        }
        if self.bar.is_hidden() {
            // Ages grow: a line that differs by nothing else is no news.
            let same = progress.holder.as_ref().map_or(0, |holder| holder.pid);
            let key = format!("{} {same}", progress.phase);
            if key != self.last {
                self.last = key;
                say::words(&format!("  {DIM}{phase}{DIM:#}\n"));
            }
            return;
        }
        self.bar.set_length(progress.total.max(1));
        self.bar.set_position(progress.done.min(progress.total));
        self.bar.set_message(phase);
    }
}
