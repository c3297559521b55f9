//! Which relation a loop walks: told from the statements alone.
//!
//! A look-up by primary key follows a foreign key, whose column stands in the select list of the rows
//! that are looped over. A look-up by a column `x_id` goes the other way, from a row to those that name
//! it. Where one look-up's rows feed the next one, the relations form a path: items, then product.

use model::{FilterOperator, Finding, Framework, Projection, StatementText};

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
    let tables = tables(finding);
    let is_django = finding.frameworks.contains(&Framework::Django);
    let short = |table| if is_django { names::without_app(table, &tables) } else { table };
    let runs = runs(finding);
    let mut relations = Vec::new();
    let mut looks = Vec::new();
    for (place, text) in evidence.statement.iter().chain(&evidence.related).enumerate() {
        if let Some(relation) = relation(text, short) {
            relations.push(relation);
            looks.push(Look { columns: columns(&text.text), runs: runs.get(place).copied() });
        }
    }
    let listed = evidence.source.as_ref().and_then(|text| columns(&text.text));
    let owners: Vec<Option<usize>> = (0..relations.len())
        .map(|place| owner(&mut relations, place, &looks, listed.as_deref()))
        .collect();
    for (relation, owner) in relations.iter_mut().zip(owners) {
        relation.from = owner;
    }
    sorted(&relations)
}

/// All tables that the statements of a finding name.
pub(crate) fn tables(finding: &Finding) -> Vec<&str> {
    let evidence = &finding.evidence;
    let texts = evidence.statement.iter().chain(&evidence.related).chain(&evidence.source);
    texts.flat_map(|text| &text.tables).map(|table| names::bare(table)).collect()
}

/// The columns that a statement reads, without quotes; `None` if it reads all of them.
pub(crate) fn columns(text: &str) -> Option<Vec<String>> {
    let list = text.strip_prefix("select ").unwrap_or_default();
    let list = list.split(" from ").next().unwrap_or_default();
    let columns: Vec<String> = list
        .split(',')
        .filter_map(|item| item.trim().split(' ').next()?.rsplit('.').next())
        .map(|column| column.replace(['"', '`', '[', ']'], ""))
        .collect();
    columns.iter().all(|column| column != "*" && !column.is_empty()).then_some(columns)
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

/// How one statement of the loop was seen.
struct Look {
    /// Columns that it reads; `None` if that is all.
    columns: Option<Vec<String>>,
    runs: Option<Runs>,
}

/// How often a statement ran, and its place in the order of first runs.
#[derive(Clone, Copy)]
struct Runs {
    count: u32,
    order: usize,
}

/// The runs of each statement, as the excerpt tells them: `60 x select …`, in the order of first runs,
/// where the statements themselves come by their count.
fn runs(finding: &Finding) -> Vec<Runs> {
    let evidence = &finding.evidence;
    let lines = evidence.excerpt.iter().skip(usize::from(evidence.source.is_some()));
    let mut runs: Vec<Runs> = lines
        .enumerate()
        .filter_map(|(order, line)| {
            Some(Runs { count: line.split_once(" x ")?.0.parse().ok()?, order })
        })
        .collect();
    if runs.len() != 1 + evidence.related.len() {
        return Vec::new();
    }
    runs.sort_by_key(|run| (std::cmp::Reverse(run.count), run.order));
    runs
}

fn relation<'a>(text: &'a StatementText, short: impl Fn(&'a str) -> &'a str) -> Option<Relation> {
    let shape = text.shape.as_ref()?;
    let table = names::bare(text.tables.first()?);
    let filter = shape.filters.iter().find(|filter| filter.operator == FilterOperator::Equal)?;
    let column = filter.column.to_string();
    let key = names::snake(&column);
    let by_key = matches!(key.as_str(), "id" | "_id" | "pk" | "uuid" | "guid" | "key")
        || names::foreign_base(&column).is_some_and(|base| names::points_at(&base, table));
    let wants = match shape.projection {
        Projection::Count => Wants::Count,
        _ if !by_key && shape.limited && !shape.order_by.is_empty() => Wants::First,
        _ => Wants::Rows,
    };
    let name = names::snake(short(table));
    let is_one = by_key || wants == Wants::Rows && shape.limited;
    Some(Relation {
        name: if is_one { names::singular(&name) } else { names::plural(&name) },
        direction: if by_key { Direction::One } else { Direction::Many },
        table: table.to_owned(),
        column,
        wants,
        from: None,
    })
}

/// Finds the rows that a relation starts from, and names it after the foreign key if that is seen.
fn owner(
    relations: &mut [Relation],
    place: usize,
    looks: &[Look],
    listed: Option<&[String]>,
) -> Option<usize> {
    let relation = relations[place].clone();
    let others = || (0..relations.len()).filter(|other| *other != place);
    let gives_rows = |other: &usize| relations[*other].wants != Wants::Count;
    if relation.direction == Direction::Many {
        let base = names::foreign_base(&relation.column).unwrap_or(relation.column);
        return others()
            .find(|other| gives_rows(other) && names::points_at(&base, &relations[*other].table));
    }
    let in_other =
        |other: usize| Some((other, foreign_key(looks[other].columns.as_ref()?, &relation.table)?));
    if let Some(base) = listed.and_then(|columns| foreign_key(columns, &relation.table)) {
        relations[place].name = base;
        return None;
    }
    let found = others().filter(gives_rows).find_map(in_other);
    if let Some((other, base)) = found {
        relations[place].name = base;
        return Some(other);
    }
    if let Some(base) = listed.and_then(|columns| lone_key(columns, relations, place)) {
        relations[place].name = base;
        return None;
    }
    // Nobody shows the key. What runs more often than another relation that it follows is looked up for
    // the rows of that one.
    others().find(|other| {
        let runs = looks[place].runs.zip(looks[*other].runs);
        let follows = runs.is_some_and(|(own, above)| {
            above.order < own.order && (listed.is_some() || above.count < own.count)
        });
        follows
            && relations[*other].direction == Direction::Many
            && relations[*other].wants == Wants::Rows
            && looks[*other].columns.is_none()
    })
}

/// The foreign key among columns that points at `table`, without `_id`.
fn foreign_key(columns: &[String], table: &str) -> Option<String> {
    columns
        .iter()
        .filter_map(|column| names::foreign_base(column))
        .find(|base| names::points_at(base, table))
}

/// What people are called by what they did: names of keys that point at users.
const PEOPLE: &[&str] = &[
    "author",
    "owner",
    "creator",
    "user",
    "editor",
    "assignee",
    "reviewer",
    "sender",
    "recipient",
];

/// The foreign key that is left for a relation whose table it does not name: the only one, or the only
/// one that means somebody.
fn lone_key(columns: &[String], relations: &[Relation], place: usize) -> Option<String> {
    let table = names::singular(&names::snake(&relations[place].table));
    let mut left: Vec<String> = columns
        .iter()
        .filter(|column| names::snake(column).contains('_'))
        .filter_map(|column| names::foreign_base(column))
        .filter(|base| !relations.iter().any(|other| names::points_at(base, &other.table)))
        .collect();
    if ["user", "person", "account", "member", "profile"].iter().any(|who| table.ends_with(who)) {
        let people = left.iter().filter(|base| PEOPLE.contains(&base.as_str()));
        let people: Vec<String> = people.cloned().collect();
        if !people.is_empty() {
            left = people;
        }
    }
    (left.len() == 1).then(|| left.swap_remove(0))
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
