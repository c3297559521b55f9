//! Rows that came twice: a client that did not hear that its spans were taken sends them again.

use std::hash::BuildHasher as _;

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::{
    chunk::{Chunk, Column},
    table::{SPANS, span as place},
    texts::small,
};

/// The rows of a chunk without those that are the same as one before; `None` if there are no such rows.
///
/// Spans are the same that have trace, id, kind and begin in common: with Zipkin, client and server share an id. Of
/// other tables, no row says which it is, so that all are kept.
#[must_use]
pub fn distinct(chunk: &Chunk) -> Option<Vec<u32>> {
    if chunk.table().name != SPANS.name {
        return None;
    }
    let Column::Id16(traces) = chunk.column(place::TRACE_ID) else { return None };
    let Column::Id8(ids) = chunk.column(place::SPAN_ID) else { return None };
    let Column::Text(kinds) = chunk.column(place::KIND) else { return None };
    let Column::Whole(starts) = chunk.column(place::START) else { return None };
    let identity = |row: usize| (traces[row], ids[row], kinds[row], starts[row]);
    let mut known: FxHashMap<u64, u32> = FxHashMap::default();
    known.reserve(chunk.rows());
    let mut rows = Vec::with_capacity(chunk.rows());
    for row in 0..chunk.rows() {
        let first =
            *known.entry(FxBuildHasher.hash_one(identity(row))).or_insert_with(|| small(row));
        // Of two with one hash by chance, both stay.
        if first as usize == row || identity(first as usize) != identity(row) {
            rows.push(small(row));
        }
    }
    (rows.len() < chunk.rows()).then_some(rows)
}

#[cfg(test)]
mod tests {
    use model::{Moment, SpanKind};
    use testkit::arbitrary;

    use super::*;
    use crate::spans::{Derived, SpanRows};

    #[test]
    fn what_came_twice_is_told_apart_from_what_shares_an_id() {
        let span = arbitrary::one();
        let mut other_kind = span.clone();
        other_kind.kind = match span.kind {
            SpanKind::Server => SpanKind::Client,
            _ => SpanKind::Server,
        };
        let mut later = span.clone();
        later.start = Moment { nanos: span.start.nanos + 1 };
        let mut rows = SpanRows::default();
        for span in [&span, &other_kind, &later, &span, &later, &span] {
            rows.push(span, Derived::default());
        }
        assert_eq!(distinct(rows.chunk()), Some(vec![0, 1, 2]));
        let mut rows = SpanRows::default();
        for span in [&span, &other_kind, &later] {
            rows.push(span, Derived::default());
        }
        assert_eq!(distinct(rows.chunk()), None);
    }
}
