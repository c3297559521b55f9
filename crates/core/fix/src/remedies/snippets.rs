//! What remedies share: which framework to write for, and how.

use model::{Finding, Framework, Language, Snippet};

/// The data layer that a finding's service uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    Django,
    SqlAlchemy,
    Rails,
    Hibernate,
    Prisma,
    Sequelize,
    TypeOrm,
    Laravel,
    Gorm,
    EntityFramework,
    /// Diesel, sqlx and everything that speaks SQL itself.
    Sql,
}

/// The layer to write for: the most telling framework of the service.
pub(super) fn layer(finding: &Finding) -> Layer {
    let has = |framework| finding.frameworks.contains(&framework);
    if has(Framework::SqlAlchemy) {
        Layer::SqlAlchemy
    } else if has(Framework::Django) || has(Framework::DjangoRest) {
        Layer::Django
    } else if has(Framework::ActiveRecord) || has(Framework::Rails) {
        Layer::Rails
    } else if has(Framework::Hibernate) {
        Layer::Hibernate
    } else if has(Framework::Prisma) {
        Layer::Prisma
    } else if has(Framework::Sequelize) {
        Layer::Sequelize
    } else if has(Framework::TypeOrm) {
        Layer::TypeOrm
    } else if has(Framework::Laravel) {
        Layer::Laravel
    } else if has(Framework::Gorm) {
        Layer::Gorm
    } else if has(Framework::EntityFramework) {
        Layer::EntityFramework
    } else if has(Framework::Spring) && finding.language == Some(Language::Java) {
        Layer::Hibernate
    } else {
        Layer::Sql
    }
}

pub(super) fn python(code: impl Into<String>) -> Option<Snippet> {
    snippet("python", code)
}

pub(super) fn sql(code: impl Into<String>) -> Option<Snippet> {
    snippet("sql", code)
}

pub(super) fn snippet(language: &'static str, code: impl Into<String>) -> Option<Snippet> {
    Some(Snippet { language, code: code.into() })
}

/// The first table of the statement at fault, without its schema.
pub(super) fn table(finding: &Finding) -> &str {
    let text = finding.evidence.statement.as_ref();
    text.and_then(|text| text.tables.first()).map_or("rows", |table| crate::names::bare(table))
}
