//! Transactions that are open while nothing is done in them.

use std::{collections::BTreeMap, time::Duration};

use model::{Level, SettingChange, database::Session};

use crate::{Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks, detectors::words};

static SECONDS_MIN: Knob = Knob {
    key: "seconds-min",
    default: 60.0,
    unit: "s",
    doc: "No request takes so long: whoever began the transaction has forgotten it, or waits for something else.",
};

pub(super) static IDLE_IN_TRANSACTION: Detector = Detector {
    code: "F033",
    name: "idle-in-transaction",
    title: "Transactions stay open while nothing is done in them",
    doc: include_str!("idle_in_transaction.md"),
    effort_days: 0.25,
    share_min: 0.0,
    knobs: &[&SECONDS_MIN],
    looks: &[Looks::Database(look)],
};

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    let least = Duration::from_secs_f64(knobs.get(&SECONDS_MIN));
    // One application forgets its transactions in one way: that is one finding.
    let mut by_application: BTreeMap<(&str, &str), Vec<(&Session, Duration)>> = BTreeMap::new();
    for session in &view.database.sessions {
        let Some(since) = session.state_changed else { continue };
        let idle = view.now().since(since);
        if session.state.starts_with("idle in transaction") && least <= idle {
            let key = (session.application.as_str(), session.user.as_str());
            by_application.entry(key).or_default().push((session, idle));
        }
    }
    for ((application, user), mut sessions) in by_application {
        sessions.sort_by_key(|(session, idle)| (std::cmp::Reverse(*idle), session.pid));
        found.extend(sighting(view, application, user, &sessions));
    }
}

fn sighting(
    view: &DatabaseView<'_>,
    application: &str,
    user: &str,
    sessions: &[(&Session, Duration)],
) -> Option<DatabaseSighting> {
    let (longest, idle) = sessions.first()?;
    let who = if application.is_empty() { user } else { application };
    let many = match sessions.len() {
        1 => "a transaction".to_owned(),
        many => format!("{many} transactions"),
    };
    let blocks = view
        .database
        .blocking
        .iter()
        .any(|wait| sessions.iter().any(|(it, _)| wait.holder_pids.contains(&it.pid)));
    let level =
        if blocks || Duration::from_hours(1) <= *idle { Level::High } else { Level::Medium };
    let mut sighting = DatabaseSighting::new(IDLE_IN_TRANSACTION.name, &who, user)
        .claim(format!(
            "{many} of {who} stay{} open without doing anything, for {} by now",
            if sessions.len() == 1 { "s" } else { "" },
            words::long_time(*idle)
        ))
        .cost(Cost::default().at_least(level));
    for (session, idle) in sessions.iter().take(3) {
        let text = session.statement.as_ref().map(|text| words::shorten(&text.text));
        sighting = sighting.figure(
            "open",
            format!(
                "process {}, idle for {}, last: {}",
                session.pid,
                words::long_time(*idle),
                text.unwrap_or_else(|| "statement not visible".to_owned())
            ),
        );
    }
    if blocks {
        sighting = sighting.figure("holds", "locks that others wait for");
    }
    sighting.evidence.statement.clone_from(&longest.statement);
    let setting = view.database.settings.get("idle_in_transaction_session_timeout");
    let now = setting.map_or_else(|| "0".into(), |it| it.value.clone());
    let known = sighting.known();
    known.sql = vec![format!("SELECT pg_terminate_backend({})", longest.pid)];
    if now == "0" {
        known.settings.push(SettingChange {
            name: "idle_in_transaction_session_timeout".into(),
            now,
            then: "60s".into(),
            context: "user".into(),
            default: setting.is_none_or(|it| it.source == "default"),
        });
    }
    Some(sighting)
}
