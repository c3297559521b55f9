//! Which statements a change is rehearsed with, and what stands for their parameters.

use postgres::{
    apply,
    rehearse::{Refusal, RehearseError, Statement, Valued},
};

use super::{FixError, Fixable, RehearsalRequest, What};

/// Statements that are rehearsed: those that take most time come first, and each takes a minute at worst.
const STATEMENTS_MAX: usize = 8;

/// A statement that somebody gave, or that the change is for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Given {
    /// `queryid`; 0 if somebody gave it.
    pub(super) query_id: i64,
    /// As it can be run, with `$1` for what is not known.
    pub(super) sql: String,
    /// Why it is not run; empty if it is.
    pub(super) refused: String,
}

impl Given {
    /// Without literals, as it is shown and kept.
    pub(super) fn text(&self) -> String {
        sql::normalise(&self.sql).text
    }
}

/// The statements to rehearse.
pub(super) async fn gather(
    fixable: &Fixable,
    request: &RehearsalRequest,
    what: &What,
) -> Result<Vec<Given>, FixError> {
    let given = |sql: &String| Given { sql: sql.clone(), ..Given::default() };
    if let What::Rewrite { before, .. } = what {
        return Ok(vec![given(before)]);
    }
    if !request.statements.is_empty() {
        return Ok(request.statements.iter().map(given).collect());
    }
    let wanted = fixable.statements.get(..STATEMENTS_MAX).unwrap_or(&fixable.statements);
    let ids: Vec<i64> = wanted.iter().map(|(id, _)| *id).collect();
    let texts = apply::statement_texts(&request.target, &ids).await?;
    let known = |id: &i64| texts.iter().find(|(known, _)| known == id).map(|(_, text)| text);
    let found: Vec<Given> = wanted
        .iter()
        .map(|(query_id, text)| match known(query_id) {
            Some(sql) => Given { query_id: *query_id, sql: sql.clone(), refused: String::new() },
            None => Given {
                query_id: *query_id,
                sql: text.clone(),
                refused: "pg_stat_statements knows its text no more".to_owned(),
            },
        })
        .collect();
    if found.is_empty() {
        return Err(FixError::NotRehearsed {
            why: "no statement is known that it is for".to_owned(),
            hint: "--query 'SELECT …' gives one; without pg_stat_statements none are known"
                .to_owned(),
        });
    }
    Ok(found)
}

/// Why one statement is not run, where others may be; an error where none can.
pub(super) fn reason(error: RehearseError) -> Result<String, FixError> {
    match &error {
        RehearseError::Refused(Refusal::Primary | Refusal::Building | Refusal::Untold)
        | RehearseError::Server { .. }
        | RehearseError::Locked { .. } => Err(error.into()),
        RehearseError::Refused(refusal) => Ok(refusal.to_string()),
        RehearseError::Invalid(source) => {
            let said = source.as_db_error().map(|said| said.message().to_owned());
            Ok(format!(
                "the server does not take it: {}",
                said.unwrap_or_else(|| source.to_string())
            ))
        }
    }
}

/// Where the values of parameters are from, for people.
pub(super) fn about_values(ready: &[Valued]) -> Vec<String> {
    let mut notes = Vec::new();
    let known: usize = ready.iter().map(|it| it.known).sum();
    if 0 < known {
        notes.push(
            "values of parameters are from rows of their tables, LIMIT is 20; --query takes values of your choice"
                .to_owned(),
        );
    }
    for it in ready.iter().filter(|it| !it.guessed.is_empty()) {
        notes.push(format!(
            "nothing tells what {} may be, which is guessed, in: {}",
            it.guessed.join(", "),
            sql::normalise(&it.statement.sql).text
        ));
    }
    notes
}

/// A rewrite with the values of the statement that it stands for. Parameters that it has no more leave no gap in
/// their numbers.
pub(super) fn rewritten(after: &str, before: &Statement) -> Statement {
    let mut statement = Statement::default();
    let mut numbers: Vec<usize> = Vec::new();
    let mut rest = after;
    while let Some((head, tail)) = rest.split_once('$') {
        statement.sql.push_str(head);
        statement.sql.push('$');
        let end = tail.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(tail.len());
        let (digits, further) = tail.split_at(end);
        // A dollar within a name or a quote has no number that the other statement has.
        match digits.parse::<usize>().ok().filter(|number| *number <= before.parameters.len()) {
            Some(number) if 0 < number => {
                let known = numbers.iter().position(|known| *known == number);
                let place = known.unwrap_or(numbers.len());
                if known.is_none() {
                    numbers.push(number);
                }
                statement.sql.push_str(&(place + 1).to_string());
            }
            _ => statement.sql.push_str(digits),
        }
        rest = further;
    }
    statement.sql.push_str(rest);
    let value = |number: &usize| before.parameters.get(number - 1).cloned().flatten();
    statement.parameters = numbers.iter().map(value).collect();
    statement
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewrite_keeps_the_values_of_the_parameters_that_it_keeps() {
        let values = [Some("0".to_owned()), Some("7".to_owned())];
        let before = Statement { sql: String::new(), parameters: values.to_vec() };
        let after = rewritten("select exists (select 1 from t where a = $2 or b = $2)", &before);
        assert_eq!(after.sql, "select exists (select 1 from t where a = $1 or b = $1)");
        assert_eq!(after.parameters, [Some("7".to_owned())]);
        let plain = rewritten("select '$5', $tag$ x $tag$", &before);
        assert_eq!(plain.sql, "select '$5', $tag$ x $tag$");
        assert_eq!(plain.parameters, []);
    }
}
