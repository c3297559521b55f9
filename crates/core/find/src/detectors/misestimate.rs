//! Plans in which far more or far fewer rows came than the planner expected.

use model::{PlanNode, database::Table};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    database::SeenPlan,
    detectors::{figures, words},
};

static TIMES_MIN: Knob = Knob {
    key: "times-min",
    default: 10.0,
    unit: "times",
    doc: "Joins are chosen by orders of magnitude: an estimate that is off by less rarely changes a plan.",
};

static ROWS_MIN: Knob = Knob {
    key: "rows-min",
    default: 1_000.0,
    unit: "rows",
    doc: "Of expected and actual rows, the greater one: among fewer, any plan will do.",
};

pub(super) static MISESTIMATE: Detector = Detector {
    code: "F030",
    name: "misestimate",
    title: "The planner expects far more or far fewer rows than come",
    doc: include_str!("misestimate.md"),
    effort_days: 0.25,
    share_min: 0.0,
    knobs: &[&TIMES_MIN, &ROWS_MIN],
    looks: &[Looks::Database(look)],
};

/// How much of the time of such a statement a better plan may spare: now and then nearly all, mostly nothing.
const SPARED: f64 = 0.2;

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    for seen in view.plans {
        let worst = seen
            .plan
            .nodes
            .iter()
            .filter_map(|node| {
                Some((node, view.table_named(node.relation.as_deref()?)?, times(node)?))
            })
            .filter(|(node, _, times)| {
                knobs.get(&TIMES_MIN) <= *times && knobs.get(&ROWS_MIN) <= rows(node)
            })
            .max_by(|left, right| left.2.total_cmp(&right.2));
        if let Some((node, table, times)) = worst {
            found.push(sighting(view, seen, node, table, times));
        }
    }
}

/// Rows of a loop: expected or actual, whichever is more.
fn rows(node: &PlanNode) -> f64 {
    let expected = node.estimate.as_ref().map_or(0.0, |it| it.rows);
    node.actual.as_ref().map_or(0.0, |it| it.rows).max(expected)
}

/// How many times more came than was expected, or fewer. Where a parent stopped early, nothing can be told.
fn times(node: &PlanNode) -> Option<f64> {
    let expected = node.estimate.as_ref()?.rows.max(1.0);
    let actual = node.actual.as_ref()?.rows.max(1.0);
    let more = actual / expected;
    Some(if more < 1.0 { 1.0 / more } else { more })
}

fn sighting(
    view: &DatabaseView<'_>,
    seen: &SeenPlan<'_>,
    node: &PlanNode,
    table: &Table,
    times: f64,
) -> DatabaseSighting {
    let expected = node.estimate.as_ref().map_or(0.0, |it| it.rows);
    let actual = node.actual.as_ref().map_or(0.0, |it| it.rows);
    let statement = view.database.statements.iter().find(|it| {
        (seen.query_id != 0 && it.query_id == seen.query_id)
            || (seen.fingerprint != 0 && it.text.fingerprint == seen.fingerprint)
    });
    let way = if expected < actual { "more" } else { "fewer" };
    let cause = format!("{:016x}", statement.map_or(seen.fingerprint, |it| it.text.fingerprint));
    let mut sighting = DatabaseSighting::new(MISESTIMATE.name, &table.name, cause)
        .claim(format!(
            "{} times {way} rows of {} come than the planner expects",
            figures::count(times),
            table.name
        ))
        .columns(table)
        .figure("expected", format!("{} rows", figures::count(expected)))
        .figure("came", format!("{} rows", figures::count(actual)));
    let condition = filter_of(node);
    if !condition.is_empty() {
        sighting = sighting.figure("where", condition.clone());
    }
    if let Some(statement) = statement {
        let mean = statement.runs.mean_millis();
        let per_day = view.per_day(statement.runs.calls);
        sighting = sighting
            .statement(statement)
            .cost(Cost::of_runs(per_day, mean, mean * (1.0 - SPARED)))
            .figure("statement", words::shorten(&statement.text.text));
    }
    let known = sighting.known();
    seen.text.clone_into(&mut known.plan);
    known.sql = cure(table, &condition);
    known.revert = known
        .sql
        .iter()
        .filter_map(|sql| sql.strip_prefix("CREATE STATISTICS ")?.split(' ').next())
        .map(|name| format!("DROP STATISTICS {}.{name}", sql::identifier(&table.name.schema)))
        .collect();
    sighting
}

fn filter_of(node: &PlanNode) -> String {
    let conditions = &node.conditions;
    let parts = conditions.filter.iter().chain(&conditions.index).chain(&conditions.recheck);
    parts.map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// Several columns that depend on each other want statistics of their own; one column wants finer ones.
fn cure(table: &Table, condition: &str) -> Vec<String> {
    let is_word =
        |text: &str| text.chars().next().is_some_and(|it| it.is_alphanumeric() || it == '_');
    let named: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(|name| {
            condition.match_indices(name).any(|(place, _)| {
                let before = condition.get(..place).and_then(|it| it.chars().next_back());
                let after = condition.get(place + name.len()..).unwrap_or_default();
                !before.is_some_and(|it| it.is_alphanumeric() || it == '_') && !is_word(after)
            })
        })
        .collect();
    let qualified = sql::qualified(&table.name);
    let quoted: Vec<String> = named.iter().map(|name| sql::identifier(name).into_owned()).collect();
    let analyze = format!("ANALYZE {qualified}");
    match quoted.as_slice() {
        [] => vec![analyze],
        [one] => {
            vec![format!("ALTER TABLE {qualified} ALTER COLUMN {one} SET STATISTICS 1000"), analyze]
        }
        // PostgreSQL takes eight columns at most.
        several => {
            let several = several.get(..several.len().min(8)).unwrap_or_default();
            let name = format!("{}_{}_stx", table.name.name, named.join("_"));
            let name =
                name.get(..name.floor_char_boundary(sql::NAME_BYTES_MAX)).unwrap_or_default();
            vec![
                format!(
                    "CREATE STATISTICS {} (ndistinct, dependencies, mcv) ON {} FROM {qualified}",
                    sql::identifier(name),
                    several.join(", ")
                ),
                analyze,
            ]
        }
    }
}
