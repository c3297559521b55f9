//! `taut fix`: what can be changed in a database or in the gateway's settings, rehearsing it, changing it, taking it back, and
//! whether it worked.

mod asking;
mod doing;
mod finding;
mod gateway;
mod migrating;
mod rehearsing;

use std::{path::PathBuf, time::Duration};

use clap::{ArgGroup, Args};
use config::Settings;
use engine::database::fix::{FixError, Fixable, Fixes, Outcome};
use postgres::{Target, apply::Options};
use store::ledger::{NOTE_BYTES_MAX, Remedy};

use super::{
    Done, OK, ledger,
    settings::{SettingsFile, flag},
};
use crate::{
    exit,
    report::fix as report,
    say::{self, Failure},
};

const EXAMPLES: &str = "\
Examples:
  taut fix --postgres URL                         what can be applied, and what was
  taut fix 3f2a --postgres URL                    what it would do, and what it would cost
  taut fix 3f2a --postgres URL --rehearse --clone here
                                                  try it on a clone, before and after by turns
  taut fix 3f2a --postgres URL --apply            do it, beside the traffic
  taut fix 3f2a --postgres URL --check --for 10m  whether it worked
  taut fix 3f2a --postgres URL --revert --because 'writes got slower'
                                                  take it back, and say why
  taut fix 3f2a --postgres URL --migration django --out .
  taut fix --postgres URL --index 'CREATE INDEX ON orders (customer_id)' --apply
  taut fix --postgres URL --query 'SELECT …' --rewrite 'SELECT …' --rehearse --on REPLICA
                                                  whether it is faster, and returns the same rows
  taut fix 3f2a --from spans.json --plan          what the gateway can do about it, as a patch
  taut fix 3f2a --from spans.json --apply         write it; a gateway that runs takes it up
  taut fix --operation 'GET /api/trending' --set 'cache={ttl=\"5m\"}' --apply";

/// Change a database, or the settings of the gateway: plan or rehearse it, do it, take it back, prove that it worked.
///
/// With a database: creates, drops and rebuilds indexes beside the traffic. With `[gateway]` in the settings, and without
/// --postgres: caches, compresses, limits and bounds routes, by a patch of the settings file.
///
/// Without an id, lists what can be applied and what was. An id is that of a finding, or its beginning. Nothing is changed
/// without --apply or --revert; everything that is done is noted in the ledger before it is done. --rehearse measures it
/// elsewhere first: code 1 if it brings nothing there, or a rewrite returns other rows; --check judges it where it was
/// applied: code 1 unless it is proven.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[command(group = ArgGroup::new("action").multiple(false))]
#[command(group = ArgGroup::new("which").multiple(false))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(super) struct Arguments {
    /// Which finding: its id, or the beginning of it.
    #[arg(group = "which")]
    id: Option<String>,
    /// Instead of a finding, this `CREATE INDEX` or `DROP INDEX`.
    #[arg(long, value_name = "SQL", group = "which")]
    index: Option<String>,
    /// Instead of a finding, this statement in place of the one of --query.
    #[arg(long, value_name = "SQL", group = "which", requires = "query")]
    rewrite: Option<String>,
    /// The database: `postgresql://user@host/database`. Without it, the one of `observe.postgres.url`.
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Show what would be done; what happens unless told otherwise.
    #[arg(long, group = "action")]
    plan: bool,
    /// Try it on a replica or a clone: its statements before and after by turns, EXPLAIN (ANALYZE, BUFFERS), medians.
    #[arg(long, group = "action")]
    rehearse: bool,
    /// Do it.
    #[arg(long, group = "action")]
    apply: bool,
    /// Take it back.
    #[arg(long, group = "action")]
    revert: bool,
    /// Why it is taken back: the ledger and the board report tell it.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    because: Option<String>,
    /// Compare what its statements cost before and since, and see whether they are planned with it now.
    #[arg(long, group = "action")]
    check: bool,
    /// Write everything as JSON.
    #[arg(long, conflicts_with = "migration")]
    json: bool,
    /// Write it as a migration for this tool: alembic, django, flyway, prisma, rails, sqlx.
    #[arg(long, value_name = "TOOL", group = "action")]
    migration: Option<String>,
    /// Watch for so long before judging: with --check, or after --apply.
    #[arg(long = "for", value_name = "TIME")]
    watch: Option<String>,
    /// How long a build may wait for each transaction that is older than itself.
    #[arg(long, value_name = "TIME", default_value = "30m")]
    wait: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Write the files of a migration below this folder, instead of showing them.
    #[arg(long, value_name = "FOLDER", requires = "migration")]
    out: Option<PathBuf>,
    /// Where the ledger is kept.
    #[arg(long, value_name = "FOLDER")]
    store: Option<String>,
    #[command(flatten)]
    settings: SettingsFile,
    #[command(flatten)]
    rehearsal: rehearsing::RehearsalArguments,
    #[command(flatten)]
    gateway: gateway::GatewayArguments,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let store = flag("--store", "store.folder", arguments.store.as_ref());
    let settings = arguments.settings.load(store.into_iter().collect())?;
    let watch = arguments.watch.as_deref().map(time).transpose()?;
    let options = Options { wait: time(&arguments.wait)?, ..Options::default() };
    let tool = arguments.migration.as_deref().map(migrating::tool).transpose()?;
    if arguments.because.is_some() && !arguments.revert {
        return Err(Failure::use_of("--because tells why something is taken back")
            .hint("it goes with --revert"));
    }
    if let Some(done) = gateway::run(arguments, &settings)? {
        return Ok(done);
    }
    let target = target(arguments, &settings)?;
    let mut fixes = Fixes::open(ledger::place_of(&settings.store))
        .map_err(|error| Failure::world(&error).hint(error.hint()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::world(&error))?;
    let finder = finding::Finder { target: &target, settings: &settings, runtime: &runtime };
    let Some(which) = which(arguments) else {
        return list(arguments, &finder, &fixes, &target);
    };
    let known = arguments.revert || arguments.check;
    let chosen = finder.choose(which, (&fixes, known))?;
    if let Some(tool) = tool {
        return migrating::migration(tool, &chosen.fixable, arguments.out.as_deref());
    }
    if arguments.rehearse {
        let rehearsing = rehearsing::Rehearsing {
            runtime: &runtime,
            target: &target,
            settings: &settings,
            json: arguments.json,
        };
        return rehearsing.run(&arguments.rehearsal, &mut fixes, &chosen.fixable);
    }
    // What is only looked at is not proposed: the ledger has what somebody meant to do.
    let remedy = match chosen.remedy {
        None if arguments.apply => Some(propose(&mut fixes, &target, &chosen.fixable)?),
        remedy => remedy,
    };
    let (yes, json) = (arguments.yes, arguments.json);
    let runner = doing::Runner { runtime: &runtime, target: &target, options, yes, json };
    match (&remedy, arguments) {
        (Some(remedy), Arguments { apply: true, .. }) => {
            let ended = runner.apply(&mut fixes, remedy)?;
            match watch {
                Some(time) if ended == exit::YES => check(&runner, &mut fixes, remedy, time),
                _ => Ok(ended),
            }
        }
        (Some(remedy), Arguments { revert: true, because, .. }) => {
            runner.revert(&mut fixes, remedy, because.as_deref().unwrap_or_default())
        }
        (Some(remedy), Arguments { check: true, .. }) => {
            check(&runner, &mut fixes, remedy, watch.unwrap_or(Duration::ZERO))
        }
        _ => {
            let fixable = &chosen.fixable;
            say::data(&if json {
                report::one_json(&target.to_string(), fixable, remedy.as_ref())
            } else {
                report::plan(fixable, remedy.as_ref(), say::columns())
            })?;
            OK
        }
    }
}

/// What was asked for; `None` for a list of everything.
fn which(arguments: &Arguments) -> Option<finding::Which<'_>> {
    let query = arguments.rehearsal.query.first();
    match (&arguments.id, &arguments.index, &arguments.rewrite, query) {
        (Some(id), ..) => Some(finding::Which::Id(id)),
        (_, Some(sql), ..) => Some(finding::Which::Index(sql)),
        (_, _, Some(after), Some(before)) => Some(finding::Which::Rewrite(before, after)),
        _ => None,
    }
}

fn list(
    arguments: &Arguments,
    finder: &finding::Finder<'_>,
    fixes: &Fixes,
    target: &Target,
) -> Done {
    let asked = [
        ("--rehearse", arguments.rehearse),
        ("--apply", arguments.apply),
        ("--revert", arguments.revert),
        ("--check", arguments.check),
        ("--migration", arguments.migration.is_some()),
    ];
    if let Some((flag, _)) = asked.iter().find(|(_, asked)| *asked) {
        return Err(Failure::use_of(format!("what shall {flag} be done with?")).hint(
            "give an id, of which `taut fix` lists all; or --index, or --query with --rewrite",
        ));
    }
    let found = finder.all()?;
    let remedies = fixes.remedies(Some(target)).map_err(|error| doing::failure(&error))?;
    say::data(&if arguments.json {
        report::list_json(&target.to_string(), &found, &remedies)
    } else {
        report::list(&found, &remedies, say::columns())
    })?;
    OK
}

fn propose(fixes: &mut Fixes, target: &Target, fixable: &Fixable) -> Result<Remedy, Failure> {
    if fixable.change.apply.is_empty() {
        return Err(doing::failure(&FixError::Code));
    }
    let id = fixes.propose(target, fixable).map_err(|error| doing::failure(&error))?;
    fixes.remedy(id).map_err(|error| doing::failure(&error))
}

fn check(runner: &doing::Runner<'_>, fixes: &mut Fixes, remedy: &Remedy, time: Duration) -> Done {
    let judgement = runner.check(fixes, remedy, time)?;
    let id = &remedy.proposal.finding;
    say::data(&if runner.json {
        report::judgement_json(&runner.target.to_string(), &judgement, id)
    } else {
        report::judgement(&judgement, id, say::columns())
    })?;
    Ok(if judgement.outcome == Outcome::Proven { exit::YES } else { exit::NO })
}

/// The database that was given, or the one that is watched.
fn target(arguments: &Arguments, settings: &Settings) -> Result<Target, Failure> {
    let watched = &settings.postgres.urls;
    let address = match (&arguments.postgres, watched.as_slice()) {
        (Some(address), _) => address.as_str(),
        (None, [only]) => only.secret(),
        (None, []) => {
            return Err(Failure::use_of("no database was given").hint(
                "`taut fix --postgres postgresql://user@host/database`, as the owner of its tables; \
                 or set `observe.postgres.url`",
            ));
        }
        (None, several) => {
            let many = several.len();
            return Err(Failure::use_of(format!(
                "which of the {many} databases that are watched?"
            ))
            .hint("say it with --postgres"));
        }
    };
    engine::database::target(address, settings)
        .map_err(|error| Failure::use_of(&error).hint(error.hint()))
}

fn reason(text: &str) -> Result<String, String> {
    if NOTE_BYTES_MAX < text.len() {
        return Err(format!("a reason has at most {NOTE_BYTES_MAX} bytes"));
    }
    Ok(text.to_owned())
}

fn time(text: &str) -> Result<Duration, Failure> {
    config::parse_duration(text).ok_or_else(|| {
        Failure::use_of(format!("`{text}` is no time")).hint("such as `30s`, `10m` or `1h30m`")
    })
}
