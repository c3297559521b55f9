//! Tools whose migrations are SQL: Flyway, Prisma, sqlx. Each statement has a file to itself: sent together, statements
//! are a transaction.

use super::{Migration, MigrationFile, parts::Statement};

/// `IF NOT EXISTS` passes over it.
const FAILED: &str =
    "-- What fails leaves an index that is not valid behind: drop it before trying again.\n";

/// A name for the place of a statement, unless it is alone.
fn numbered(slug: &str, place: usize, count: usize) -> String {
    if count <= 1 { slug.to_owned() } else { format!("{slug}_{}", place + 1) }
}

pub(super) fn flyway(migration: &Migration<'_>) -> Vec<MigrationFile> {
    let apply = migration.apply();
    let mut back = String::new();
    for statement in migration.revert() {
        back.push_str(&format!("--   {};\n", statement.sql().replace('\n', " ")));
    }
    let mut files = Vec::new();
    for (place, statement) in apply.iter().enumerate() {
        let digits = migration.stamp().later(place).digits();
        let name = format!("V{digits}__{}.sql", numbered(&migration.slug(), place, apply.len()));
        let text = format!(
            "-- {}\n{FAILED}-- What takes it back:\n{back}{};\n",
            migration.comment(),
            statement.sql()
        );
        files.push(MigrationFile { path: format!("sql/{name}"), text });
        files.push(MigrationFile {
            path: format!("sql/{name}.conf"),
            text: "executeInTransaction=false\n".to_owned(),
        });
    }
    files
}

pub(super) fn prisma(migration: &Migration<'_>) -> Vec<MigrationFile> {
    let apply = migration.apply();
    let file = |(place, statement): (usize, &Statement)| {
        let digits = migration.stamp().later(place).digits();
        let folder = format!("{digits}_{}", numbered(&migration.slug(), place, apply.len()));
        let text = format!(
            "-- {}\n{FAILED}-- The only statement here: Prisma sends a file whole, and several would be a transaction.\n{};\n",
            migration.comment(),
            statement.sql()
        );
        MigrationFile { path: format!("prisma/migrations/{folder}/migration.sql"), text }
    };
    apply.iter().enumerate().map(file).collect()
}

pub(super) fn sqlx(migration: &Migration<'_>) -> Vec<MigrationFile> {
    let (apply, revert) = (migration.apply(), migration.revert());
    // Each file is taken back by its own: the last first, as statements that revert come.
    let reversible = revert.len() == apply.len();
    let mut files = Vec::new();
    for (place, statement) in apply.iter().enumerate() {
        let digits = migration.stamp().later(place).digits();
        let stem =
            format!("migrations/{digits}_{}", numbered(&migration.slug(), place, apply.len()));
        let text = |statement: &Statement| {
            format!("-- no-transaction\n-- {}\n{FAILED}{};\n", migration.comment(), statement.sql())
        };
        let back = reversible.then(|| revert.get(apply.len() - 1 - place)).flatten();
        if let Some(back) = back {
            files.push(MigrationFile { path: format!("{stem}.up.sql"), text: text(statement) });
            files.push(MigrationFile { path: format!("{stem}.down.sql"), text: text(back) });
        } else {
            files.push(MigrationFile { path: format!("{stem}.sql"), text: text(statement) });
        }
    }
    files
}
