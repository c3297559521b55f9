//! Fetch related rows together with the rows that they belong to.

use model::{Finding, Proof, Snippet};

use super::snippets::{Layer, layer, python, snippet, sql};
use crate::{
    Hint, Remedy, names,
    relations::{Direction, Relation, Wants, paths, relations, source_table},
};

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
    let statements = match finding.calls_after {
        0 => "no further statement".to_owned(),
        1 => "one further statement".to_owned(),
        after => format!("{after} further statements"),
    };
    let text = format!(
        "Load what belongs to the rows together with the rows: {statements} instead of {}.",
        finding.calls_now
    );
    let snippet = if relations.is_empty() { batch_sql(finding) } else { code(finding, &relations) };
    Some(Hint { text, snippet })
}

/// Statements that are left once relations are joined where they can be, counts are computed with the
/// list, and the rest is fetched once for all rows; `None` if the relations cannot be told.
pub(crate) fn statements(finding: &Finding) -> Option<u32> {
    let relations = relations(finding);
    let groups = 1 + finding.evidence.related.len();
    if relations.len() < groups || layer(finding) == Layer::Sql {
        return None;
    }
    let own = paths(&relations).into_iter().filter(|path| {
        let joined = path.iter().all(|relation| relation.direction == Direction::One);
        let counted = path.last().is_some_and(|relation| relation.wants == Wants::Count);
        !joined && !counted
    });
    u32::try_from(own.count()).ok()
}

fn code(finding: &Finding, relations: &[Relation]) -> Option<Snippet> {
    let model = source_table(finding).map_or_else(|| "Model".to_owned(), names::class);
    let paths = paths(relations);
    match layer(finding) {
        Layer::Django => python(django(&model, &paths)),
        Layer::SqlAlchemy => python(sqlalchemy(&model, &paths)),
        Layer::Rails => snippet("ruby", format!("{model}.includes({})", ruby(relations))),
        Layer::Hibernate => snippet("java", hibernate(&paths)),
        Layer::Prisma => snippet("typescript", prisma(&model, relations)),
        Layer::Sequelize => snippet("javascript", sequelize(&model, relations)),
        Layer::TypeOrm => snippet("typescript", typeorm(&model, &paths)),
        Layer::Laravel => snippet("php", laravel(&model, &paths)),
        Layer::Gorm => snippet("go", gorm(&paths)),
        Layer::EntityFramework => snippet("csharp", entity_framework(&model, &paths)),
        Layer::Sql => sql(plain(relations)),
    }
}

fn django(model: &str, paths: &[Vec<&Relation>]) -> String {
    let mut joined = Vec::new();
    let mut prefetched = Vec::new();
    let mut annotated = Vec::new();
    let mut notes = Vec::new();
    for path in paths {
        let Some(last) = path.last() else { continue };
        let names: Vec<String> = path.iter().map(|relation| django_name(relation)).collect();
        let lookup = names.join("__");
        match last.wants {
            Wants::Count => {
                let query = names::singular(&last.table).replace('_', "");
                annotated
                    .push(format!("{}_count=Count(\"{query}\")", names::singular(&last.table)));
            }
            Wants::First => {
                notes.push(format!(
                    "# the latest of {}: Prefetch(\"{lookup}\", queryset=….order_by(…), to_attr=\"latest\")",
                    last.table
                ));
                prefetched.push(lookup);
            }
            Wants::Rows if path.iter().all(|it| it.direction == Direction::One) => {
                joined.push(lookup);
            }
            Wants::Rows => prefetched.push(lookup),
        }
        if path.iter().any(|relation| relation.direction == Direction::Many) {
            let note = "# `…_set` is Django's default; use the related_name if the field has one";
            if !notes.iter().any(|known| known == note)
                && names.iter().any(|name| name.ends_with("_set"))
            {
                notes.push(note.to_owned());
            }
        }
    }
    // A longer path loads what a shorter one would.
    for list in [&mut joined, &mut prefetched] {
        let all = list.clone();
        list.retain(|short| !all.iter().any(|long| long.starts_with(&format!("{short}__"))));
    }
    let quoted = |names: &[String]| {
        names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
    };
    let mut code = format!("{model}.objects");
    if !joined.is_empty() {
        code.push_str(&format!("\n    .select_related({})", quoted(&joined)));
    }
    if !prefetched.is_empty() {
        code.push_str(&format!("\n    .prefetch_related({})", quoted(&prefetched)));
    }
    if !annotated.is_empty() {
        code.push_str(&format!("\n    .annotate({})", annotated.join(", ")));
    }
    for note in notes {
        code.push('\n');
        code.push_str(&note);
    }
    code
}

/// What Django calls the relation unless the field says otherwise.
fn django_name(relation: &Relation) -> String {
    match relation.direction {
        Direction::One => relation.name.clone(),
        Direction::Many => format!("{}_set", names::singular(&relation.table).replace('_', "")),
    }
}

fn sqlalchemy(model: &str, paths: &[Vec<&Relation>]) -> String {
    let mut options = Vec::new();
    for path in paths {
        let mut owner = model.to_owned();
        let mut option = String::new();
        for relation in path {
            let load = match relation.direction {
                Direction::One => "joinedload",
                Direction::Many => "selectinload",
            };
            let dot = if option.is_empty() { "" } else { "." };
            option.push_str(&format!("{dot}{load}({owner}.{})", relation.name));
            owner = names::class(&relation.table);
        }
        // A longer path loads what a shorter one would.
        options.retain(|known: &String| !option.starts_with(known.as_str()));
        if !options.iter().any(|known: &String| known.starts_with(option.as_str())) {
            options.push(option);
        }
    }
    format!("select({model}).options(\n    {},\n)", options.join(",\n    "))
}

/// `:customer, order_items: [:product]`: symbols first, since Ruby wants keywords last.
fn ruby(relations: &[Relation]) -> String {
    fn below(relations: &[Relation], from: Option<usize>) -> String {
        let (mut symbols, mut keywords) = (Vec::new(), Vec::new());
        for (place, relation) in relations.iter().enumerate() {
            if relation.from != from {
                continue;
            }
            let deeper = below(relations, Some(place));
            if deeper.is_empty() {
                symbols.push(format!(":{}", relation.name));
            } else {
                keywords.push(format!("{}: [{deeper}]", relation.name));
            }
        }
        symbols.append(&mut keywords);
        symbols.join(", ")
    }
    below(relations, None)
}

fn hibernate(paths: &[Vec<&Relation>]) -> String {
    let names: Vec<String> =
        paths.iter().map(|path| format!("\"{}\"", dotted(path, names::lower_camel))).collect();
    format!(
        "@EntityGraph(attributePaths = {{{}}})\n// or in JPQL: select o from … o left join fetch o.{}",
        names.join(", "),
        paths.first().map(|path| dotted(path, names::lower_camel)).unwrap_or_default()
    )
}

fn prisma(model: &str, relations: &[Relation]) -> String {
    fn below(relations: &[Relation], from: Option<usize>) -> String {
        let parts: Vec<String> = relations
            .iter()
            .enumerate()
            .filter(|(_, relation)| relation.from == from)
            .map(|(place, relation)| {
                let deeper = below(relations, Some(place));
                let name = names::lower_camel(&relation.name);
                if relation.wants == Wants::Count {
                    format!("_count: {{ select: {{ {name}: true }} }}")
                } else if deeper.is_empty() {
                    format!("{name}: true")
                } else {
                    format!("{name}: {{ include: {{ {deeper} }} }}")
                }
            })
            .collect();
        parts.join(", ")
    }
    let client = names::lower_camel(&first_lower(model));
    format!("prisma.{client}.findMany({{\n  include: {{ {} }},\n}})", below(relations, None))
}

fn sequelize(model: &str, relations: &[Relation]) -> String {
    fn below(relations: &[Relation], from: Option<usize>) -> String {
        let parts: Vec<String> = relations
            .iter()
            .enumerate()
            .filter(|(_, relation)| relation.from == from)
            .map(|(place, relation)| {
                let deeper = below(relations, Some(place));
                let class = names::class(&relation.table);
                if deeper.is_empty() {
                    class
                } else {
                    format!("{{ model: {class}, include: [{deeper}] }}")
                }
            })
            .collect();
        parts.join(", ")
    }
    format!("{model}.findAll({{ include: [{}] }})", below(relations, None))
}

fn typeorm(model: &str, paths: &[Vec<&Relation>]) -> String {
    let names: Vec<String> =
        paths.iter().map(|path| format!("'{}'", dotted(path, names::lower_camel))).collect();
    format!("repository({model}).find({{ relations: [{}] }})", names.join(", "))
}

fn laravel(model: &str, paths: &[Vec<&Relation>]) -> String {
    let names: Vec<String> =
        paths.iter().map(|path| format!("'{}'", dotted(path, names::lower_camel))).collect();
    format!("{model}::with([{}])->get();", names.join(", "))
}

fn gorm(paths: &[Vec<&Relation>]) -> String {
    let preloads: Vec<String> = paths
        .iter()
        .map(|path| {
            format!(".Preload(\"{}\")", dotted(path, |name| names::class(&format!("{name}_"))))
        })
        .collect();
    format!("db{}.Find(&rows)", preloads.concat())
}

fn entity_framework(model: &str, paths: &[Vec<&Relation>]) -> String {
    let includes: Vec<String> = paths
        .iter()
        .map(|path| {
            let mut code = String::new();
            for (depth, relation) in path.iter().enumerate() {
                let verb = if depth == 0 { "Include" } else { "ThenInclude" };
                code.push_str(&format!(".{verb}(it => it.{})", names::class(&relation.name)));
            }
            code
        })
        .collect();
    format!("context.Set<{model}>()\n    {}", includes.join("\n    "))
}

/// One statement for all rows, for those who write SQL themselves.
fn plain(relations: &[Relation]) -> String {
    let statements: Vec<String> = relations
        .iter()
        .map(|Relation { table, column, wants, .. }| match wants {
            Wants::Count => format!(
                "SELECT {column}, count(*) FROM {table} WHERE {column} = ANY($1) GROUP BY {column};"
            ),
            Wants::First => format!(
                "SELECT DISTINCT ON ({column}) * FROM {table} WHERE {column} = ANY($1) ORDER BY {column}, …;"
            ),
            Wants::Rows => format!("SELECT … FROM {table} WHERE {column} = ANY($1);"),
        })
        .collect();
    format!("-- once for all rows, with the keys of all of them in $1\n{}", statements.join("\n"))
}

fn batch_sql(finding: &Finding) -> Option<Snippet> {
    let table = super::snippets::table(finding);
    sql(format!(
        "-- once for all rows, with the keys of all of them in $1\nSELECT … FROM {table} WHERE … = ANY($1);"
    ))
}

fn dotted(path: &[&Relation], name: impl Fn(&str) -> String) -> String {
    path.iter().map(|relation| name(&relation.name)).collect::<Vec<_>>().join(".")
}

fn first_lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        let mut lower: String = first.to_lowercase().collect();
        lower.push_str(letters.as_str());
        lower
    })
}
