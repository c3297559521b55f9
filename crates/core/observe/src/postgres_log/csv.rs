//! `csvlog`: 23 columns up to version 12, 24 in 13 (`backend_type`), 26 from 14 on (`leader_pid`, `query_id`).
//!
//! A field in quotes may hold line ends, so an entry ends where a line ends outside of quotes. Every entry begins with
//! a time; a line that does not is passed over, which is how reading finds its feet in a log that was cut.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::{
    line,
    reader::{Found, Scan},
    record::{Record, Severity, name, number, query_id, text},
    time::timestamp,
};

/// Columns in the first version that had this form.
const COLUMNS_MIN: usize = 23;
/// Columns that are looked at; versions to come may have more.
const COLUMNS_MAX: usize = 26;

/// A field as it stands: without its quotes, its doubled quotes still doubled.
#[derive(Debug, Clone, Copy, Default)]
struct Field<'a> {
    bytes: &'a [u8],
    has_quotes: bool,
}

impl<'a> Field<'a> {
    fn text(self) -> Cow<'a, str> {
        let text = text(self.bytes);
        if self.has_quotes { Cow::Owned(text.replace("\"\"", "\"")) } else { text }
    }

    fn name(self) -> Cow<'a, str> {
        if self.bytes == b"[unknown]" { Cow::Borrowed("") } else { self.text() }
    }
}

/// Reads entries from the start of `bytes` until none is whole; returns how many bytes are done with.
pub(super) fn scan<'a>(bytes: &'a [u8], how: Scan, sink: &mut impl FnMut(Found<'a>)) -> usize {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if starts_with_time(rest) {
            let mut fields = [Field::default(); COLUMNS_MAX];
            match split(rest, &mut fields, how) {
                Split::Open => return at,
                Split::Whole { columns, end } => {
                    if let Some(mut record) = record(&fields, columns) {
                        record.cut = how.cut && at + end == bytes.len();
                        sink(Found::Record(record));
                        at += end;
                        continue;
                    }
                }
                Split::Broken => {}
            }
        }
        let Some((line, after)) = line::next(rest, how.at_end) else { return at };
        sink(match line {
            line if line.iter().all(u8::is_ascii_whitespace) => Found::Blank,
            line if starts_with_time(line) => Found::Rubbish,
            // Within an entry whose start is not there.
            _ => Found::Orphan,
        });
        at = bytes.len() - after.len();
    }
    at
}

/// `2026-`: what every entry begins with.
pub(super) fn starts_with_time(bytes: &[u8]) -> bool {
    matches!(bytes, [a, b, c, d, b'-', ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()))
}

enum Split {
    /// Columns, and the bytes up to the next line.
    Whole {
        columns: usize,
        end: usize,
    },
    /// It may go on.
    Open,
    Broken,
}

/// Takes the fields of one entry apart.
fn split<'a>(bytes: &'a [u8], fields: &mut [Field<'a>; COLUMNS_MAX], how: Scan) -> Split {
    let (mut at, mut columns) = (0, 0);
    loop {
        let Some(rest) = bytes.get(at..) else { return Split::Broken };
        let (field, length) = match rest {
            [b'"', quoted @ ..] => match quoted_field(quoted, how) {
                Some((field, length)) => (field, length + 1),
                None if how.cut => (Field { bytes: quoted, has_quotes: true }, rest.len()),
                None if how.at_end => return Split::Broken,
                None => return Split::Open,
            },
            _ => match memchr2(b',', b'\n', rest) {
                Some(end) => {
                    (Field { bytes: rest.get(..end).unwrap_or(rest), has_quotes: false }, end)
                }
                None if how.at_end => (Field { bytes: rest, has_quotes: false }, rest.len()),
                None => return Split::Open,
            },
        };
        if let Some(place) = fields.get_mut(columns) {
            *place = field;
        }
        columns += 1;
        at += length;
        match bytes.get(at..) {
            Some([b',', ..]) => at += 1,
            Some([b'\n', ..]) => return Split::Whole { columns, end: at + 1 },
            Some([b'\r', b'\n', ..]) => return Split::Whole { columns, end: at + 2 },
            Some([]) if how.at_end => return Split::Whole { columns, end: at },
            Some([] | [b'\r']) if !how.at_end => return Split::Open,
            _ => return Split::Broken,
        }
    }
}

/// The field whose first quote was taken, and its length up to and with the last.
fn quoted_field(bytes: &[u8], how: Scan) -> Option<(Field<'_>, usize)> {
    let (mut from, mut has_quotes) = (0, false);
    loop {
        let quote = from + memchr(b'"', bytes.get(from..)?)?;
        match bytes.get(quote + 1) {
            Some(b'"') => {
                has_quotes = true;
                from = quote + 2;
            }
            // The next byte decides whether this quote is the last.
            None if !how.at_end => return None,
            _ => return Some((Field { bytes: bytes.get(..quote)?, has_quotes }, quote + 1)),
        }
    }
}

fn record<'a>(fields: &[Field<'a>; COLUMNS_MAX], columns: usize) -> Option<Record<'a>> {
    let at = |column: usize| fields.get(column).copied().unwrap_or_default();
    // A cut entry has its message at least.
    if columns < 14 || (columns < COLUMNS_MIN && at(13).bytes.is_empty()) {
        return None;
    }
    let (time, _) = timestamp(at(0).bytes)?;
    // `host:port`; an address of version 6 has colons of its own.
    let from = at(4);
    let host = memchr::memrchr(b':', from.bytes).and_then(|port| from.bytes.get(..port));
    Some(Record {
        time: Some(time),
        severity: Severity::parse(at(11).bytes)?,
        pid: number(at(3).bytes).and_then(|pid| u32::try_from(pid).ok()),
        session: at(5).text(),
        line: number(at(6).bytes),
        user: at(1).name(),
        database: at(2).name(),
        application: at(22).name(),
        host: host.map_or_else(|| from.name(), name),
        backend: at(23).text(),
        sqlstate: at(12).text(),
        message: at(13).text(),
        detail: at(14).text(),
        hint: at(15).text(),
        context: at(18).text(),
        statement: at(19).text(),
        query_id: query_id(at(25).bytes),
        cut: false,
    })
}
