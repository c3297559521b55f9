//! Sessions of a database on the wire: who waits for whom, and who holds a transaction open.

use std::collections::{BTreeMap, BTreeSet};

use model::database as pg;
use serde::Serialize;
use utoipa::ToSchema;

use super::millis;

/// A session that holds or waits for locks, in tree order: a holder comes before those who wait for it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LockNode {
    /// Steps below a session that waits for nobody.
    pub depth: usize,
    /// The session.
    pub session: DatabaseSession,
    /// What it waits for: `ShareLock on transactionid`; empty if it does not wait.
    pub waits_for: String,
    /// How long it has waited.
    pub waited_ms: u64,
    /// Sessions that wait for it, directly or not.
    pub blocks: usize,
}

/// One session.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DatabaseSession {
    /// `pid`
    pub pid: i32,
    /// `usename`
    pub user: String,
    /// `application_name`
    pub application: String,
    /// `state`
    pub state: String,
    /// `wait_event_type: wait_event`; empty if it does not wait.
    pub wait: String,
    /// How long its transaction has been open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_ms: Option<u64>,
    /// What it runs, or ran last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// `queryid` of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
}

fn session(one: &pg::Session, now: model::Moment) -> DatabaseSession {
    let wait = match (one.wait_type.as_str(), one.wait_event.as_str()) {
        ("", _) => String::new(),
        (kind, event) => format!("{kind}: {event}"),
    };
    DatabaseSession {
        pid: one.pid,
        user: one.user.to_string(),
        application: one.application.to_string(),
        state: one.state.to_string(),
        wait,
        transaction_ms: one.transaction_started.map(|began| millis(now.since(began))),
        statement: one.statement.as_ref().map(|text| text.text.to_string()),
        query_id: one.query_id.map(|id| id.to_string()),
    }
}

/// Open transactions that do nothing, longest first.
pub(super) fn idle_in_transaction(database: &pg::Database) -> Vec<DatabaseSession> {
    const SHOWN_MAX: usize = 50;
    let mut idle: Vec<DatabaseSession> = database
        .sessions
        .iter()
        .filter(|one| one.state.starts_with("idle in transaction"))
        .map(|one| session(one, database.window.to))
        .collect();
    idle.sort_by_key(|one| std::cmp::Reverse(one.transaction_ms));
    idle.truncate(SHOWN_MAX);
    idle
}

/// Holders with those who wait for them below, depth first. A session that waits for two stands below the
/// first; those that wait for each other begin with the one of the smallest pid.
pub(super) fn lock_tree(database: &pg::Database) -> Vec<LockNode> {
    let waits: BTreeMap<i32, &pg::Blocking> =
        database.blocking.iter().map(|one| (one.waiter_pid, one)).collect();
    let below = |pid: i32| {
        let first = move |one: &&&pg::Blocking| one.holder_pids.first() == Some(&pid);
        waits.values().filter(first).map(|one| one.waiter_pid).collect::<Vec<i32>>()
    };
    let holders = waits.values().filter_map(|one| one.holder_pids.first().copied());
    let mut roots: Vec<i32> = holders.filter(|pid| !waits.contains_key(pid)).collect();
    roots.extend(waits.keys());
    roots.dedup();
    let mut seen = BTreeSet::new();
    let mut nodes: Vec<LockNode> = Vec::new();
    for root in roots {
        let mut open = vec![(root, 0)];
        while let Some((pid, depth)) = open.pop() {
            if !seen.insert(pid) {
                continue;
            }
            nodes.push(lock_node(database, waits.get(&pid).copied(), pid, depth));
            open.extend(below(pid).into_iter().rev().map(|waiter| (waiter, depth + 1)));
        }
    }
    for place in 0..nodes.len() {
        let depth = nodes[place].depth;
        nodes[place].blocks =
            nodes[place + 1..].iter().take_while(|node| depth < node.depth).count();
    }
    nodes
}

fn lock_node(
    database: &pg::Database,
    waiting: Option<&pg::Blocking>,
    pid: i32,
    depth: usize,
) -> LockNode {
    let known = database.sessions.iter().find(|one| one.pid == pid);
    let unknown = pg::Session { pid, ..pg::Session::default() };
    let waits_for = waiting.map_or_else(String::new, |one| match &one.table {
        Some(table) => format!("{} on {table}", one.mode),
        None => format!("{} on {}", one.mode, one.lock_type),
    });
    LockNode {
        depth,
        session: session(known.unwrap_or(&unknown), database.window.to),
        waits_for,
        waited_ms: waiting.map_or(0, |one| millis(one.waited)),
        blocks: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(waiter: i32, holder: i32) -> pg::Blocking {
        pg::Blocking {
            waiter_pid: waiter,
            holder_pids: vec![holder],
            mode: "ShareLock".into(),
            lock_type: "transactionid".into(),
            ..pg::Blocking::default()
        }
    }

    fn check(blocking: Vec<pg::Blocking>, expected: &[(i32, usize, usize)]) {
        let database = pg::Database { blocking, ..pg::Database::default() };
        let tree: Vec<(i32, usize, usize)> = lock_tree(&database)
            .iter()
            .map(|node| (node.session.pid, node.depth, node.blocks))
            .collect();
        assert_eq!(tree, expected);
    }

    #[test]
    fn who_waits_stands_below_who_holds() {
        check(
            vec![waits(3, 2), waits(2, 1), waits(4, 1), waits(9, 8)],
            &[(1, 0, 3), (2, 1, 1), (3, 2, 0), (4, 1, 0), (8, 0, 1), (9, 1, 0)],
        );
    }

    #[test]
    fn those_who_wait_for_each_other_are_told_once() {
        check(vec![waits(1, 2), waits(2, 1)], &[(1, 0, 1), (2, 1, 0)]);
    }
}
