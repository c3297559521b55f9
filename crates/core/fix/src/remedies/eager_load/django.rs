//! Django: what is one is joined, what is many prefetched, what is counted annotated.

use super::Loading;
use crate::{
    names,
    relations::{Direction, Relation, Wants},
};

pub(super) fn code(loading: &Loading<'_>, tables: &[&str]) -> String {
    let (joined, rest): (Vec<_>, Vec<_>) = loading.rows.iter().cloned().partition(|path| {
        path.iter().all(|it| it.direction == Direction::One && it.wants == Wants::Rows)
    });
    let name = |relation: &Relation| field(relation, tables);
    let joined = super::longest(&joined, "__", name);
    let prefetched = super::longest(&rest, "__", name);
    let mut code = format!("{}.objects", loading.model);
    if !joined.is_empty() {
        code.push_str(&format!("\n    .select_related({})", quoted(&joined)));
    }
    if !prefetched.is_empty() {
        code.push_str(&format!("\n    .prefetch_related({})", quoted(&prefetched)));
    }
    // Several counts join several tables: without `distinct` they multiply.
    let distinct = if loading.counts.len() > 1 { ", distinct=True" } else { "" };
    let counts: Vec<String> = loading
        .counts
        .iter()
        .filter_map(|path| {
            let query: Vec<String> = path.iter().map(|it| in_query(it, tables)).collect();
            let name = names::snake(&names::django_class(&path.last()?.table, tables));
            Some(format!("{name}_count=Count(\"{}\"{distinct})", query.join("__")))
        })
        .collect();
    if !counts.is_empty() {
        code.push_str(&format!("\n    .annotate({})", counts.join(", ")));
    }
    for path in rest.iter().filter(|path| path.last().is_some_and(|it| it.wants == Wants::First)) {
        let lookup: Vec<String> = path.iter().map(|it| name(it)).collect();
        code.push_str(&format!(
            "\n# only the first of each: Prefetch(\"{}\", queryset=….order_by(…)[:1], to_attr=\"latest\")",
            lookup.join("__")
        ));
    }
    if prefetched.iter().any(|name| name.contains("_set")) {
        code.push_str("\n# `…_set` is Django's default; use the related_name if the field has one");
    }
    code
}

/// What Django calls the relation unless the field says otherwise.
fn field(relation: &Relation, tables: &[&str]) -> String {
    match relation.direction {
        Direction::One => relation.name.clone(),
        Direction::Many => format!("{}_set", in_query(relation, tables)),
    }
}

/// The same within a query.
fn in_query(relation: &Relation, tables: &[&str]) -> String {
    match relation.direction {
        Direction::One => relation.name.clone(),
        Direction::Many => names::django_class(&relation.table, tables).to_lowercase(),
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}
