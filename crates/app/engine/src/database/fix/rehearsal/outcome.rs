//! What the turns of a rehearsal say together.

use postgres::rehearse::{Ground, Rehearsal as Turns, Rows, Side, Verdict};
use store::ledger::{
    Rehearsal, RehearsalOutcome, RehearsedIndex, RehearsedSide, RehearsedStatement, SampledTable,
};

use super::{Outcome, Rehearsed, What, millis, statements::Given};

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Ran {
    pub(super) ground: Option<Ground>,
    /// All statements, those that were refused included.
    pub(super) given: Vec<Given>,
    /// One for each that was not refused, in their order.
    pub(super) turns: Vec<Outcome>,
    pub(super) indexes: Vec<RehearsedIndex>,
    pub(super) notes: Vec<String>,
}

/// All of it as figures and one sentence.
pub(super) fn told(
    ran: Ran,
    what: &What,
    sampled: Vec<SampledTable>,
    notes: Vec<String>,
) -> Rehearsed {
    let mut turns = ran.turns.into_iter();
    let mut statements = Vec::new();
    let mut plans = Vec::new();
    for given in &ran.given {
        let refused = given.refused.clone();
        let outcome = if refused.is_empty() {
            turns.next().unwrap_or_else(|| Err("it was not run".to_owned()))
        } else {
            Err(refused)
        };
        let (statement, seen) = statement(given, outcome);
        statements.push(statement);
        plans.push(seen);
    }
    let ground = match ran.ground {
        Some(Ground::Clone) => "clone",
        Some(Ground::Standby) => "replica",
        Some(Ground::Primary) | None => "primary",
    };
    let drops_only = matches!(what, What::Indexes(indexes) if indexes.create.is_empty());
    let outcome = outcome(&statements, drops_only);
    let indexes = ran.indexes;
    let figures = Rehearsal { outcome, ground: ground.to_owned(), sampled, indexes, statements };
    let claim = claim(&figures);
    Rehearsed { figures, claim, plans, notes }
}

fn statement(given: &Given, outcome: Outcome) -> (RehearsedStatement, (String, String)) {
    let bare = RehearsedStatement {
        query_id: given.query_id,
        text: given.text(),
        ..RehearsedStatement::default()
    };
    let turns: Turns = match outcome {
        Ok(turns) => turns,
        Err(refused) => {
            return (RehearsedStatement { refused, ..bare }, (String::new(), String::new()));
        }
    };
    let told = RehearsedStatement {
        verdict: verdict(turns.verdict).to_owned(),
        plan_changed: turns.before.shape != turns.after.shape,
        rows: rows(&turns.rows),
        before: side(&turns.before),
        after: side(&turns.after),
        ..bare
    };
    (told, (without_literals(&turns.before.plan_text), without_literals(&turns.after.plan_text)))
}

/// A plan as it is shown: values that were taken from rows are nobody's business.
fn without_literals(plan: &str) -> String {
    let lines = plan.lines().map(|line| match line.split_once(": ") {
        Some((label, value))
            if !line.contains("(cost=")
                && !label.ends_with("Settings")
                && !label.ends_with("Workers Planned") =>
        {
            format!("{label}: {}", sql::normalise(value).text)
        }
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Faster { .. } => "faster",
        Verdict::EndsNow { .. } => "ends now",
        Verdict::Same => "same",
        Verdict::Unproven { .. } => "unproven",
        Verdict::Slower { .. } => "slower",
        Verdict::TimesOut => "times out",
        Verdict::Unknown => "unknown",
    }
}

/// How the ledger tells rows that differ.
const DIFFERENT: &str = "different";
const UNKNOWN: &str = "not compared";

fn rows(rows: &Rows) -> String {
    match rows {
        Rows::Same { count: 1, .. } => "the same row".to_owned(),
        Rows::Same { count, ordered: true } => format!("the same {count} rows in the same order"),
        Rows::Same { count, ordered: false } => format!("the same {count} rows"),
        Rows::OtherOrder { count } => {
            format!("the same {count} rows; those that are equal by ORDER BY come in another order")
        }
        Rows::Different { before, after, limited } => {
            let limited = if *limited {
                "; LIMIT without an order that tells all rows apart may be why"
            } else {
                ""
            };
            if before == after {
                format!("{DIFFERENT}, though as many ({before}){limited}")
            } else {
                format!("{DIFFERENT}: {before} before, {after} after{limited}")
            }
        }
        Rows::Unknown { why } => format!("{UNKNOWN}: {why}"),
        Rows::NotCompared => String::new(),
    }
}

fn side(side: &Side) -> RehearsedSide {
    RehearsedSide {
        millis: side.median.map(millis),
        interval: side.interval.map(|(low, high)| (millis(low), millis(high))),
        runs: side.times.len() as u64,
        blocks: side.blocks,
        rows: side.rows,
        timed_out: side.timed_out,
    }
}

fn outcome(statements: &[RehearsedStatement], drops_only: bool) -> RehearsalOutcome {
    let any = |verdicts: &[&str]| statements.iter().any(|it| verdicts.contains(&&*it.verdict));
    let settled = |it: &RehearsedStatement| !it.verdict.is_empty() && it.verdict != "unknown";
    if statements.iter().any(|it| it.rows.starts_with(DIFFERENT)) {
        return RehearsalOutcome::RowsDiffer;
    }
    if any(&["slower", "times out"]) {
        return RehearsalOutcome::Worse;
    }
    if !statements.iter().any(settled) || statements.iter().any(|it| it.rows.starts_with(UNKNOWN)) {
        return RehearsalOutcome::Open;
    }
    // What is dropped is to harm nobody; that is all that is asked of it.
    if drops_only || any(&["faster", "ends now"]) {
        return RehearsalOutcome::Better;
    }
    RehearsalOutcome::NoGain
}

/// `1 of 2 statements is faster on a clone: 41.2 -> 0.31 ms`
fn claim(figures: &Rehearsal) -> String {
    let statements = &figures.statements;
    let run = statements.iter().filter(|it| it.refused.is_empty()).count();
    let count =
        |verdicts: &[&str]| statements.iter().filter(|it| verdicts.contains(&&*it.verdict)).count();
    let place = match figures.ground.as_str() {
        "clone" => match smallest(&figures.sampled) {
            Some(share) if share < 1.0 => {
                format!("on a clone with {} % of the rows", three_digits(share * 100.0))
            }
            _ => "on a clone with all rows".to_owned(),
        },
        ground => format!("on a {ground}"),
    };
    let of = |count: usize| {
        let are = if count == 1 { "is" } else { "are" };
        if run == 1 { "it is".to_owned() } else { format!("{count} of {run} statements {are}") }
    };
    let figures_of = |verdicts: &[&str]| {
        let shown = statements.iter().filter(|it| verdicts.contains(&&*it.verdict));
        let longest =
            shown.max_by(|left, right| time(&left.before).total_cmp(&time(&right.before)));
        longest.map_or_else(String::new, |it| format!(": {}", times(it)))
    };
    let (better, worse) = (["faster", "ends now"], ["slower", "times out"]);
    match figures.outcome {
        RehearsalOutcome::RowsDiffer => format!("other rows come back {place}"),
        RehearsalOutcome::Worse => {
            format!("{} slower {place}{}", of(count(&worse)), figures_of(&worse))
        }
        RehearsalOutcome::Better if count(&better) == 0 => {
            format!("no statement is slower without it {place}, of {run}")
        }
        RehearsalOutcome::Better => {
            format!("{} faster {place}{}", of(count(&better)), figures_of(&better))
        }
        RehearsalOutcome::NoGain => {
            format!("nothing is faster {place}{}", figures_of(&["same", "unproven"]))
        }
        RehearsalOutcome::Open => format!("nothing could be settled {place}"),
    }
}

fn time(side: &RehearsedSide) -> f64 {
    if side.timed_out { f64::INFINITY } else { side.millis.unwrap_or(0.0) }
}

fn times(it: &RehearsedStatement) -> String {
    let side = |side: &RehearsedSide| match side.millis {
        Some(millis) => three_digits(millis),
        None => "too long".to_owned(),
    };
    format!("{} -> {} ms", side(&it.before), side(&it.after))
}

/// The table of which the clone has the smallest part.
fn smallest(sampled: &[SampledTable]) -> Option<f64> {
    sampled.iter().map(|it| it.fraction).min_by(f64::total_cmp)
}

fn three_digits(value: f64) -> String {
    let digits = match value {
        large if 99.95 <= large => 0,
        middle if 9.995 <= middle => 1,
        small if 0.9995 <= small => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(verdict: &str, rows: &str, millis: (f64, f64)) -> RehearsedStatement {
        let side = |millis| RehearsedSide { millis: Some(millis), ..RehearsedSide::default() };
        RehearsedStatement {
            verdict: verdict.to_owned(),
            rows: rows.to_owned(),
            before: side(millis.0),
            after: side(millis.1),
            ..RehearsedStatement::default()
        }
    }

    #[test]
    fn one_statement_that_got_slower_outweighs_those_that_got_faster() {
        let faster = statement("faster", "", (41.2, 0.31));
        let slower = statement("slower", "", (1.0, 2.0));
        assert_eq!(outcome(std::slice::from_ref(&faster), false), RehearsalOutcome::Better);
        assert_eq!(outcome(&[faster.clone(), slower], false), RehearsalOutcome::Worse);
        let same = statement("same", "", (1.0, 1.0));
        assert_eq!(outcome(std::slice::from_ref(&same), false), RehearsalOutcome::NoGain);
        assert_eq!(outcome(std::slice::from_ref(&same), true), RehearsalOutcome::Better);
        assert_eq!(outcome(&[], false), RehearsalOutcome::Open);
        let statements = vec![same, faster];
        let figures = Rehearsal {
            outcome: RehearsalOutcome::Better,
            ground: "clone".to_owned(),
            sampled: vec![SampledTable { fraction: 0.125, ..SampledTable::default() }],
            statements,
            ..Rehearsal::default()
        };
        assert_eq!(
            claim(&figures),
            "1 of 2 statements is faster on a clone with 12.5 % of the rows: 41.2 -> 0.310 ms"
        );
    }

    #[test]
    fn a_plan_is_shown_without_the_values_of_rows() {
        let plan = "Seq Scan on t  (cost=0.00..1.00 rows=1 width=4)\n  Filter: (name = 'Alice'::text)\n\
                    Settings: jit = 'off'";
        let shown = without_literals(plan);
        assert!(!shown.contains("Alice") && shown.contains("jit = 'off'"), "{shown}");
        assert!(shown.contains("(cost=0.00..1.00 rows=1 width=4)"), "{shown}");
    }

    #[test]
    fn other_rows_are_worse_than_any_time_is_good() {
        let told = rows(&Rows::Different { before: 3, after: 2, limited: true });
        let differs = statement("faster", &told, (41.2, 0.31));
        assert_eq!(outcome(&[differs], false), RehearsalOutcome::RowsDiffer);
        let told = rows(&Rows::Unknown { why: "it throws dice".to_owned() });
        let unknown = statement("faster", &told, (41.2, 0.31));
        assert_eq!(outcome(&[unknown], false), RehearsalOutcome::Open);
    }
}
