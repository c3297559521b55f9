//! `taut replay`: whether a new version answers as the old one does.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::Ordering::Relaxed,
    time::Duration,
};

use ::load::{CaptureError, Captured, Replay, Writes};
use ::prove::{
    compare::{Question, compare},
    replay::Rules,
};
use capture::{Key, Redactor, usual};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    Done, OK, ledger,
    load::{Way, failed, header, server, stopping},
    written,
};
use crate::{
    exit,
    report::replay as report,
    say::{self, Failure},
    units,
};

const EXAMPLES: &str = "\
Examples:
  taut replay captures/ --target http://localhost:8001                       against what was recorded
  taut replay captures/ --target http://new:8000 --against http://old:8000   two versions, side by side
  taut replay shop.har --target http://localhost:8001 --speed max
  taut replay captures/ --target http://localhost:8001 --write-to /login     the log-in too, for its token
  taut replay captures/ --target http://localhost:8001 --header 'Authorization: Bearer ...'
  taut replay captures/ --target http://localhost:8001 --unordered /results --ignore /results/*/views
  taut replay captures/ --target http://localhost:8001 --record              and keep what came of it in the ledger

Code 0: no answer differs by more than --allow. Code 1: some do, or there was nothing to compare. --against tells noise from
differences by asking the old version twice.";

/// Play recorded requests against a new version, and tell what it answers differently.
///
/// CAPTURE is a file or folder of captures (`[gateway.capture]` writes them), or a HAR. Only GET, HEAD and OPTIONS are played, unless you
/// say otherwise. Answers are compared byte for byte, then by structure; what differs from one try to the next anyway is noise, and
/// left out.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command")]
pub(super) struct Arguments {
    /// What was recorded.
    #[arg(value_name = "CAPTURE")]
    capture: PathBuf,
    /// The new version.
    #[arg(long, value_name = "URL")]
    target: String,
    /// The old version; without it answers are compared with the recorded ones.
    #[arg(long, value_name = "URL")]
    against: Option<String>,
    /// How fast: 1 as recorded, 2 twice as fast, `max` as fast as it goes.
    #[arg(long, value_name = "TIMES", default_value = "1", value_parser = speed)]
    speed: Speed,
    /// Play what changes something as well.
    #[arg(long)]
    writes: bool,
    /// Play what changes something at paths that begin so; may be given more than once.
    #[arg(long, value_name = "PATH")]
    write_to: Vec<String>,
    /// Only requests whose path begins so; may be given more than once.
    #[arg(long, value_name = "PATH")]
    path: Vec<String>,
    /// Of a HAR, what was asked of this host, rather than of the one whose page came first.
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// At most so many requests.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Pass over this place: `/results/*/views` in JSON, `header:x-served-by`; may be given more than once.
    #[arg(long, value_name = "PLACE")]
    ignore: Vec<String>,
    /// A list in JSON whose order means nothing: `/results`; may be given more than once.
    #[arg(long, value_name = "PLACE")]
    unordered: Vec<String>,
    /// Take ids by chance (UUIDs, tokens) for the same. Answers to writes are always taken so.
    #[arg(long)]
    mask_ids: bool,
    /// Hold dates that were made for the answer against each other as well.
    #[arg(long)]
    keep_dates: bool,
    /// Do not ask twice to learn what is noise.
    #[arg(long)]
    no_noise: bool,
    /// A header for every request, in place of the recorded one: `Name: value`; may be given more than once.
    #[arg(long, short = 'H', value_name = "HEADER", value_parser = header)]
    header: Vec<(String, String)>,
    /// The key of pseudonyms; without it the one beside the capture.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The share of answers that may differ: `0.1%`.
    #[arg(long, value_name = "PART", default_value = "0%", value_parser = part)]
    allow: f64,
    /// Requests under way at once at most.
    #[arg(long, value_name = "COUNT", default_value_t = 32)]
    connections: usize,
    /// A request without an answer by then has failed.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = ::load::length)]
    timeout: Duration,
    #[command(flatten)]
    way: Way,
    /// Targets are on public addresses, and I have a right to ask them.
    #[arg(long)]
    target_is_mine: bool,
    /// Everything as JSON on standard output.
    #[arg(long)]
    json: bool,
    /// A page with everything.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Keep it in the ledger: the counts, and the whole result for the page of runs.
    #[arg(long)]
    record: bool,
    #[command(flatten)]
    which: ledger::Which,
}

/// How fast: a number, or as fast as it goes.
#[derive(Debug, Clone, Copy)]
struct Speed(Option<f64>);

/// What can be done about a capture that is none.
const HINT: &str =
    "captures are what `[gateway.capture]` writes, docs/capture.md shows; a HAR is read as well";

pub(super) fn run(arguments: &Arguments) -> Done {
    written::can_be([&arguments.html])?;
    let captured = read_of(&arguments.capture, arguments.host.as_deref())?;
    let plan = plan(arguments, &captured)?;
    let stop = stopping()?;
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos} of {len} requests played") {
        bar.set_style(style);
    }
    let shown = bar.clone();
    let replayed = ::load::replay(plan, &stop, move |done, total| {
        shown.set_length(total);
        shown.set_position(done);
    });
    bar.finish_and_clear();
    let replayed = replayed.map_err(|error| failed(&error))?;
    let speed = arguments.against.is_some().then(|| {
        compare(&replayed.old, &replayed.new, &Question { quantile: 0.95, matters: 0.03, seed: 1 })
    });
    let told = report::Told {
        target: &arguments.target,
        against: arguments.against.as_deref(),
        notes: &captured.notes,
        replayed: &replayed,
        speed: speed.as_ref(),
    };
    let said = say::data(&if arguments.json {
        report::json(&told)
    } else {
        report::terminal(&told, say::columns())
    });
    written::all(&[(&arguments.html, &|| report::html(&told))])?;
    if arguments.record {
        ledger::keep_run(&arguments.which.place()?, &report::record(&told), &report::json(&told))?;
    }
    said?;
    if stop.load(Relaxed) {
        return Ok(exit::INTERRUPTED);
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of answers")]
    let is_much =
        arguments.allow * (replayed.report.compared as f64) < replayed.report.different as f64;
    let is_nothing = replayed.report.compared == replayed.report.unknown;
    let is_failing = !replayed.troubles.is_empty();
    if is_much || is_nothing || is_failing { Ok(exit::NO) } else { OK }
}

fn plan(arguments: &Arguments, captured: &Captured) -> Result<Replay, Failure> {
    let fits = |path: &str| {
        arguments.path.is_empty()
            || arguments.path.iter().any(|begin| path.starts_with(begin.as_str()))
    };
    let mut exchanges: Vec<_> = captured
        .exchanges
        .iter()
        .filter(|exchange| fits(exchange.request.path()))
        .cloned()
        .collect();
    exchanges.truncate(arguments.limit.unwrap_or(usize::MAX));
    let writes = match (arguments.writes, arguments.write_to.is_empty()) {
        (true, _) => Writes::All,
        (false, false) => Writes::To(arguments.write_to.clone()),
        (false, true) => Writes::Never,
    };
    let may = |exchange: &model::Exchange| writes != Writes::Never || exchange.request.is_read();
    if !exchanges.iter().any(may) {
        let (all, left) = (captured.exchanges.len(), exchanges.len());
        return Err(Failure::use_of(format!(
            "there is nothing to play: of {all} recorded requests {left} fit --path, and none of them only reads"
        ))
        .hint("--path says which are played, --writes and --write-to play what changes something"));
    }
    let place = |text: &str| text.starts_with('/') || text.starts_with("header:");
    if let Some(wrong) =
        arguments.ignore.iter().chain(&arguments.unordered).find(|text| !place(text))
    {
        return Err(Failure::use_of(format!("`{wrong}` is no place"))
            .hint("such are /results/*/views for JSON, and header:x-served-by"));
    }
    if arguments.connections == 0 {
        return Err(Failure::use_of("at least one request has to be under way"));
    }
    let against = arguments.against.as_deref();
    Ok(Replay {
        exchanges,
        target: server("--target", &arguments.target)?,
        against: against.map(|text| server("--against", text)).transpose()?,
        speed: arguments.speed.0,
        learns_noise: !arguments.no_noise,
        writes,
        rules: Rules {
            ignore: arguments.ignore.clone(),
            unordered: arguments.unordered.clone(),
            mask_dates: !arguments.keep_dates,
            mask_ids: arguments.mask_ids,
            hidden: None,
        },
        headers: arguments.header.clone(),
        redactor: redactor(arguments, captured)?,
        connections: arguments.connections,
        timeout: arguments.timeout,
        believes: arguments.way.believes(),
        http: arguments.way.http(),
        may_be_public: arguments.target_is_mine,
    })
}

/// What hides in new answers what was hidden in recorded ones: with the key that the capture was written with.
fn redactor(arguments: &Arguments, captured: &Captured) -> Result<Option<Redactor>, Failure> {
    let beside = if arguments.capture.is_dir() {
        arguments.capture.join("pseudonyms.key")
    } else {
        arguments.capture.parent().unwrap_or_else(|| Path::new("")).join("pseudonyms.key")
    };
    let path = match &arguments.key {
        Some(path) => path,
        None if beside.is_file() => &beside,
        None => return Ok(None),
    };
    let secret = fs::read(path).map_err(|error| {
        Failure::world(&error).hint(format!("`{}` was to be the key", path.display()))
    })?;
    let key = Key::new(&secret);
    let is_one = captured
        .heads
        .iter()
        .all(|head| head.pseudonyms.is_empty() || head.pseudonyms == key.number());
    if !is_one && arguments.key.is_some() {
        return Err(Failure::use_of(format!(
            "`{}` is not the key of this capture",
            path.display()
        )));
    }
    Ok((is_one && !captured.heads.is_empty()).then(|| Redactor::new(key, &usual())))
}

/// A capture, or a HAR.
pub(super) fn read(path: &Path) -> Result<Captured, Failure> {
    read_of(path, None)
}

/// The same; of a HAR, what this host was asked.
pub(super) fn read_of(path: &Path, host: Option<&str>) -> Result<Captured, Failure> {
    let is_har = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("har"));
    if host.is_some() && !is_har {
        return Err(Failure::use_of("--host is for a HAR")
            .hint("a capture is of one gateway, and --path says which requests of it"));
    }
    let captured = if is_har {
        har(path, host)?
    } else {
        Captured::read(path).map_err(|error| match &error {
            CaptureError::Unread(..) => Failure::world(&error).hint(HINT),
            _ => Failure::use_of(&error).hint(HINT),
        })?
    };
    if captured.exchanges.is_empty() {
        return Err(
            Failure::use_of(format!("`{}` has no requests in it", path.display())).hint(HINT)
        );
    }
    Ok(captured)
}

fn har(path: &Path, host: Option<&str>) -> Result<Captured, Failure> {
    /// Hosts that are named at most.
    const NAMED: usize = 5;
    let shown = path.display();
    let bytes = fs::read(path)
        .map_err(|error| Failure::world(&error).hint(format!("`{shown}` was to be a HAR")))?;
    let har = capture::har(&bytes, host).map_err(|error| {
        Failure::use_of(format!("failed to understand `{shown}`: {error}"))
            .hint("half of a HAR is none: export it again, with content")
    })?;
    let named = har.others.iter().take(NAMED).map(|(name, count)| format!("{name} ({count})"));
    let mut named: Vec<String> = named.collect();
    if NAMED < har.others.len() {
        named.push(format!("{} more hosts", har.others.len() - NAMED));
    }
    let named = named.join(", ");
    let is_other = har.exchanges.is_empty() && !har.others.is_empty();
    if let (Some(host), true) = (host, is_other) {
        return Err(Failure::use_of(format!("`{shown}` has no requests to `{host}`"))
            .hint(format!("it has some to {named}")));
    }
    let left = har.others.iter().map(|(_, count)| *count as u64).sum();
    let note = (0 < left).then(|| {
        let requests = units::some(left, "request", "requests");
        format!("of `{shown}` what {} was asked; left out: {requests} to others, {named}", har.host)
    });
    Ok(Captured {
        exchanges: har.exchanges,
        notes: note.into_iter().collect(),
        ..Captured::default()
    })
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed(None));
    }
    let number = text
        .trim_end_matches('x')
        .parse::<f64>()
        .ok()
        .filter(|number| (0.001..=1_000.0).contains(number));
    number
        .map(|number| Speed(Some(number)))
        .ok_or_else(|| format!("`{text}` is no speed; such are 1, 0.5, 10, max"))
}

fn part(text: &str) -> Result<f64, String> {
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
        None => text.parse::<f64>().ok(),
    };
    number
        .filter(|part| (0.0..=1.0).contains(part))
        .ok_or_else(|| format!("`{text}` is no part; such are 0%, 0.1%, 5%"))
}
