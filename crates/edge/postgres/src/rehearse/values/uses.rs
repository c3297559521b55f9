//! What each parameter of a statement is compared with: told from the server's own tree, in which names are resolved.

use super::nodes::{Node, Part};

/// Subqueries within subqueries that a column is followed through.
const STEPS_MAX: usize = 20;
/// `lower(text)` and `upper(text)`, by their numbers, which are the same in every version.
const LOWER: u32 = 870;
const UPPER: u32 = 871;

/// A place where a parameter stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    /// Which: 1 for `$1`.
    pub(super) parameter: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Compared with a column by this operator; flipped if the parameter stands on its left.
    Compared { column: Column, operator: u32, flipped: bool },
    /// One of the list that a column is looked for in.
    Listed { column: Column },
    /// The list itself, as an array.
    List { column: Column },
    /// Compared with a count of rows by this operator; flipped if the parameter stands on its left.
    Counted { operator: u32, flipped: bool },
    /// How many rows.
    Limit,
    /// How many rows are passed over.
    Offset,
}

/// A column of a table, as often as the table is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Column {
    /// Which of the tables that the statement names, in the order in which they are met.
    pub(super) instance: usize,
    pub(super) relation: u32,
    pub(super) number: i16,
    pub(super) folded: Folded,
}

/// What is done with the column before it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Folded {
    No,
    Lower,
    Upper,
}

/// All uses in a tree, in the order in which they stand.
pub(super) fn uses(parts: &[Part<'_>]) -> Vec<Use> {
    let mut walk = Walk { scopes: Vec::new(), tables: Vec::new(), found: Vec::new() };
    for part in parts {
        walk.part(part);
    }
    walk.found
}

struct Walk<'t, 'a> {
    /// Queries around the current place, the outermost first.
    scopes: Vec<&'t Node<'a>>,
    /// Entries of range tables that were met: their places are the instances.
    tables: Vec<&'t Node<'a>>,
    found: Vec<Use>,
}

impl<'t, 'a> Walk<'t, 'a> {
    fn part(&mut self, part: &'t Part<'a>) {
        match part {
            Part::Word(_) => {}
            Part::List(parts) => parts.iter().for_each(|part| self.part(part)),
            Part::Node(node) => self.node(node),
        }
    }

    fn node(&mut self, node: &'t Node<'a>) {
        let is_query = node.name == "QUERY";
        if is_query {
            self.scopes.push(node);
            for (field, kind) in [("limitCount", Kind::Limit), ("limitOffset", Kind::Offset)] {
                let number = node.field(field).and_then(only_parameter);
                self.found.extend(number.map(|parameter| Use { parameter, kind: kind.clone() }));
            }
        }
        match node.name {
            "OPEXPR" => self.compared(node),
            "SCALARARRAYOPEXPR" => self.listed(node),
            _ => {}
        }
        for part in node.parts() {
            self.part(part);
        }
        if is_query {
            self.scopes.pop();
        }
    }

    fn compared(&mut self, node: &'t Node<'a>) {
        let [left, right] = node.list("args") else { return };
        let operator = node.number("opno").unwrap_or(0);
        for (other, side, flipped) in [(left, right, false), (right, left, true)] {
            if let (true, Some(parameter)) = (is_count(other), only_parameter(side)) {
                self.found.push(Use { parameter, kind: Kind::Counted { operator, flipped } });
                continue;
            }
            if let (Some(column), Some(parameter)) = (self.column(other), only_parameter(side)) {
                let kind = Kind::Compared { column, operator, flipped };
                self.found.push(Use { parameter, kind });
            }
        }
    }

    fn listed(&mut self, node: &'t Node<'a>) {
        let [left, right] = node.list("args") else { return };
        let Some(column) = self.column(left) else { return };
        if let Some(parameter) = only_parameter(right) {
            self.found.push(Use { parameter, kind: Kind::List { column } });
            return;
        }
        let array = unwrapped(right);
        let elements = array.map_or(&[][..], |array| array.list("elements"));
        for parameter in elements.iter().filter_map(only_parameter) {
            self.found.push(Use { parameter, kind: Kind::Listed { column } });
        }
    }

    /// The only column in an expression, if it is of a table.
    fn column(&mut self, part: &'t Part<'a>) -> Option<Column> {
        let mut found = Vec::new();
        let mut folded = Folded::No;
        gather(part, "VAR", &mut found);
        let mut calls = Vec::new();
        gather(part, "FUNCEXPR", &mut calls);
        for call in calls {
            match call.number("funcid") {
                Some(LOWER) => folded = Folded::Lower,
                Some(UPPER) => folded = Folded::Upper,
                _ => {}
            }
        }
        let [variable] = found.as_slice() else { return None };
        let (table, number) = follow(self.scopes.clone(), variable)?;
        let relation = table.number("relid").filter(|relation| *relation != 0)?;
        let known = self.tables.iter().position(|known| std::ptr::eq(*known, table));
        let instance = known.unwrap_or(self.tables.len());
        if known.is_none() {
            self.tables.push(table);
        }
        Some(Column { instance, relation, number, folded })
    }
}

/// Whether an expression is an aggregate, or a subquery that gives one.
fn is_count(part: &Part<'_>) -> bool {
    let Some(node) = unwrapped(part) else { return false };
    let inner = || {
        let query = node.field("subselect")?.node()?;
        let entry = query.list("targetList").first()?.node()?;
        unwrapped(entry.field("expr")?)
    };
    match node.name {
        "AGGREF" => true,
        "SUBLINK" => inner().is_some_and(|node| node.name == "AGGREF"),
        _ => false,
    }
}

/// The table and the number of the column that a variable stands for, through subqueries and views.
fn follow<'t, 'a>(
    mut scopes: Vec<&'t Node<'a>>,
    variable: &'t Node<'a>,
) -> Option<(&'t Node<'a>, i16)> {
    let mut variable = variable;
    for _ in 0..STEPS_MAX {
        let up: usize = variable.number("varlevelsup")?;
        scopes.truncate(scopes.len().checked_sub(up)?);
        let place: usize = variable.number("varno")?;
        let table = scopes.last()?.list("rtable").get(place.checked_sub(1)?)?.node()?;
        let number: i16 = variable.number("varattno")?;
        match table.number::<u32>("rtekind")? {
            0 if number > 0 => return Some((table, number)),
            1 => {
                let query = table.field("subquery")?.node()?;
                scopes.push(query);
                let entries = query.list("targetList").iter().filter_map(Part::node);
                let entry =
                    entries.into_iter().find(|entry| entry.number("resno") == Some(number))?;
                variable = unwrapped(entry.field("expr")?).filter(|node| node.name == "VAR")?;
            }
            _ => return None,
        }
    }
    None
}

/// The parameter that an expression is, with nothing around it but conversions.
fn only_parameter(part: &Part<'_>) -> Option<usize> {
    let node = unwrapped(part)?;
    if node.name == "PARAM" {
        return node.number("paramid");
    }
    // A conversion that a function does: `$1::bigint` of an integer.
    let mut found = Vec::new();
    let mut columns = Vec::new();
    gather(part, "PARAM", &mut found);
    gather(part, "VAR", &mut columns);
    match (node.name, found.as_slice(), columns.is_empty()) {
        ("FUNCEXPR", [one], true) => one.number("paramid"),
        _ => None,
    }
}

/// Without the conversions around it that change no bytes, or are done by text.
fn unwrapped<'t, 'a>(part: &'t Part<'a>) -> Option<&'t Node<'a>> {
    let mut node = part.node()?;
    while ["RELABELTYPE", "COERCEVIAIO", "ARRAYCOERCEEXPR", "COLLATEEXPR"].contains(&node.name) {
        node = node.field("arg")?.node()?;
    }
    Some(node)
}

/// Nodes of a name within an expression, subqueries left out.
fn gather<'t, 'a>(part: &'t Part<'a>, name: &str, found: &mut Vec<&'t Node<'a>>) {
    match part {
        Part::Word(_) => {}
        Part::List(parts) => parts.iter().for_each(|part| gather(part, name, found)),
        Part::Node(node) if node.name == "QUERY" => {}
        Part::Node(node) => {
            if node.name == name {
                found.push(node);
            }
            node.parts().for_each(|part| gather(part, name, found));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::nodes::read, *};

    #[test]
    fn parameters_are_followed_to_columns_through_a_subquery() {
        let inner = "{QUERY :rtable ({RTE :rtekind 0 :relid 16385}) :targetList ({TARGETENTRY :expr {VAR :varno 1 \
                     :varattno 3 :varlevelsup 0} :resno 1})}";
        let text = format!(
            "({{QUERY :rtable ({{RTE :rtekind 1 :subquery {inner}}} {{RTE :rtekind 0 :relid 16400}}) :quals {{BOOLEXPR \
             :args ({{OPEXPR :opno 96 :args ({{VAR :varno 1 :varattno 1 :varlevelsup 0}} {{PARAM :paramid 1}})}} \
             {{OPEXPR :opno 521 :args ({{PARAM :paramid 2}} {{VAR :varno 2 :varattno 5 :varlevelsup 0}})}})}} \
             :limitOffset <> :limitCount {{FUNCEXPR :funcid 481 :args ({{PARAM :paramid 3}})}}}})"
        );
        let found = uses(&read(&text));
        let column =
            |instance, relation, number| Column { instance, relation, number, folded: Folded::No };
        assert_eq!(
            found,
            [
                Use { parameter: 3, kind: Kind::Limit },
                Use {
                    parameter: 1,
                    kind: Kind::Compared {
                        column: column(0, 16385, 3),
                        operator: 96,
                        flipped: false
                    }
                },
                Use {
                    parameter: 2,
                    kind: Kind::Compared {
                        column: column(1, 16400, 5),
                        operator: 521,
                        flipped: true
                    }
                },
            ]
        );
    }
}
