//! Building an index anew: the server makes a copy beside it and swaps the two. What it leaves behind when it fails is a
//! copy that is not valid, under a name of its own.

use model::database::TableName;

use super::{
    ApplyError, IndexTarget, Work, catalog, remove,
    run::{self, Broken},
};

/// Runs a `REINDEX INDEX CONCURRENTLY`.
pub(super) async fn rebuild(
    work: &mut Work<'_>,
    sql: &str,
    (schema, name): (&str, &str),
) -> Result<(), ApplyError> {
    let there = catalog::index(&work.session.doer, schema, name).await?;
    let Some(there) = there else {
        let why = "there is no such index".to_owned();
        return Err(ApplyError::Refused { what: sql.to_owned(), why });
    };
    if !there.owned {
        let what = format!("the index {}", there.name);
        return Err(ApplyError::NotOwner { role: there.role, what, owner: there.owner });
    }
    // Nothing of the old one is lost: there is no definition to keep.
    let index = IndexTarget {
        table: there.table,
        name: there.name,
        definition: String::new(),
        made: false,
    };
    let mut attempt = 1;
    loop {
        let number = run::announce(work, sql, Some(&index))?;
        let wait = work.options.wait;
        let broken = match run::send(work, sql, wait).await {
            Ok(took) => return run::ran(work, number, took),
            Err(broken) => broken,
        };
        if matches!(broken, Broken::Lost(_)) || work.session.doer.is_closed() {
            let Work { session, journal, stop, .. } = work;
            session.reopen(&mut **journal, stop).await?;
        }
        let cleared = clear_copies(work, &index.table, &index.name).await;
        let left = if cleared.is_ok() { String::new() } else { format!("{}_ccnew", index.name) };
        run::broke(work, number, &broken, &left)?;
        if !left.is_empty() {
            return Err(run::failure(sql, broken, &left));
        }
        run::again(work, sql, broken, &mut attempt).await?;
    }
}

/// Drops the copies of an index that a rebuild left behind.
pub(super) async fn clear_copies(
    work: &mut Work<'_>,
    table: &TableName,
    name: &str,
) -> Result<(), ApplyError> {
    let facts = catalog::table(&work.session.doer, &table.schema, &table.name).await?;
    let Some(facts) = facts else { return Ok(()) };
    for copy in catalog::indexes(&work.session.doer, facts.oid).await? {
        if !copy.valid && is_copy(&copy.name, name) {
            work.note(format!("the copy {} was left behind, not valid: dropping it", copy.name));
            remove::clear(work, table, &copy.name).await?;
        }
    }
    Ok(())
}

/// `name_ccnew`, `name_ccold3`; of a long name as much as fits.
fn is_copy(copy: &str, name: &str) -> bool {
    let Some(place) = copy.rfind("_ccnew").or_else(|| copy.rfind("_ccold")) else { return false };
    let (stem, end) = copy.split_at(place);
    let number = end.trim_start_matches("_ccnew").trim_start_matches("_ccold");
    let whole = stem == name;
    let cut = sql::NAME_BYTES_MAX <= copy.len() + 3 && !stem.is_empty() && name.starts_with(stem);
    (whole || cut) && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::is_copy;

    #[test]
    fn copies_are_told_by_their_names() {
        assert!(is_copy("orders_idx_ccnew", "orders_idx"));
        assert!(is_copy("orders_idx_ccold12", "orders_idx"));
        assert!(!is_copy("orders_idx_ccnewer", "orders_idx"));
        assert!(!is_copy("orders_ccnew", "orders_idx"));
        let long = "x".repeat(63);
        assert!(is_copy(&format!("{}_ccnew", "x".repeat(57)), &long));
    }
}
