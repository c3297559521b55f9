//! Which files hold blocks, for whoever copies them.

use std::path::PathBuf;

use model::Moment;

use crate::shelf::Shelf;

/// A block, as a file: it can be read by itself, and is never changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockFile {
    /// Its name, which says of which signal it is and for which segments it stands.
    pub name: String,
    /// Where it is. It may be gone by now, having become part of a larger one.
    pub path: PathBuf,
    /// How large it is.
    pub bytes: u64,
    /// Its rows.
    pub rows: usize,
    /// When its first and its last batch were received.
    pub received: (Moment, Moment),
    /// It holds all rows of its segments; others hold the ones that are kept for long.
    pub is_whole: bool,
}

/// Blocks of shelves, those of each in the order of their segments.
pub(crate) fn blocks(shelves: &[Shelf]) -> Vec<BlockFile> {
    let kept = shelves.iter().flat_map(|shelf| shelf.blocks.all());
    let files = kept.filter_map(|kept| {
        Some(BlockFile {
            name: kept.path.file_name()?.to_str()?.to_owned(),
            path: kept.path.clone(),
            bytes: kept.bytes,
            rows: kept.rows,
            received: kept.received,
            is_whole: kept.thinned.is_none(),
        })
    });
    files.collect()
}
