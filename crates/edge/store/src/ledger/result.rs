//! Whole results beside the records of runs and proofs: the JSON that `--out` and `--json` write, packed, so that a page opens what
//! was recorded as it opens a file. They are large, and what they say in short stays for ever: so the oldest ones go.

use std::io::Read as _;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Kept, Ledger, LedgerError};

/// Bytes of a packed result: the 200,000 single requests of a run of load are about as many.
pub const RESULT_PACKED_BYTES_MAX: usize = 4 << 20;

/// Bytes of one that is not packed: whoever reads it has so much room.
pub const RESULT_BYTES_MAX: usize = 64 << 20;

/// Results that are kept: with those above, less than a gigabyte.
pub const RESULTS_MAX: u32 = 200;

/// Of zstd: a tenth smaller than its usual 3, in a second where the text is as long as it may be.
const LEVEL: i32 = 6;

/// A result as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedResult {
    pub(super) bytes: i64,
    pub(super) packed: Vec<u8>,
}

impl PackedResult {
    /// `None` if it is longer than what is kept.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        if RESULT_BYTES_MAX < text.len() {
            return None;
        }
        let packed = zstd::bulk::compress(text.as_bytes(), LEVEL).ok()?;
        let bytes = i64::try_from(text.len()).ok()?;
        (packed.len() <= RESULT_PACKED_BYTES_MAX).then_some(Self { bytes, packed })
    }
}

impl Ledger {
    /// The whole result beside a record, as it was given; `None` if there is none, or none any more.
    ///
    /// # Errors
    ///
    /// The disk fails, or what it holds is damaged.
    pub fn result(&self, record: i64) -> Result<Option<String>, LedgerError> {
        let packed = match &self.kept {
            Kept::File { connection, .. } => {
                let sql = "select packed from result where record = ?1 and length(packed) <= ?2";
                let values = params![record, packed_max()];
                let read = connection.query_row(sql, values, |row| row.get::<_, Vec<u8>>(0));
                read.optional().map_err(self.failed("read"))?
            }
            Kept::Server(server) => server.result(record)?,
        };
        let text = packed.map(|packed| {
            unpacked(&packed).ok_or_else(|| LedgerError::Result { path: self.path(), record })
        });
        text.transpose()
    }
}

/// What is longer than anything that was kept is not read: others may write to a server as well.
pub(super) fn packed_max() -> i64 {
    i64::try_from(RESULT_PACKED_BYTES_MAX).unwrap_or(i64::MAX)
}

/// Keeps one, and lets the oldest go.
pub(super) fn insert(
    connection: &Connection,
    record: i64,
    whole: &PackedResult,
) -> Result<(), rusqlite::Error> {
    let sql = "insert into result (record, bytes, packed) values (?1, ?2, ?3)";
    connection.execute(sql, params![record, whole.bytes, whole.packed])?;
    let sql = "delete from result where record not in \
         (select record from result order by record desc limit ?1)";
    connection.execute(sql, params![RESULTS_MAX])?;
    Ok(())
}

fn unpacked(packed: &[u8]) -> Option<String> {
    let reader = zstd::stream::read::Decoder::new(packed).ok()?;
    let bytes_max = u64::try_from(RESULT_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    reader.take(bytes_max + 1).read_to_end(&mut bytes).ok()?;
    if RESULT_BYTES_MAX < bytes.len() {
        return None;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_comes_back_and_what_is_none_is_refused() {
        let text = "{\"format\": \"taut-load-1\", \"samples\": [1, 2, 3]} ü";
        let packed = PackedResult::of(text).unwrap();
        assert_eq!(unpacked(&packed.packed).as_deref(), Some(text));
        assert_eq!(unpacked(b"no zstd at all"), None);
        assert_eq!(unpacked(&packed.packed[..packed.packed.len() / 2]), None, "half of it");
        // A few bytes that would fill the memory.
        let bomb = zstd::bulk::compress(&vec![0_u8; RESULT_BYTES_MAX + 1], 1).unwrap();
        assert!(bomb.len() < 1 << 20);
        assert_eq!(unpacked(&bomb), None);
        assert_eq!(
            PackedResult::of(&"x".repeat(RESULT_BYTES_MAX + 1)),
            None,
            "longer than is kept"
        );
    }
}
