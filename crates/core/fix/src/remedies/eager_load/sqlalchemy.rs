//! `SQLAlchemy`: what is one is joined, what is many loaded by a second statement.

use super::Loading;
use crate::{
    names,
    relations::{Direction, Relation},
};

pub(super) fn code(loading: &Loading<'_>) -> String {
    let model = &loading.model;
    let mut options: Vec<String> = Vec::new();
    for path in &loading.rows {
        let option = option(model, path);
        // A longer path loads what a shorter one would.
        options.retain(|known| !option.starts_with(known.as_str()));
        if !options.iter().any(|known| known.starts_with(option.as_str())) {
            options.push(option);
        }
    }
    let counts: Vec<String> = loading
        .counts
        .iter()
        .filter_map(|path| {
            let counted = path.last()?;
            let owner = path.iter().rev().nth(1);
            let owner = owner.map_or_else(|| model.clone(), |above| names::class(&above.table));
            Some(format!(
                "\n    select(func.count()).where({}.{} == {owner}.id).scalar_subquery(),",
                names::class(&counted.table),
                counted.column
            ))
        })
        .collect();
    let selected = if counts.is_empty() {
        model.clone()
    } else {
        format!("\n    {model},{}\n", counts.concat())
    };
    if options.is_empty() {
        return format!("select({selected})");
    }
    format!("select({selected}).options(\n    {},\n)", options.join(",\n    "))
}

fn option(model: &str, path: &[&Relation]) -> String {
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
    option
}
