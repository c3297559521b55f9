//! Changing the gateway's settings: the patch, writing it, taking it back.

use std::path::PathBuf;

use clap::Args;
use config::Settings;
use engine::gateway_fix::{self as fixes, GatewayFix, GatewayFixError};
use model::{FindingId, GatewayChange, GatewayPlace};
use serde_json::Value;
use store::ledger::Remedy;

use super::{Arguments, asking::ask};
use crate::{
    client::{self, Unanswered},
    commands::{find, gateway::tell_gateway, ledger::place_of},
    exit::{self, Exit},
    report::fix_gateway as report,
    say::{self, BOLD, DIM, Failure},
};

/// Fewer letters of an id name too many.
const PREFIX_MIN: usize = 2;

/// How a change of the gateway is asked for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Gateway")]
pub(super) struct GatewayArguments {
    /// Look for the finding in this recording, instead of asking the `taut up` of the settings; may be given more than once.
    #[arg(long, value_name = "FILE", conflicts_with = "postgres")]
    from: Vec<PathBuf>,
    /// Instead of a finding, this operation, with --set.
    #[arg(long, value_name = "METHOD PATH", group = "which", requires = "set")]
    operation: Option<String>,
    /// Set this on its route, instead of what is proposed: `total-timeout="5s"`; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "postgres")]
    set: Vec<String>,
    /// Which remedy, where the gateway has several for a finding.
    #[arg(long, value_name = "NAME", conflicts_with = "postgres")]
    remedy: Option<String>,
    /// On which route, where several take such requests for other hosts.
    #[arg(long, value_name = "ROUTE", conflicts_with = "postgres")]
    on_route: Option<String>,
}

/// What the gateway can do about a finding.
struct Found {
    id: FindingId,
    fault: String,
    claim: String,
    changes: Vec<GatewayChange>,
}

/// Does what is asked for, if that is about the gateway; `None` if it is about a database.
pub(super) fn run(arguments: &Arguments, settings: &Settings) -> Result<Option<Exit>, Failure> {
    let told = &arguments.gateway;
    let elsewhere = arguments.postgres.is_some()
        || arguments.index.is_some()
        || arguments.rewrite.is_some()
        || arguments.migration.is_some()
        || arguments.rehearse;
    let meant = !told.from.is_empty() || !told.set.is_empty() || told.operation.is_some();
    if !meant && (elsewhere || settings.gateway.is_none()) {
        return Ok(None);
    }
    let remedies = fixes::remedies(&place_of(&settings.store)).map_err(|error| failure(&error))?;
    let Some(id) = &arguments.id else {
        if let Some(operation) = &told.operation {
            let found = by_hand(operation, &told.set)?;
            return one(arguments, settings, &found, &remedies).map(Some);
        }
        // Without a database to look into, the list is of the gateway.
        let here = meant || settings.postgres.urls.is_empty();
        return if here { list(arguments, settings, &remedies).map(Some) } else { Ok(None) };
    };
    let prefix = id.to_ascii_lowercase();
    if prefix.len() < PREFIX_MIN || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Failure::use_of(format!("`{prefix}` is no id of a finding"))
            .hint(format!("`taut find --json` tells them; the first {PREFIX_MIN} letters are enough, if no other begins so")));
    }
    let noted = remedies.iter().rev().find(|remedy| {
        remedy.proposal.finding.starts_with(&prefix)
            && (remedy.state.is_in_force() || arguments.revert)
    });
    if let Some(remedy) = noted {
        return in_the_ledger(arguments, settings, remedy).map(Some);
    }
    let mut found = match look(arguments, settings) {
        Ok(found) => found,
        // Whoever has a database as well may mean that.
        Err(_) if !meant && !settings.postgres.urls.is_empty() => return Ok(None),
        Err(failure) => return Err(failure),
    };
    found.retain(|found| found.id.to_string().starts_with(&prefix));
    match found.len() {
        1 => one(arguments, settings, &found.remove(0), &remedies).map(Some),
        0 if !meant && !settings.postgres.urls.is_empty() => Ok(None),
        0 => Err(Failure::use_of(format!("the gateway has no remedy for a finding `{prefix}`"))
            .hint("`taut fix` lists those that it has one for; --operation with --set changes a route without a finding")),
        many => Err(Failure::use_of(format!("`{prefix}` is the beginning of {many} ids"))
            .hint("give more of its letters")),
    }
}

/// The plan of one change, or writing it.
fn one(
    arguments: &Arguments,
    settings: &Settings,
    found: &Found,
    remedies: &[Remedy],
) -> Result<Exit, Failure> {
    if arguments.revert || arguments.check {
        let id = found.id.to_string();
        let known = remedies.iter().rev().find(|remedy| remedy.proposal.finding == id);
        return match known {
            Some(remedy) => in_the_ledger(arguments, settings, remedy),
            None => Err(Failure::use_of("nothing of it was applied to the gateway")
                .hint("`taut ledger` lists what was applied")),
        };
    }
    let file = settings.file.as_deref().ok_or_else(|| {
        Failure::use_of("there is no settings file to change").hint(
            "--config names it; `taut gateway --example > taut.toml` writes one to begin with",
        )
    })?;
    let change = chosen(&arguments.gateway, found)?;
    let on = arguments.gateway.on_route.as_deref();
    let named = (found.id, &*found.fault, &*found.claim);
    let planned = fixes::plan(file, named, change, on).map_err(|error| failure(&error))?;
    if !arguments.apply {
        let others = found.changes.iter().map(|change| change.remedy.as_str());
        let others: Vec<&str> = others.filter(|name| *name != planned.change.remedy).collect();
        say::data(&if arguments.json {
            report::plan_json(&planned, None)
        } else {
            report::plan(&planned, &others, say::columns())
        })?;
        return Ok(exit::YES);
    }
    ask(arguments.yes, &format!("Write this to {}?\n{}", planned.file.display(), planned.diff))?;
    let remedy =
        fixes::apply(&place_of(&settings.store), &planned).map_err(|error| failure(&error))?;
    done(arguments, settings, (&remedy, Some(&planned)), "applied")
}

/// What the ledger has, taken back or shown.
fn in_the_ledger(
    arguments: &Arguments,
    settings: &Settings,
    remedy: &Remedy,
) -> Result<Exit, Failure> {
    let id = &remedy.proposal.finding;
    if arguments.check {
        let hint = format!(
            "`taut load --out before.json` with it taken back, `--out after.json` with it applied, then `taut prove \
             before.json after.json --record {id}`"
        );
        return Err(Failure::use_of("a change of the gateway is proven by a comparison").hint(hint));
    }
    if arguments.revert {
        let file = fixes::file_of(remedy);
        ask(
            arguments.yes,
            &format!("Take this back in {}?\n{}", file.display(), fixes::diff_of(remedy)),
        )?;
        let because = arguments.because.as_deref().unwrap_or_default();
        let remedy = fixes::revert(&place_of(&settings.store), remedy, because)
            .map_err(|error| failure(&error))?;
        return done(arguments, settings, (&remedy, None), "taken back");
    }
    if arguments.apply {
        return Err(failure(&GatewayFixError::InForce));
    }
    say::data(&if arguments.json {
        report::remedy_json(remedy)
    } else {
        report::remedy(remedy, say::columns())
    })?;
    Ok(exit::YES)
}

fn done(
    arguments: &Arguments,
    settings: &Settings,
    (remedy, planned): (&Remedy, Option<&GatewayFix>),
    what: &str,
) -> Result<Exit, Failure> {
    let file = fixes::file_of(remedy);
    if arguments.json {
        say::data(&report::done_json(remedy, planned, what))?;
    } else {
        say::data(&format!("{BOLD}{what}{BOLD:#} in {}\n", file.display()))?;
    }
    say::words(&format!("{DIM}{}{DIM:#}\n", tell_gateway(settings)));
    if what == "applied" {
        let id = &remedy.proposal.finding;
        say::words(&format!(
            "{DIM}`taut prove BEFORE AFTER --record {id}` tells whether it worked; `taut fix {id} --revert` takes it back{DIM:#}\n"
        ));
    }
    Ok(exit::YES)
}

fn list(arguments: &Arguments, settings: &Settings, remedies: &[Remedy]) -> Result<Exit, Failure> {
    if arguments.apply || arguments.revert || arguments.check {
        return Err(Failure::use_of("which finding?")
            .hint("`taut fix` lists them; give an id, or its first letters"));
    }
    let found = look(arguments, settings)?;
    let rows: Vec<report::Row<'_>> = found
        .iter()
        .flat_map(|found| {
            found.changes.iter().map(|change| report::Row {
                id: found.id.to_string(),
                claim: &found.claim,
                change,
            })
        })
        .collect();
    say::data(&if arguments.json {
        report::list_json(&rows, remedies)
    } else {
        report::list(&rows, remedies, say::columns())
    })?;
    Ok(exit::YES)
}

/// Findings that the gateway has a remedy for: of recordings, or of the `taut up` that runs.
fn look(arguments: &Arguments, settings: &Settings) -> Result<Vec<Found>, Failure> {
    let from = &arguments.gateway.from;
    let mut found = if from.is_empty() { ask_up(settings)? } else { recorded(from, settings)? };
    found.retain(|found| !found.changes.is_empty());
    Ok(found)
}

fn recorded(files: &[PathBuf], settings: &Settings) -> Result<Vec<Found>, Failure> {
    let outcome = find::findings_of(files, settings)?;
    let found = outcome.findings.iter().map(|finding| Found {
        id: finding.id,
        fault: finding.fault.to_owned(),
        claim: format!("{}: {}", finding.operation.operation, finding.claim),
        changes: fixes::changes(finding),
    });
    Ok(found.collect())
}

/// Asks the `taut up` that runs.
fn ask_up(settings: &Settings) -> Result<Vec<Found>, Failure> {
    let answer = client::get(settings.web.listen, "/api/v1/findings").map_err(|why| match why {
        Unanswered::Nobody => Failure::of_the_world(format!(
            "no `taut up` answers on {}",
            settings.web.listen
        ))
        .hint("--from FILE looks into a recording; --operation with --set changes a route without a finding"),
        Unanswered::Problem(failure) => failure,
    })?;
    let findings = answer["findings"].as_array().cloned().unwrap_or_default();
    Ok(findings.iter().filter_map(told).collect())
}

/// A finding as the API tells it.
fn told(finding: &Value) -> Option<Found> {
    let id = u64::from_str_radix(finding["id"].as_str()?, 16).ok().map(FindingId)?;
    let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let changes = finding["advice"].as_array()?.iter();
    Some(Found {
        id,
        fault: text("fault"),
        claim: format!("{}: {}", text("operation"), text("claim")),
        changes: changes.filter_map(|advice| change(&advice["gateway"])).collect(),
    })
}

fn change(told: &Value) -> Option<GatewayChange> {
    let text = |key: &str| told[key].as_str().map(str::to_owned);
    let pair =
        |pair: &Value| Some((pair["key"].as_str()?.to_owned(), pair["value"].as_str()?.to_owned()));
    Some(GatewayChange {
        remedy: text("remedy")?,
        on: match (text("on")?.as_str(), text("host")) {
            ("service", _) => GatewayPlace::Service,
            ("host", Some(host)) => GatewayPlace::Host(host),
            _ => GatewayPlace::Route,
        },
        method: text("method")?,
        paths: text("paths")?,
        example: text("example")?,
        settings: told["settings"].as_array()?.iter().filter_map(pair).collect(),
        reason: text("reason")?,
    })
}

/// The remedy that is meant, with what was set by hand.
fn chosen(arguments: &GatewayArguments, found: &Found) -> Result<GatewayChange, Failure> {
    let wanted = arguments.remedy.as_deref();
    let mut changes = found.changes.iter();
    let change = changes.find(|change| wanted.is_none_or(|name| name == change.remedy));
    let mut change = change.cloned().ok_or_else(|| {
        let names: Vec<&str> = found.changes.iter().map(|change| &*change.remedy).collect();
        Failure::use_of(format!("the gateway has no such remedy for {}", found.id))
            .hint(format!("it has {}", names.join(", ")))
    })?;
    // By hand something else is asked for, of which nothing that was proposed is meant.
    if !arguments.set.is_empty() {
        change.settings = arguments.set.iter().map(|text| pair(text)).collect::<Result<_, _>>()?;
    }
    Ok(change)
}

fn by_hand(operation: &str, set: &[String]) -> Result<Found, Failure> {
    let settings = set.iter().map(|text| pair(text)).collect::<Result<Vec<_>, _>>()?;
    let claim = format!("{operation}: {}", set.join(", "));
    let change = fixes::asked_for(operation, settings).ok_or_else(|| {
        Failure::use_of(format!("`{operation}` is no operation"))
            .hint("a method and a path: --operation 'GET /api/trending'")
    })?;
    let id = fixes::id_of(&claim);
    Ok(Found { id, fault: String::new(), claim, changes: vec![change] })
}

fn pair(text: &str) -> Result<(String, String), Failure> {
    let wrong = || {
        Failure::use_of(format!("`{text}` sets nothing"))
            .hint("a key and its value, as taut.toml has them: --set 'total-timeout=\"5s\"'")
    };
    let (key, value) = text.split_once('=').ok_or_else(wrong)?;
    let key = key.trim();
    let good = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    if key.is_empty() || !key.bytes().all(good) {
        return Err(wrong());
    }
    Ok((key.to_owned(), value.trim().to_owned()))
}

/// What a failure is to whoever typed the command.
fn failure(error: &GatewayFixError) -> Failure {
    match error {
        GatewayFixError::File { .. } | GatewayFixError::Ledger(_) => {
            Failure::world(error).hint(error.hint())
        }
        _ => Failure::use_of(error).hint(error.hint()),
    }
}
