//! Keep the result of sums, and refresh it now and then.

use model::{Change, DatabaseEvidence, Finding, Proof};

use crate::{
    Hint, Remedy,
    database::{known, statements},
    rewrite,
};

pub(super) static KEEP_RESULT: Remedy = Remedy {
    name: "keep-result",
    title: "keep the sums in a materialised view and refresh it",
    answers: &["repeated-aggregate"],
    proofs: &[Proof::Rehearsal, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let known = known(finding)?;
    let refresh = figure(known, "refresh every").unwrap_or("300 s");
    // What depends on a parameter has another result for each: then an index has to hold what is summed up.
    let Some(sums) = rewrite::sums(&known.generic) else {
        let text = "Let an index answer it alone: the filtered columns as keys, the summed ones in INCLUDE. If that \
                    is not enough, keep the sums by the filtered columns in a table that changes with the rows."
            .to_owned();
        let snippet = rewrite::covering_index(&known.generic).and_then(|it| statements(&[it]));
        return Some(Hint { text, snippet, change: None });
    };
    let table = known.table.clone()?;
    let name = format!("{}_sums", table.name);
    let view = sql::qualified(&model::database::TableName::new(&table.schema, &name));
    let create = format!("CREATE MATERIALIZED VIEW {view} AS {}", sums.query);
    let key = if sums.keys.is_empty() {
        // One row: any constant tells it apart from the others that are not there.
        format!("CREATE UNIQUE INDEX {} ON {view} ((1))", index_name(&name, &["expr".to_owned()]))
    } else {
        let keys: Vec<_> = sums.keys.iter().map(|key| sql::identifier(key).into_owned()).collect();
        let named = index_name(&name, &sums.keys);
        format!("CREATE UNIQUE INDEX {named} ON {view} ({})", keys.join(", "))
    };
    // A unique index on columns alone is what a concurrent refresh asks for.
    let how = if sums.keys.is_empty() { "" } else { " CONCURRENTLY" };
    let refresh_it = format!("REFRESH MATERIALIZED VIEW{how} {view}");
    let apply = vec![create, key];
    let mut code = apply.clone();
    code.push(format!("-- every {refresh}, by cron or pg_cron:"));
    code.push(refresh_it);
    code.push(format!("-- and read it: SELECT * FROM {view}"));
    let waits = if how.is_empty() { "" } else { "; readers do not wait for it" };
    let text = format!(
        "Keep the sums in a materialised view and refresh it every {refresh}{waits}. Figures are that old at most: \
         where that is too old, keep a table of sums that changes with the rows."
    );
    let change = Change {
        database: known.database.clone(),
        apply,
        revert: vec![format!("DROP MATERIALIZED VIEW {view}")],
        locks: "ACCESS SHARE on the tables below while it is filled: nobody waits.".to_owned(),
        ..Change::default()
    };
    Some(Hint { text, snippet: statements(&code), change: Some(change) })
}

/// As PostgreSQL would name it; said here, so that a migration can name it too.
fn index_name(view: &str, keys: &[String]) -> String {
    let whole = format!("{view}_{}", keys.join("_"));
    let room = whole.floor_char_boundary(sql::NAME_BYTES_MAX - "_idx".len());
    let name = format!("{}_idx", whole.get(..room).unwrap_or_default());
    sql::identifier(&name).into_owned()
}

fn figure<'a>(known: &'a DatabaseEvidence, label: &str) -> Option<&'a str> {
    known.figures.iter().find(|(name, _)| name == label).map(|(_, value)| value.as_str())
}
