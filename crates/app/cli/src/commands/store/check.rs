//! `taut store check`: every byte is read.

use clap::Args;
use serde_json::json;
use store::{FileChecked, FileKind, FileState, clickhouse::Held};

use super::{Which, bar, json, of_the_disk, size};
use crate::{
    commands::Done,
    exit, opening,
    say::{self, AMBER, BOLD, RED},
    units,
};

/// Read every record and every block, and say what is damaged: code 1 if something is.
///
/// Nothing is changed. It can be done while `taut up` runs.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    which: Which,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let folder = arguments.which.known_folder()?;
    let progress = bar(0, "reading files");
    let checked = store::check(&folder, &mut |done, all| {
        progress.set_length(all as u64);
        progress.set_position(done as u64);
    });
    progress.finish_and_clear();
    let checked = checked.map_err(|error| of_the_disk(&error))?;
    let held = opening::held(&arguments.which.settings()?);
    let held = held.transpose().map_err(|trouble| opening::away(&trouble))?;
    let is_sound = !checked.iter().any(|file| matches!(file.state, FileState::Damaged { .. }))
        && held.iter().flatten().all(|table| table.unlike == 0);
    if arguments.which.json {
        let files: Vec<_> = checked.iter().map(wire).collect();
        let mut told = json!({ "is_sound": is_sound, "files": files });
        if let Some(held) = &held {
            told["clickhouse"] = held.iter().map(wire_held).collect();
        }
        say::data(&json(&told))?;
    } else {
        say::data(&told(&checked))?;
        say::data(&held.iter().flatten().map(told_held).collect::<String>())?;
    }
    Ok(if is_sound { exit::YES } else { exit::NO })
}

fn told(checked: &[FileChecked]) -> String {
    let mut text = String::new();
    let mut damaged = 0;
    for FileChecked { path, state, .. } in checked {
        let path = path.display();
        let line = match state {
            FileState::Sound => continue,
            FileState::Damaged { what } => {
                damaged += 1;
                format!("{RED}damaged{RED:#}  `{path}`: {what}")
            }
            FileState::Unfinished { bytes } => {
                let bytes = units::count(*bytes);
                format!(
                    "{AMBER}note{AMBER:#}  `{path}`: its last {bytes} bytes are a write that was not acknowledged"
                )
            }
            FileState::Leftover { why } => format!("{AMBER}note{AMBER:#}  `{path}`: {why}"),
        };
        text.push_str(&line);
        text.push('\n');
    }
    let of = |kind: FileKind| checked.iter().filter(move |file| file.kind == kind);
    let records = |kind: FileKind| of(kind).map(|file| file.records).sum::<u64>();
    let bytes = checked.iter().map(|file| file.bytes).sum::<u64>();
    let claim = match damaged {
        0 => "All of it is sound".to_owned(),
        some => {
            format!("{} damaged; the others can be read", units::some(some, "file is", "files are"))
        }
    };
    text.push_str(&format!("{BOLD}{claim}{BOLD:#}\n"));
    text.push_str(&format!(
        "{} with {} in {}, {} in {}\n",
        size(bytes),
        units::some(records(FileKind::Block), "row", "rows"),
        units::some(of(FileKind::Block).count() as u64, "block", "blocks"),
        units::some(records(FileKind::Log), "record", "records"),
        units::some(of(FileKind::Log).count() as u64, "log", "logs"),
    ));
    text
}

fn told_held(held: &Held) -> String {
    let Held { table, rows, segments, unlike } = held;
    let (rows, of) = (units::some(*rows, "row", "rows"), units::some(*segments, "log", "logs"));
    let line = format!("ClickHouse, {table}: {rows} of {of}");
    if *unlike == 0 {
        return format!("{line}\n");
    }
    let unlike = units::some(*unlike, "has rows missing or twice", "have rows missing or twice");
    format!("{RED}damaged{RED:#}  {line}, {unlike}\n")
}

fn wire_held(held: &Held) -> serde_json::Value {
    let Held { table, rows, segments, unlike } = held;
    json!({ "table": table, "rows": rows, "logs": segments, "logs_unlike": unlike })
}

fn wire(file: &FileChecked) -> serde_json::Value {
    let kind = match file.kind {
        FileKind::Log => "log",
        FileKind::Block => "block",
        FileKind::Minutes => "roll-up",
        FileKind::Document => "document",
    };
    let (state, what) = match &file.state {
        FileState::Sound => ("sound", None),
        FileState::Unfinished { bytes } => {
            ("unfinished", Some(format!("{bytes} bytes at its end")))
        }
        FileState::Damaged { what } => ("damaged", Some(what.clone())),
        FileState::Leftover { why } => ("leftover", Some((*why).to_owned())),
    };
    let path = file.path.to_string_lossy();
    json!({
        "path": path, "kind": kind, "bytes": file.bytes, "records": file.records,
        "state": state, "what": what,
    })
}
