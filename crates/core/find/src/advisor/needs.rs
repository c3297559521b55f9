//! What each statement needs of each table: by its text, by the views that it names, and by its plan where text is
//! not enough.

use model::database::Database;
use sql::TableNeeds;

use super::{costs::Costs, shown, statements::AdvisedStatement};

/// Views within views that are looked through.
const VIEWS_DEPTH_MAX: usize = 4;

/// How much of a statement its text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// All of it.
    Whole,
    /// Conditions on a view say nothing of the tables below it, and some clauses are not understood.
    Part,
    /// It cannot be parsed.
    Nothing,
}

/// What each statement needs, in their order. Statements that are not told whole are looked for in their plans.
pub(super) fn of(
    database: &Database,
    statements: &[AdvisedStatement],
    costs: &mut dyn Costs,
    notes: &mut Vec<String>,
) -> Vec<Vec<TableNeeds>> {
    let mut all = Vec::new();
    for (place, statement) in statements.iter().enumerate() {
        let (mut tables, told) = by_text(&statement.sql, database, costs);
        if told != Told::Whole {
            let planned = by_plan(place, database, costs);
            let found = !planned.is_empty();
            // What the text says of a table, if anything, the plan says too: with other names for the same.
            tables.extend(planned);
            match told {
                Told::Nothing if statement.text.truncated && !found => notes.push(format!(
                    "cut by the server, so that it cannot be planned: {}",
                    shown(statement)
                )),
                Told::Nothing if found => notes.push(format!(
                    "its text was not understood, so that its plan says which columns it compares: {}",
                    shown(statement)
                )),
                Told::Nothing => notes.push(format!(
                    "not understood, so that no index is tried for it: {}",
                    shown(statement)
                )),
                Told::Whole | Told::Part => {}
            }
        }
        all.push(tables);
    }
    all
}

fn by_text(text: &str, database: &Database, costs: &mut dyn Costs) -> (Vec<TableNeeds>, Told) {
    let mut tables = Vec::new();
    let mut told = Told::Whole;
    let mut open = vec![(text.to_owned(), 0)];
    while let Some((text, depth)) = open.pop() {
        let Some(analysis) = sql::analyse(&text, database) else {
            told = if depth == 0 { Told::Nothing } else { Told::Part };
            continue;
        };
        tables.extend(analysis.tables);
        if analysis.partial {
            told = Told::Part;
        }
        for name in analysis.unknown {
            if depth < VIEWS_DEPTH_MAX
                && let Some(definition) = costs.view(&name)
            {
                told = Told::Part;
                open.push((definition, depth + 1));
            }
        }
    }
    (tables, told)
}

/// What the plan says: views are gone from it.
fn by_plan(place: usize, database: &Database, costs: &mut dyn Costs) -> Vec<TableNeeds> {
    let Some(plan) = costs.plan(place) else { return Vec::new() };
    sql::plan_needs(&plan, database).scans.into_iter().map(|scan| scan.needs).collect()
}
