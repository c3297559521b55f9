//! Layers that join relations to the list: Hibernate, Sequelize, `TypeORM`, Entity Framework.

use super::{Loading, count_column, count_name, longest, tree};
use crate::{
    names,
    relations::{Direction, Relation},
};

fn camel(relation: &Relation) -> String {
    names::lower_camel(&relation.name)
}

/// An entity graph for rows, a formula for counts.
pub(super) fn hibernate(loading: &Loading<'_>) -> String {
    let paths = longest(&loading.rows, ".", camel);
    let mut lines = Vec::new();
    if let Some(first) = paths.first() {
        let quoted: Vec<String> = paths.iter().map(|path| format!("\"{path}\"")).collect();
        lines.push(format!("@EntityGraph(attributePaths = {{{}}})", quoted.join(", ")));
        let head = first.split('.').next().unwrap_or(first);
        lines.push(format!(
            "// or in JPQL: select it from {} it left join fetch it.{head}",
            loading.model
        ));
    }
    let lists = loading
        .rows
        .iter()
        .filter(|path| path.last().is_some_and(|relation| relation.direction == Direction::Many));
    if lists.count() > 1 {
        lines
            .push("// more than one collection: map them as Set, or @BatchSize(size = 100)".into());
    }
    for relation in loading.counts.iter().filter_map(|path| path.last()) {
        lines.push(format!(
            "@Formula(\"(select count(*) from {} c where c.{} = id)\")\nprivate long {};  // in {}",
            relation.table,
            relation.column,
            names::lower_camel(&count_name(relation)),
            loading.model
        ));
    }
    lines.join("\n")
}

/// `include` for rows, a subquery among the attributes for counts.
pub(super) fn sequelize(loading: &Loading<'_>, relations: &[Relation]) -> String {
    let leaf = |relation: &Relation| names::class(&relation.table);
    let branch = |relation: &Relation, below: &[String]| {
        format!("{{ model: {}, include: [{}] }}", names::class(&relation.table), below.join(", "))
    };
    let mut parts = Vec::new();
    let included = tree(relations, None, &leaf, &branch);
    if !included.is_empty() {
        parts.push(format!("include: [{}]", included.join(", ")));
    }
    let counts: Vec<String> = loading
        .counts
        .iter()
        .filter_map(|path| path.last())
        .map(|relation| {
            let column = count_column(loading, relation, &loading.model).replace('`', "\\`");
            format!("[literal(`{column}`), '{}']", names::lower_camel(&count_name(relation)))
        })
        .collect();
    if !counts.is_empty() {
        parts.push(format!("attributes: {{ include: [{}] }}", counts.join(", ")));
    }
    format!("{}.findAll({{ {} }})", loading.model, parts.join(", "))
}

/// `relations`; counts want a query builder.
pub(super) fn typeorm(loading: &Loading<'_>) -> String {
    let model = &loading.model;
    if loading.counts.is_empty() {
        let names = longest(&loading.rows, ".", camel);
        let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
        return format!("repository({model}).find({{ relations: [{}] }})", quoted.join(", "));
    }
    let alias = |path: &[&Relation]| {
        path.last().map_or_else(|| names::lower_camel(model), |relation| camel(relation))
    };
    let mut code = format!("repository({model}).createQueryBuilder('{}')", alias(&[]));
    for path in &loading.rows {
        let Some((last, above)) = path.split_last() else { continue };
        code.push_str(&format!(
            "\n  .leftJoinAndSelect('{}.{}', '{}')",
            alias(above),
            camel(last),
            alias(path)
        ));
    }
    for path in &loading.counts {
        let Some((last, above)) = path.split_last() else { continue };
        let (owner, count) = (alias(above), names::lower_camel(&count_name(last)));
        code.push_str(&format!(
            "\n  .loadRelationCountAndMap('{owner}.{count}', '{owner}.{}')",
            camel(last)
        ));
    }
    code.push_str("\n  .getMany()");
    code
}

/// `Include` for rows, in split queries if lists are among them; a projection for counts.
pub(super) fn entity_framework(loading: &Loading<'_>) -> String {
    let mut code = format!("context.Set<{}>()", loading.model);
    let upper = |relation: &Relation| names::upper_camel(&relation.name);
    for path in longest(&loading.rows, ".", upper) {
        let mut verb = "\n    .Include";
        for name in path.split('.') {
            code.push_str(&format!("{verb}(it => it.{name})"));
            verb = ".ThenInclude";
        }
    }
    let many = |path: &Vec<&Relation>| path.iter().any(|it| it.direction == Direction::Many);
    if loading.rows.iter().any(many) {
        code.push_str("\n    .AsSplitQuery()");
    }
    let counts: Vec<String> = loading
        .counts
        .iter()
        .filter_map(|path| path.last())
        .map(|relation| upper(relation))
        .map(|name| format!("{name}Count = it.{name}.Count"))
        .collect();
    if !counts.is_empty() {
        code.push_str(&format!("\n    .Select(it => new {{ it, {} }})", counts.join(", ")));
    }
    code
}
