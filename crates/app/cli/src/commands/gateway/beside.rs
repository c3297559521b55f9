//! What runs beside a gateway: what happens to its canaries is noted, and whole files of captures are moved to a bucket. Both on
//! threads of their own: the gateway waits for no ledger and no disk.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use config::Settings;
use engine::{CaptureUploads, history};
use gateway::{CanaryLosses, CanaryNews, CanaryStands, Gateway};
use serde_json::{Value, json};
use store::ledger::{LedgerError, LedgerPlace, Recorded};

use crate::{
    commands::ledger::place_of,
    say::{self, AMBER, DIM, Failure},
};

/// Where canaries stand, in the folder of the store.
const STANDS_FILE: &str = "canaries.json";

/// What happened to canaries and is not noted yet, at most: a hundred of them turn within a second of each other at worst.
const NEWS_MAX: usize = 128;

/// How long the end waits for a ledger: one that is there takes milliseconds, one that is far some seconds.
const LAST_MAX: Duration = Duration::from_secs(10);

/// Lets what belongs to a gateway run beside it, until this is stopped.
pub(crate) struct Beside {
    uploads: Option<CaptureUploads>,
    notes: Notes,
}

/// Two threads, each of which keeps one thing after the other: where canaries stand, for the next start; and what happened, in
/// the ledger. So a ledger that hangs holds up nothing but itself.
struct Notes {
    /// `None` ends it: who tells it may live longer.
    tell: mpsc::SyncSender<Option<CanaryNews>>,
    keeper: JoinHandle<()>,
    ledger: Noting,
    losses: CanaryLosses,
}

/// What of the thread that notes in the ledger is known elsewhere. It ends once nobody passes it anything any more.
struct Noting {
    /// What was passed to it and is not noted yet.
    waiting: Arc<AtomicU64>,
    /// It is to end: a ledger that fails is not tried again.
    ending: Arc<AtomicBool>,
    /// Hung up once it has ended.
    ended: mpsc::Receiver<()>,
}

impl Beside {
    /// Begins; the gateway's canaries go on where they stood.
    pub(crate) fn start(gateway: &Gateway, settings: &Settings) -> Result<Self, Failure> {
        let folder = settings.store.folder.clone();
        // Also where there is no canary yet: a reload may bring one that was taken back before.
        let stood = stood(&folder);
        let losses = gateway.canary_losses();
        let notes = Notes::start(folder, losses.clone(), noting(place_of(&settings.store)))?;
        gateway.keep_canaries(stood, Box::new(listener(notes.tell.clone(), losses)));
        let capture = settings.gateway.as_ref().and_then(|plan| plan.capture.as_ref());
        let access = settings.store.copy.access.as_ref();
        let uploads = capture.map(|rules| CaptureUploads::start(rules, access)).transpose();
        let uploads = uploads.map_err(|error| {
            Failure::world(&error)
                .hint("`to`, `endpoint` and `region` in `[gateway.capture]` say where files go")
        })?;
        Ok(Self { uploads: uploads.flatten(), notes })
    }

    /// Ends it, once the gateway has: what it wrote last goes as well.
    pub(crate) fn stop(self) {
        self.notes.stop(LAST_MAX);
        if let Some(trouble) = self.uploads.and_then(|uploads| uploads.stop().trouble) {
            say::words(&format!(
                "{AMBER}note{AMBER:#}: captures stay in their folder: {trouble}\n"
            ));
        }
    }
}

/// Passes on what happened, and waits for nobody.
fn listener(
    tell: mpsc::SyncSender<Option<CanaryNews>>,
    losses: CanaryLosses,
) -> impl Fn(&CanaryNews) + Send + Sync {
    move |news| {
        say::words(&format!("{DIM}{}: {}{DIM:#}\n", title(news), news.why));
        if tell.try_send(Some(news.clone())).is_err() {
            not_kept(&losses, "too much waits for the disk, or it is at its end");
        }
    }
}

impl Notes {
    fn start(
        folder: PathBuf,
        losses: CanaryLosses,
        note: impl Fn(&CanaryNews) -> Result<(), LedgerError> + Send + 'static,
    ) -> Result<Self, Failure> {
        let (tell, told) = mpsc::sync_channel::<Option<CanaryNews>>(NEWS_MAX);
        let (pass, passed) = mpsc::sync_channel::<CanaryNews>(NEWS_MAX);
        let ledger = Noting::start(passed, losses.clone(), note)?;
        let (waiting, lost) = (Arc::clone(&ledger.waiting), losses.clone());
        let keeping = move || {
            while let Ok(Some(news)) = told.recv() {
                if let Err(error) = keep(&folder, &news) {
                    not_kept(&lost, &error.to_string());
                }
                waiting.fetch_add(1, Relaxed);
                if pass.try_send(news).is_err() {
                    waiting.fetch_sub(1, Relaxed);
                    not_kept(&lost, "too much waits for the ledger");
                }
            }
        };
        Ok(Self { tell, keeper: spawn("canary-stands", keeping)?, ledger, losses })
    }

    /// Ends it, once what was told is noted; a ledger that hangs is waited for so long.
    fn stop(self, wait_max: Duration) {
        self.ledger.ending.store(true, Relaxed);
        // One that has ended already hears nothing.
        drop(self.tell.send(None));
        drop(self.keeper.join());
        if self.ledger.ended.recv_timeout(wait_max) == Err(RecvTimeoutError::Timeout) {
            let waiting = self.ledger.waiting.load(Relaxed);
            self.losses.add(waiting);
            say::words(&format!(
                "{AMBER}note{AMBER:#}: the ledger does not answer: the last {waiting} of what happened to canaries may not be in it\n"
            ));
        }
    }
}

impl Noting {
    fn start(
        passed: mpsc::Receiver<CanaryNews>,
        losses: CanaryLosses,
        note: impl Fn(&CanaryNews) -> Result<(), LedgerError> + Send + 'static,
    ) -> Result<Self, Failure> {
        let (ends, ended) = mpsc::sync_channel::<()>(0);
        let (waiting, ending) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (still, is_ending) = (Arc::clone(&waiting), Arc::clone(&ending));
        let work = move || {
            let mut has_failed = false;
            for news in passed {
                if has_failed && is_ending.load(Relaxed) {
                    not_kept(&losses, "the ledger is away");
                } else {
                    let noted = note(&news);
                    has_failed = noted.is_err();
                    if let Err(error) = noted {
                        not_kept(&losses, &in_full(&error));
                    }
                }
                still.fetch_sub(1, Relaxed);
            }
            drop(ends);
        };
        // It is not waited for longer than `stop` does: the process ends without it.
        drop(spawn("canary-notes", work)?);
        Ok(Self { waiting, ending, ended })
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| Failure::world(&error))
}

fn title(news: &CanaryNews) -> String {
    let CanaryNews { route, new, stage, share, .. } = news;
    let percent = (share * 1e4).round() / 1e2;
    format!("canary of `{route}`: {new} {stage}, {percent} % of requests")
}

/// What notes what happened to canaries in a ledger.
fn noting(place: LedgerPlace) -> impl Fn(&CanaryNews) -> Result<(), LedgerError> + Send + 'static {
    move |news| note(&place, news)
}

/// Notes what happened to a canary as a decision in the ledger.
fn note(place: &LedgerPlace, news: &CanaryNews) -> Result<(), LedgerError> {
    let CanaryNews { old, why, ordered, .. } = news;
    let text = format!("{why}. The other version is {old}.");
    let by = if *ordered { "somebody, by an order to the gateway" } else { "taut gateway" };
    let decision = Recorded::Decision { title: title(news), text, by: by.to_owned() };
    history::record(place, None, &decision).map(|_number| ())
}

/// Says that something is lost, and counts it.
fn not_kept(losses: &CanaryLosses, why: &str) {
    losses.add(1);
    say::words(&format!(
        "{AMBER}note{AMBER:#}: what happened to the canary could not be kept: {why}\n"
    ));
}

fn in_full(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// Where canaries stood; a file that makes no sense is as none, and they begin anew.
fn stood(folder: &Path) -> Vec<CanaryStands> {
    let text = fs::read_to_string(folder.join(STANDS_FILE)).unwrap_or_default();
    let known: Value = serde_json::from_str(&text).unwrap_or_default();
    let one = |known: &Value| {
        Some(CanaryStands {
            route: known["route"].as_str()?.to_owned(),
            new: known["new"].as_str()?.to_owned(),
            stage: known["stage"].as_str()?.to_owned(),
            step: usize::try_from(known["step"].as_u64()?).ok()?,
        })
    };
    known.as_array().into_iter().flatten().filter_map(one).collect()
}

fn keep(folder: &Path, news: &CanaryNews) -> std::io::Result<()> {
    let mut all = stood(folder);
    all.retain(|known| known.route != news.route);
    all.push(CanaryStands {
        route: news.route.clone(),
        new: news.new.clone(),
        stage: news.stage.to_owned(),
        step: news.step,
    });
    let all: Vec<Value> = all
        .iter()
        .map(|known| {
            json!({"route": known.route, "new": known.new, "stage": known.stage, "step": known.step})
        })
        .collect();
    fs::create_dir_all(folder)?;
    let path: PathBuf = folder.join(STANDS_FILE);
    let part = folder.join(format!("{STANDS_FILE}.{}", std::process::id()));
    let mut file = fs::File::create(&part)?;
    file.write_all(format!("{:#}\n", Value::from(all)).as_bytes())?;
    file.sync_all()?;
    fs::rename(part, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(route: usize) -> CanaryNews {
        CanaryNews {
            time: model::Moment::default(),
            route: route.to_string(),
            old: "shop".to_owned(),
            new: "shop-2".to_owned(),
            stage: "on trial",
            step: 1,
            share: 0.05,
            why: "it is no worse".to_owned(),
            ordered: false,
        }
    }

    #[test]
    fn what_was_taken_back_stays_so_where_a_reload_brings_it() {
        let folder = tempfile::tempdir().unwrap();
        let stands = r#"[{"route": "shop", "new": "shop-2", "stage": "reverted", "step": 0}]"#;
        fs::write(folder.path().join(STANDS_FILE), stands).unwrap();
        let load = |route: &str| {
            let text = format!(
                "[store]\nfolder = {folder:?}\n[gateway]\nlisten = [\"127.0.0.1:0\"]\nadmin = \"off\"\nworkers = 1\n\
                 [gateway.service.shop]\nmembers = [\"127.0.0.1:9\"]\n[gateway.service.shop-2]\nmembers = [\"127.0.0.1:9\"]\n\
                 [[gateway.route]]\nname = \"shop\"\nservice = \"shop\"\n{route}\n",
                folder = folder.path().display().to_string(),
            );
            let file = Some((folder.path().join("taut.toml"), text));
            Settings::load(&config::Sources { file, ..config::Sources::default() }).unwrap()
        };
        let settings = load("");
        let gateway = Gateway::start(settings.gateway.clone().unwrap()).unwrap();
        let beside = Beside::start(&gateway, &settings).unwrap_or_else(|_| panic!("it starts"));
        gateway.replace(load("canary = { service = \"shop-2\" }").gateway.unwrap()).unwrap();
        let seen = gateway.seen()();
        assert_eq!(seen["canaries"][0]["stage"], "reverted", "{seen:#}");
        gateway.stop();
        beside.stop();
    }

    #[test]
    fn whoever_tells_of_canaries_never_waits_and_the_end_waits_for_what_was_told() {
        let folder = tempfile::tempdir().unwrap();
        let place = LedgerPlace::from(folder.path());
        let losses = CanaryLosses::default();
        let noting = noting(place.clone());
        let notes = Notes::start(folder.path().to_owned(), losses.clone(), noting).unwrap();
        let listener = listener(notes.tell.clone(), losses.clone());
        for route in 0..5 {
            listener(&news(route));
        }
        notes.stop(LAST_MAX);
        assert_eq!(losses.count(), 0);
        assert_eq!(history::history(&place).unwrap().records.len(), 5);
        assert_eq!(stood(folder.path()).len(), 5);
        // Nobody takes anything any more, and that holds nobody up, however much is told.
        for route in 0..2 * NEWS_MAX {
            listener(&news(route));
        }
        assert_eq!(history::history(&place).unwrap().records.len(), 5);
        assert_eq!(losses.count(), 2 * NEWS_MAX as u64);
    }

    #[test]
    fn a_ledger_that_hangs_holds_up_neither_where_canaries_stand_nor_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let losses = CanaryLosses::default();
        // Until the test lets go of it.
        let (release, held) = mpsc::channel::<()>();
        let hangs = move |_: &CanaryNews| {
            let _released = held.recv();
            Ok(())
        };
        let notes = Notes::start(folder.path().to_owned(), losses.clone(), hangs).unwrap();
        let listener = listener(notes.tell.clone(), losses.clone());
        for route in 0..5 {
            listener(&news(route));
        }
        notes.stop(Duration::from_millis(100));
        assert_eq!(stood(folder.path()).len(), 5);
        assert_eq!(losses.count(), 5, "and that is told");
        drop(release);
    }

    #[test]
    fn a_ledger_that_fails_is_told_of_each_and_where_canaries_stand_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        // A file where its folder is to be.
        let in_the_way = folder.path().join("ledger");
        fs::write(&in_the_way, "").unwrap();
        let losses = CanaryLosses::default();
        let noting = noting(LedgerPlace::from(&*in_the_way));
        let notes = Notes::start(folder.path().to_owned(), losses.clone(), noting).unwrap();
        let listener = listener(notes.tell.clone(), losses.clone());
        for route in 0..3 {
            listener(&news(route));
        }
        notes.stop(LAST_MAX);
        assert_eq!((stood(folder.path()).len(), losses.count()), (3, 3));
    }
}
