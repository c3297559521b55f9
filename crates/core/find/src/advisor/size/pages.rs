//! Tuples to pages: posting lists, the fill factor, inner levels.

use super::parts::TupleBytes;

/// A page without its header (24) and the special space of a B-tree (16).
const USABLE: f64 = 8192.0 - 24.0 - 16.0;
/// The line pointer of each tuple.
const POINTER: f64 = 4.0;
/// A posting list ends at a tenth of a page, less a line pointer.
const POSTING_MAX: f64 = 812.0;
/// Bytes of one row's place in a posting list.
const PLACE: f64 = 6.0;
/// Groups up to this size are summed exactly.
const GROUP_EXACT_MAX: u32 = 120;

/// Tuples that are alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Group {
    /// How many.
    tuples: f64,
    /// Mean bytes of one with its line pointer.
    bytes: f64,
    /// Mean of the squares of these.
    bytes_squared: f64,
    /// Bytes of its posting list, which the page's upper bound does without.
    postings: f64,
    /// All take the same, and one page holds nothing else.
    uniform: bool,
}

impl Group {
    /// Entries of which each has a tuple of its own.
    pub(super) fn singles(entries: f64, base: TupleBytes) -> Self {
        Self {
            tuples: entries,
            bytes: base.mean + POINTER,
            bytes_squared: (base.mean + POINTER).powi(2),
            postings: 0.0,
            uniform: base.fixed,
        }
    }

    fn total(&self) -> f64 {
        self.tuples * self.bytes
    }
}

/// So many values with so many entries each, on average.
pub(super) fn merged(groups: &mut Vec<Group>, values: f64, entries_each: f64, base: TupleBytes) {
    let places_max = ((POSTING_MAX - POINTER - base.mean) / PLACE).floor();
    if places_max < 2.0 {
        groups.push(Group::singles(values * entries_each, base));
        return;
    }
    if entries_each <= places_max / 2.0 {
        small(groups, values, entries_each, base);
        return;
    }
    let full = if values <= 100.0 {
        (entries_each / places_max).floor()
    } else {
        entries_each / places_max - 0.5
    };
    let full = full.max(0.0);
    let rest = (entries_each - full * places_max).max(0.0);
    let full_bytes = aligned(base.mean + PLACE * places_max) + POINTER;
    groups.push(Group {
        tuples: values * full,
        bytes: full_bytes,
        bytes_squared: full_bytes.powi(2),
        postings: PLACE * places_max,
        // Enough of them to fill pages of their own.
        uniform: full >= 20.0,
    });
    if rest > 0.0 {
        let bytes = aligned(base.mean + PLACE * rest) + POINTER;
        groups.push(Group {
            tuples: values,
            bytes,
            bytes_squared: bytes.powi(2) * 4.0 / 3.0,
            postings: PLACE * rest,
            uniform: false,
        });
    }
}

/// Groups of few entries: their sizes scatter around the mean as random ones do (a Poisson distribution that
/// knows no empty group).
fn small(groups: &mut Vec<Group>, values: f64, mean: f64, base: TupleBytes) {
    if mean <= 1.0 + 1e-9 {
        groups.push(Group::singles(values * mean.min(1.0), base));
        return;
    }
    let rate = rate_of(mean);
    let (mut tuples, mut bytes, mut squared, mut postings) = (0.0, 0.0, 0.0, 0.0);
    let mut singles = 0.0;
    let mut chance = rate * (-rate).exp() / -(-rate).exp_m1();
    for size in 1..=GROUP_EXACT_MAX {
        if size == 1 {
            singles = chance;
        } else {
            let list = PLACE * f64::from(size);
            let one = aligned(base.mean + list) + POINTER;
            tuples += chance;
            bytes += chance * one;
            squared += chance * one * one;
            postings += chance * list;
        }
        chance *= rate / f64::from(size + 1);
    }
    groups.push(Group::singles(values * singles, TupleBytes { fixed: false, ..base }));
    if tuples > 0.0 {
        groups.push(Group {
            tuples: values * tuples,
            bytes: bytes / tuples,
            bytes_squared: squared / tuples,
            postings: postings / tuples,
            uniform: false,
        });
    }
}

/// The rate of a Poisson distribution whose mean over what is not 0 is this: `rate / (1 - e^-rate) = mean`.
fn rate_of(mean: f64) -> f64 {
    let (mut low, mut high) = (1e-12, mean);
    for _ in 0..60 {
        let middle = (low * high).sqrt();
        if middle / -(-middle).exp_m1() < mean { low = middle } else { high = middle }
    }
    low
}

fn aligned(bytes: f64) -> f64 {
    (bytes / 8.0).ceil() * 8.0
}

/// Pages of a B-tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pages {
    /// Pages of the lowest level.
    pub(super) leaf: f64,
    /// Pages above them.
    inner: f64,
}

impl Pages {
    pub(super) fn of(groups: &[Group], pivot: TupleBytes, fill_percent: f64) -> Self {
        let spare = (8192.0 * (100.0 - fill_percent) / 100.0).floor();
        let mut leaf = 0.0;
        let (mut tuples, mut bytes, mut squared, mut postings) = (0.0, 0.0, 0.0, 0.0);
        for group in groups.iter().filter(|group| group.tuples > 0.0) {
            if group.uniform {
                leaf += group.tuples / uniform_a_page(group, spare);
            } else {
                tuples += group.tuples;
                bytes += group.total();
                squared += group.tuples * group.bytes_squared;
                postings += group.tuples * group.bytes * group.postings;
            }
        }
        if tuples > 0.0 {
            // By bytes, not by number: the tuple at a page's end is more likely a large one.
            let at_end = squared / bytes;
            let list_at_end = postings / bytes;
            let until_full = USABLE - 8.0 - spare + list_at_end - at_end / 2.0;
            let until_no_fit = USABLE - 12.0 - at_end / 2.0 - bytes / tuples;
            leaf += bytes / until_full.min(until_no_fit).max(1.0);
        }
        let leaf = leaf.ceil();
        Self { leaf, inner: inner(leaf, pivot) }
    }

    /// With the page that describes the index.
    pub(super) fn total(self) -> f64 {
        1.0 + self.leaf + self.inner
    }
}

/// Tuples of one size on a page: the one that would overfill it goes to the next.
fn uniform_a_page(group: &Group, spare: f64) -> f64 {
    let until_full = ((USABLE - 8.0 - spare + group.postings) / group.bytes).floor() + 1.0;
    let until_no_fit = ((USABLE - 12.0) / group.bytes).floor();
    (until_full.min(until_no_fit) - 1.0).max(1.0)
}

/// Pages above the leaves, filled to 70 %.
fn inner(leaf: f64, pivot: TupleBytes) -> f64 {
    let spare = (8192.0_f64 * 0.3).floor();
    let each = ((USABLE - 8.0 - spare) / (pivot.mean + POINTER)).floor().max(2.0);
    let (mut level, mut pages) = (leaf, 0.0);
    // A tree of 2^64 rows has fewer levels.
    for _ in 0..16 {
        if level <= 1.0 {
            break;
        }
        level = (level / each).ceil();
        pages += level;
    }
    pages
}
