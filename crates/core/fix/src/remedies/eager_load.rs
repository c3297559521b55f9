//! Fetch related rows together with the rows that they belong to.

use std::collections::BTreeSet;

use model::{Finding, Proof, Snippet};

use super::snippets::{Layer, layer, model, python, snippet};
use crate::{
    Hint, Remedy,
    dialect::{Dialect, dialect},
    names,
    relations::{Direction, Relation, Wants, paths, relations, source_table, tables},
};

mod apart;
mod django;
mod joined;
mod sqlalchemy;

pub(super) static EAGER_LOAD: Remedy = Remedy {
    name: "eager-load",
    title: "fetch related rows together with the rows that they belong to",
    answers: &["n-plus-one"],
    proofs: &[Proof::QueryCount, Proof::Replay, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let statement = finding.evidence.statement.as_ref()?;
    if statement.kind.writes() {
        return None;
    }
    let relations = relations(finding);
    let statements = match crate::calls_after(finding).unwrap_or(finding.calls_after) {
        0 => "no further statement".to_owned(),
        1 => "one further statement".to_owned(),
        after => format!("{after} further statements"),
    };
    let text = format!(
        "Load what belongs to the rows together with the rows: {statements} instead of {}.",
        finding.calls_now
    );
    Some(Hint { text, snippet: code(finding, &relations), change: None })
}

/// Statements that are left once the advice is followed: what the layer joins or counts with the list needs
/// none of its own; `None` if the relations cannot be told.
pub(crate) fn statements(finding: &Finding) -> Option<u32> {
    let relations = relations(finding);
    let layer = layer(finding);
    let groups = 1 + finding.evidence.related.len();
    if relations.len() < groups || layer == Layer::Sql || dialect(finding) == Dialect::Mongo {
        return None;
    }
    let own: BTreeSet<Vec<&str>> = paths(&relations)
        .into_iter()
        .filter(|path| asks_apart(layer, path))
        .map(|path| path.iter().map(|relation| relation.name.as_str()).collect())
        .collect();
    u32::try_from(own.len()).ok()
}

/// Whether the layer loads the last relation of a path with a statement of its own, the way that it is
/// advised here.
fn asks_apart(layer: Layer, path: &[&Relation]) -> bool {
    let Some(last) = path.last() else { return false };
    if last.wants == Wants::Count {
        return layer == Layer::TypeOrm;
    }
    match layer {
        Layer::Django => path.iter().any(|relation| relation.direction == Direction::Many),
        Layer::SqlAlchemy | Layer::EntityFramework => last.direction == Direction::Many,
        Layer::Hibernate | Layer::Sequelize | Layer::TypeOrm => false,
        Layer::Rails | Layer::Laravel | Layer::Prisma | Layer::Gorm | Layer::Sql => true,
    }
}

/// A list and what belongs to its rows, to be written down.
struct Loading<'a> {
    /// Class of the rows.
    model: String,
    /// Table of the rows.
    table: &'a str,
    /// Relations that are loaded.
    rows: Vec<Vec<&'a Relation>>,
    /// Relations of which only the number is asked.
    counts: Vec<Vec<&'a Relation>>,
    dialect: Dialect,
}

fn code(finding: &Finding, relations: &[Relation]) -> Option<Snippet> {
    let dialect = dialect(finding);
    if relations.is_empty() || dialect == Dialect::Mongo || layer(finding) == Layer::Sql {
        return plain(finding, dialect, relations);
    }
    let source = source_table(finding);
    let (counts, rows) = paths(relations)
        .into_iter()
        .partition(|path| path.last().is_some_and(|relation| relation.wants == Wants::Count));
    let loading = Loading {
        model: source.map_or_else(|| "Model".to_owned(), |table| model(finding, table)),
        table: source.unwrap_or("rows"),
        rows,
        counts,
        dialect,
    };
    match layer(finding) {
        Layer::Django => python(django::code(&loading, &tables(finding))),
        Layer::SqlAlchemy => python(sqlalchemy::code(&loading)),
        Layer::Rails => snippet("ruby", apart::rails(&loading, relations)),
        Layer::Laravel => snippet("php", apart::laravel(&loading)),
        Layer::Prisma => snippet("typescript", apart::prisma(&loading, relations)),
        Layer::Gorm => snippet("go", apart::gorm(&loading)),
        Layer::Hibernate => snippet("java", joined::hibernate(&loading)),
        Layer::Sequelize => snippet("javascript", joined::sequelize(&loading, relations)),
        Layer::TypeOrm => snippet("typescript", joined::typeorm(&loading)),
        Layer::EntityFramework => snippet("csharp", joined::entity_framework(&loading)),
        Layer::Sql => None,
    }
}

/// One statement for all rows, for those who write statements themselves.
fn plain(finding: &Finding, dialect: Dialect, relations: &[Relation]) -> Option<Snippet> {
    let lines: Vec<String> = match dialect {
        Dialect::Other => return None,
        Dialect::Mongo => vec![mongo(finding)],
        _ if relations.is_empty() => {
            let table = dialect.name(super::snippets::table(finding));
            vec![format!("SELECT … FROM {table} WHERE … {};", dialect.any_key())]
        }
        _ => relations.iter().map(|relation| for_all_rows(dialect, relation)).collect(),
    };
    let head = match dialect {
        Dialect::Postgres => "-- once for all rows, with the keys of all of them in $1\n",
        Dialect::Mongo => "// once for all documents\n",
        _ => "-- once for all rows, with the keys of all of them\n",
    };
    snippet(dialect.language(), format!("{head}{}", lines.join("\n")))
}

fn for_all_rows(dialect: Dialect, relation: &Relation) -> String {
    let (table, column) = (dialect.name(&relation.table), dialect.name(&relation.column));
    let keys = dialect.any_key();
    match relation.wants {
        Wants::Count => format!(
            "SELECT {column}, count(*) FROM {table} WHERE {column} {keys} GROUP BY {column};"
        ),
        Wants::First if dialect == Dialect::Postgres => format!(
            "SELECT DISTINCT ON ({column}) * FROM {table} WHERE {column} {keys} ORDER BY {column}, …;"
        ),
        Wants::First => format!(
            "SELECT * FROM (SELECT t.*, ROW_NUMBER() OVER (PARTITION BY {column} ORDER BY …) AS place \
             FROM {table} t WHERE {column} {keys}) ranked WHERE place = 1;"
        ),
        Wants::Rows => format!("SELECT … FROM {table} WHERE {column} {keys};"),
    }
}

fn mongo(finding: &Finding) -> String {
    let (collection, fields) = super::snippets::document(finding);
    let field = fields.first().map_or("_id", String::as_str);
    format!("db.{collection}.find({{ {field}: {{ $in: keys }} }})")
}

/// The paths that no longer one covers, as a layer writes them.
fn longest(paths: &[Vec<&Relation>], dot: &str, name: impl Fn(&Relation) -> String) -> Vec<String> {
    let all: Vec<String> = paths
        .iter()
        .map(|path| path.iter().map(|relation| name(relation)).collect::<Vec<_>>().join(dot))
        .collect();
    let mut kept: Vec<String> = Vec::new();
    for path in &all {
        let longer = all.iter().any(|other| other.starts_with(&format!("{path}{dot}")));
        if !longer && !kept.contains(path) {
            kept.push(path.clone());
        }
    }
    kept
}

/// The relations as a tree of words: `leaf` writes one without others below it, `branch` one with them.
fn tree(
    relations: &[Relation],
    from: Option<usize>,
    leaf: &dyn Fn(&Relation) -> String,
    branch: &dyn Fn(&Relation, &[String]) -> String,
) -> Vec<String> {
    let mut parts = Vec::new();
    for (place, relation) in relations.iter().enumerate() {
        if relation.from == from && relation.wants != Wants::Count {
            let below = tree(relations, Some(place), leaf, branch);
            let part = if below.is_empty() { leaf(relation) } else { branch(relation, &below) };
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
    }
    parts
}

/// A count as a column of the list: a subquery for each row, in one statement.
fn count_column(loading: &Loading<'_>, relation: &Relation, owner: &str) -> String {
    let quoted = |name: &str| loading.dialect.name(name);
    let table = quoted(&relation.table);
    format!(
        "(SELECT COUNT(*) FROM {table} WHERE {table}.{} = {}.{})",
        quoted(&relation.column),
        quoted(owner),
        key_like(loading, relation)
    )
}

/// The key of the list, in the case in which the foreign key is written.
fn key_like(loading: &Loading<'_>, relation: &Relation) -> String {
    let is_pascal = relation.column.starts_with(|letter: char| letter.is_uppercase());
    loading.dialect.name(if is_pascal { "Id" } else { "id" })
}

/// `notes_count` for the relation `notes`.
fn count_name(relation: &Relation) -> String {
    format!("{}_count", names::plural(&relation.name))
}
