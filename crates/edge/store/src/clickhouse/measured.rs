//! What is measured as expressions of ClickHouse, and read back: to the last digit what the folder's own engine measures.

use keep::{
    Table,
    query::{Field, Measure, Measured},
    table::minute,
};
use stats::{Sketch, Spread, SpreadParts};

use super::{
    binary::Reader,
    quote,
    schema::{BUCKET, BUCKETED, SKETCHED, bucket},
    terms::Terms,
    trouble::Why,
};

/// A measure of the rows of a group, each of which stands for `weight`.
pub(crate) fn measured_sql(measure: &Measure, terms: Terms<'_>, weight: &str) -> String {
    match measure {
        Measure::Count => format!("sum({weight})"),
        Measure::Sum(field) => {
            let number = terms.number(field);
            format!("CAST(sum(toInt128({number}) * toInt128({weight})) AS Nullable(Int128))")
        }
        Measure::Least(field) => least("min", &terms.number(field)),
        Measure::Greatest(field) => least("max", &terms.number(field)),
        Measure::Distribution(field) => distribution_sql(field, terms, weight),
        Measure::Spread(field) => spread_sql(field, terms, weight),
    }
}

fn least(which: &str, number: &str) -> String {
    // Without rows an aggregate of what cannot be NULL would be 0.
    format!("CAST({which}OrNull({number}) AS Nullable(Int64))")
}

/// All that a sketch is made of: count, sum, least, greatest, up to 128 values as they are, and else the buckets.
fn distribution_sql(field: &Field, terms: Terms<'_>, weight: &str) -> String {
    let number = terms.number(field);
    let is_taken = format!("(ifNull({number}, -1) >= 0 AND {weight} > 0)");
    let value = format!("toUInt64(ifNull({number}, 0))");
    let is_bucketed = match field {
        Field::Column(place) => {
            terms.table.columns.get(*place).is_some_and(|column| column.name == BUCKETED)
        }
        Field::Attribute(_) | Field::Resource(_) => false,
    };
    // What is beyond a signed number is counted as the greatest of those, so its bucket is not the stored one.
    let bucket = if is_bucketed {
        format!("least({BUCKET}, toUInt16({}))", stats_bucket_of_i64_max())
    } else {
        bucket(&value)
    };
    let count = format!("sumIf({weight}, {is_taken})");
    let exact_max = stats::EXACT_COUNT_MAX;
    format!(
        "{count}, toUInt128(sumIf(toUInt128({value}) * toUInt128({weight}), {is_taken})), \
         minIf({value}, {is_taken}), maxIf({value}, {is_taken}), \
         if({count} <= {exact_max}, groupArrayIf({exact_max})(tuple({value}, toUInt64({weight})), {is_taken}), []), \
         if({count} > {exact_max}, sumMapIf([{bucket}], [toUInt64({weight})], {is_taken}), ([], []))"
    )
}

/// The same as [`distribution_sql`], of the sketches that rows have.
pub(crate) fn sketches_sql(table: &Table) -> String {
    let name = |place: usize| quote::name(table.columns[place].name);
    let (count, least, greatest) = (
        format!("sum({})", name(minute::COUNT)),
        format!("min({})", name(minute::LEAST)),
        format!("max({})", name(minute::GREATEST)),
    );
    let [(values, _), (buckets, _), (counts, _), (sum, _)] = SKETCHED;
    let exact_max = stats::EXACT_COUNT_MAX;
    let bucket = bucket("x");
    format!(
        "{count}, toUInt128(sum({sum})), {least}, {greatest}, \
         if({count} <= {exact_max}, groupArrayArray({exact_max})(arrayMap(x -> tuple(x, toUInt64(1)), {values})), []), \
         if({count} > {exact_max}, sumMap(\
         if(empty({buckets}), arrayMap(x -> {bucket}, {values}), {buckets}), \
         if(empty({buckets}), arrayMap(x -> toUInt64(1), {values}), {counts})), ([], []))"
    )
}

/// All that a spread is made of: count, sums before and after the point, least, greatest, and up to 128 numbers as they
/// are, or else the buckets of their bits in the order of numbers.
fn spread_sql(field: &Field, terms: Terms<'_>, weight: &str) -> String {
    let number = terms.fraction(field);
    let value = format!("assumeNotNull(ifNull({number}, 0.))");
    let is_taken = format!("(isNotNull({number}) AND {weight} > 0)");
    // As a double has them: 2^62, and 2^53 parts of one.
    let whole = format!(
        "toInt64(greatest(least(floor({value}), 4611686018427387904.), -4611686018427387904.))"
    );
    let parts = format!("toInt64(floor(({value} - floor({value})) * 9007199254740992.))");
    let bits = format!("reinterpretAsUInt64({value})");
    let ordered =
        format!("if({value} < 0, bitNot({bits}), bitOr({bits}, toUInt64(9223372036854775808)))");
    let count = format!("sumIf({weight}, {is_taken})");
    let sum =
        |of: &str| format!("toInt128(sumIf(toInt128({of}) * toInt128({weight}), {is_taken}))");
    let exact_max = stats::EXACT_COUNT_MAX;
    format!(
        "{count}, {}, {}, minIf({value}, {is_taken}), maxIf({value}, {is_taken}), \
         if({count} <= {exact_max}, groupArrayIf({exact_max})(tuple({value}, toUInt64({weight})), {is_taken}), []), \
         if({count} > {exact_max}, sumMapIf([toUInt32(bitShiftRight({ordered}, 46))], [toUInt64({weight})], {is_taken}), ([], []))",
        sum(&whole),
        sum(&parts),
    )
}

/// The bucket of the greatest signed number.
fn stats_bucket_of_i64_max() -> u32 {
    // 62 is its highest bit: (62 - 5) octaves of 64, and the last bucket of its own.
    57 * 64 + 63
}

pub(crate) fn read_measured(measure: &Measure, reader: &mut Reader<'_>) -> Result<Measured, Why> {
    Ok(match measure {
        Measure::Count => Measured::Count(reader.u64()?),
        Measure::Sum(_) => Measured::Sum(reader.or_null(Reader::i128)?),
        Measure::Least(_) => Measured::Least(reader.or_null(Reader::i64)?),
        Measure::Greatest(_) => Measured::Greatest(reader.or_null(Reader::i64)?),
        Measure::Distribution(_) => Measured::Distribution(read_sketch(reader)?),
        Measure::Spread(_) => Measured::Spread(read_spread(reader)?),
    })
}

fn read_sketch(reader: &mut Reader<'_>) -> Result<Sketch, Why> {
    let (count, sum) = (reader.u64()?, reader.u128()?);
    let (least, greatest) = (reader.u64()?, reader.u64()?);
    let mut exact = Sketch::default();
    for _ in 0..reader.length()? {
        let (value, weight) = (reader.u64()?, reader.u64()?);
        exact.add_many(value, weight);
    }
    let mut buckets = Vec::new();
    for _ in 0..reader.length()? {
        buckets.push((u64::from(reader.u16()?), 0));
    }
    let counts = reader.length()?;
    for place in 0..counts {
        let count = reader.u64()?;
        if let Some(bucket) = buckets.get_mut(place) {
            bucket.1 = count;
        }
    }
    if count <= stats::EXACT_COUNT_MAX {
        return Ok(exact);
    }
    // In the sketch's own form, which is checked as it is read.
    let mut encoded = Vec::new();
    put(&mut encoded, u128::from(count));
    put(&mut encoded, sum);
    put(&mut encoded, u128::from(least));
    put(&mut encoded, u128::from(greatest));
    let mut last = 0;
    for (bucket, count) in buckets {
        put(&mut encoded, u128::from(bucket.wrapping_sub(last)));
        put(&mut encoded, u128::from(count));
        last = bucket;
    }
    Sketch::decode(&encoded).ok_or(Why::Answer("holds a distribution that is none"))
}

fn read_spread(reader: &mut Reader<'_>) -> Result<Spread, Why> {
    let mut parts = SpreadParts {
        count: reader.u64()?,
        whole: reader.i128()?,
        parts: reader.i128()?,
        least: reader.f64()?,
        greatest: reader.f64()?,
        ..SpreadParts::default()
    };
    for _ in 0..reader.length()? {
        parts.exact.push((reader.f64()?, reader.u64()?));
    }
    for _ in 0..reader.length()? {
        parts.buckets.push((reader.u32()?, 0));
    }
    let counts = reader.length()?;
    for place in 0..counts {
        let count = reader.u64()?;
        if let Some(bucket) = parts.buckets.get_mut(place) {
            bucket.1 = count;
        }
    }
    Spread::of_parts(parts).ok_or(Why::Answer("holds a spread that is none"))
}

/// Seven bits at a time, low ones first.
#[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
fn put(out: &mut Vec<u8>, mut value: u128) {
    while 0x80 <= value {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
