//! `taut query`: a question of one's own, from the terminal.

mod table;

use std::time::Duration;

use clap::Args;
use config::Settings;
use engine::question::{AskError, Asked, Question};
use model::Window;
use serde_json::Value;
use store::{Folder, Limits, StoreError};

use super::{
    Done, OK,
    settings::{SettingsFile, flag},
    store::when,
};
use crate::{
    client::{self, Unanswered},
    opening,
    say::{self, DIM, Failure},
};

const EXAMPLES: &str = "\
Examples:
  taut query --group service.name,name --show count,error_rate,p95
                                            what each service spends its time with
  taut query 'kind = server and duration > 500ms' --group http.route --show count,p95 --order p95
                                            which routes are slow, the slowest first
  taut query 'status = error' --group service.name,status.message --last 24h
                                            what failed within a day, and why
  taut query 'statement exists' --group statement --show 'sum(duration),count' --limit 10
                                            which statements take most of the time
  taut query --of logs 'severity in (error, fatal)' --group service.name,body
                                            what is logged as an error
  taut query 'name = checkout' --show p50,p99 --step 5m --csv > checkout.csv
                                            a figure over time, for a spreadsheet

A filter compares fields with values: = != < <= > >= in (a, b) contains exists, joined by and, or, not and
parentheses. Fields go by OpenTelemetry's names: service.name, http.route, any attribute; and name, kind, status,
duration, operation, statement of spans; severity, body of log records; name, unit of points of metrics.";

/// Ask about spans, log records and metrics: filter, group, measure.
///
/// A `taut up` that runs here is asked; without one, the store's folder is read.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Which rows, such as `service.name = shop and duration > 200ms`; all of them unless told otherwise.
    #[arg(value_name = "FILTER")]
    filter: Option<String>,
    /// Of what: `spans`, `logs` or `metrics`.
    #[arg(long, value_name = "WHAT", default_value = "spans")]
    of: String,
    /// Fields to group by, with commas between them.
    #[arg(long, value_name = "FIELDS")]
    group: Option<String>,
    /// Figures: count, rate, errors, `error_rate`, sum(FIELD), avg(FIELD), min(FIELD), max(FIELD), p95(FIELD), ….
    #[arg(long, value_name = "FIGURES", default_value = "count")]
    show: String,
    /// The figure by which groups are ranked; the first unless told otherwise.
    #[arg(long, value_name = "FIGURE")]
    order: Option<String>,
    /// Tell each step of time, such as `1m`, by itself.
    #[arg(long, value_name = "TIME")]
    step: Option<String>,
    /// From when: a time such as `1h` or `7d` before now, or a date as RFC 3339 has it.
    #[arg(long, value_name = "WHEN", default_value = "1h", alias = "from")]
    last: String,
    /// Until when; now unless told otherwise.
    #[arg(long, value_name = "WHEN")]
    to: Option<String>,
    /// Most groups.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Write the answer as JSON, as the API does.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Write the answer as CSV.
    #[arg(long)]
    csv: bool,
    /// Read this store's folder, and ask nobody.
    #[arg(long, value_name = "FOLDER")]
    store: Option<String>,
    #[command(flatten)]
    settings: SettingsFile,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let flags = flag("--store", "store.folder", arguments.store.as_ref());
    let settings = arguments.settings.load(flags.into_iter().collect())?;
    let window = window(arguments)?;
    let asked = Asked {
        of: Some(arguments.of.clone()),
        filter: arguments.filter.clone(),
        group: arguments.group.clone(),
        show: Some(arguments.show.clone()),
        order: arguments.order.clone(),
        step: arguments.step.clone(),
        limit: arguments.limit,
    };
    // What is wrong is told before anybody is asked.
    let question = Question::read(&asked, window).map_err(|wrong| wrong_use(&wrong))?;
    let answer = if arguments.store.is_some() {
        of_folder(&question, &settings)?
    } else {
        match client::get(settings.web.listen, &address(&asked, window)) {
            Ok(answer) => answer,
            Err(Unanswered::Nobody) => of_folder(&question, &settings)?,
            Err(Unanswered::Problem(failure)) => return Err(failure),
        }
    };
    say::data(&if arguments.json {
        format!("{answer:#}\n")
    } else if arguments.csv {
        table::csv(&answer)
    } else {
        table::table(&answer, say::columns())
    })?;
    if !arguments.json {
        say::words(&table::notes(&answer));
    }
    OK
}

fn window(arguments: &Arguments) -> Result<Window, Failure> {
    let now = when::now();
    let from = when::moment(&arguments.last, now)?;
    let to = match &arguments.to {
        Some(to) => when::moment(to, now)?,
        None => now,
    };
    if to <= from {
        return Err(Failure::use_of("the window ends before it begins").hint("see --last and --to"));
    }
    Ok(Window { from, to })
}

fn address(asked: &Asked, window: Window) -> String {
    let mut query = format!(
        "/api/v1/ask?from={}&to={}",
        window.from.nanos / 1_000_000,
        window.to.nanos.div_ceil(1_000_000)
    );
    let limit = asked.limit.map(|limit| limit.to_string());
    let texts = [
        ("of", &asked.of),
        ("where", &asked.filter),
        ("group", &asked.group),
        ("show", &asked.show),
        ("order", &asked.order),
        ("step", &asked.step),
        ("limit", &limit),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            query.push_str(&format!("&{name}={}", client::encoded(text)));
        }
    }
    query
}

/// The store's folder, where nobody answers that has it open.
pub(super) fn folder(settings: &Settings) -> Result<Folder, Failure> {
    let folder = &settings.store.folder;
    if !folder.is_dir() {
        return Err(Failure::use_of(format!(
            "nobody answers on {}, and there is no store in `{}`",
            settings.web.listen,
            folder.display()
        ))
        .hint("start `taut up`; --store, --config or TAUT_STORE_FOLDER says where a store is"));
    }
    let (store, _) = opening::open(settings).map_err(|error| {
        let hint = match error {
            StoreError::Locked { .. } => {
                "a `taut up` that listens elsewhere uses it: name its settings with --config"
            }
            _ => "see whether the folder can be read and written to",
        };
        Failure::world(&error).hint(hint)
    })?;
    let and_there = if settings.store.clickhouse.url.is_some() { " and ClickHouse" } else { "" };
    say::words(&format!(
        "{DIM}nobody answers on {}: read from `{}`{and_there}{DIM:#}\n",
        settings.web.listen,
        folder.display()
    ));
    Ok(store)
}

fn of_folder(question: &Question, settings: &Settings) -> Result<Value, Failure> {
    let store = folder(settings)?;
    // Nobody else waits for it here, so that it may take longer than a page.
    let limits = Limits { time: Duration::from_mins(2), ..Limits::default() };
    let table = question.answer(&store, &limits).map_err(|error| match error {
        AskError::Wrong(wrong) => wrong_use(&wrong),
        AskError::Store(error) => super::store::of_the_disk(&error),
    })?;
    serde_json::to_value(web::wire::TableAnswer::from(table)).map_err(Failure::bug)
}

fn wrong_use(wrong: &engine::question::Wrong) -> Failure {
    let name = match wrong.parameter {
        "where" => "the filter".to_owned(),
        other => format!("--{other}"),
    };
    Failure::use_of(format!("{name} is not understood: {}", wrong.what)).hint(wrong.hint.clone())
}
