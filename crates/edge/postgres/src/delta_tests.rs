//! Counters over resets, evictions and hidden rows: never negative, never larger than what has happened.

use proptest::prelude::*;

use super::*;

const THEN: Moment = Moment { nanos: 1_000 };

fn runs(calls: u64) -> RunStatistics {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let total_millis = calls as f64 * 2.0;
    RunStatistics { calls, rows: calls * 3, total_millis, ..RunStatistics::default() }
}

fn rows(all: &[(i64, u32, u64)]) -> StatementRows {
    let row = |(id, user, calls): &(i64, u32, u64)| StatementRow {
        key: (*id, *user, true),
        runs: runs(*calls),
        ..StatementRow::default()
    };
    StatementRows {
        all: all.iter().map(row).collect(),
        complete: true,
        readable: true,
        ..StatementRows::default()
    }
}

fn calls(before: &StatementRows, after: &StatementRows) -> Vec<(i64, u64)> {
    let found = statements(before, after, THEN);
    found.iter().map(|row| (row.key.0, row.runs.calls)).collect()
}

#[test]
fn what_ran_between_two_looks_is_their_difference() {
    let before = rows(&[(1, 10, 100), (2, 10, 5), (3, 10, 7)]);
    let after = rows(&[(1, 10, 130), (2, 10, 5), (4, 10, 9), (1, 11, 1)]);
    assert_eq!(calls(&before, &after), [(1, 30), (4, 9), (1, 1)]);
}

#[test]
fn after_a_reset_everything_counts_from_nothing() {
    let before = rows(&[(1, 10, 100), (2, 10, 5)]);
    let after = StatementRows { reset: Moment { nanos: 9 }, ..rows(&[(1, 10, 120), (2, 10, 2)]) };
    assert_eq!(calls(&before, &after), [(1, 120), (2, 2)]);
}

#[test]
fn a_statement_that_was_thrown_out_and_came_back_counts_what_it_shows() {
    let before = rows(&[(1, 10, 100)]);
    assert_eq!(calls(&before, &rows(&[(1, 10, 3)])), [(1, 3)]);
    let evictions = |evictions, rows| StatementRows { evictions: Some(evictions), ..rows };
    let (then, now) = (evictions(4, rows(&[])), evictions(6, rows(&[])));
    assert_eq!(evicted(&then, &now, 5_000), 500);
    assert_eq!(evicted(&then, &now, 100), 20);
    assert_eq!(evicted(&now, &then, 100), 0);
}

#[test]
fn what_was_only_hidden_counts_nothing() {
    let hidden = StatementRows { complete: false, ..rows(&[(1, 10, 100)]) };
    let after = rows(&[(1, 10, 101), (2, 10, 1_000_000)]);
    assert_eq!(calls(&hidden, &after), [(1, 1)]);
    let mut since = after;
    since.all[1].since = Moment { nanos: 2_000 };
    assert_eq!(calls(&hidden, &since), [(1, 1), (2, 1_000_000)]);
    let unreadable = StatementRows { readable: false, ..rows(&[]) };
    assert_eq!(calls(&unreadable, &since), []);
    assert_eq!(calls(&since, &unreadable), []);
}

#[test]
fn tables_past_the_limit_do_not_appear_with_all_their_history() {
    let table = |scans| TableUse { sequential_scans: scans, live: 7, ..TableUse::default() };
    let with = |tables: &[(u32, u64)]| Usage {
        tables: tables.iter().map(|(oid, scans)| (*oid, table(*scans))).collect(),
        ..Usage::default()
    };
    let (before, after) = (with(&[(1, 5)]), with(&[(1, 8), (2, 1_000)]));
    let scans = |used: &Usage| -> Vec<u64> {
        used.tables.values().map(|used| used.sequential_scans).collect()
    };
    assert_eq!(scans(&usage(&before, &after, true)), [3, 1_000]);
    let some = usage(&before, &after, false);
    assert_eq!(scans(&some), [3, 0]);
    assert!(some.tables.values().all(|used| used.live == 7));
    let reset = Usage { reset: Moment { nanos: 5 }, ..with(&[(1, 2)]) };
    assert_eq!(scans(&usage(&before, &reset, true)), [2]);
}

#[test]
fn two_users_of_a_statement_are_summed() {
    let one = RunStatistics { min_millis: 2.0, max_millis: 2.0, ..runs(10) };
    let other = RunStatistics {
        calls: 30,
        total_millis: 180.0,
        min_millis: 1.0,
        max_millis: 9.0,
        stddev_millis: 2.0,
        ..RunStatistics::default()
    };
    let both = sum(&one, &other);
    assert_eq!((both.calls, both.total_millis), (40, 200.0));
    assert_eq!((both.min_millis, both.max_millis), (1.0, 9.0));
    // Ten of 2 and thirty of 6 ± 2: variance (10·9 + 30·(4 + 1)) / 40.
    assert!((both.stddev_millis - 6.0_f64.sqrt()).abs() < 1e-12);
    assert_eq!(sum(&both, &RunStatistics::default()), both);
    assert_eq!(sum(&RunStatistics::default(), &both), both);
}

/// What a server does between two looks.
#[derive(Debug, Clone)]
enum Step {
    Run(usize, u64),
    Evict(usize),
    Reset,
    Look,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..4_usize, 1..1_000_u64).prop_map(|(id, calls)| Step::Run(id, calls)),
        1 => (0..4_usize).prop_map(Step::Evict),
        1 => Just(Step::Reset),
        3 => Just(Step::Look),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    #[test]
    fn no_more_is_ever_counted_than_has_happened(steps in steps()) {
        let mut server: BTreeMap<usize, u64> = BTreeMap::new();
        let (mut resets, mut happened, mut counted, mut lost) = (0_u64, 0_u64, 0_u64, false);
        let look = |server: &BTreeMap<usize, u64>, resets: u64| {
            let all: Vec<(i64, u32, u64)> =
                server.iter().map(|(id, calls)| (i64::try_from(*id).unwrap(), 1, *calls)).collect();
            StatementRows { reset: Moment { nanos: resets }, ..rows(&all) }
        };
        let mut before = look(&server, resets);
        for step in steps {
            match step {
                Step::Run(id, calls) => {
                    *server.entry(id).or_default() += calls;
                    happened += calls;
                }
                Step::Evict(id) => lost |= server.remove(&id).is_some(),
                Step::Reset => {
                    lost |= !server.is_empty();
                    server.clear();
                    resets += 1;
                }
                Step::Look => {
                    let after = look(&server, resets);
                    let found = statements(&before, &after, THEN);
                    counted += found.iter().map(|row| row.runs.calls).sum::<u64>();
                    prop_assert!(found.iter().all(|row| 0.0 <= row.runs.total_millis));
                    before = after;
                }
            }
        }
        let found = statements(&before, &look(&server, resets), THEN);
        counted += found.iter().map(|row| row.runs.calls).sum::<u64>();
        prop_assert!(counted <= happened);
        if !lost {
            prop_assert_eq!(counted, happened);
        }
    }

    #[test]
    fn adding_differences_gives_the_whole(amounts in proptest::collection::vec(0..1_000_u64, 1..20)) {
        let mut total = runs(0);
        let mut before = runs(0);
        let mut now = 0;
        for amount in amounts {
            now += amount;
            let after = runs(now);
            add(&mut total, &difference(&before, &after));
            before = after;
        }
        prop_assert_eq!(total, before);
    }
}
