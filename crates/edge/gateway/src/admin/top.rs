//! What of the cache is asked for most, recorded in a file, and asked for again when the gateway starts: a restart does not
//! begin with nothing.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
    time::Duration,
};

use serde_json::json;
use tokio::time::sleep;

use super::{OwnWays, orders, space::aside};
use crate::state::Shared;

/// How often it is recorded.
const INTERVAL: Duration = Duration::from_mins(1);

/// Keys that are recorded: as many as one order to warm takes.
const TOP_MAX: usize = orders::WARM_MAX;

/// Bytes of a record that is read.
const BYTES_MAX: u64 = 16 << 20;

/// Warms the cache with what was recorded, then records for as long as the gateway runs.
#[expect(clippy::infinite_loop, reason = "it ends with its runtime")]
pub(super) async fn run(shared: Arc<Shared>, own: OwnWays) {
    let path = shared.state().plan.top_keys.clone();
    if let Some(Some(urls)) = aside(move || recorded(&path?)).await {
        // What cannot be asked for now is asked for by who wants it.
        let _warmed = orders::warm(&own, &json!({"urls": urls})).await;
    }
    loop {
        sleep(INTERVAL).await;
        record(Arc::clone(&shared)).await;
    }
}

fn recorded(path: &Path) -> Option<Vec<String>> {
    let size = std::fs::metadata(path).ok()?.len();
    let text = std::fs::read(path).ok().filter(|_| size <= BYTES_MAX)?;
    let mut urls: Vec<String> = serde_json::from_slice(&text).ok()?;
    urls.truncate(TOP_MAX);
    Some(urls)
}

/// Records what is asked for most; nothing where there is nothing yet.
pub(super) async fn record(shared: Arc<Shared>) {
    // Checks and names are on this thread: none of them waits for a disk.
    let _recorded = aside(move || write(&shared)).await;
}

fn write(shared: &Shared) {
    let Some(path) = shared.state().plan.top_keys.clone() else { return };
    // What somebody in particular asked for is theirs, and of no use to the gateway, which asks as nobody.
    let state = shared.state();
    let for_all = |route: &str| {
        let mut routes = state.plan.routes.iter().filter(|it| it.name == route);
        routes.any(|it| it.cache.as_ref().is_some_and(|rule| rule.user.is_none()))
    };
    let urls = shared.cache.top(TOP_MAX, for_all);
    if urls.is_empty() {
        return;
    }
    // Beside it first, so that whoever reads it meanwhile reads all of one record.
    let new = path.with_extension("new");
    let text = format!("{:#}\n", json!(urls));
    let written = private(&new).and_then(|mut file| file.write_all(text.as_bytes()));
    if written.is_ok() {
        // Without it the cache begins with nothing, as it would without a record.
        let _recorded = std::fs::rename(&new, &path);
    }
}

/// A file for its owner alone: addresses may hold what nobody else shall know.
fn private(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}
