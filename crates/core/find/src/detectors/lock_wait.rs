//! Sessions that wait for locks of others.

use std::{collections::BTreeMap, time::Duration};

use model::{
    Level,
    database::{Blocking, LoggedWait, Session},
};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    detectors::{figures, words},
};

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

static LOGGED_WAITS_MIN: Knob = Knob {
    key: "logged-waits-min",
    default: 3.0,
    unit: "waits",
    doc: "Waits of one statement for another that the followed log tells of, each longer than `deadlock_timeout`: fewer are accidents.",
};

pub(super) static LOCK_WAIT: Detector = Detector {
    code: "F032",
    name: "lock-wait",
    title: "Sessions wait for locks that others hold",
    doc: include_str!("lock_wait.md"),
    effort_days: 0.5,
    share_min: 0.0,
    knobs: &[&WAITED_SECONDS_MIN, &SESSIONS_MIN, &LOGGED_WAITS_MIN],
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
    let mut logged = logged(view, knobs.get(&LOGGED_WAITS_MIN));
    for sighting in found.iter_mut().filter(|it| it.fault == LOCK_WAIT.name) {
        let same = |it: &DatabaseSighting| it.cause == sighting.cause && !it.cause.is_empty();
        if let Some(place) = logged.iter().position(same) {
            let told = logged.remove(place);
            for (label, value) in told.evidence.database.iter().flat_map(|known| &known.figures) {
                sighting.evidence.excerpt.push(format!("{label}: {value}"));
                sighting.known().figures.push((label.clone(), value.clone()));
            }
        }
    }
    // Who waits for whom is more than how many wait.
    if by_holder.is_empty() && logged.is_empty() && knobs.get(&SESSIONS_MIN) <= load {
        found.push(over_time(view, load));
    }
    found.append(&mut logged);
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
        .cost(Cost::of_hours(load * 24.0).waiting().at_least(least))
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

/// Pairs of statements of which the log tells that one waits for the other again and again.
fn logged(view: &DatabaseView<'_>, waits_min: f64) -> Vec<DatabaseSighting> {
    let log = &view.database.log;
    let days = (view.now().since(log.since).as_secs_f64() / 86_400.0).max(1.0 / 1_440.0);
    #[expect(clippy::cast_precision_loss, reason = "counts for people")]
    let often = |wait: &&LoggedWait| waits_min <= wait.waits as f64;
    log.lock_waits.iter().filter(often).take(LOGGED_MAX).map(|it| of_log(view, it, days)).collect()
}

/// Pairs that are told: those with most time.
const LOGGED_MAX: usize = 10;

#[expect(clippy::cast_precision_loss, reason = "counts for people")]
fn of_log(view: &DatabaseView<'_>, wait: &LoggedWait, days: f64) -> DatabaseSighting {
    let table = wait.waiter.as_ref().and_then(|text| view.first_table(text));
    let place = table.map_or_else(|| "locks".to_owned(), |table| table.name.to_string());
    let print = |text: &model::StatementText| format!("{:016x}", text.fingerprint);
    let cause = match (&wait.holder, &wait.waiter) {
        (Some(holder), _) => print(holder),
        (None, Some(waiter)) => format!("waits {}", print(waiter)),
        (None, None) => wait.lock_type.to_string(),
    };
    let whose = table.map_or_else(String::new, |table| format!(" on {}", table.name));
    let mean = wait.total_millis / wait.waits.max(1) as f64;
    let text = |text: &Option<_>| {
        text.as_ref().map_or_else(
            || "not told by the log".to_owned(),
            |text: &std::sync::Arc<model::StatementText>| words::shorten(&text.text),
        )
    };
    let per_day = wait.waits as f64 / days;
    let mut sighting = DatabaseSighting::new(LOCK_WAIT.name, &place, cause)
        .claim(format!("statements wait again and again for a lock{whose} that another one holds"))
        .cost(Cost::of_runs(per_day, mean, 0.0).waiting())
        .figure(
            "waits",
            format!(
                "{}, {} each, {} at most",
                figures::a_day(per_day),
                figures::millis(mean),
                figures::millis(wait.max_millis)
            ),
        )
        .figure("lock", format!("{} of a {}", wait.mode, wait.lock_type))
        .figure("waiting", text(&wait.waiter))
        .figure("holding", text(&wait.holder));
    if !wait.holder_application.is_empty() {
        let who = format!("{}, {}", wait.holder_application, wait.holder_state);
        sighting = sighting.figure("holder", who);
    }
    sighting.evidence.statement.clone_from(if wait.holder.is_some() {
        &wait.holder
    } else {
        &wait.waiter
    });
    if wait.holder.is_some() {
        sighting.evidence.related.extend(wait.waiter.clone());
    }
    sighting.known().table = table.map(|table| table.name.clone());
    sighting
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
        .cost(Cost::of_hours(load * 24.0).waiting())
        .figure("sessions by kind of lock", events.join(", "))
}
