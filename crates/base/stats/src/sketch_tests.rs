//! What the sketch promises, over any values.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::quantile;

/// Values of every size, many of them close together.
fn values(len: usize) -> impl Strategy<Value = Vec<u64>> {
    let value = prop_oneof![
        0..300_u64,
        1_000_000..50_000_000_u64,
        any::<u64>(),
        (0..64_u32).prop_map(|bit| 1 << bit),
        (0..64_u32).prop_map(|bit| (1 << bit) - 1),
    ];
    vec(value, 0..len)
}

fn sketch(values: &[u64]) -> Sketch {
    values.iter().copied().collect()
}

proptest! {
    #[test]
    fn quantiles_keep_the_stated_error(values in values(700), q in 0.0..=1.0) {
        let sketch = sketch(&values);
        let mut sorted = values;
        sorted.sort_unstable();
        let (told, exact) = (sketch.quantile(q), quantile(&sorted, q));
        if u64_of(sorted.len()) <= EXACT_COUNT_MAX {
            prop_assert_eq!(told, exact);
        } else {
            let (told, exact) = (told.unwrap(), exact.unwrap());
            #[expect(clippy::cast_precision_loss, reason = "compared with a tolerance")]
            let error = told.abs_diff(exact) as f64 / exact.max(1) as f64;
            prop_assert!(error <= RELATIVE_ERROR, "{} for {}", told, exact);
        }
        prop_assert_eq!(sketch.min(), sorted.first().copied());
        prop_assert_eq!(sketch.max(), sorted.last().copied());
        prop_assert_eq!(sketch.sum(), sorted.iter().map(|value| u128::from(*value)).sum::<u128>());
        prop_assert_eq!(sketch.count(), u64_of(sorted.len()));
    }

    #[test]
    fn merging_equals_adding_all_in_any_order(a in values(200), b in values(200), c in values(200)) {
        let whole = sketch(&[a.clone(), b.clone(), c.clone()].concat());
        let (a, b, c) = (sketch(&a), sketch(&b), sketch(&c));
        let mut left = a.clone();
        left.merge(&b);
        left.merge(&c);
        let mut right = c;
        right.merge(&a);
        let mut other = Sketch::default();
        other.merge(&b);
        other.merge(&right);
        prop_assert_eq!(&left, &whole);
        prop_assert_eq!(&other, &whole);
    }

    #[test]
    fn adding_many_equals_adding_each(values in values(60), value in any::<u64>(), count in 0..300_u64) {
        let mut many = sketch(&values);
        many.add_many(value, count);
        let mut each = sketch(&values);
        each.extend((0..count).map(|_| value));
        prop_assert_eq!(many, each);
    }

    #[test]
    fn what_was_encoded_is_decoded(values in values(400)) {
        let sketch = sketch(&values);
        let mut bytes = Vec::new();
        sketch.encode(&mut bytes);
        prop_assert_eq!(Sketch::decode(&bytes), Some(sketch));
        if let Some((_, cut)) = bytes.split_last() {
            prop_assert_eq!(Sketch::decode(cut), None);
        }
        bytes.push(1);
        prop_assert_eq!(Sketch::decode(&bytes), None);
    }

    #[test]
    fn any_bytes_are_a_sound_sketch_or_none(bytes in vec(any::<u8>(), 0..400)) {
        if let Some(sketch) = Sketch::decode(&bytes) {
            let mut again = Vec::new();
            sketch.encode(&mut again);
            prop_assert_eq!(again, bytes);
            let counted: u64 = sketch.buckets().map(|(_, _, count)| count).sum();
            prop_assert_eq!(counted, sketch.count());
        }
    }

    #[test]
    fn what_was_encoded_is_merged_as_it_is(one in values(300), other in values(300), noise in any::<u8>()) {
        let mut bytes = Vec::new();
        sketch(&other).encode(&mut bytes);
        let (mut merged, mut room) = (sketch(&one), vec![1, 2, 3]);
        prop_assert_eq!(merged.merge_encoded(&bytes, &mut room), Some(()));
        let mut expected = sketch(&one);
        expected.merge(&sketch(&other));
        prop_assert_eq!(&merged, &expected);
        // Nothing is taken in of what is none.
        bytes.push(noise);
        let is_one = Sketch::decode(&bytes).is_some();
        prop_assert_eq!(merged.merge_encoded(&bytes, &mut room).is_some(), is_one);
        prop_assert!(is_one || merged == expected);
    }

    #[test]
    fn higher_quantiles_are_never_lower(values in values(400), a in 0.0..=1.0, b in 0.0..=1.0) {
        let sketch = sketch(&values);
        prop_assert!(sketch.quantile(f64::min(a, b)) <= sketch.quantile(f64::max(a, b)));
    }

    #[test]
    fn buckets_hold_their_values_and_do_not_overlap(value in any::<u64>(), values in values(400)) {
        let (low, high) = bounds(u64_of(bucket(value)));
        prop_assert!(low <= value && value <= high);
        let buckets: Vec<_> = sketch(&values).buckets().collect();
        prop_assert!(buckets.windows(2).all(|pair| pair[0].1 < pair[1].0));
        prop_assert!(buckets.iter().all(|(low, high, count)| low <= high && *count > 0));
    }
}

#[test]
fn the_last_bucket_ends_with_the_largest_value() {
    assert_eq!(u64_of(bucket(u64::MAX)), BUCKETS - 1);
    assert_eq!(bounds(BUCKETS - 1).1, u64::MAX);
    assert_eq!(bucket(LINEAR_MAX), 128);
    assert_eq!(bucket(LINEAR_MAX - 1), 127);
}

#[test]
fn an_empty_sketch_answers_nothing() {
    let sketch = Sketch::default();
    assert_eq!((sketch.quantile(0.5), sketch.mean(), sketch.min()), (None, None, None));
    assert_eq!(sketch.buckets().count(), 0);
}

#[test]
fn a_thousand_latencies_take_two_bytes_a_bucket() {
    let sketch: Sketch = (1..=1_000).map(|place| 5_000_000 + place * 7_919).collect();
    let mut bytes = Vec::new();
    sketch.encode(&mut bytes);
    assert_eq!((sketch.buckets().count(), bytes.len()), (87, 190));
}

#[test]
fn the_interval_of_a_quantile_brackets_it() {
    let sketch: Sketch = (1..=1_000).collect();
    let interval = sketch.quantile_interval(0.5).unwrap();
    assert!(interval.low < 500.0 && 500.0 < interval.high);
    assert!(interval.low > 460.0 && interval.high < 540.0);
}

proptest! {
    #[test]
    fn numbers_are_read_alike_at_once_and_byte_by_byte(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..14),
            vec(prop_oneof![Just(0_u8), Just(0x80), Just(0xff), Just(1)], 0..14),
        ],
        value: u64,
        shift in 0_u32..64,
    ) {
        let (mut at_once, mut by_byte) = (&bytes[..], &bytes[..]);
        prop_assert_eq!(take_u64(&mut at_once), take_bytes(&mut by_byte));
        let mut written = Vec::new();
        put(&mut written, u128::from(value >> shift));
        written.extend_from_slice(&bytes);
        let mut rest = &written[..];
        prop_assert_eq!(take_u64(&mut rest), Some(value >> shift));
        prop_assert_eq!(rest, &bytes[..]);
    }
}
