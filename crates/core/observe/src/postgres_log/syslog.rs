//! Plain text that went through syslog: `Nov 21 16:19:00 host postgres[42]: [7-1] ` or, with an ISO time,
//! `2026-11-21T16:19:00+01:00 host postgres[42]: [7-1] ` before each piece. `[7-2]` goes on with entry 7; a tab is
//! written as `#011`. The prefix of the log, where there is one, follows.

use std::borrow::Cow;

use super::{
    line::{self, Keyword},
    prefix::{Matched, Prefix},
    reader::{Found, Scan},
    record::{Record, number},
    stderr::begin,
    time::{LogTime, syslog, timestamp},
};

/// Entries behind the head of syslog.
#[derive(Debug)]
pub(super) struct Syslog<'p> {
    pub(super) prefix: &'p Prefix,
    pub(super) year: i64,
}

/// What syslog puts before a piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) time: LogTime,
    pub(super) pid: Option<u32>,
    /// Number of the piece within its entry, from 1.
    pub(super) piece: u64,
    pub(super) rest: &'a [u8],
}

/// The head of a line.
pub(super) fn head(line: &[u8], year: i64) -> Option<Head<'_>> {
    let (time, length) = match line.first()? {
        b'0'..=b'9' if line.get(10) == Some(&b'T') => timestamp(line)?,
        b'A'..=b'Z' => syslog(line, year)?,
        _ => return None,
    };
    let rest = line.get(length..)?.strip_prefix(b" ")?;
    let host = memchr::memchr(b' ', rest)?;
    let rest = rest.get(host + 1..)?;
    let tag = memchr::memmem::find(rest.get(..rest.len().min(100))?, b": ")?;
    let (tag, rest) = (rest.get(..tag)?, rest.get(tag + 2..)?);
    let pid = tag.strip_suffix(b"]").and_then(|tag| {
        let open = memchr::memrchr(b'[', tag)?;
        u32::try_from(number(tag.get(open + 1..)?)?).ok()
    });
    let (piece, rest) = piece(rest).unwrap_or((1, rest));
    Some(Head { time, pid, piece, rest })
}

/// `[7-2] `: the second piece of entry 7.
fn piece(rest: &[u8]) -> Option<(u64, &[u8])> {
    let inner = rest.strip_prefix(b"[")?;
    let end = memchr::memchr(b']', inner.get(..inner.len().min(24))?)?;
    let (_, piece) = inner.get(..end)?.split_at_checked(memchr::memchr(b'-', inner)?)?;
    let piece = number(piece.get(1..)?)?;
    let rest = inner.get(end + 1..)?;
    Some((piece, rest.strip_prefix(b" ").unwrap_or(rest)))
}

impl Syslog<'_> {
    /// Reads entries from the start of `bytes` until none is whole; returns how many bytes are done with.
    pub(super) fn scan<'a>(
        &self,
        bytes: &'a [u8],
        scan: Scan,
        sink: &mut impl FnMut(Found<'a>),
    ) -> usize {
        let (mut at, mut begun) = (0, 0);
        let mut open: Option<(Record<'a>, Keyword)> = None;
        // Lines between the pieces of an open entry: told once it is whole, for it may be read again.
        let mut between: Vec<Found<'a>> = Vec::new();
        while let Some((line, after)) = line::next(bytes.get(at..).unwrap_or_default(), scan.at_end)
        {
            let start = at;
            at = bytes.len() - after.len();
            let Some(head) = head(line, self.year) else {
                if !line.iter().all(u8::is_ascii_whitespace) {
                    between.push(Found::Rubbish);
                }
                continue;
            };
            let matched = if head.piece == 1 { self.prefix.matched(head.rest) } else { None };
            match (matched, &mut open) {
                (Some(matched), _) if matches!(matched.keyword, Keyword::Main(_)) => {
                    if let Some((record, _)) = open.take() {
                        sink(Found::Record(record));
                    }
                    between.drain(..).for_each(&mut *sink);
                    open = Some((Self::opened(&matched, &head), matched.keyword));
                    begun = start;
                }
                (Some(matched), Some((record, last))) if record.pid == head.pid => {
                    *last = matched.keyword;
                    append(record, *last, matched.words);
                }
                (None, Some((record, last))) if 1 < head.piece && record.pid == head.pid => {
                    append(record, *last, head.rest);
                }
                (None, _) if head.piece == 1 => between.push(Found::Rubbish),
                _ => between.push(Found::Orphan),
            }
        }
        match open {
            Some((mut record, _)) if scan.at_end => {
                record.cut = scan.cut;
                sink(Found::Record(record));
                between.drain(..).for_each(sink);
                at
            }
            // It may go on: it is read again, with what follows.
            Some(_) => begun,
            None => {
                between.drain(..).for_each(sink);
                at
            }
        }
    }

    fn opened<'a>(matched: &Matched<'a>, head: &Head<'a>) -> Record<'a> {
        let mut record = begin(matched);
        record.time = record.time.or(Some(head.time));
        record.pid = record.pid.or(head.pid);
        record.message = spaced(matched.words);
        record
    }
}

/// Adds a piece to what it goes on with.
fn append<'a>(record: &mut Record<'a>, keyword: Keyword, words: &'a [u8]) {
    let field = match keyword {
        Keyword::Main(_) => &mut record.message,
        Keyword::Detail => &mut record.detail,
        Keyword::Hint => &mut record.hint,
        Keyword::Context => &mut record.context,
        Keyword::Statement => &mut record.statement,
        Keyword::Other => return,
    };
    let words = spaced(words);
    if field.is_empty() {
        *field = words;
        return;
    }
    // A tab says that a line of the text began here; without it, syslog broke a long line.
    let field = field.to_mut();
    match words.strip_prefix('\t') {
        Some(words) => {
            field.push('\n');
            field.push_str(words);
        }
        None => field.push_str(&words),
    }
}

fn spaced(words: &[u8]) -> Cow<'_, str> {
    let words = super::record::text(words);
    if words.contains("#011") { Cow::Owned(words.replace("#011", "\t")) } else { words }
}
