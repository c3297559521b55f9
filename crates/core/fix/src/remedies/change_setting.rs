//! Change a setting that the server's own figures speak against.

use model::{Change, Finding, Proof, SettingChange};

use crate::{
    Hint, Remedy,
    database::{known, statements},
};

pub(super) static CHANGE_SETTING: Remedy = Remedy {
    name: "change-setting",
    title: "change the setting, and watch the figure that spoke against it",
    answers: &["spill", "low-buffer-hits", "unfit-setting", "idle-in-transaction"],
    proofs: &[Proof::Rehearsal, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let known = known(finding)?;
    if let Some(setting) = known.settings.first() {
        // More memory for one statement is not to be taken by all.
        if setting.name == "work_mem" {
            return Some(for_one_statement(setting));
        }
        return Some(for_all(setting, known));
    }
    if finding.fault == "spill" {
        let text = "Find out whether so many rows need sorting: an index in the order of the sort takes it away, a \
                    filter makes it small. So much memory is not to be had for each run."
            .to_owned();
        return Some(Hint { text, snippet: None, change: None });
    }
    // Options of a table.
    let apply: Vec<String> =
        known.sql.iter().filter(|sql| sql.starts_with("ALTER TABLE")).cloned().collect();
    if apply.is_empty() {
        return None;
    }
    let text =
        "Let autovacuum come earlier to this table, and clear what has piled up with VACUUM."
            .to_owned();
    let mut code = apply.clone();
    code.extend(
        known.table.as_ref().map(|table| format!("VACUUM (ANALYZE) {}", sql::qualified(table))),
    );
    let change = Change {
        database: known.database.clone(),
        apply,
        revert: known.revert.clone(),
        locks: "SHARE UPDATE EXCLUSIVE on the table, for an instant: readers and writers go on."
            .to_owned(),
        ..Change::default()
    };
    Some(Hint { text, snippet: statements(&code), change: Some(change) })
}

fn for_one_statement(setting: &SettingChange) -> Hint {
    let SettingChange { name, now, then, .. } = setting;
    let text = format!(
        "Give this statement more memory: {then} instead of {now}, in its transaction or for the role that runs it, \
         not for all sessions."
    );
    let code = format!(
        "BEGIN;\nSET LOCAL {name} = {};\n-- the statement\nCOMMIT;\n-- or, for a role that runs reports: ALTER ROLE … SET {name} = {};",
        sql::literal(then),
        sql::literal(then)
    );
    Hint { text, snippet: Some(model::Snippet { language: "sql", code }), change: None }
}

fn for_all(setting: &SettingChange, known: &model::DatabaseEvidence) -> Hint {
    let SettingChange { name, now, then, context, default } = setting;
    let (how, needs_restart) = match context.as_str() {
        "postmaster" => ("It takes a restart", true),
        _ => ("It takes a reload, no restart", false),
    };
    let now = if now.is_empty() { "its value of now" } else { now.as_str() };
    let mut text = format!("Set {name} to {then} instead of {now}. {how}.");
    if name == "shared_buffers" {
        text.push_str(
            " Up to a quarter of the machine's memory; look at what reads so much first.",
        );
    }
    let mut apply = vec![format!("ALTER SYSTEM SET {name} = {}", sql::literal(then))];
    let mut revert = vec![if *default {
        format!("ALTER SYSTEM RESET {name}")
    } else {
        format!("ALTER SYSTEM SET {name} = {}", sql::literal(now))
    }];
    let mut code = apply.clone();
    if needs_restart {
        code.push("-- then restart the server".to_owned());
    } else {
        apply.push("SELECT pg_reload_conf()".to_owned());
        revert.push("SELECT pg_reload_conf()".to_owned());
        code.push("SELECT pg_reload_conf()".to_owned());
    }
    let change = Change {
        database: known.database.clone(),
        apply,
        revert,
        locks: if needs_restart {
            "None; it holds after the next restart of the server.".to_owned()
        } else {
            "None.".to_owned()
        },
        ..Change::default()
    };
    Hint { text, snippet: statements(&code), change: Some(change) }
}
