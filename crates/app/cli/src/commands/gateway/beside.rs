//! What runs beside a gateway: what happens to its canaries is noted, and whole files of captures are moved to a bucket.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use config::Settings;
use engine::{CaptureUploads, history};
use gateway::{CanaryNews, CanaryStands, Gateway};
use serde_json::{Value, json};
use store::ledger::{LedgerPlace, Recorded};

use crate::{
    commands::ledger::place_of,
    say::{self, AMBER, DIM, Failure},
};

/// Where canaries stand, in the folder of the store.
const STANDS_FILE: &str = "canaries.json";

/// Lets what belongs to a gateway run beside it, until this is stopped.
pub(crate) struct Beside {
    uploads: Option<CaptureUploads>,
}

impl Beside {
    /// Begins; the gateway's canaries go on where they stood.
    pub(crate) fn start(gateway: &Gateway, settings: &Settings) -> Result<Self, Failure> {
        let folder = settings.store.folder.clone();
        let has_canary = settings
            .gateway
            .as_ref()
            .is_some_and(|plan| plan.routes.iter().any(|route| route.canary.is_some()));
        // Nothing is made in the folder of a store that nobody asked for; a reload may bring a canary later.
        let stood = if has_canary { stood(&folder) } else { Vec::new() };
        let place = place_of(&settings.store);
        gateway.keep_canaries(stood, Box::new(move |news| note((&folder, &place), news)));
        let capture = settings.gateway.as_ref().and_then(|plan| plan.capture.as_ref());
        let access = settings.store.copy.access.as_ref();
        let uploads = capture.map(|rules| CaptureUploads::start(rules, access)).transpose();
        let uploads = uploads.map_err(|error| {
            Failure::world(&error)
                .hint("`to`, `endpoint` and `region` in `[gateway.capture]` say where files go")
        })?;
        Ok(Self { uploads: uploads.flatten() })
    }

    /// Ends it, once the gateway has: what it wrote last goes as well.
    pub(crate) fn stop(self) {
        if let Some(uploads) = self.uploads {
            let trouble = uploads.seen().trouble;
            uploads.stop();
            if let Some(trouble) = trouble {
                say::words(&format!(
                    "{AMBER}note{AMBER:#}: captures stay in their folder: {trouble}\n"
                ));
            }
        }
    }
}

/// Notes what happened to a canary: a decision in the ledger, and where it stands, for the next start.
fn note((folder, place): (&Path, &LedgerPlace), news: &CanaryNews) {
    let CanaryNews { route, old, new, stage, share, why, ordered, .. } = news;
    let percent = (share * 1e4).round() / 1e2;
    let title = format!("canary of `{route}`: {new} {stage}, {percent} % of requests");
    let text = format!("{why}. The other version is {old}.");
    let by = if *ordered { "somebody, through the admin port" } else { "taut gateway" };
    let decision = Recorded::Decision { title: title.clone(), text, by: by.to_owned() };
    say::words(&format!("{DIM}{title}: {why}{DIM:#}\n"));
    let noted = history::record(place, None, &decision);
    let kept = keep(folder, news);
    for failed in
        [noted.err().map(|error| error.to_string()), kept.err().map(|error| error.to_string())]
            .into_iter()
            .flatten()
    {
        say::words(&format!(
            "{AMBER}note{AMBER:#}: what happened to the canary could not be kept: {failed}\n"
        ));
    }
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
