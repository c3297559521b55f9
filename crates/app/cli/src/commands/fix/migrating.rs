//! Writing a change as a migration.

use std::path::Path;

use engine::database::fix::{FixError, Fixable};
use fix::{MIGRATION_TOOLS, Migration, MigrationTool};

use crate::{
    commands::{Done, OK},
    report::layout,
    say::{self, ACCENT, DIM, Failure},
};

pub(super) fn tool(name: &str) -> Result<&'static MigrationTool, Failure> {
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
pub(super) fn migration(tool: &MigrationTool, fixable: &Fixable, out: Option<&Path>) -> Done {
    if fixable.change.apply.is_empty() {
        return Err(super::doing::failure(&FixError::Code));
    }
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
