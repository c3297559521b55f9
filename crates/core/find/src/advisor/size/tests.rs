//! Sizes of real indexes of PostgreSQL 15, and what must hold for any.

use model::database::{Column, ColumnStatistics, IndexKey, TableName};
use proptest::prelude::*;

use super::*;

fn column(number: i16, name: &str, bytes: i16, distinct: f64) -> Column {
    Column {
        number,
        name: name.into(),
        type_name: "integer".into(),
        type_length: bytes,
        type_align: u8::try_from(bytes).unwrap_or(4),
        type_category: 'N',
        deduplicates: true,
        not_null: true,
        statistics: Some(ColumnStatistics {
            width: u32::try_from(bytes).unwrap_or(12),
            distinct,
            correlation: Some(0.0),
            ..ColumnStatistics::default()
        }),
        ..Column::default()
    }
}

fn text(number: i16, name: &str, width: u32, distinct: f64) -> Column {
    let mut column = column(number, name, -1, distinct);
    column.type_name = "text".into();
    column.type_category = 'S';
    column.statistics.as_mut().unwrap().width = width;
    column
}

fn with_nulls(mut column: Column, share: f64) -> Column {
    column.not_null = false;
    column.statistics.as_mut().unwrap().null_share = share;
    column
}

fn table(rows: f64, columns: Vec<Column>) -> Table {
    let name = TableName::new("public", "orders");
    Table { name, rows: Some(rows), bytes: 1 << 30, pages: 1 << 17, columns, ..Table::default() }
}

fn index(keys: &[i16]) -> NewIndex {
    let key =
        |number: &i16| IndexColumn { key: IndexKey::Column(*number), ..IndexColumn::default() };
    NewIndex { keys: keys.iter().map(key).collect(), ..NewIndex::default() }
}

/// Within so many percent of what `pg_relation_size` said.
fn check(table: &Table, index: &NewIndex, selectivity: f64, real: u64, percent: f64) {
    let estimate = fresh_bytes(table, index, selectivity);
    let ratio = precise(estimate.bytes) / precise(real);
    assert!((ratio.ln().abs()) < percent / 100.0, "{ratio:.3} of {real}: {estimate:?}");
}

const MIB: u64 = 1 << 20;

#[test]
fn ten_million_rows_take_what_they_take() {
    let table = table(
        1e7,
        vec![
            column(1, "id", 8, -1.0),
            column(2, "customer_id", 4, 1e6),
            column(3, "status", 2, 5.0),
            column(4, "created_at", 8, -1.0),
            column(5, "total", 4, -0.5),
        ],
    );
    check(&table, &index(&[1]), 1.0, 214 * MIB, 1.0);
    check(&table, &index(&[4]), 1.0, 214 * MIB, 1.0);
    check(&table, &index(&[2, 5]), 1.0, 214 * MIB, 1.0);
    check(&table, &index(&[2, 5]), 0.6, 134_790_000, 5.0);
    check(&table, &index(&[2, 4]), 1.0, 301 * MIB, 1.0);
    check(&table, &index(&[2, 4]), 0.6, 180 * MIB, 1.0);
    check(&table, &index(&[3]), 1.0, 66 * MIB, 1.0);
    check(&table, &index(&[2]), 1.0, 89 * MIB, 5.0);
    let covering = NewIndex { include: vec![5], ..index(&[2, 4]) };
    check(&table, &covering, 1.0, 387 * MIB, 1.0);
}

#[test]
fn nulls_take_a_bitmap_and_share_their_lists() {
    let table = table(1e6, vec![with_nulls(column(1, "paid_at", 8, -0.5), 0.5)]);
    check(&table, &index(&[1]), 1.0, 14_712_832, 1.0);
    let present = NewIndex { predicate: "(paid_at IS NOT NULL)".into(), ..index(&[1]) };
    check(&table, &present, 0.5, 11_247_616, 1.0);
    let absent = NewIndex { predicate: "(paid_at IS NULL)".into(), ..index(&[1]) };
    check(&table, &absent, 0.5, 3_500_000, 3.0);
}

#[test]
fn texts_that_are_all_as_wide_are_told_from_others() {
    let mut uuid = text(1, "reference", 37, -1.0);
    let wide = fresh_bytes(&table(1e6, vec![uuid.clone()]), &index(&[1]), 1.0);
    uuid.statistics.as_mut().unwrap().width_range = Some((37, 37));
    let same = fresh_bytes(&table(1e6, vec![uuid]), &index(&[1]), 1.0);
    assert!(same.bytes < wide.bytes, "{same:?} {wide:?}");
}

#[test]
fn columns_that_depend_on_each_other_are_known_by_extended_statistics() {
    // TPC-H: each part has four suppliers.
    let mut lineitem = table(
        600_572.0,
        vec![column(1, "l_partkey", 4, 20_000.0), column(2, "l_suppkey", 4, 1000.0)],
    );
    let guess = fresh_bytes(&lineitem, &index(&[1, 2]), 1.0);
    assert_eq!(guess.basis, SizeBasis::Combinations);
    lineitem.distinct_groups = vec![(vec![1, 2], 79_975.0)];
    let known = fresh_bytes(&lineitem, &index(&[1, 2]), 1.0);
    assert_eq!(known.basis, SizeBasis::Statistics);
    check(&lineitem, &index(&[1, 2]), 1.0, 6_111_232, 3.0);
}

#[test]
fn a_sample_tells_columns_that_depend_on_each_other_from_those_that_do_not() {
    let lineitem = table(
        600_572.0,
        vec![column(1, "l_partkey", 4, 20_000.0), column(2, "l_suppkey", 4, 1000.0)],
    );
    // Of 79,975 and of 20,000,000 combinations that are about as common.
    let dependent = Sample { rows: 600_572.0, sampled: 30_000.0, seen: 25_015.0 };
    let found = combinations(&lineitem, &[1, 2], &dependent).unwrap();
    assert!((found / 79_975.0 - 1.0).abs() < 0.03, "{found}");
    let independent = Sample { seen: 29_970.0, ..dependent };
    assert_eq!(combinations(&lineitem, &[1, 2], &independent), None);
    let nonsense = Sample { rows: f64::NAN, ..dependent };
    assert_eq!(combinations(&lineitem, &[1, 2], &nonsense), None);
}

#[test]
fn few_rows_take_two_pages_and_none_takes_one() {
    let columns = || vec![column(1, "id", 4, -1.0)];
    assert_eq!(fresh_bytes(&table(3.0, columns()), &index(&[1]), 1.0).bytes, 2 * 8192);
    assert_eq!(fresh_bytes(&table(1e6, columns()), &index(&[1]), 0.0).bytes, 8192);
}

#[test]
fn an_index_that_is_there_is_taken_with_its_fill_factor() {
    let table = table(1e6, vec![column(1, "id", 8, -1.0)]);
    let at = |definition: &str| {
        let index = Index {
            keys: index(&[1]).keys,
            entries: 1e6,
            definition: definition.into(),
            ..Index::default()
        };
        fresh_bytes_of(&table, &index).bytes
    };
    let full = at("CREATE INDEX i ON public.orders USING btree (id)");
    let loose = at("CREATE INDEX i ON public.orders USING btree (id) WITH (fillfactor='70')");
    let ratio = precise(loose) / precise(full);
    assert!((1.27..1.31).contains(&ratio), "{ratio}");
}

#[test]
fn ascending_keys_and_few_values_do_not_grow_beyond_their_fresh_size() {
    let mut columns = vec![
        column(1, "created_at", 8, -1.0),
        column(2, "status", 2, 5.0),
        column(3, "total", 4, -1.0),
    ];
    columns[0].statistics.as_mut().unwrap().correlation = Some(1.0);
    let table = table(1e6, columns);
    let grown = |keys: &[i16]| {
        let estimate = fresh_bytes(&table, &index(keys), 1.0);
        precise(estimate.grown_bytes) / precise(estimate.bytes)
    };
    assert!(grown(&[1]) < 1.01);
    assert!(grown(&[2]) < 1.02);
    assert!(grown(&[2, 1]) < 1.02);
    assert!(grown(&[3]) > 1.3);
}

#[test]
fn a_brin_is_tiny_and_a_hash_grows_in_steps() {
    let table = table(1e6, vec![column(1, "created_at", 8, -1.0)]);
    let brin = NewIndex { method: IndexMethod::Brin, ..index(&[1]) };
    assert!(fresh_bytes(&table, &brin, 1.0).bytes < 100_000);
    let hash = NewIndex { method: IndexMethod::Hash, ..index(&[1]) };
    let bytes = fresh_bytes(&table, &hash, 1.0).bytes;
    assert!((25_000_000..36_000_000).contains(&bytes), "{bytes}");
}

#[test]
fn without_statistics_the_size_is_called_rough() {
    let mut bare = column(1, "id", 8, -1.0);
    bare.statistics = None;
    let estimate = fresh_bytes(&table(1e6, vec![bare]), &index(&[1]), 1.0);
    assert_eq!(estimate.basis, SizeBasis::Rough);
    assert!(estimate.bytes > 0);
    let nothing = fresh_bytes(&Table::default(), &index(&[7]), f64::NAN);
    assert_eq!(nothing.basis, SizeBasis::Rough);
}

fn any_column(number: i16) -> impl Strategy<Value = Column> {
    let fixed = (prop::sample::select(vec![1_i16, 2, 4, 8, 16]), -1.0..200_000.0_f64)
        .prop_map(move |(bytes, distinct)| column(number, &format!("c{number}"), bytes, distinct));
    let varying = (2_u32..300, -1.0..200_000.0_f64)
        .prop_map(move |(width, distinct)| text(number, &format!("c{number}"), width, distinct));
    (prop_oneof![fixed, varying], prop_oneof![Just(0.0), 0.0..1.0_f64], any::<bool>()).prop_map(
        |(mut column, nulls, merges)| {
            column.deduplicates = merges;
            if column.statistics.as_ref().is_some_and(|known| known.distinct.abs() < 1e-9) {
                column.statistics.as_mut().unwrap().distinct = 1.0;
            }
            if nulls > 0.0 { with_nulls(column, nulls) } else { column }
        },
    )
}

fn columns() -> impl Strategy<Value = Vec<Column>> {
    (any_column(1), any_column(2), any_column(3))
        .prop_map(|(one, two, three)| vec![one, two, three])
}

proptest! {
    #[test]
    fn more_rows_are_not_smaller(columns in columns(), rows in 1.0..3e6_f64, more in 1.0..3.0_f64, keys in 1_usize..4) {
        let keys: Vec<i16> = [1, 2, 3][..keys].to_vec();
        let few = fresh_bytes(&table(rows, columns.clone()), &index(&keys), 1.0);
        let many = fresh_bytes(&table(rows * more, columns), &index(&keys), 1.0);
        // Pages are whole; and more equal keys merge better, which can win by a percent or two.
        prop_assert!(precise(few.bytes) <= precise(many.bytes) * 1.03 + 16384.0, "{few:?} {many:?}");
    }

    #[test]
    fn included_columns_are_never_free(columns in columns(), rows in 1.0..3e6_f64) {
        let table = table(rows, columns);
        let plain = fresh_bytes(&table, &index(&[1]), 1.0);
        let covering = NewIndex { include: vec![2, 3], ..index(&[1]) };
        let covering = fresh_bytes(&table, &covering, 1.0);
        // Pages are whole; and tuples of one width may fill them better than narrower ones.
        prop_assert!(precise(plain.bytes) <= precise(covering.bytes) * 1.01 + 8192.0, "{plain:?} {covering:?}");
    }

    #[test]
    fn half_the_rows_take_about_half(columns in columns(), rows in 50_000.0..3e6_f64, share in 0.05..0.95_f64) {
        let table = table(rows, columns);
        let full = fresh_bytes(&table, &index(&[1, 2]), 1.0);
        let partial = fresh_bytes(&table, &index(&[1, 2]), share);
        prop_assert!(partial.bytes <= full.bytes + 8192, "{full:?} {partial:?}");
        // Fewer equal keys to merge: a share takes more than its share, up to what tuples of their own take.
        let ratio = precise(partial.bytes) / precise(full.bytes);
        prop_assert!(share * 0.9 < ratio + 0.01, "{share} {ratio}");
    }

    #[test]
    fn whatever_is_given_the_answer_is_finite_and_grown_is_not_smaller(
        columns in columns(), rows in prop::num::f64::ANY, share in prop::num::f64::ANY,
        predicate in "[a-c0-9_ ='()]{0,40}", expression in "\\PC{0,40}",
    ) {
        let table = table(rows, columns);
        let key = IndexColumn { key: IndexKey::Expression(expression), ..IndexColumn::default() };
        let index = NewIndex { keys: vec![key], predicate, ..index(&[1]) };
        let estimate = fresh_bytes(&table, &index, share);
        prop_assert!(estimate.entries.is_finite());
        prop_assert!(estimate.bytes <= estimate.grown_bytes);
    }
}
