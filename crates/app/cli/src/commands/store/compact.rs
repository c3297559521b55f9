//! `taut store compact`: all that is in the log becomes blocks, small blocks large ones.

use clap::Args;
use serde_json::json;
use store::{Store as _, Usage};

use super::{
    Which, json,
    kinds::{Counts, Kind},
    of_the_disk, size, spinner,
};
use crate::{
    commands::{Done, OK},
    say::{self, BOLD},
    units,
};

/// Make the store as small as it gets. It must not be in use.
///
/// `taut up` does the same by and by, except for what came last.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    which: Which,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    arguments.which.known_folder()?;
    let store = arguments.which.open()?;
    let usage = || store.usage().map_err(|error| of_the_disk(&error));
    let before = usage()?;
    let progress = spinner("making blocks");
    let done = store.compact(&mut |now| {
        let (segments, blocks) = (now.segments.saturating_sub(1), now.blocks);
        progress.set_message(format!(
            "making blocks: {}, {}",
            units::some(segments as u64, "log to go", "logs to go"),
            units::some(blocks as u64, "block", "blocks"),
        ));
    });
    progress.finish_and_clear();
    done.map_err(|error| of_the_disk(&error))?;
    let after = usage()?;
    let kept_bytes = |usage: &Usage| {
        usage.log_bytes + usage.index_bytes + usage.block_bytes + usage.minute_bytes
    };
    let (old, new) = (kept_bytes(&before), kept_bytes(&after));
    let mut counts = Counts::default();
    for signal in &after.signals {
        let kind = Kind::ALL.into_iter().find(|kind| kind.table().name == signal.name);
        if let Some(kind) = kind {
            counts.add(kind, signal.block_rows);
        }
    }
    if arguments.which.json {
        let mut told = json!({ "blocks": after.blocks, "bytes_before": old, "bytes_after": new });
        counts.put(&mut told);
        say::data(&json(&told))?;
    } else {
        let spans = counts.told();
        let blocks = units::some(after.blocks as u64, "block", "blocks");
        say::data(&format!(
            "{BOLD}{} where {} were{BOLD:#}\n{spans} in {blocks}\n",
            size(new),
            size(old)
        ))?;
    }
    OK
}
