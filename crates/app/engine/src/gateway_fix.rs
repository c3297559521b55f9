//! Changing the gateway's settings: what a remedy would write, writing it, taking it back. Noted in the ledger before it is done.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use config::{DiffError, PatchError, Patched};
use model::{Change, Finding, FindingId, GatewayChange, Moment};
use store::ledger::{
    Claim, Direction, Event, Ledger, LedgerError, LedgerPlace, Proposal, Readings, Remedy,
    RemedyId, State,
};

use crate::machine;

/// What the ledger calls the place of a change before the file's path; where machines share the ledger, the machine's name and
/// a colon stand between them.
const SERVER: &str = "gateway ";

/// A file of settings is at most this long, as where it is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What a remedy would change in a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayFix {
    /// The finding that it answers, or of what somebody asked for.
    pub finding: FindingId,
    /// Name of the fault; empty if somebody asked for it without one.
    pub fault: String,
    /// The claim of the finding, or what was asked for.
    pub claim: String,
    /// What is changed.
    pub change: GatewayChange,
    /// The file.
    pub file: PathBuf,
    /// What was changed, and what else follows.
    pub patched: Patched,
    /// The patch, as `diff -u` tells it.
    pub diff: String,
    before: String,
}

/// Why the settings are not changed.
#[derive(Debug, thiserror::Error)]
pub enum GatewayFixError {
    /// The change makes no sense there.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// What was changed is not there any more.
    #[error(transparent)]
    Diff(#[from] DiffError),
    /// The ledger says no, or cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The file cannot be read or written.
    #[error("failed to {action} `{}`", path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is on another machine.
    #[error("it is in the settings of another machine, `{machine}`")]
    Elsewhere {
        /// Its name.
        machine: String,
    },
    /// Somebody else is at it.
    #[error("another `taut fix` is changing the same")]
    Claimed,
    /// The file was changed while somebody looked at the patch.
    #[error("`{}` was changed meanwhile", path.display())]
    Meanwhile {
        /// Which.
        path: PathBuf,
    },
    /// It is not in force.
    #[error("it is {state}, so there is nothing to take back")]
    NotInForce {
        /// Where it stands.
        state: State,
    },
    /// It is in force.
    #[error("it is in the settings already")]
    InForce,
}

impl GatewayFixError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Patch(error) => error.hint(),
            Self::Diff(_) => {
                "take it back by hand, then `taut ledger mark ID reverted --because '...'`; `taut fix ID` shows the patch"
            }
            Self::Elsewhere { .. } => {
                "take it back there; if this is that machine under another name, by hand, then `taut ledger mark ID reverted --because '...'`"
            }
            Self::Ledger(LedgerError::Unsure { .. }) => crate::history::UNSURE,
            Self::Ledger(_) => "--store names the folder in which the ledger lies",
            Self::File { .. } => "--config names the file of the settings",
            Self::Claimed | Self::Meanwhile { .. } => "look at the patch again, and try again",
            Self::NotInForce { .. } => "`taut ledger show ID` tells its history",
            Self::InForce => "--revert takes it back",
        }
    }
}

/// What a change of the gateway would write into a settings file. Nothing is written.
///
/// # Errors
///
/// The file cannot be read, or the change makes no sense there.
pub fn plan(
    file: &Path,
    finding: (FindingId, &str, &str),
    change: GatewayChange,
    on: Option<&str>,
) -> Result<GatewayFix, GatewayFixError> {
    // What a link names is what is replaced, and not the link.
    let file = fs::canonicalize(file).map_err(failed("read", file))?;
    let before = read(&file)?;
    let patched = config::patched(&file, &before, &change, on)?;
    let diff = config::diff(&file, &before, &patched.text);
    let (finding, fault, claim) = (finding.0, finding.1.to_owned(), finding.2.to_owned());
    Ok(GatewayFix { finding, fault, claim, change, file, patched, diff, before })
}

/// What the gateway can do about a finding, best first.
#[must_use]
pub fn changes(finding: &Finding) -> Vec<GatewayChange> {
    fix::advise(finding).into_iter().filter_map(|advice| advice.gateway).collect()
}

/// The change that somebody asks for by hand: these settings on the route of this operation. `None` if that is no operation.
#[must_use]
pub fn asked_for(operation: &str, settings: Vec<(String, String)>) -> Option<GatewayChange> {
    let (method, paths, example) = fix::paths_of(operation)?;
    let reason = format!("Somebody asked for it, for {operation}.");
    let (remedy, on) = ("set-on-route".to_owned(), model::GatewayPlace::Route);
    Some(GatewayChange { remedy, on, method, paths, example, settings, reason })
}

/// What stands for a finding where somebody asks for a change by hand: the same for the same words.
#[must_use]
pub fn id_of(words: &str) -> FindingId {
    FindingId(sql::hash(words.as_bytes()))
}

/// Changes of this machine's settings that the ledger has, in the order in which they were proposed; looking makes no ledger.
///
/// # Errors
///
/// The ledger cannot be read.
pub fn remedies(place: &LedgerPlace) -> Result<Vec<Remedy>, GatewayFixError> {
    if !Ledger::is_in(place) {
        return Ok(Vec::new());
    }
    let mut remedies = open(place)?.remedies()?;
    remedies.retain(|remedy| is_of_gateway(remedy) && elsewhere(remedy).is_none());
    Ok(remedies)
}

/// Whether a remedy is a change of the gateway's settings.
#[must_use]
pub fn is_of_gateway(remedy: &Remedy) -> bool {
    remedy.proposal.server.starts_with(SERVER) && !remedy.proposal.change.apply.is_empty()
}

/// Writes it: noted first, then the whole file at once.
///
/// # Errors
///
/// It is in force, somebody else is at it, the file changed meanwhile, or the ledger or the file cannot be written.
pub fn apply(place: &LedgerPlace, fix: &GatewayFix) -> Result<Remedy, GatewayFixError> {
    let mut ledger = open(place)?;
    let proposal = Proposal {
        finding: fix.finding.to_string(),
        server: server_of(place, &fix.file),
        fault: fix.fault.clone(),
        claim: fix.claim.clone(),
        change: Change {
            apply: vec![fix.diff.clone()],
            revert: vec![format!("what {} was before, line by line", fix.patched.place)],
            locks: "none; requests that have begun end under the settings they began with".into(),
            ..Change::default()
        },
        statements: Vec::new(),
    };
    let id = ledger.propose(&proposal, now())?;
    let claim = ledger.claim(id)?.ok_or(GatewayFixError::Claimed)?;
    let standing = known(&ledger, id)?;
    settle(&mut ledger, &standing, &read(&fix.file)?)?;
    if known(&ledger, id)?.state.is_in_force() {
        return Err(GatewayFixError::InForce);
    }
    if read(&fix.file)? != fix.before {
        return Err(GatewayFixError::Meanwhile { path: fix.file.clone() });
    }
    carry_out((&mut ledger, &claim), id, Direction::Apply, (&fix.file, &fix.patched.text))?;
    ledger.append(id, &Event::Applied { baseline: Readings::default() }, now())?;
    Ok(known(&ledger, id)?)
}

/// Takes it back: every line is what it was, if what was written is still there as it was written. `because` is why; empty if
/// nobody says.
///
/// # Errors
///
/// It is not in force, the file was changed at the same place since, the settings would be wrong without it, or the ledger or
/// the file cannot be written.
pub fn revert(
    place: &LedgerPlace,
    remedy: &Remedy,
    because: &str,
) -> Result<Remedy, GatewayFixError> {
    if let Some(machine) = elsewhere(remedy) {
        return Err(GatewayFixError::Elsewhere { machine });
    }
    let mut ledger = open(place)?;
    let id = remedy.id;
    let claim = ledger.claim(id)?.ok_or(GatewayFixError::Claimed)?;
    let file = file_of(remedy);
    let diff = diff_of(remedy);
    let text = read(&file)?;
    let standing = known(&ledger, id)?;
    settle(&mut ledger, &standing, &text)?;
    let remedy = known(&ledger, id)?;
    if !remedy.state.is_in_force() {
        return Err(GatewayFixError::NotInForce { state: remedy.state });
    }
    let before = config::undone(&text, diff)?;
    config::checked(&file, &before)?;
    carry_out((&mut ledger, &claim), id, Direction::Revert, (&file, &before))?;
    ledger.append(id, &Event::Reverted { because: because.to_owned() }, now())?;
    Ok(known(&ledger, id)?)
}

/// The file that a remedy changes.
#[must_use]
pub fn file_of(remedy: &Remedy) -> PathBuf {
    PathBuf::from(place_of(remedy).1)
}

/// The machine whose file a remedy changes, if it is not this one.
fn elsewhere(remedy: &Remedy) -> Option<String> {
    let (machine, _) = place_of(remedy);
    machine.filter(|machine| *machine != machine::name()).map(str::to_owned)
}

/// How the ledger calls a file. Several machines have one of the same path.
fn server_of(place: &LedgerPlace, file: &Path) -> String {
    let shared = place.server.as_ref().map(|_address| format!("{}:", machine::name()));
    format!("{SERVER}{}{}", shared.unwrap_or_default(), file.display())
}

/// The machine, where one is named, and the path, which begins with a slash.
fn place_of(remedy: &Remedy) -> (Option<&str>, &str) {
    let place = remedy.proposal.server.strip_prefix(SERVER).unwrap_or_default();
    match place.split_once(":/") {
        Some((machine, _)) if !machine.contains('/') => {
            (Some(machine), place.get(machine.len() + 1..).unwrap_or_default())
        }
        _ => (None, place),
    }
}

/// The patch of a remedy.
#[must_use]
pub fn diff_of(remedy: &Remedy) -> &str {
    remedy.proposal.change.apply.first().map_or("", String::as_str)
}

/// Notes what is about to be done, does it, and notes that it was.
fn carry_out(
    (ledger, claim): (&mut Ledger, &Claim),
    id: RemedyId,
    direction: Direction,
    (file, text): (&Path, &str),
) -> Result<(), GatewayFixError> {
    let what = match direction {
        Direction::Apply => "the patch, to",
        Direction::Revert => "what was there before the patch, to",
    };
    let sql = format!("{what} {}", file.display());
    claim.check()?;
    let intended = Event::Intended { direction, sql, index: None, backend: None };
    let intent = ledger.append(id, &intended, now())?;
    let began = std::time::Instant::now();
    let written = write(file, text);
    let event = match &written {
        Ok(()) => {
            let millis = began.elapsed().as_secs_f64() * 1e3;
            Event::Ran { intent, millis, note: String::new() }
        }
        Err(error) => Event::Broke { intent, why: error.to_string(), left: String::new() },
    };
    ledger.append(id, &event, now())?;
    written.map_err(failed("write", file))
}

/// Finds out what became of a change whose process died between announcing and telling it: the file says.
fn settle(ledger: &mut Ledger, remedy: &Remedy, text: &str) -> Result<(), GatewayFixError> {
    let unsettled: Vec<(i64, Direction)> = remedy
        .unsettled()
        .filter_map(|entry| match entry.event {
            Event::Intended { direction, .. } => Some((entry.id, direction)),
            _ => None,
        })
        .collect();
    for (intent, direction) in unsettled {
        let there = config::undone(text, diff_of(remedy)).is_ok();
        let done = there == (direction == Direction::Apply);
        if !done {
            let why = "its process ended before the file was written".to_owned();
            ledger.append(remedy.id, &Event::Broke { intent, why, left: String::new() }, now())?;
            continue;
        }
        let note = "its process ended after the file was written".to_owned();
        ledger.append(remedy.id, &Event::Ran { intent, millis: 0.0, note }, now())?;
        let event = match direction {
            Direction::Apply => Event::Applied { baseline: Readings::default() },
            Direction::Revert => Event::Reverted { because: String::new() },
        };
        ledger.append(remedy.id, &event, now())?;
    }
    Ok(())
}

/// Writes all of a file at once: whoever reads it sees the old or the new one, also after a crash.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
    let name = path.file_name().ok_or(io::ErrorKind::NotFound)?.to_string_lossy();
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let done = write_beside(&beside, path, text).and_then(|()| fs::rename(&beside, path));
    if done.is_err() {
        // What could not be put in place is in nobody's way.
        drop(fs::remove_file(&beside));
    }
    done?;
    File::open(folder)?.sync_all()
}

fn write_beside(beside: &Path, path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create_new(beside)?;
    file.set_permissions(fs::metadata(path)?.permissions())?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn read(path: &Path) -> Result<String, GatewayFixError> {
    use io::Read as _;
    let text = || {
        let mut text = String::new();
        let bytes = File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
        if FILE_BYTES_MAX < bytes as u64 {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        Ok(text)
    };
    text().map_err(failed("read", path))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> GatewayFixError {
    let path = path.to_owned();
    move |source| GatewayFixError::File { action, path, source }
}

fn open(place: &LedgerPlace) -> Result<Ledger, LedgerError> {
    Ledger::open(place, env!("CARGO_PKG_VERSION"), now())
}

fn known(ledger: &Ledger, id: RemedyId) -> Result<Remedy, LedgerError> {
    ledger.remedy(id)?.ok_or(LedgerError::Unknown { id })
}

fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(server: String) -> Remedy {
        let proposal = Proposal { server, ..Proposal::default() };
        Remedy { id: RemedyId(1), proposal, state: State::Applied, entries: Vec::new() }
    }

    #[test]
    fn a_file_of_another_machine_is_not_ours() {
        let shared =
            LedgerPlace { folder: "/s".into(), server: Some("postgresql://db/x".to_owned()) };
        let file = Path::new("/etc/taut/a:/b.toml");
        let alone = LedgerPlace { server: None, ..shared.clone() };
        for place in [&shared, &alone] {
            let own = remedy(server_of(place, file));
            assert_eq!((file_of(&own).as_path(), elsewhere(&own)), (file, None));
        }
        let other = remedy("gateway somebody-else:/etc/taut/taut.toml".to_owned());
        assert_eq!(file_of(&other), Path::new("/etc/taut/taut.toml"));
        assert_eq!(elsewhere(&other).as_deref(), Some("somebody-else"));
        let refused = revert(&shared, &other, "").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "it is in the settings of another machine, `somebody-else`"
        );
        assert_ne!(server_of(&shared, file), server_of(&alone, file));
    }
}
