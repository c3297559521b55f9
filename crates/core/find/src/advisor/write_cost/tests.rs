//! Figures that were measured, and what must hold of any cost.

use model::database::{Column, ColumnStatistics, IndexColumn, TableName};
use proptest::prelude::*;

use super::*;

fn column(number: i16, bytes: i16, distinct: f64, correlation: f64) -> Column {
    Column {
        number,
        name: format!("c{number}").as_str().into(),
        type_name: "integer".into(),
        type_length: bytes,
        type_align: u8::try_from(bytes).unwrap_or(4),
        type_category: 'N',
        deduplicates: true,
        not_null: true,
        statistics: Some(ColumnStatistics {
            width: u32::try_from(bytes).unwrap_or(8),
            distinct,
            correlation: Some(correlation),
            ..ColumnStatistics::default()
        }),
        ..Column::default()
    }
}

/// Random, random, ascending, five values, updated.
fn table(rows: f64) -> Table {
    Table {
        name: TableName::new("public", "orders"),
        rows: Some(rows),
        pages: 12_500,
        bytes: 12_500 * 8192,
        columns: vec![
            column(1, 4, 100_000.0, 0.0),
            column(2, 4, -1.0, 0.0),
            column(3, 8, -1.0, 1.0),
            column(4, 2, 5.0, 0.2),
            column(5, 4, 1000.0, 0.0),
        ],
        ..Table::default()
    }
}

fn index(keys: &[i16]) -> NewIndex {
    let key =
        |number: &i16| IndexColumn { key: IndexKey::Column(*number), ..IndexColumn::default() };
    NewIndex { keys: keys.iter().map(key).collect(), ..NewIndex::default() }
}

fn partial(keys: &[i16]) -> NewIndex {
    NewIndex { predicate: "(c5 < 600)".into(), ..index(keys) }
}

fn batches_of(rows: f64) -> Calibration {
    Calibration { inserts_between_checkpoints: rows, ..Calibration::default() }
}

#[test]
fn the_log_is_what_was_measured() {
    let table = table(1_250_000.0);
    let check = |index: &NewIndex, share: f64, measured: f64| {
        let cost = of(&table, index, share, &batches_of(50_000.0));
        let ratio = cost.wal_bytes_per_row / measured;
        assert!((0.85..1.15).contains(&ratio), "{ratio:.2} of {measured}: {cost:?}");
    };
    check(&index(&[1, 2]), 1.0, 584.0);
    check(&partial(&[1, 2]), 0.6, 350.0);
    check(&partial(&[1, 2]), 0.03, 18.0);
    check(&index(&[1, 3]), 1.0, 799.0);
    check(&index(&[3]), 1.0, 66.0);
    check(&index(&[4]), 1.0, 66.0);
    check(&index(&[4, 3]), 1.0, 77.0);
}

#[test]
fn ascending_keys_and_few_values_are_cheap_and_random_ones_dear() {
    let table = table(1_000_000.0);
    let micros =
        |keys: &[i16]| of(&table, &index(keys), 1.0, &Calibration::default()).cpu_micros_per_row;
    assert!(micros(&[3]) < micros(&[4]));
    assert!(micros(&[4]) < micros(&[5]));
    assert!(micros(&[5]) < micros(&[1, 2]));
    assert!(5.0 * micros(&[3]) < micros(&[1, 2]));
}

#[test]
fn without_page_images_the_log_is_records_alone() {
    let calibration = Calibration { page_images: false, ..Calibration::default() };
    let cost = of(&table(1e6), &index(&[1, 2]), 1.0, &calibration);
    assert!((64.0..100.0).contains(&cost.wal_bytes_per_row), "{cost:?}");
}

#[test]
fn hot_updates_are_lost_only_where_the_index_reads_what_they_set() {
    let table = table(1e6);
    let writes = Writes {
        entries_per_day: 150.0,
        hot_per_day: 450.0,
        updates: vec![(vec![4], 300.0), (vec![5], 100.0)],
    };
    let check = |index: &NewIndex, lost: f64| {
        let cost = with_rates(WriteCost::default(), &table, index, &writes);
        assert!((cost.hot_updates_lost_per_day - lost).abs() < 1e-9, "{cost:?}");
        assert!((cost.rows_per_day - 150.0 - lost).abs() < 1e-9, "{cost:?}");
    };
    check(&index(&[1]), 0.0);
    check(&index(&[4]), 450.0 * 0.75);
    check(&index(&[1, 5]), 450.0 * 0.25);
    check(&partial(&[1]), 450.0 * 0.25);
    let covering = NewIndex { include: vec![4, 5], ..index(&[1]) };
    check(&covering, 450.0);
    let expression =
        IndexColumn { key: IndexKey::Expression("abs(c4)".into()), ..IndexColumn::default() };
    check(&NewIndex { keys: vec![expression], ..NewIndex::default() }, 450.0 * 0.75);
    check(&NewIndex { method: IndexMethod::Brin, ..index(&[4]) }, 0.0);
}

#[test]
fn what_was_measured_comes_out_again() {
    let probes = Probes {
        rows: 245_000.0,
        ascending: 0.4,
        few_places: 0.9,
        random: 3.1,
        random_text: 3.7,
        build_seconds: 0.3,
        table_pages: 2000.0,
    };
    let calibration = Calibration::fitted(&probes);
    let random = of(
        &table(245_000.0),
        &index(&[2]),
        1.0,
        &Calibration { page_images: false, ..calibration },
    );
    assert!((random.cpu_micros_per_row / 3.1 - 1.0).abs() < 0.1, "{random:?}");
    let nothing = Calibration::fitted(&Probes {
        rows: 0.0,
        ascending: -1.0,
        few_places: f64::NAN,
        random: -3.0,
        random_text: 0.0,
        build_seconds: 0.0,
        table_pages: 0.0,
    });
    assert!(nothing.entry_micros > 0.0 && nothing.image_micros.is_finite());
}

#[test]
fn a_build_takes_seconds_for_millions_of_rows() {
    let seconds = build_seconds(&table(1e6), &index(&[1, 2]), 1.0, &Calibration::default());
    assert!((0.1..5.0).contains(&seconds), "{seconds}");
}

proptest! {
    #[test]
    fn fewer_rows_in_the_index_cost_less(share in 0.01..1.0_f64, rows in 10_000.0..1e8_f64, keys in prop::sample::subsequence(vec![1_i16, 2, 3, 4, 5], 1..4)) {
        let table = table(rows);
        let full = of(&table, &index(&keys), 1.0, &Calibration::default());
        let some = of(&table, &index(&keys), share, &Calibration::default());
        prop_assert!(some.cpu_micros_per_row <= full.cpu_micros_per_row * 1.0001);
        prop_assert!(some.wal_bytes_per_row <= full.wal_bytes_per_row * 1.02);
    }

    #[test]
    fn more_rows_between_checkpoints_log_less_a_row(few in 100.0..1e6_f64, more in 1.0..100.0_f64) {
        let table = table(1e7);
        let often = of(&table, &index(&[1, 2]), 1.0, &batches_of(few));
        let seldom = of(&table, &index(&[1, 2]), 1.0, &batches_of(few * more));
        prop_assert!(seldom.wal_bytes_per_row <= often.wal_bytes_per_row * 1.0001);
    }
}
