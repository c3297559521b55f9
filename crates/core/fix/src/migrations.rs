//! A change as a migration of the application: files in the words of its framework, run outside of a transaction, which
//! `CONCURRENTLY` asks for.
//!
//! What a framework has words of its own for is said in them; everything else is SQL, which each of them takes. One
//! statement that cannot run in a transaction has a file to itself where the tool sends files whole.

mod alembic;
mod django;
mod parts;
mod plain;
mod rails;

use model::{Change, Moment};

use parts::{Stamp, Statement};

/// A tool that runs migrations.
#[derive(Debug)]
pub struct MigrationTool {
    /// As it is chosen: `django`.
    pub name: &'static str,
    /// As it is called by people.
    pub title: &'static str,
    /// What is to be done with its files.
    pub hint: &'static str,
    write: fn(&Migration<'_>) -> Vec<MigrationFile>,
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationFile {
    /// Where, relative to the folder of the migrations.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// Every tool that migrations are written for, by name.
pub static MIGRATION_TOOLS: &[MigrationTool] = &[
    MigrationTool {
        name: "alembic",
        title: "Alembic",
        hint: "put it into `versions/` and set `down_revision` to what `alembic heads` says",
        write: alembic::write,
    },
    MigrationTool {
        name: "django",
        title: "Django",
        hint: "put it into the `migrations/` of the app and set `dependencies` to its newest migration",
        write: django::write,
    },
    MigrationTool {
        name: "flyway",
        title: "Flyway",
        hint: "put both files of each into `sql/`; with versions before 11, set `flyway.postgresql.transactional.lock` \
               to false, or the build waits for Flyway's own lock",
        write: plain::flyway,
    },
    MigrationTool {
        name: "prisma",
        title: "Prisma",
        hint: "put each folder into `prisma/migrations/`, add the index to `schema.prisma`, and run \
               `prisma migrate deploy`",
        write: plain::prisma,
    },
    MigrationTool {
        name: "rails",
        title: "Rails",
        hint: "put it into `db/migrate/`",
        write: rails::write,
    },
    MigrationTool {
        name: "sqlx",
        title: "sqlx",
        hint: "put them into `migrations/`; the first line keeps sqlx from opening a transaction (0.8 or newer)",
        write: plain::sqlx,
    },
];

/// A change to be written down.
#[derive(Debug, Clone, Copy)]
pub struct Migration<'a> {
    /// What is done, and what takes it back.
    pub change: &'a Change,
    /// Why, in a sentence: it goes into a comment.
    pub why: &'a str,
    /// When it is written: files are numbered by it.
    pub now: Moment,
}

/// A time in seconds since 1970 as `20260131235959`, UTC.
#[must_use]
pub fn digits_of(seconds: u64) -> String {
    Stamp::of(Moment { nanos: seconds.saturating_mul(1_000_000_000) }).digits()
}

impl MigrationTool {
    /// The tool of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        MIGRATION_TOOLS.iter().find(|tool| tool.name == name)
    }

    /// The files of a migration.
    #[must_use]
    pub fn write(&self, migration: &Migration<'_>) -> Vec<MigrationFile> {
        (self.write)(migration)
    }
}

impl Migration<'_> {
    fn apply(&self) -> Vec<Statement> {
        self.change.apply.iter().map(|sql| Statement::read(sql)).collect()
    }

    fn revert(&self) -> Vec<Statement> {
        self.change.revert.iter().map(|sql| Statement::read(sql)).collect()
    }

    fn stamp(&self) -> Stamp {
        Stamp::of(self.now)
    }

    /// What it does, as the name of a file: `create_orders_customer_idx`.
    fn slug(&self) -> String {
        parts::slug(self.change)
    }

    /// Why, on one line, so that it ends where the comment ends.
    fn comment(&self) -> String {
        let tame = |letter: char| if letter.is_control() { ' ' } else { letter };
        self.why.chars().map(tame).collect::<String>().replace("*/", "* /")
    }
}
