//! What a service is built with, as far as its spans tell.

use std::collections::BTreeSet;

/// What a service is built with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stack {
    /// `telemetry.sdk.language`.
    pub language: Option<Language>,
    /// Frameworks and libraries whose instrumentation was seen.
    pub frameworks: BTreeSet<Framework>,
}

/// Programming languages that OpenTelemetry has an SDK for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "they are names")]
pub enum Language {
    Cpp,
    Dotnet,
    Elixir,
    Erlang,
    Go,
    Java,
    JavaScript,
    Php,
    Python,
    Ruby,
    Rust,
    Swift,
}

/// Frameworks and libraries that remedies can be written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "they are names")]
pub enum Framework {
    ActiveRecord,
    Asyncpg,
    Diesel,
    Django,
    DjangoRest,
    EntityFramework,
    Express,
    FastApi,
    Flask,
    Gorm,
    Hibernate,
    Laravel,
    Mongoose,
    NodePostgres,
    Prisma,
    Psycopg,
    Rails,
    Sequelize,
    Spring,
    SqlAlchemy,
    Sqlx,
    TypeOrm,
}
