//! Methods other than B-trees. All but hash are rough: what decides their size is not in the statistics.

use model::database::Table;

use super::{Estimate, PAGE_BYTES, SizeBasis, parts, parts::Part, precise, whole};

/// Blocks that one summary of a BRIN stands for (`pages_per_range`).
const RANGE_PAGES: f64 = 128.0;
/// Summaries that one page of its map points to.
const MAP_ENTRIES: f64 = 1360.0;

/// A summary of smallest and largest for every so many blocks of the table.
pub(super) fn brin(table: &Table, keys: &[Part]) -> Estimate {
    let ranges = (precise(table.pages.max(table.bytes / 8192)) / RANGE_PAGES).ceil().max(1.0);
    let values: f64 = keys
        .iter()
        .map(|part| {
            parts::tuple_bytes(std::slice::from_ref(part), &[], &parts::NullKeys::default()).mean
                - 8.0
        })
        .sum();
    let summary = ((5.0 + 3.0 + 2.0 * values) / 8.0).ceil() * 8.0 + 4.0;
    let pages =
        1.0 + (ranges / MAP_ENTRIES).ceil() + (ranges * summary / (PAGE_BYTES - 32.0)).ceil();
    let bytes = whole(pages * PAGE_BYTES);
    let rough = keys.iter().any(|part| part.rough);
    Estimate {
        bytes,
        grown_bytes: bytes,
        entries: ranges,
        leaf_pages: pages,
        basis: if rough { SizeBasis::Rough } else { SizeBasis::Statistics },
    }
}

/// Bytes of an entry of a hash index with its line pointer: header, hash.
const HASH_ENTRY: f64 = 20.0;
/// Entries that fit on a page.
const HASH_PAGE_ENTRIES: f64 = (PAGE_BYTES - 24.0 - 16.0) / HASH_ENTRY;

/// As many buckets as the fill factor asks for, rounded up to the next step of growth; values that have more entries
/// than a page holds overflow.
pub(super) fn hash(entries: f64, keys: &[Part], fill_percent: Option<f64>) -> Estimate {
    let each = (PAGE_BYTES * fill_percent.unwrap_or(75.0) / 100.0 / HASH_ENTRY).floor();
    let buckets = hash_buckets((entries / each).max(2.0));
    let values = keys.first().map_or(1.0, |part| part.distinct).max(1.0);
    let per_bucket = entries / buckets;
    // So few values that most buckets are empty, and the others long chains.
    let used = -buckets * (-values / buckets).exp_m1();
    let chain = (entries / used.max(1.0) / HASH_PAGE_ENTRIES - 0.5).max(0.0);
    let overflow =
        if per_bucket * 4.0 < entries / used.max(1.0) || chain > 0.5 { used * chain } else { 0.0 };
    let pages = buckets + overflow + 2.0;
    let bytes = pages * PAGE_BYTES;
    Estimate {
        bytes: whole(bytes),
        // A bucket is added whenever the load passes the fill factor: at worst the next step is just taken.
        grown_bytes: whole(bytes * 1.25),
        entries,
        leaf_pages: buckets + overflow,
        basis: if keys.iter().any(|part| part.rough) {
            SizeBasis::Rough
        } else {
            SizeBasis::Statistics
        },
    }
}

/// Powers of two up to 512, then four even steps between one and the next.
fn hash_buckets(wanted: f64) -> f64 {
    let mut low = 2.0;
    for _ in 0..40 {
        if wanted <= low {
            return low;
        }
        if low >= 512.0 {
            for quarter in 1..4 {
                let step = low * (1.0 + 0.25 * f64::from(quarter));
                if wanted <= step {
                    return step;
                }
            }
        }
        low *= 2.0;
    }
    low
}

/// Elements of a document, an array or a text are guessed from the width of the value.
const GIN_ELEMENT_BYTES: f64 = 9.0;
/// A row's place in a posting list, as the difference to the one before.
const GIN_PLACE_BYTES: f64 = 2.5;

/// A list of rows for each element; how many elements there are is a guess.
pub(super) fn gin(entries: f64, keys: &[Part]) -> Estimate {
    let bytes: f64 = keys
        .iter()
        .map(|part| {
            let tuple =
                parts::tuple_bytes(std::slice::from_ref(part), &[], &parts::NullKeys::default());
            let elements = ((tuple.mean - 8.0) / GIN_ELEMENT_BYTES).max(1.0);
            entries * (1.0 - part.null_share) * elements * GIN_PLACE_BYTES
        })
        .sum();
    rough(entries, (bytes / (PAGE_BYTES * 0.9)).ceil() + 2.0, 1.5)
}

/// Every entry with its keys, on pages that are about two thirds full.
pub(super) fn gist(entries: f64, keys: &[Part], include: &[Part]) -> Estimate {
    let tuple = parts::tuple_bytes(keys, include, &parts::NullKeys::default());
    rough(entries, (entries * (tuple.mean + 4.0) / (PAGE_BYTES * 0.66)).ceil() + 1.0, 1.2)
}

fn rough(entries: f64, pages: f64, growth: f64) -> Estimate {
    Estimate {
        bytes: whole(pages * PAGE_BYTES),
        grown_bytes: whole(pages * PAGE_BYTES * growth),
        entries,
        leaf_pages: pages,
        basis: SizeBasis::Rough,
    }
}
