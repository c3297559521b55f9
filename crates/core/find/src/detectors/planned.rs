//! What plans that were seen say, for detectors: a note on a plan stands beside the figures of its statement, or, where
//! those say nothing, for itself.

use std::sync::Arc;

use model::{StatementText, database::ServerStatement};

use crate::{
    Cost, DatabaseSighting, DatabaseView,
    database::SeenPlan,
    detectors::{figures, words},
    plan::PlanNote,
};

/// Share of all database time below which a statement is not looked at: other things come first.
const STATEMENT_SHARE_MIN: f64 = 0.01;

/// A logged run that takes so many times the mean is an exception: only what was logged counts then.
const EXCEPTION_TIMES: f64 = 4.0;

/// How much of what is at stake the remedy spares, until a rehearsal has measured it.
const SPARED: f64 = 0.7;

/// Text of a plan that is kept as evidence; a longer one is cut at a line.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// Label of the figure that says what helps.
pub(super) const HELPS: &str = "what helps";

/// A note on a plan that was seen often enough, of a statement that matters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noted<'a> {
    seen: &'a SeenPlan<'a>,
    /// What is so.
    pub(super) note: &'a PlanNote,
    statement: Option<&'a ServerStatement>,
}

/// The worst note of these rules on each plan.
pub(super) fn noted<'a>(view: &'a DatabaseView<'a>, rules: &[&str]) -> Vec<Noted<'a>> {
    let worst = |(seen, notes): (&'a SeenPlan<'a>, &'a Vec<PlanNote>)| {
        let note = notes.iter().find(|note| rules.contains(&note.rule))?;
        let noted = Noted { seen, note, statement: statement_of(view, seen) };
        noted.matters(view).then_some(noted)
    };
    view.plans.iter().zip(view.notes()).filter_map(worst).collect()
}

/// Says of each plan what these rules note, under the name of a fault: beside what is said of its statement already,
/// else for itself.
pub(super) fn tell(
    view: &DatabaseView<'_>,
    fault: &'static str,
    rules: &[&str],
    found: &mut Vec<DatabaseSighting>,
) {
    for noted in noted(view, rules) {
        let same = |it: &&mut DatabaseSighting| it.fault == fault && noted.is_about(it);
        match found.iter_mut().find(same) {
            Some(known) => noted.beside(known),
            None => found.extend(noted.sighting(view, fault, "")),
        }
    }
}

/// Shows the plan of whatever is said of a statement whose plan was seen.
pub(crate) fn show(view: &DatabaseView<'_>, found: &mut [DatabaseSighting]) {
    for sighting in found {
        let Some(text) = &sighting.evidence.statement else { continue };
        let seen = view.plans.iter().find(|seen| fingerprint(view, seen) == text.fingerprint);
        let known = sighting.known();
        if let Some(seen) = seen.filter(|_| known.plan.is_empty()) {
            known.plan = shown(seen.text);
        }
    }
}

fn statement_of<'a>(view: &DatabaseView<'a>, seen: &SeenPlan<'_>) -> Option<&'a ServerStatement> {
    view.database.statements.iter().find(|it| {
        (seen.query_id != 0 && it.query_id == seen.query_id)
            || (seen.fingerprint != 0 && it.text.fingerprint == seen.fingerprint)
    })
}

fn fingerprint(view: &DatabaseView<'_>, seen: &SeenPlan<'_>) -> u64 {
    if seen.fingerprint != 0 {
        return seen.fingerprint;
    }
    statement_of(view, seen).map_or(0, |it| it.text.fingerprint)
}

/// The beginning of a plan, in whole lines.
fn shown(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let start = text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default();
    let whole = start.rsplit_once('\n').map_or(start, |(whole, _)| whole);
    format!("{whole}\n…")
}

impl<'a> Noted<'a> {
    /// Whether it was seen more than by accident, and is worth a word beside all other work.
    fn matters(&self, view: &DatabaseView<'_>) -> bool {
        let often = view.plan_limits.seen_min <= self.seen.runs;
        often && self.statement.is_none_or(|it| view.matters(it, STATEMENT_SHARE_MIN))
    }

    fn text(&self) -> Option<&'a Arc<StatementText>> {
        self.statement.map(|it| &it.text).or(self.seen.statement)
    }

    /// Whether a sighting is about the same statement.
    pub(super) fn is_about(&self, sighting: &DatabaseSighting) -> bool {
        let own = self.text().map_or(self.seen.fingerprint, |text| text.fingerprint);
        let evidence = &sighting.evidence;
        evidence.statement.iter().chain(&evidence.related).any(|text| text.fingerprint == own)
    }

    /// Adds what the plan shows to what is said already.
    fn beside(&self, known: &mut DatabaseSighting) {
        let mut told = std::mem::replace(known, DatabaseSighting::new("", &"", ""));
        told = told
            .figure("in its plan", self.note.claim.clone())
            .figure(HELPS, self.note.hint.clone());
        told.known().plan = shown(self.seen.text);
        *known = told;
    }

    /// Says it for itself; `cause` tells it from others of the same statement.
    pub(super) fn sighting(
        &self,
        view: &DatabaseView<'a>,
        fault: &'static str,
        cause: &str,
    ) -> Option<DatabaseSighting> {
        let text = self.text();
        let node = self.note.node.and_then(|place| self.seen.plan.nodes.get(place));
        let table = node
            .and_then(|node| view.table_named(node.relation.as_deref()?))
            .or_else(|| view.first_table(text?));
        let place = table.map_or_else(|| "statement".to_owned(), |table| table.name.to_string());
        let print = text.map_or(self.seen.fingerprint, |text| text.fingerprint);
        let cause = format!("{cause}{print:016x}");
        let mut sighting = DatabaseSighting::new(fault, &place, cause)
            .claim(self.note.claim.clone())
            .cost(self.cost(view));
        if let Some(table) = table {
            sighting = sighting.columns(table);
        }
        match (self.statement, text) {
            (Some(statement), _) => sighting = sighting.statement(statement),
            (None, Some(text)) => sighting.evidence.statement = Some(Arc::clone(text)),
            (None, None) => return None,
        }
        sighting = sighting
            .figure("statement", words::shorten(&text?.text))
            .figure("seen", self.seen_told());
        if let Some(node) = node {
            sighting = sighting.figure("node", sql::plan::title(node));
        }
        for (name, value) in &self.note.figures {
            sighting = sighting.figure(name, value.clone());
        }
        sighting = sighting
            .figure("at stake", format!("{} of the run", figures::percent(self.note.share)))
            .figure(HELPS, self.note.hint.clone());
        sighting.known().plan = shown(self.seen.text);
        Some(sighting)
    }

    fn seen_told(&self) -> String {
        let runs = match self.seen.runs {
            1 => "in one run".to_owned(),
            many => format!("in {many} runs"),
        };
        format!("{runs} that the log shows, {} each", figures::millis(self.seen.millis))
    }

    /// Runs at fault, and what they would take less.
    fn cost(&self, view: &DatabaseView<'_>) -> Cost {
        let then = 1.0 - self.note.share * SPARED;
        let usual = self.statement.filter(|it| {
            let mean = it.runs.mean_millis();
            0.0 < mean && self.seen.millis <= mean * EXCEPTION_TIMES
        });
        if let Some(statement) = usual {
            let mean = statement.runs.mean_millis();
            return Cost::of_runs(view.per_day(statement.runs.calls), mean, mean * then);
        }
        let millis = self.seen.millis;
        Cost::of_runs(view.per_day(self.seen.runs), millis, millis * then)
    }
}
