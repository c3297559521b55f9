//! `taut status`: whether a server runs here, what it keeps since when, and what it lost or refused and why.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use store::{
    Store as _, StoreError,
    clickhouse::{Held, Trouble},
};

use super::{
    Done,
    settings::{SettingsFile, flag},
    store::{of_the_disk, size, when},
};
use crate::{
    client::{self, Unanswered},
    exit, opening,
    say::{self, ACCENT, AMBER, BOLD, DIM, Failure, RED},
    units,
};

/// Say whether a `taut up` runs here, what it keeps since when, and what it refused or lost and why.
///
/// Without one, the store's folder is looked at. Code 1 if nobody runs, or if something was lost or refused lately.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where everything is kept.
    #[arg(long, value_name = "FOLDER")]
    store: Option<String>,
    /// Write the answer as JSON: what `/api/v1/status` says, or what the folder holds.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingsFile,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let flags = flag("--store", "store.folder", arguments.store.as_ref());
    let settings = arguments.settings.load(flags.into_iter().collect())?;
    match client::get(settings.web.listen, "/api/v1/status") {
        Ok(status) => {
            if arguments.json {
                say::data(&format!("{status:#}\n"))?;
            } else {
                say::data(&told(&status, &settings.web.listen.to_string()))?;
            }
            let lost = status["losses"].as_array().into_iter().flatten();
            let is_well = lost.filter_map(|loss| loss["lately"].as_u64()).sum::<u64>() == 0;
            Ok(if is_well && status["problem"].is_null() { exit::YES } else { exit::NO })
        }
        Err(Unanswered::Nobody) => {
            let kept = folder(&settings)?;
            if arguments.json {
                say::data(&format!("{kept:#}\n"))?;
            } else {
                say::data(&of_folder(&kept, &settings.web.listen.to_string()))?;
            }
            Ok(exit::NO)
        }
        Err(Unanswered::Problem(failure)) => Err(failure),
    }
}

/// What a folder holds, with nobody at work in it.
fn folder(settings: &config::Settings) -> Result<Value, Failure> {
    let folder = &settings.store.folder;
    let shown = folder.display().to_string();
    if !folder.is_dir() {
        return Ok(json!({ "running": false, "folder": shown, "there": false }));
    }
    match opening::open(settings) {
        Ok((store, _)) => {
            let usage = store.usage().map_err(|error| of_the_disk(&error))?;
            let mut told = json!({
                "running": false, "folder": shown, "there": true, "bytes": usage.bytes(),
                "oldest_unix_ms": usage.oldest.map(|oldest| oldest.nanos / 1_000_000),
            });
            if let Some(held) = opening::held(settings) {
                told["clickhouse"] = elsewhere(held);
            }
            Ok(told)
        }
        Err(StoreError::Locked { .. }) => {
            Ok(json!({ "running": false, "folder": shown, "there": true, "locked": true }))
        }
        Err(error) => Err(of_the_disk(&error)),
    }
}

/// What ClickHouse holds, or why it does not say.
fn elsewhere(held: Result<Vec<Held>, Trouble>) -> Value {
    match held {
        Ok(held) => held.iter().map(|it| (it.table.to_owned(), json!(it.rows))).collect(),
        Err(trouble) => json!({ "problem": trouble.to_string(), "hint": trouble.hint() }),
    }
}

fn told_elsewhere(held: &Value) -> String {
    if let Some(problem) = held["problem"].as_str() {
        let hint = held["hint"].as_str().unwrap_or("");
        return format!("{RED}problem{RED:#}: {problem}\n  {DIM}{hint}{DIM:#}\n");
    }
    let rows = |table: &str| units::count(held[table].as_u64().unwrap_or(0));
    format!(
        "  ClickHouse {} spans, {} log records, {} points of metrics\n",
        rows("spans"),
        rows("logs"),
        rows("metrics")
    )
}

fn of_folder(kept: &Value, listen: &str) -> String {
    let shown = kept["folder"].as_str().unwrap_or("");
    let mut text = format!("{BOLD}nobody answers on {listen}{BOLD:#}\n");
    if kept["there"] == false {
        text.push_str(&format!(
            "  store      none in {shown}\n\n`{ACCENT}taut up{ACCENT:#}` starts one.\n"
        ));
    } else if kept["locked"] == true {
        text.push_str(&format!(
            "  store      {shown}, in use by a process that listens elsewhere\n\nName its settings with --config.\n"
        ));
    } else {
        let bytes = size(kept["bytes"].as_u64().unwrap_or(0));
        text.push_str(&format!(
            "  store      {shown}, {bytes}{}\n",
            since(&kept["oldest_unix_ms"])
        ));
        if !kept["clickhouse"].is_null() {
            text.push_str(&told_elsewhere(&kept["clickhouse"]));
        }
        text.push_str(&format!("\n`{ACCENT}taut up{ACCENT:#}` goes on with it.\n"));
    }
    text
}

fn told(status: &Value, listen: &str) -> String {
    let whole = |value: &Value| value.as_u64().unwrap_or(0);
    let text_of = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let mut text = format!(
        "{BOLD}taut {} is up{BOLD:#}{}\n",
        text_of(&status["version"]),
        since(&status["process"]["started_unix_ms"])
    );
    let mut line = |name: &str, words: &str| text.push_str(&format!("  {name:<10} {words}\n"));
    line("pages", &format!("{ACCENT}http://{listen}/{ACCENT:#}"));
    for (name, key) in [("OTLP/HTTP", "otlp_http"), ("OTLP/gRPC", "otlp_grpc")] {
        if let Some(address) = status[key].as_str() {
            line(name, &format!("{ACCENT}http://{address}{ACCENT:#}"));
        }
    }
    let flow = |flow: &Value| {
        format!(
            "{} kept, {} refused, {} lost",
            units::some(whole(&flow["kept"]), "span", "spans"),
            units::count(whole(&flow["refused"])),
            units::count(whole(&flow["dropped"]))
        )
    };
    line("received", &format!("{} since the start", flow(&status["since_start"])));
    let minutes = whole(&status["lately_minutes"]);
    line("", &format!("{} in the last {minutes} min", flow(&status["lately"])));
    let signals = [("log records", "log_records"), ("data points", "data_points")];
    for (words, key) in signals {
        if 0 < whole(&status[key]) {
            line("", &format!("{} {words} kept", units::count(whole(&status[key]))));
        }
    }
    let store = &status["store"];
    if store.is_object() {
        let of = size(whole(&store["bytes_max"]));
        line(
            "store",
            &format!(
                "{}, {} of {of}{}",
                text_of(&store["folder"]),
                size(whole(&store["bytes"])),
                since(&store["oldest_unix_ms"])
            ),
        );
        if let Some(free) = store["free_bytes"].as_u64() {
            line("", &format!("{} free on its disk", size(free)));
        }
        if 0 < whole(&store["damaged_bytes"]) {
            let damaged = size(whole(&store["damaged_bytes"]));
            line("", &format!("{RED}{damaged} damaged{RED:#}; see `taut store check`"));
        }
    }
    line("memory", &size(whole(&status["process"]["resident_bytes"])));
    line("findings", &units::count(whole(&status["findings"])));
    if let Some(problem) = status["problem"].as_str() {
        text.push_str(&format!("{RED}problem{RED:#}: {problem}\n"));
    }
    text.push_str(&losses(&status["losses"]));
    text
}

/// What was lost or refused, what happens now first.
fn losses(losses: &Value) -> String {
    let mut text = String::new();
    for loss in losses.as_array().into_iter().flatten() {
        let count = |key: &str| loss[key].as_u64().unwrap_or(0);
        let word = |key: &str| loss[key].as_str().unwrap_or("");
        let becomes = if loss["gone"] == true { "lost" } else { "refused" };
        let style = if 0 < count("lately") { AMBER } else { DIM };
        text.push_str(&format!(
            "{style}{becomes}{style:#}: {} {} {} ({} of them lately)\n  {DIM}{}{DIM:#}\n",
            units::count(count("since_start")),
            word("unit"),
            word("words"),
            units::count(count("lately")),
            word("hint"),
        ));
    }
    text
}

/// `, since 3.20 h ago`
fn since(unix_ms: &Value) -> String {
    let Some(millis) = unix_ms.as_u64() else { return String::new() };
    let then = model::Moment { nanos: millis.saturating_mul(1_000_000) };
    let ago = when::now().since(then);
    let ago = if Duration::from_hours(48) <= ago {
        format!("{} days", ago.as_secs() / 86_400)
    } else {
        units::time(ago)
    };
    format!(" {DIM}since {ago} ago{DIM:#}")
}
