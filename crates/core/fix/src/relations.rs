//! Which relation a loop walks: told from the statements alone.
//!
//! A look-up by primary key follows a foreign key, whose column stands in the select list of the rows
//! that are looped over. A look-up by a column `x_id` goes the other way, from a row to those that name
//! it. Where one look-up's rows feed the next one, the relations form a path: items, then product.

use std::sync::Arc;

use model::{FilterOperator, Finding, Projection, StatementText};

use crate::names;

/// A relation that is walked row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation {
    /// Table that is looked up.
    pub(crate) table: String,
    /// Column that it is looked up by.
    pub(crate) column: String,
    /// What the relation is probably called: `customer`, `order_items`.
    pub(crate) name: String,
    /// How it goes.
    pub(crate) direction: Direction,
    /// What is asked for.
    pub(crate) wants: Wants,
    /// Place of the relation whose rows it starts from; `None` for the list itself.
    pub(crate) from: Option<usize>,
}

/// How a relation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Along a foreign key: to one row.
    One,
    /// Against a foreign key: to many rows.
    Many,
}

/// What is asked for in each round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// The rows.
    Rows,
    /// How many there are.
    Count,
    /// The first in some order.
    First,
}

/// The relations of a finding, in an order in which each comes after the one that it starts from.
pub(crate) fn relations(finding: &Finding) -> Vec<Relation> {
    let evidence = &finding.evidence;
    let texts: Vec<&Arc<StatementText>> =
        evidence.statement.iter().chain(&evidence.related).collect();
    let mut relations: Vec<Relation> = texts.iter().filter_map(|text| relation(text)).collect();
    let lists: Vec<String> = texts
        .iter()
        .filter(|text| relation(text).is_some())
        .map(|text| select_list(&text.text).to_owned())
        .collect();
    let source = evidence.source.as_ref().map(|text| select_list(&text.text).to_owned());
    let owners: Vec<Option<usize>> = (0..relations.len())
        .map(|place| owner(&mut relations, place, &lists, source.as_deref()))
        .collect();
    for (relation, owner) in relations.iter_mut().zip(owners) {
        relation.from = owner;
    }
    sorted(&relations)
}

/// The table that is looped over, if the list was seen.
pub(crate) fn source_table(finding: &Finding) -> Option<&str> {
    let source = finding.evidence.source.as_ref()?;
    source.tables.first().map(|table| names::bare(table))
}

/// The names from the list to each relation: `items`, `items.product`.
pub(crate) fn paths(relations: &[Relation]) -> Vec<Vec<&Relation>> {
    relations
        .iter()
        .map(|relation| {
            let mut path = vec![relation];
            let mut from = relation.from;
            while let Some(above) = from.and_then(|place| relations.get(place)) {
                path.insert(0, above);
                from = above.from.filter(|_| path.len() <= relations.len());
            }
            path
        })
        .collect()
}

fn relation(text: &StatementText) -> Option<Relation> {
    let shape = text.shape.as_ref()?;
    let table = names::bare(text.tables.first()?).to_owned();
    let filter = shape.filters.iter().find(|filter| filter.operator == FilterOperator::Equal)?;
    let column = filter.column.to_string();
    let by_key = matches!(column.as_str(), "id" | "pk" | "uuid" | "guid" | "key")
        || column.strip_suffix("_id").is_some_and(|base| names::points_at(base, &table));
    let wants = match shape.projection {
        Projection::Count => Wants::Count,
        _ if !by_key && shape.limited && !shape.order_by.is_empty() => Wants::First,
        _ => Wants::Rows,
    };
    Some(Relation {
        name: if by_key { names::singular(&table) } else { table.clone() },
        direction: if by_key { Direction::One } else { Direction::Many },
        table,
        column,
        wants,
        from: None,
    })
}

/// Finds the rows that a relation starts from, and names it after the foreign key if that is seen.
fn owner(
    relations: &mut [Relation],
    place: usize,
    lists: &[String],
    source: Option<&str>,
) -> Option<usize> {
    let relation = relations[place].clone();
    match relation.direction {
        Direction::One => {
            let key_in = |list: &str| foreign_key(list, &relation.table);
            if let Some(base) = source.and_then(key_in) {
                relations[place].name = base;
                return None;
            }
            let above = (0..lists.len()).filter(|other| *other != place);
            let found = above
                .filter_map(|other| Some((other, key_in(&lists[other])?)))
                .find(|(other, _)| relations[*other].wants != Wants::Count);
            found.map(|(other, base)| {
                relations[place].name = base;
                other
            })
        }
        Direction::Many => {
            let base = relation.column.strip_suffix("_id").unwrap_or(&relation.column).to_owned();
            (0..relations.len()).find(|other| {
                *other != place
                    && relations[*other].wants != Wants::Count
                    && names::points_at(&base, &relations[*other].table)
            })
        }
    }
}

/// The foreign key in a select list that points at `table`, without `_id`.
fn foreign_key(list: &str, table: &str) -> Option<String> {
    list.split(',').find_map(|item| {
        let column = item.trim().split(' ').next()?.rsplit('.').next()?;
        let base = column.strip_suffix("_id").or_else(|| column.strip_suffix("id"))?;
        let base = base.trim_end_matches('_');
        (!base.is_empty() && names::points_at(base, table)).then(|| base.to_owned())
    })
}

fn select_list(text: &str) -> &str {
    let list = text.strip_prefix("select ").unwrap_or_default();
    list.split(" from ").next().unwrap_or_default()
}

/// The relations with each after the one that it starts from; a ring is cut where it is first met.
fn sorted(relations: &[Relation]) -> Vec<Relation> {
    let mut order: Vec<usize> = Vec::new();
    while order.len() < relations.len() {
        let ready = (0..relations.len()).find(|place| {
            !order.contains(place)
                && relations[*place].from.is_none_or(|from| order.contains(&from))
        });
        let next = ready.or_else(|| (0..relations.len()).find(|place| !order.contains(place)));
        order.extend(next);
    }
    order
        .iter()
        .map(|place| {
            let relation = &relations[*place];
            let from = relation.from.and_then(|from| order.iter().position(|it| *it == from));
            let own = order.iter().position(|it| it == place);
            Relation { from: from.filter(|from| Some(*from) < own), ..relation.clone() }
        })
        .collect()
}
