//! Sessions that wait for locks of others.

use std::{collections::BTreeMap, time::Duration};

use model::{
    Level,
    database::{Blocking, Session},
};

use crate::{Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks, detectors::words};

static WAITED_SECONDS_MIN: Knob = Knob {
    key: "waited-seconds-min",
    default: 1.0,
    unit: "s",
    doc: "`deadlock_timeout` is as long: shorter waits are every day's.",
};

static SESSIONS_MIN: Knob = Knob {
    key: "sessions-min",
    default: 0.1,
    unit: "sessions",
    doc: "Average number of sessions that wait for locks: a tenth means that somebody waits for one tenth of the time.",
};

pub(super) static LOCK_WAIT: Detector = Detector {
    code: "F032",
    name: "lock-wait",
    title: "Sessions wait for locks that others hold",
    doc: include_str!("lock_wait.md"),
    effort_days: 0.5,
    share_min: 0.0,
    knobs: &[&WAITED_SECONDS_MIN, &SESSIONS_MIN],
    looks: &[Looks::Database(look)],
};

/// Holders that are followed from one to the next: longer chains are circles.
const CHAIN_MAX: usize = 32;

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    let least = Duration::from_nanos(knobs.nanos(&WAITED_SECONDS_MIN).saturating_mul(1_000));
    let load: f64 =
        view.database.load.iter().filter(|it| it.wait_type == "Lock").map(|it| it.sessions).sum();
    // All that wait for the same holder are one finding.
    let mut by_holder: BTreeMap<i32, Vec<&Blocking>> = BTreeMap::new();
    for wait in view.database.blocking.iter().filter(|wait| least <= wait.waited) {
        by_holder.entry(first_holder(view, wait)).or_default().push(wait);
    }
    let waiting: usize = by_holder.values().map(Vec::len).sum();
    for (holder, waits) in &by_holder {
        #[expect(clippy::cast_precision_loss, reason = "few sessions")]
        let part = waits.len() as f64 / waiting.max(1) as f64;
        found.extend(sighting(view, *holder, waits, load * part));
    }
    if by_holder.is_empty() && knobs.get(&SESSIONS_MIN) <= load {
        found.push(over_time(view, load));
    }
}

fn session<'a>(view: &DatabaseView<'a>, pid: i32) -> Option<&'a Session> {
    view.database.sessions.iter().find(|session| session.pid == pid)
}

/// The one at the head of the queue: who holds what the holder waits for, and so on.
fn first_holder(view: &DatabaseView<'_>, wait: &Blocking) -> i32 {
    let mut holder = wait.holder_pids.first().copied().unwrap_or_default();
    for _ in 0..CHAIN_MAX {
        let waits = view.database.blocking.iter().find(|it| it.waiter_pid == holder);
        let Some(next) = waits.and_then(|it| it.holder_pids.first().copied()) else { break };
        holder = next;
    }
    holder
}

fn sighting(
    view: &DatabaseView<'_>,
    holder_pid: i32,
    waits: &[&Blocking],
    load: f64,
) -> Option<DatabaseSighting> {
    let longest = waits.iter().max_by_key(|wait| wait.waited)?;
    let holder = session(view, holder_pid);
    let table = waits.iter().find_map(|wait| wait.table.clone());
    let place = table.as_ref().map_or_else(|| "locks".to_owned(), ToString::to_string);
    let held_by = holder.and_then(|it| it.statement.as_ref());
    let cause = held_by.map_or_else(
        || holder.map(|it| it.application.to_string()).unwrap_or_default(),
        |text| format!("{:016x}", text.fingerprint),
    );
    let many = match waits.len() {
        1 => "a session waits".to_owned(),
        many => format!("{many} sessions wait"),
    };
    let whose = table.as_ref().map_or_else(String::new, |table| format!(" on {table}"));
    let state = holder.map(|it| it.state.as_str()).unwrap_or_default();
    let least = if Duration::from_mins(1) <= longest.waited { Level::High } else { Level::Medium };
    let mut sighting = DatabaseSighting::new(LOCK_WAIT.name, &place, cause)
        .claim(format!("{many} for a lock{whose} that another one holds{}", idle(state)))
        .cost(Cost::of_hours(load * 24.0).at_least(least))
        .figure("holder", who(view, holder_pid, holder));
    for wait in waits.iter().take(3) {
        let waiter = session(view, wait.waiter_pid);
        sighting = sighting.figure(
            "waits",
            format!(
                "{} for {} ({} of a {})",
                who(view, wait.waiter_pid, waiter),
                words::time(wait.waited),
                wait.mode,
                wait.lock_type
            ),
        );
        let text = waiter.and_then(|it| it.statement.clone());
        sighting.evidence.related.extend(text);
    }
    sighting.evidence.statement = held_by.cloned();
    sighting.known().table = table;
    sighting.known().sql = vec![format!("SELECT pg_terminate_backend({holder_pid})")];
    Some(sighting)
}

fn idle(state: &str) -> &'static str {
    if state.starts_with("idle in transaction") { " and does nothing with" } else { "" }
}

/// `process 4711 (shop, web, idle in transaction for 5 min): update orders …`
fn who(view: &DatabaseView<'_>, pid: i32, session: Option<&Session>) -> String {
    if pid == 0 {
        return "a prepared transaction".to_owned();
    }
    let Some(session) = session else { return format!("process {pid}") };
    let since = session.state_changed.map(|it| words::long_time(view.now().since(it)));
    let text = session.statement.as_ref().map(|text| words::shorten(&text.text));
    format!(
        "process {pid} ({}, {}, {} for {}): {}",
        session.user,
        session.application,
        session.state,
        since.unwrap_or_default(),
        text.unwrap_or_else(|| "statement not visible".to_owned())
    )
}

fn over_time(view: &DatabaseView<'_>, load: f64) -> DatabaseSighting {
    let events: Vec<String> = view
        .database
        .load
        .iter()
        .filter(|it| it.wait_type == "Lock")
        .map(|it| format!("{} {:.2}", it.wait_event, it.sessions))
        .collect();
    DatabaseSighting::new(LOCK_WAIT.name, &"locks", "")
        .claim(format!("on average, {load:.1} sessions wait for locks of others"))
        .cost(Cost::of_hours(load * 24.0))
        .figure("sessions by kind of lock", events.join(", "))
}
