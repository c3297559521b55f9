//! Spans to a block and back; damaged blocks.

mod signals;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use model::{Attributes, Span, Text, Value, Window};
use proptest::prelude::*;
use testkit::arbitrary;

use super::{Block, BlockError, BlockFormat, Wanted, encode};
use crate::{
    Chunk, Column, SPANS,
    query::{Field, Filter},
    spans::{Derived, SpanRows, read},
    table::span as place,
};

fn chunk(spans: &[Span]) -> Chunk {
    let mut rows = SpanRows::default();
    for span in spans {
        rows.push(span, Derived { operation: "GET /orders", statement: "" });
    }
    rows.into_chunk()
}

fn small_groups(rows: usize) -> BlockFormat {
    BlockFormat { group_rows: rows, page_rows: 2, ..BlockFormat::FRESH }
}

fn open(bytes: Vec<u8>) -> Block<Bytes> {
    Block::open(Bytes::from(bytes)).unwrap()
}

fn all_spans(block: &Block<Bytes>) -> Vec<Span> {
    all_rows(block).iter().flat_map(read_all).collect()
}

fn read_all(chunk: &Chunk) -> Vec<Span> {
    read(chunk, &(0..chunk.rows()).collect::<Vec<_>>())
}

fn all_rows(block: &Block<Bytes>) -> Vec<Chunk> {
    let groups = 0..block.groups().len();
    groups.map(|group| block.read(group, Wanted::ALL).unwrap()).collect()
}

/// What is the same whatever the order of attributes; of a key that comes twice, the first one counts.
fn settled(mut span: Span) -> Span {
    span.attributes = settled_attributes(span.attributes);
    span
}

fn settled_attributes(attributes: Attributes) -> Attributes {
    let mut first: BTreeMap<(Text, String), Value> = BTreeMap::new();
    for (key, value) in attributes.0 {
        first.entry((key, kind(&value))).or_insert(value);
    }
    Attributes(first.into_iter().map(|((key, _), value)| (key, value)).collect())
}

fn kind(value: &Value) -> String {
    match value {
        Value::Text(_) => "text",
        Value::Int(_) => "int",
        Value::Double(_) => "double",
        Value::Bool(_) => "bool",
        _ => "json",
    }
    .to_owned()
}

fn by_start(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| span.start);
    spans.into_iter().map(settled).collect()
}

proptest! {
    #[test]
    fn spans_are_read_back_from_memory(spans in arbitrary::spans()) {
        let chunk = chunk(&spans);
        let rows = (0..spans.len()).collect::<Vec<_>>();
        let back: Vec<Span> = read(&chunk, &rows).into_iter().map(settled).collect();
        prop_assert_eq!(back, spans.into_iter().map(settled).collect::<Vec<_>>());
    }

    #[test]
    fn spans_are_read_back_from_a_block(spans in arbitrary::spans(), group_rows in 1_usize..5) {
        let bytes = encode(&chunk(&spans), &small_groups(group_rows), &[]).unwrap();
        let block = open(bytes);
        prop_assert_eq!(block.groups().len(), spans.len().div_ceil(group_rows));
        let back: Vec<Span> = all_spans(&block).into_iter().map(settled).collect();
        prop_assert_eq!(back, by_start(spans));
    }

    #[test]
    fn chunks_put_together_hold_the_rows_of_both(
        one in arbitrary::spans(),
        other in arbitrary::spans(),
    ) {
        let mut both = chunk(&one);
        both.append(&chunk(&other));
        let rows = (0..one.len() + other.len()).collect::<Vec<_>>();
        let back: Vec<Span> = read(&both, &rows).into_iter().map(settled).collect();
        prop_assert_eq!(back, one.into_iter().chain(other).map(settled).collect::<Vec<_>>());
    }

    #[test]
    fn picked_rows_are_those_of_a_whole_read(
        spans in arbitrary::spans(),
        picks in prop::collection::btree_set(0_u32..12, 0..8),
    ) {
        let block = open(encode(&chunk(&spans), &small_groups(100), &[]).unwrap());
        prop_assume!(!spans.is_empty());
        let picks: Vec<u32> =
            picks.into_iter().filter(|row| (*row as usize) < spans.len()).collect();
        let wanted = Wanted { rows: Some(&picks), ..Wanted::ALL };
        let picked = block.read(0, wanted).unwrap();
        let whole = block.read(0, Wanted::ALL).unwrap();
        let places: Vec<usize> = picks.iter().map(|row| *row as usize).collect();
        prop_assert_eq!(
            read(&picked, &(0..picks.len()).collect::<Vec<_>>()).into_iter().map(settled).collect::<Vec<_>>(),
            read(&whole, &places).into_iter().map(settled).collect::<Vec<_>>()
        );
    }

    #[test]
    fn rows_that_pass_are_read_with_all_that_is_wanted_of_them(
        spans in arbitrary::spans(),
        which in 0_usize..4,
        bounds: (prop::sample::Index, prop::sample::Index),
    ) {
        prop_assume!(!spans.is_empty());
        let block = open(encode(&chunk(&spans), &small_groups(100), &[]).unwrap());
        let kind = Field::Column(place::KIND);
        let key = spans[0].attributes.0.first().map_or_else(|| "none".into(), |(key, _)| key.clone());
        let filter = [
            Filter::All,
            Filter::Is(kind.clone(), vec!["client".into(), "server".into()]),
            Filter::Not(Box::new(Filter::Has(kind))),
            Filter::Has(Field::Attribute(key)),
        ][which].clone();
        let [from, to] = [bounds.0, bounds.1].map(|it| it.get(&spans).start);
        let window = Window { from: from.min(to), to: from.max(to) + Duration::from_nanos(1) };
        let passing = |chunk: &Chunk| -> Vec<Span> {
            let rows = crate::query::passing(chunk, window, &filter);
            let rows: Vec<usize> = rows.into_iter().map(|row| row as usize).collect();
            read(chunk, &rows).into_iter().map(settled).collect()
        };
        let read = block.read_passing(0, Wanted::ALL, window, &filter).unwrap();
        let whole = block.read(0, Wanted::ALL).unwrap();
        prop_assert_eq!(passing(&read), passing(&whole));
        prop_assert!(read.rows() == whole.rows() || read.rows() == passing(&whole).len());
    }

    #[test]
    fn damaged_blocks_are_refused_or_read_but_never_a_reason_to_panic(
        spans in arbitrary::spans(),
        at: prop::sample::Index,
        noise in prop::collection::vec(any::<u8>(), 1..20),
        cut: prop::sample::Index,
    ) {
        let mut bytes = encode(&chunk(&spans), &small_groups(3), &[]).unwrap();
        let at = at.index(bytes.len());
        for (byte, noise) in bytes[at..].iter_mut().zip(noise) {
            *byte ^= noise;
        }
        for bytes in [bytes.clone(), bytes[..cut.index(bytes.len())].to_vec()] {
            if let Ok(block) = Block::open(Bytes::from(bytes)) {
                for group in 0..block.groups().len() {
                    drop(block.read(group, Wanted::ALL));
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn a_flipped_bit_is_damage_or_makes_no_difference(
        spans in arbitrary::spans(),
        at: prop::sample::Index,
        bit in 0_u8..8,
    ) {
        prop_assume!(!spans.is_empty());
        let bytes = encode(&chunk(&spans), &small_groups(3), &[]).unwrap();
        let before = all_rows(&open(bytes.clone()));
        let mut flipped = bytes;
        let at = at.index(flipped.len());
        flipped[at] ^= 1 << bit;
        let Ok(block) = Block::open(Bytes::from(flipped)) else { return Ok(()) };
        let groups = 0..block.groups().len();
        let read: Result<Vec<Chunk>, _> = groups.map(|it| block.read(it, Wanted::ALL)).collect();
        let Ok(read) = read else { return Ok(()) };
        let spans =
            |chunks: &[Chunk]| chunks.iter().flat_map(read_all).collect::<Vec<Span>>();
        prop_assert_eq!(spans(&read), spans(&before));
    }
}

#[test]
fn a_block_without_rows_is_one() {
    let block = open(encode(&chunk(&[]), &BlockFormat::FRESH, &[]).unwrap());
    assert_eq!((block.table().name, block.groups().len()), (SPANS.name, 0));
}

#[test]
fn more_attributes_than_columns_are_kept_all_the_same() {
    let seed = arbitrary::one();
    let mut spans = Vec::new();
    for number in 0..400_i64 {
        let mut span = seed.clone();
        span.start.nanos = number.cast_unsigned();
        let key = format!("key-{number:03}");
        span.attributes = Attributes(vec![
            ("everywhere".into(), Value::Int(1)),
            (key.into(), Value::Int(number)),
        ]);
        spans.push(span);
    }
    let block = open(encode(&chunk(&spans), &BlockFormat::FRESH, &[]).unwrap());
    let back: Vec<Span> = all_spans(&block).into_iter().map(settled).collect();
    assert!(back == by_start(spans), "all attributes are there");
    let wanted =
        Wanted { columns: Some(&[]), attributes: Some(&["key-399", "everywhere"]), rows: None };
    let keys = block.read(0, wanted).unwrap();
    let keys: Vec<&str> =
        keys.attributes().iter().map(|column| keys.texts().get(column.key)).collect();
    assert_eq!(keys, ["everywhere", "key-399"]);
}

/// Letters that nothing compresses.
fn noise(length: usize) -> String {
    let mut state = 7_u64;
    let letters = (0..length).map(|_| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        char::from(b'a' + u8::try_from(state >> 60).unwrap_or(0))
    });
    letters.collect()
}

#[test]
fn a_statement_is_stored_once_however_many_spans_ran_it() {
    let one = arbitrary::one();
    let bytes = |statement: &str| {
        let mut rows = SpanRows::default();
        for number in 1..=3_000_u64 {
            let mut span = one.clone();
            span.span_id.0 = number.to_be_bytes();
            let text = Value::Text(statement.into());
            span.attributes.0.push(("db.query.text".into(), text));
            rows.push(&span, Derived { operation: "", statement });
        }
        encode(&rows.into_chunk(), &BlockFormat::SETTLED, &[]).unwrap().len()
    };
    let (short, long) = (bytes("SELECT 1"), bytes(&noise(20_000)));
    // As it came, and without its literals: each once, and once in what the column says of its least and greatest.
    assert!(long < short + 100_000, "{short} and {long} bytes");
}

#[test]
fn what_is_no_block_says_why() {
    let refused = |bytes: &'static [u8]| Block::open(Bytes::from_static(bytes)).unwrap_err();
    assert!(matches!(refused(b"hello"), BlockError::File(_)));
    assert!(matches!(refused(b""), BlockError::File(_)));
}

#[test]
fn groups_tell_which_traces_are_not_in_them_and_from_when_to_when_they_are() {
    let mut spans = vec![arbitrary::one(); 3];
    for (number, span) in (1_u8..).zip(&mut spans) {
        span.trace_id.0 = [number; 16];
        span.start.nanos = 1_795_000_000_000_000_000 + u64::from(number);
    }
    let block = open(encode(&chunk(&spans), &small_groups(1), &[]).unwrap());
    for (number, group) in (1_u8..).zip(block.groups()) {
        assert!(group.may_have_trace([number; 16]));
        assert!(!group.may_have_trace([number + 1; 16]), "by chance one in a hundred");
        let time = 1_795_000_000_000_000_000 + u64::from(number);
        assert_eq!(group.times, (time, time));
    }
    let times = block.read(0, Wanted { columns: Some(&[place::START]), ..Wanted::ALL }).unwrap();
    assert_eq!(times.column(place::START), &Column::Whole(vec![1_795_000_000_000_000_001]));
}

proptest! {
    #[test]
    fn no_number_of_a_page_is_beyond_its_bounds(spans in arbitrary::spans(), from: u64, length: u64) {
        let block = open(encode(&chunk(&spans), &small_groups(5), &[]).unwrap());
        let to = from.saturating_add(length);
        let window = Window { from: model::Moment { nanos: from }, to: model::Moment { nanos: to } };
        for (group, rows) in all_rows(&block).iter().enumerate() {
            for place in [place::START, place::DURATION, place::FLAGS, place::NAME] {
                let bounds = block.bounds(group, place);
                let ends = bounds.iter().scan(0, |end, page| {
                    let is_next = page.from == *end;
                    *end = page.to;
                    Some(is_next)
                });
                prop_assert!(ends.into_iter().all(|is_next| is_next), "{bounds:?}");
                prop_assert_eq!(bounds.last().map(|page| page.to as usize), Some(rows.rows()));
                let Column::Whole(numbers) = rows.column(place) else { continue };
                for page in bounds {
                    for number in &numbers[page.from as usize..page.to as usize] {
                        let number = i64::try_from(*number).unwrap_or(i64::MAX);
                        prop_assert!((page.least..=page.most).contains(&number));
                    }
                }
            }
            // Rows that pass are in pages that may have some.
            let least = Filter::Between(Field::Column(place::DURATION), 1_000, i64::MAX);
            let within = block.bounds_within(group, place::START, window, &least);
            for row in crate::query::passing(rows, window, &least) {
                prop_assert!(within.iter().any(|page| (page.from..page.to).contains(&row)));
            }
        }
    }
}
