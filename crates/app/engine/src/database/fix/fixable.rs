//! What can be applied or rehearsed: from a finding, or as somebody asks for it.

use model::{Change, Finding, ProposedIndex};
use postgres::{Target, apply};

use super::FixError;

/// Statements that an index which somebody asks for is taken to be for: those of its table that take most time.
const STATEMENTS_MAX: usize = 20;

/// Something that can be applied.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fixable {
    /// Id of the finding that it answers, or of the statement that somebody gave: 16 hexadecimal digits.
    pub id: String,
    /// Name of the fault; empty if somebody asked for it without one.
    pub fault: String,
    /// The claim of the finding, or what was asked for.
    pub claim: String,
    /// What to do, in a sentence.
    pub advice: String,
    /// What makes it and what takes it back.
    pub change: Change,
    /// Statements that it is for: `queryid` and text.
    pub statements: Vec<(i64, String)>,
    /// What is known of indexes that it creates.
    pub proposed: Vec<ProposedIndex>,
    /// The statement, and the same written another way, where that is what to do: code has to change, no database.
    pub rewrite: Option<(String, String)>,
}

/// What of these findings can be applied, or rehearsed, in their order.
#[must_use]
pub fn fixables(findings: &[Finding]) -> Vec<Fixable> {
    findings.iter().filter_map(fixable).collect()
}

/// A statement written another way, as somebody gives it.
#[must_use]
pub fn rewrite_of(target: &Target, before: &str, after: &str) -> Fixable {
    let normal = |sql: &str| sql::normalise(sql).text;
    let database = model::Text::from(target.database());
    Fixable {
        id: format!(
            "{:016x}",
            sql::hash(format!("{};{}", normal(before), normal(after)).as_bytes())
        ),
        claim: format!("{}, written as {}", normal(before), normal(after)),
        change: Change { database, ..Change::default() },
        rewrite: Some((before.to_owned(), after.to_owned())),
        ..Fixable::default()
    }
}

fn fixable(finding: &Finding) -> Option<Fixable> {
    let known = finding.evidence.database.as_deref();
    let rewrite = known.and_then(|known| rewritten(finding, known));
    let with_change = finding.advice.iter().find(|advice| advice.change.is_some());
    let advice = match (with_change, &rewrite) {
        (Some(advice), _) => advice,
        (None, Some(_)) => finding.advice.first()?,
        (None, None) => return None,
    };
    let proposed = known.map(|known| known.proposed.clone()).unwrap_or_default();
    let mut statements: Vec<(i64, String)> = Vec::new();
    let own = known.map_or(0, |known| known.query_id);
    let text = finding.evidence.statement.as_ref().map(|text| text.text.to_string());
    let helped = proposed.iter().flat_map(|index| &index.helped);
    let helped = helped.map(|effect| (effect.query_id, effect.text.text.to_string()));
    for (query_id, text) in std::iter::once((own, text.unwrap_or_default())).chain(helped) {
        if query_id != 0 && statements.iter().all(|(known, _)| *known != query_id) {
            statements.push((query_id, text));
        }
    }
    let database = known.map(|known| known.database.clone()).unwrap_or_default();
    Some(Fixable {
        id: finding.id.to_string(),
        fault: finding.fault.to_owned(),
        claim: finding.claim.clone(),
        advice: advice.text.clone(),
        change: advice.change.clone().unwrap_or(Change { database, ..Change::default() }),
        statements,
        proposed,
        rewrite,
    })
}

/// The statement at fault, and what the remedy makes of it, where that gives the same rows.
fn rewritten(finding: &Finding, known: &model::DatabaseEvidence) -> Option<(String, String)> {
    if finding.fault != "subquery-shape" || known.generic.is_empty() {
        return None;
    }
    let key: Vec<&str> = known.key.iter().map(model::Text::as_str).collect();
    let rewritten = fix::rewrite::subquery(&known.generic, &key)?;
    Some((known.generic.to_string(), rewritten.sql))
}

/// What a `CREATE INDEX` or `DROP INDEX` would be, that somebody asks for.
///
/// # Errors
///
/// It is neither, what it names is not there, or there is no connection.
pub async fn fixable_of(target: &Target, statement: &str) -> Result<Fixable, FixError> {
    let change = apply::change_of(target, statement).await?;
    let mut statements = Vec::new();
    for (table, _) in &change.creates {
        statements.extend(apply::statements_of(target, table, STATEMENTS_MAX).await?);
    }
    Ok(Fixable {
        id: format!("{:016x}", sql::hash(change.apply.join(";").as_bytes())),
        claim: change.apply.join("; "),
        change,
        statements,
        ..Fixable::default()
    })
}
