//! `taut ledger`: what was found, changed, proven, taken back and decided.

use std::fs;

use clap::{Args, Subcommand, ValueEnum};
use engine::history::{self, ByHand, History};
use model::FindingId;
use store::ledger::{
    FindingState, LedgerError, LedgerPlace, LedgerRecord, RESULT_PACKED_BYTES_MAX, RESULTS_MAX,
    Recorded, State,
};

use super::{
    Done, OK,
    settings::{SettingsFile, flag},
};
use crate::{
    report::ledger::{self as report, Stands},
    say::{self, AMBER, DIM, Failure},
};

const EXAMPLES: &str = "\
Examples:
  taut ledger                                     everything, the newest last
  taut ledger --state proven                      what was proven, and by which comparison
  taut ledger --state failed                      what could not be applied or taken back
  taut ledger --kind decision --json              decisions, for another program
  taut ledger show 3f2a                           all that is known of a finding
  taut ledger show 12 --result > run.json         the whole result of a run that was recorded
  taut ledger mark 3f2a accepted                  it shall be fixed
  taut ledger mark 3f2a applied --what 'orders load their customers with select_related'
  taut prove before.json after.json --record 3f2a a remedy that is applied becomes proven, if it is better
  taut ledger mark 3f2a reverted --because 'memory doubled'
  taut ledger decide 'No cache for prices' --text @adr-12.md --by Ada

A remedy is proposed, rehearsed, applied, then proven or reverted. Only a proof makes it proven; what the database or the
code does not have cannot be taken back. Nothing is ever changed or removed: what is noted stays.";

/// Tell what was found, changed, proven, taken back and decided, and note it.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Action {
    Show(Show),
    Mark(Mark),
    Decide(Decide),
}

/// Which ledger.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// The folder in which it lies.
    #[arg(long, value_name = "FOLDER")]
    store: Option<String>,
    #[command(flatten)]
    settings: SettingsFile,
}

impl Which {
    pub(super) fn place(&self) -> Result<LedgerPlace, Failure> {
        Ok(place_of(&self.settings()?.store))
    }

    pub(super) fn settings(&self) -> Result<config::Settings, Failure> {
        let store = flag("--store", "store.folder", self.store.as_ref());
        self.settings.load(store.into_iter().collect())
    }

    /// A folder was named on the command line, so that nobody else is asked.
    pub(super) fn names_a_folder(&self) -> bool {
        self.store.is_some()
    }
}

/// Where the ledger of a store lies.
pub(super) fn place_of(store: &config::Store) -> LedgerPlace {
    LedgerPlace { folder: store.folder.clone(), server: store.ledger_server() }
}

/// What can be done about a ledger that fails.
pub(super) fn hint(error: &LedgerError) -> &'static str {
    match error {
        LedgerError::Server { .. } => history::AWAY,
        LedgerError::Unsure { .. } => history::UNSURE,
        error if error.is_damaged() => {
            "it is damaged, or no ledger: `sqlite3 FILE .recover` saves what can be read; a new one is begun once it is moved away"
        }
        error if error.is_full() => "nothing was noted: there is no room on that disk",
        _ => "--store names the folder in which the ledger lies",
    }
}

#[derive(Debug, Args)]
struct List {
    /// Only this kind.
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// Only remedies and findings that stand here; remedies alone are proposed, rehearsed or failed.
    #[arg(long, value_name = "STATE", value_parser = stands)]
    state: Option<Stands>,
    /// Only what is about this finding; its first letters are enough.
    #[arg(long, value_name = "FINDING")]
    finding: Option<String>,
    /// Everything as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

/// What the ledger has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Changes, proposed or made.
    Remedy,
    /// What people said of findings.
    Note,
    /// Comparisons of before and after.
    Proof,
    /// Runs of load, searches for a limit, replays, checks.
    Run,
    /// Decisions.
    Decision,
}

/// Tell all that is known of a finding, or of a record by its number.
#[derive(Debug, Args)]
struct Show {
    /// A finding, its first letters, or the number of a record.
    #[arg(value_name = "ID")]
    id: String,
    /// Everything as JSON.
    #[arg(long)]
    json: bool,
    /// Of a run or a proof, its whole result: the JSON that its command wrote.
    #[arg(long, conflicts_with = "json")]
    result: bool,
    #[command(flatten)]
    which: Which,
}

/// Note where a finding stands: accepted, in-work, applied, reverted, dismissed.
#[derive(Debug, Args)]
struct Mark {
    /// The finding: 16 letters as `taut find --json` tells them, or the first ones of what the ledger knows.
    #[arg(value_name = "FINDING")]
    finding: String,
    /// Where it stands now.
    #[arg(value_name = "STATE", value_parser = state)]
    state: FindingState,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    because: String,
    /// What the finding says, for those who read this once it is gone.
    #[arg(long, value_name = "TEXT", default_value = "")]
    about: String,
    /// What was done, for `applied`.
    #[arg(long, value_name = "TEXT", default_value = "changed by hand")]
    what: String,
    /// The fault that it answers.
    #[arg(long, value_name = "FAULT", default_value = "")]
    fault: String,
    /// The service that it is in.
    #[arg(long, value_name = "NAME", default_value = "")]
    service: String,
    #[command(flatten)]
    which: Which,
}

/// Keep a decision: what was decided, why, by whom.
#[derive(Debug, Args)]
struct Decide {
    /// What was decided, in one line.
    #[arg(value_name = "TITLE")]
    title: String,
    /// Context, choice, consequences; `@FILE` reads it from a file.
    #[arg(long, value_name = "TEXT", default_value = "")]
    text: String,
    /// Who decided.
    #[arg(long, value_name = "NAME", default_value = "")]
    by: String,
    /// The finding that it is about.
    #[arg(long, value_name = "FINDING")]
    finding: Option<String>,
    #[command(flatten)]
    which: Which,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    match &arguments.action {
        None => list(&arguments.list),
        Some(Action::Show(show)) => tell(show),
        Some(Action::Mark(mark)) => note(mark),
        Some(Action::Decide(decision)) => decide(decision),
    }
}

fn list(arguments: &List) -> Done {
    let history = read(&arguments.which)?;
    let finding =
        arguments.finding.as_deref().map(|text| finding_of(text, &history)).transpose()?;
    let filter = report::Filter { kind: arguments.kind, state: arguments.state, finding };
    let text = if arguments.json {
        report::json(&history, &filter)
    } else {
        report::list(&history, &filter, say::columns())
    };
    say::data(&text)?;
    OK
}

fn tell(arguments: &Show) -> Done {
    let history = read(&arguments.which)?;
    let record = arguments.id.parse::<i64>().ok();
    let record =
        record.and_then(|number| history.records.iter().find(|record| record.id == number));
    if arguments.result {
        return tell_result(arguments, record);
    }
    if let Some(record) = record {
        say::data(&if arguments.json {
            report::record_json(record)
        } else {
            report::record(record, say::columns())
        })?;
        return OK;
    }
    let finding = Some(known(&arguments.id, &history)?);
    let filter = report::Filter { kind: None, state: None, finding };
    say::data(&if arguments.json {
        report::json(&history, &filter)
    } else {
        report::finding(&history, &filter, say::columns())
    })?;
    OK
}

fn tell_result(arguments: &Show, record: Option<&LedgerRecord>) -> Done {
    let Some(record) = record else {
        return Err(Failure::use_of(format!("`{}` is the number of no record", arguments.id))
            .hint("`taut ledger --kind run` lists runs with their numbers"));
    };
    let result = history::result(&arguments.which.place()?, record.id)
        .map_err(|error| Failure::world(&error).hint(hint(&error)))?;
    let kind = record.recorded.kind();
    let result = result.ok_or_else(|| {
        Failure::of_the_world(format!("the whole result of {kind} {} is not kept", record.id)).hint(
            format!("of runs and proofs that `--record` notes, the newest {RESULTS_MAX} are; what they say in short stays"),
        )
    })?;
    say::data(&result)?;
    OK
}

fn note(arguments: &Mark) -> Done {
    let place = arguments.which.place()?;
    let finding = finding_of(&arguments.finding, &read(&arguments.which)?)?;
    let by_hand = ByHand {
        claim: arguments.what.clone(),
        fault: arguments.fault.clone(),
        service: arguments.service.clone(),
    };
    let about = (finding, arguments.about.as_str());
    history::mark(&place, about, arguments.state, &arguments.because, &by_hand).map_err(
        |error| match error {
            history::HistoryError::Ledger(
                LedgerError::Sqlite { .. }
                | LedgerError::Server { .. }
                | LedgerError::Unsure { .. },
            ) => Failure::world(&error).hint(error.hint()),
            _ => Failure::use_of(&error).hint(error.hint()),
        },
    )?;
    say::words(&format!("{DIM}{finding} is {}{DIM:#}\n", arguments.state));
    OK
}

fn decide(arguments: &Decide) -> Done {
    let place = arguments.which.place()?;
    let finding = arguments.finding.as_deref();
    let finding = finding.map(|text| finding_of(text, &read(&arguments.which)?)).transpose()?;
    let text = match arguments.text.strip_prefix('@') {
        Some(path) => fs::read_to_string(path)
            .map_err(|error| Failure::world(&error).hint(format!("`{path}` was to be the text")))?,
        None => arguments.text.clone(),
    };
    let recorded =
        Recorded::Decision { title: arguments.title.clone(), text, by: arguments.by.clone() };
    keep(&place, finding, &recorded)
}

/// Keeps a record, and tells its number.
fn keep(place: &LedgerPlace, finding: Option<FindingId>, recorded: &Recorded) -> Done {
    let number = history::record(place, finding, recorded).map_err(|error| unkept(&error))?;
    say::words(&format!("{DIM}{} {number} is in the ledger{DIM:#}\n", recorded.kind()));
    OK
}

fn unkept(error: &LedgerError) -> Failure {
    match error {
        LedgerError::Record { .. } => Failure::use_of(error),
        _ => Failure::world(error).hint(hint(error)),
    }
}

/// Keeps a run or a comparison with its whole result, and tells its number.
pub(super) fn keep_run(
    place: &LedgerPlace,
    recorded: &Recorded,
    result: &str,
) -> Result<(), Failure> {
    let kept = history::record_run(place, recorded, result).map_err(|error| unkept(&error))?;
    let (kind, number) = (recorded.kind(), kept.id);
    say::words(&format!("{DIM}{kind} {number} is in the ledger{DIM:#}\n"));
    if !kept.has_result {
        note_no_result();
    }
    Ok(())
}

/// Says that what was recorded cannot be opened again.
pub(super) fn note_no_result() {
    say::words(&format!(
        "{AMBER}note{AMBER:#}: only its figures are kept: the whole result takes more than {} MiB, packed\n",
        RESULT_PACKED_BYTES_MAX >> 20
    ));
}

/// The ledger as it is.
pub(super) fn read(which: &Which) -> Result<History, Failure> {
    history::history(&which.place()?).map_err(|error| Failure::world(&error).hint(hint(&error)))
}

/// A finding by its first letters if the ledger knows one; else all 16 of them.
pub(super) fn finding_of(text: &str, history: &History) -> Result<FindingId, Failure> {
    match known(text, history) {
        Ok(finding) => Ok(finding),
        Err(_) if text.len() == 16 => u64::from_str_radix(text, 16).map(FindingId).map_err(
            |_error| {
                Failure::use_of(format!("`{text}` is no finding"))
                    .hint("a finding is 16 digits and letters from a to f, as `taut find --json` tells them")
            },
        ),
        Err(failure) => Err(failure),
    }
}

fn known(text: &str, history: &History) -> Result<FindingId, Failure> {
    let prefix = text.to_ascii_lowercase();
    let mut fits: Vec<FindingId> = report::findings(history)
        .into_iter()
        .filter(|finding| !prefix.is_empty() && finding.to_string().starts_with(&prefix))
        .collect();
    fits.dedup();
    match fits.as_slice() {
        [finding] => Ok(*finding),
        [] => Err(Failure::use_of(format!("the ledger has nothing of `{text}`")).hint(
            "`taut ledger` lists what it has; a finding that is new to it is told by all its 16 letters",
        )),
        several => Err(Failure::use_of(format!("`{text}` is the begin of {} findings", several.len()))
            .hint("give more of its letters")),
    }
}

/// Where a finding stands, or a remedy alone.
fn stands(text: &str) -> Result<Stands, String> {
    let of_remedy = || State::ALL.into_iter().find(|state| state.as_str() == text);
    let stands = state(text).map(Stands::Finding);
    stands.or_else(|wrong| {
        let stands = of_remedy().map(Stands::Remedy);
        stands.ok_or_else(|| format!("{wrong}; of remedies proposed, rehearsed, failed"))
    })
}

fn state(text: &str) -> Result<FindingState, String> {
    FindingState::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
        let names: Vec<&str> = FindingState::ALL.iter().map(|state| state.as_str()).collect();
        format!("`{text}` is none of {}", names.join(", "))
    })
}
