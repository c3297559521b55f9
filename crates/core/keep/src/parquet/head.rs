//! The head of a page, in Thrift's compact protocol, with the checksum that the crate's own writer leaves out.
//!
//! <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>, `PageHeader`.

use parquet::basic::Encoding;

/// What a page holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum PageKind {
    /// Distinct values in plain encoding.
    Dictionary {
        /// How many.
        values: u32,
    },
    /// Values of rows.
    Data {
        /// How many rows.
        rows: u32,
        /// How the values are packed.
        encoding: Encoding,
    },
}

/// Compact types of fields.
const FALSE: u8 = 2;
const I32: u8 = 5;
const STRUCT: u8 = 12;

/// Appends a page: its head, and `packed`, which was `unpacked_bytes` long before it was compressed.
pub(super) fn write(kind: PageKind, unpacked_bytes: usize, packed: &[u8], out: &mut Vec<u8>) {
    let (number, place) = match kind {
        PageKind::Data { .. } => (0, 5),
        PageKind::Dictionary { .. } => (2, 7),
    };
    int(out, number);
    int(out, unpacked_bytes as i32);
    int(out, packed.len() as i32);
    int(out, crc32fast::hash(packed).cast_signed());
    field(out, place - 4, STRUCT);
    match kind {
        PageKind::Data { rows, encoding } => {
            int(out, rows as i32);
            int(out, encoding as i32);
            // Levels are run lengths, whether there are any or not.
            int(out, Encoding::RLE as i32);
            int(out, Encoding::RLE as i32);
        }
        PageKind::Dictionary { values } => {
            int(out, values as i32);
            int(out, Encoding::PLAIN as i32);
            // Whether it is sorted.
            field(out, 1, FALSE);
        }
    }
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(packed);
}

/// A field whose number is greater than that of the one before by `step`.
fn field(out: &mut Vec<u8>, step: u8, kind: u8) {
    out.push(step << 4 | kind);
}

/// The field after the one before.
fn int(out: &mut Vec<u8>, number: i32) {
    field(out, 1, I32);
    let mut rest = (number << 1 ^ number >> 31).cast_unsigned();
    while 0x7f < rest {
        out.push(rest as u8 & 0x7f | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}
