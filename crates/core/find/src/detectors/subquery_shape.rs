//! Subqueries in shapes that the planner cannot turn into joins.

use model::{StatementKind, StatementText};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    detectors::{figures, planned, words},
};

static MEAN_MILLIS_MIN: Knob = Knob {
    key: "mean-millis-min",
    default: 20.0,
    unit: "ms",
    doc: "Over few rows any shape will do.",
};

static SHARE_MIN: Knob = Knob {
    key: "share-min",
    default: 0.01,
    unit: "of database time",
    doc: "With a smaller share, other things come first.",
};

pub(super) static SUBQUERY_SHAPE: Detector = Detector {
    code: "F027",
    name: "subquery-shape",
    title: "A subquery is written so that it cannot become a join",
    doc: include_str!("subquery_shape.md"),
    effort_days: 0.25,
    share_min: 0.0,
    knobs: &[&MEAN_MILLIS_MIN, &SHARE_MIN],
    looks: &[Looks::Database(look)],
};

/// Until a rehearsal has measured it, half is what a better shape is expected to spare.
const SPARED: f64 = 0.5;

/// What is wrong with a subquery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    NotIn,
    CountForExistence,
    InBesideOr,
}

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    for statement in view.statements().filter(|it| view.matters(it, knobs.get(&SHARE_MIN))) {
        let text = &statement.text;
        let mean = statement.runs.mean_millis();
        let (Some(shape), Some(table)) = (shape(text), view.first_table(text)) else { continue };
        if mean < knobs.get(&MEAN_MILLIS_MIN) {
            continue;
        }
        let claim = match shape {
            Shape::NotIn => {
                format!("rows of {} are compared with a whole list by NOT IN", table.name)
            }
            Shape::CountForExistence => {
                format!("rows of {} are counted to see whether there is one", table.name)
            }
            Shape::InBesideOr => {
                format!("a subquery beside OR is looked up row by row of {}", table.name)
            }
        };
        let per_day = view.per_day(statement.runs.calls);
        let cause = format!("{:016x}", text.fingerprint);
        found.push(
            DatabaseSighting::new(SUBQUERY_SHAPE.name, &table.name, cause)
                .claim(claim)
                .columns(table)
                .statement(statement)
                .cost(Cost::of_runs(per_day, mean, mean * (1.0 - SPARED)))
                .figure("statement", words::shorten(&text.text))
                .figure("mean", format!("{}, {}", figures::millis(mean), figures::a_day(per_day)))
                .figure("time then", "guessed at half until it is rehearsed"),
        );
    }
    planned::tell(view, SUBQUERY_SHAPE.name, &["subplan-per-row", "cte-fence"], found);
}

fn shape(text: &StatementText) -> Option<Shape> {
    if text.kind != StatementKind::Select {
        return None;
    }
    let text = text.text.as_str();
    // Once it is known that there is one, counting the others is in vain.
    let counts = text.starts_with("select count(")
        && [") > ?", ") >= ?", ") <> ?", ") != ?"]
            .iter()
            .any(|sign| text.split(" from ").next().is_some_and(|list| list.contains(sign)));
    let compared = text.match_indices("(select count(").any(|(place, _)| {
        let inner = text.get(place..).unwrap_or_default();
        let rest = after_parenthesis(inner).trim_start();
        ["> ?", ">= ?", "<> ?", "!= ?", "= ?"].iter().any(|sign| rest.starts_with(sign))
    });
    if counts || compared {
        return Some(Shape::CountForExistence);
    }
    if text.contains(" not in (select ") {
        return Some(Shape::NotIn);
    }
    let beside = text.match_indices(" in (select ").any(|(place, found)| {
        let before = text.get(..place).unwrap_or_default();
        let after = after_parenthesis(text.get(place + found.len() - 8..).unwrap_or_default());
        let clause = before.rsplit(" where ").next().unwrap_or_default();
        after.starts_with(" or ") || clause.contains(" or ")
    });
    beside.then_some(Shape::InBesideOr)
}

/// What follows the parenthesis that a text begins with.
fn after_parenthesis(text: &str) -> &str {
    let mut depth = 0_u32;
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth <= 1 => return text.get(place + 1..).unwrap_or_default(),
            b')' => depth -= 1,
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> Option<Shape> {
        shape(&sql::Statements::default().read(sql).0)
    }

    #[test]
    fn shapes_are_told_apart() {
        assert_eq!(of("SELECT * FROM a WHERE id NOT IN (SELECT a_id FROM b)"), Some(Shape::NotIn));
        assert_eq!(
            of("SELECT * FROM a WHERE (SELECT count(*) FROM b WHERE b.a_id = a.id) > 0"),
            Some(Shape::CountForExistence)
        );
        assert_eq!(of("SELECT count(*) > 0 FROM a WHERE b = 1"), Some(Shape::CountForExistence));
        assert_eq!(
            of("SELECT * FROM a WHERE x = 1 OR id IN (SELECT a_id FROM b WHERE y IN (1, 2))"),
            Some(Shape::InBesideOr)
        );
        assert_eq!(
            of("SELECT * FROM a WHERE id IN (SELECT a_id FROM b) OR x = 1"),
            Some(Shape::InBesideOr)
        );
    }

    #[test]
    fn what_becomes_a_join_is_left_alone() {
        assert_eq!(of("SELECT * FROM a WHERE id IN (SELECT a_id FROM b) AND x = 1"), None);
        assert_eq!(
            of("SELECT * FROM a WHERE NOT EXISTS (SELECT FROM b WHERE b.a_id = a.id)"),
            None
        );
        assert_eq!(of("SELECT count(*) FROM a WHERE b > 0"), None);
        assert_eq!(of("SELECT * FROM a WHERE id NOT IN (1, 2, 3)"), None);
    }
}
