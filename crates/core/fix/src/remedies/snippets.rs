//! What remedies share: which framework to write for, and how.

use model::{Finding, Framework, Language, Snippet};

use crate::{
    dialect::{Dialect, dialect},
    names,
    relations::{columns, tables},
};

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

/// The first table of the statement at fault, without its schema; of documents, their collection.
pub(super) fn table(finding: &Finding) -> &str {
    let text = finding.evidence.statement.as_ref();
    let table = text.and_then(|text| text.tables.first()).map(|table| names::bare(table));
    let collection = || {
        let text = text.filter(|_| dialect(finding) == Dialect::Mongo)?;
        text.text.split(' ').nth(1).filter(|word| is_word(word))
    };
    table.or_else(collection).unwrap_or("rows")
}

/// The class that the layer of the finding maps to a table.
pub(super) fn model(finding: &Finding, table: &str) -> String {
    match layer(finding) {
        Layer::Django => names::django_class(table, &tables(finding)),
        _ => names::class(table),
    }
}

/// The collection of a finding and the fields that it is filtered by, where documents are stored.
pub(super) fn document(finding: &Finding) -> (&str, Vec<String>) {
    const CLAUSES: &[&str] = &[
        "filter",
        "limit",
        "sort",
        "skip",
        "projection",
        "in",
        "eq",
        "gt",
        "gte",
        "lt",
        "lte",
        "ne",
        "or",
        "and",
        "find",
    ];
    let text = finding.evidence.statement.as_ref().map_or("", |text| text.text.as_str());
    let words = text.split(' ').skip(2).filter(|word| is_word(word) && !CLAUSES.contains(word));
    (table(finding), words.map(str::to_owned).collect())
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
}

/// Names that mostly hold long values.
const LONG: &[&str] = &[
    "bio",
    "blob",
    "body",
    "comment",
    "content",
    "contents",
    "data",
    "description",
    "document",
    "html",
    "json",
    "markdown",
    "metadata",
    "notes",
    "payload",
    "raw",
    "text",
    "xml",
];

/// Columns of an example beyond which it does not get clearer.
const SHOWN_MAX: usize = 6;

/// The columns that the statement at fault reads, without those that are probably long; `None` if it does
/// not name them.
pub(super) fn short_columns(finding: &Finding) -> Option<Vec<String>> {
    let text = finding.evidence.statement.as_ref()?;
    let is_long = |column: &str| names::snake(column).split('_').any(|part| LONG.contains(&part));
    let short: Vec<String> = columns(&text.text)?
        .into_iter()
        .filter(|column| is_word(column) && !is_long(column))
        .take(SHOWN_MAX)
        .collect();
    (!short.is_empty()).then_some(short)
}
