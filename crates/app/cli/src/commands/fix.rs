//! `taut fix`: what can be changed in a database, changing it, taking it back, and whether it worked.

mod doing;
mod finding;

use std::{path::PathBuf, time::Duration};

use clap::{ArgGroup, Args};
use config::Settings;
use engine::database::fix::{Fixable, Fixes, Outcome};
use fix::{MIGRATION_TOOLS, Migration, MigrationTool};
use postgres::{Target, apply::Options};
use store::ledger::Remedy;

use super::{
    Done, OK,
    settings::{SettingsFile, flag},
};
use crate::{
    exit,
    report::{fix as report, layout},
    say::{self, ACCENT, DIM, Failure},
};

const EXAMPLES: &str = "\
Examples:
  taut fix --postgres URL                         what can be applied, and what was
  taut fix 3f2a --postgres URL                    what it would do, and what it would cost
  taut fix 3f2a --postgres URL --apply            do it, beside the traffic
  taut fix 3f2a --postgres URL --check --for 10m  whether it worked
  taut fix 3f2a --postgres URL --revert           take it back
  taut fix 3f2a --postgres URL --migration django --out .
  taut fix --postgres URL --index 'CREATE INDEX ON orders (customer_id)' --apply";

/// Change a database: create, drop and rebuild indexes beside the traffic, take it back, prove that it worked.
///
/// Without an id, lists what can be applied and what was. An id is that of a finding, or its beginning. Nothing is changed
/// without --apply or --revert; everything that is done is noted in the ledger before it is done.
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
    /// The database: `postgresql://user@host/database`. Without it, the one of `observe.postgres.url`.
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Show what would be done; what happens unless told otherwise.
    #[arg(long, group = "action")]
    plan: bool,
    /// Do it.
    #[arg(long, group = "action")]
    apply: bool,
    /// Take it back.
    #[arg(long, group = "action")]
    revert: bool,
    /// Compare what its statements cost before and since.
    #[arg(long, group = "action")]
    check: bool,
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
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let store = flag("--store", "store.folder", arguments.store.as_ref());
    let settings = arguments.settings.load(store.into_iter().collect())?;
    let watch = arguments.watch.as_deref().map(time).transpose()?;
    let options = Options { wait: time(&arguments.wait)?, ..Options::default() };
    let tool = arguments.migration.as_deref().map(tool).transpose()?;
    let target = target(arguments, &settings)?;
    let mut fixes = Fixes::open(&settings.store.folder)
        .map_err(|error| Failure::world(&error).hint(error.hint()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::world(&error))?;
    let finder = finding::Finder { target: &target, settings: &settings, runtime: &runtime };
    if arguments.id.is_none() && arguments.index.is_none() {
        let found = finder.all()?;
        let remedies = fixes.remedies(Some(&target)).map_err(|error| doing::failure(&error))?;
        say::data(&report::list(&found, &remedies, say::columns()))?;
        return OK;
    }
    // What is only looked at is not proposed: the ledger has what somebody meant to do.
    let notes = arguments.apply;
    let known = arguments.revert || arguments.check;
    let chosen =
        finder.choose(arguments.id.as_deref(), arguments.index.as_deref(), (&mut fixes, known))?;
    if let Some(tool) = tool {
        return migration(tool, &chosen.fixable, arguments.out.as_deref());
    }
    let remedy = match chosen.remedy {
        Some(remedy) => Some(remedy),
        None if notes => {
            let id =
                fixes.propose(&target, &chosen.fixable).map_err(|error| doing::failure(&error))?;
            Some(fixes.remedy(id).map_err(|error| doing::failure(&error))?)
        }
        None => None,
    };
    let runner = doing::Runner { runtime: &runtime, target: &target, options, yes: arguments.yes };
    match (&remedy, arguments) {
        (Some(remedy), Arguments { apply: true, .. }) => {
            let ended = runner.apply(&mut fixes, remedy)?;
            match watch {
                Some(time) if ended == exit::YES => check(&runner, &mut fixes, remedy, time),
                _ => Ok(ended),
            }
        }
        (Some(remedy), Arguments { revert: true, .. }) => runner.revert(&mut fixes, remedy),
        (Some(remedy), Arguments { check: true, .. }) => {
            check(&runner, &mut fixes, remedy, watch.unwrap_or(Duration::ZERO))
        }
        _ => {
            say::data(&report::plan(&chosen.fixable, remedy.as_ref(), say::columns()))?;
            OK
        }
    }
}

fn check(runner: &doing::Runner<'_>, fixes: &mut Fixes, remedy: &Remedy, time: Duration) -> Done {
    let judgement = runner.check(fixes, remedy, time)?;
    let id = &remedy.proposal.finding;
    say::data(&report::judgement(&judgement, id, say::columns()))?;
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

fn time(text: &str) -> Result<Duration, Failure> {
    config::parse_duration(text).ok_or_else(|| {
        Failure::use_of(format!("`{text}` is no time")).hint("such as `30s`, `10m` or `1h30m`")
    })
}

fn tool(name: &str) -> Result<&'static MigrationTool, Failure> {
    MigrationTool::named(name).ok_or_else(|| {
        let known: Vec<&str> = MIGRATION_TOOLS.iter().map(|tool| tool.name).collect();
        let hint = config::did_you_mean(name, known.iter().copied()).map_or_else(
            || format!("known are {}", known.join(", ")),
            |close| format!("did you mean `{close}`?"),
        );
        Failure::use_of(format!("no migrations are written for `{name}`")).hint(hint)
    })
}

/// Shows the files of a migration, or writes them; none that is there is written over.
fn migration(tool: &MigrationTool, fixable: &Fixable, out: Option<&std::path::Path>) -> Done {
    let migration = Migration {
        change: &fixable.change,
        why: &fixable.claim,
        now: engine::database::fix::now(),
    };
    let mut shown = String::new();
    for file in tool.write(&migration) {
        let Some(out) = out else {
            shown.push_str(&format!("{DIM}{}{DIM:#}\n{}\n", layout::clean(&file.path), file.text));
            continue;
        };
        let path = out.join(&file.path);
        let folder = path.parent().unwrap_or(out);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::File::create_new(&path))
            .and_then(|mut open| std::io::Write::write_all(&mut open, file.text.as_bytes()))
            .map_err(|error| {
                Failure::of_the_world(format!("failed to write `{}`", path.display()))
                    .hint(error.to_string())
            })?;
        shown.push_str(&format!("{}\n", path.display()));
    }
    say::data(&shown)?;
    say::words(&format!("{ACCENT}hint{ACCENT:#}: {}\n", tool.hint));
    OK
}
