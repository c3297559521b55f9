//! Layers that load each relation with a statement of its own: Active Record, Eloquent, Prisma, GORM.

use super::{Loading, count_column, count_name, longest, tree};
use crate::{
    names,
    relations::{Relation, Wants},
};

/// `includes` loads rows; `.count` asks all the same, so counts are kept in a column or computed with the list.
pub(super) fn rails(loading: &Loading<'_>, relations: &[Relation]) -> String {
    let Loading { model, table, .. } = loading;
    let mut code = model.clone();
    let included = symbols(relations, None);
    if !included.is_empty() {
        code.push_str(&format!(".includes({included})"));
    }
    let counted: Vec<&&Relation> = loading.counts.iter().filter_map(|path| path.last()).collect();
    if let ([one], true) = (counted.as_slice(), included.is_empty()) {
        let name = names::plural(&one.name);
        code.push_str(&format!(
            ".left_joins(:{name}).select(\"{table}.*, COUNT({}.id) AS {}\").group(:id)",
            one.table,
            count_name(one)
        ));
    }
    for relation in counted {
        let owner = names::foreign_base(&relation.column)
            .unwrap_or_else(|| names::snake(&names::singular(table)));
        let or = if included.is_empty() { "or " } else { "" };
        code.push_str(&format!(
            "\n# {or}in {}: belongs_to :{owner}, counter_cache: true; then .{}.size, for .count asks each time",
            names::class(&relation.table),
            names::plural(&relation.name)
        ));
    }
    code
}

/// `:customer, order_items: [:product]`: symbols first, since Ruby wants keywords last.
fn symbols(relations: &[Relation], from: Option<usize>) -> String {
    let leaf = |relation: &Relation| format!(":{}", relation.name);
    let branch = |relation: &Relation, below: &[String]| {
        format!("{}: [{}]", relation.name, last_keywords(below).join(", "))
    };
    last_keywords(&tree(relations, from, &leaf, &branch)).join(", ")
}

fn last_keywords(parts: &[String]) -> Vec<String> {
    let (mut symbols, mut keywords): (Vec<String>, Vec<String>) =
        parts.iter().cloned().partition(|part| part.starts_with(':'));
    symbols.append(&mut keywords);
    symbols
}

/// `with` for rows, `withCount` for counts.
pub(super) fn laravel(loading: &Loading<'_>) -> String {
    let quoted = |names: Vec<String>| {
        let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
        if quoted.len() == 1 && !quoted.iter().any(|name| name.contains('.')) {
            quoted.concat()
        } else {
            format!("[{}]", quoted.join(", "))
        }
    };
    let camel = |relation: &Relation| names::lower_camel(&relation.name);
    let mut calls = Vec::new();
    if !loading.rows.is_empty() {
        calls.push(format!("with({})", quoted(longest(&loading.rows, ".", camel))));
    }
    let (below, own): (Vec<_>, Vec<_>) =
        loading.counts.iter().cloned().partition(|path| path.len() > 1);
    if !own.is_empty() {
        calls.push(format!("withCount({})", quoted(longest(&own, ".", camel))));
    }
    for path in below {
        let (Some(counted), Some(owner)) = (path.last(), path.split_last()) else { continue };
        let owner = longest(&[owner.1.to_vec()], ".", camel).concat();
        calls
            .push(format!("with(['{owner}' => fn ($it) => $it->withCount('{}')])", camel(counted)));
    }
    format!("{}::{}->get();", loading.model, calls.join("->"))
}

/// `include`, with `_count` beside the relations whose rows are wanted.
pub(super) fn prisma(loading: &Loading<'_>, relations: &[Relation]) -> String {
    let client = names::lower_camel(&loading.model);
    format!(
        "prisma.{client}.findMany({{\n  include: {{ {} }},\n}})",
        included(relations, None).join(", ")
    )
}

fn included(relations: &[Relation], from: Option<usize>) -> Vec<String> {
    let mut parts = Vec::new();
    let mut counted = Vec::new();
    for (place, relation) in relations.iter().enumerate().filter(|(_, it)| it.from == from) {
        let name = names::lower_camel(&relation.name);
        if relation.wants == Wants::Count {
            counted.push(format!("{name}: true"));
            continue;
        }
        let below = included(relations, Some(place));
        parts.push(if below.is_empty() {
            format!("{name}: true")
        } else {
            format!("{name}: {{ include: {{ {} }} }}", below.join(", "))
        });
    }
    if !counted.is_empty() {
        parts.push(format!("_count: {{ select: {{ {} }} }}", counted.join(", ")));
    }
    parts
}

/// `Preload` along the path, counts as columns.
pub(super) fn gorm(loading: &Loading<'_>) -> String {
    let name = |relation: &Relation| names::upper_camel(&relation.name);
    let preloads: Vec<String> = longest(&loading.rows, ".", name)
        .iter()
        .map(|path| format!(".Preload(\"{path}\")"))
        .collect();
    let counts: Vec<String> = loading
        .counts
        .iter()
        .filter_map(|path| path.last())
        .map(|relation| {
            let column = count_column(loading, relation, loading.table).replace('"', "\\\"");
            format!(", {column} AS {}", count_name(relation))
        })
        .collect();
    let select = if counts.is_empty() {
        String::new()
    } else {
        format!(".Select(\"{}.*{}\")", loading.table, counts.concat())
    };
    format!("db{}{select}.Find(&rows)", preloads.concat())
}
