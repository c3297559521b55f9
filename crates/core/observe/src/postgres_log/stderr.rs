//! Plain text: an entry is a line with the prefix, its continuations (which begin with a tab), and lines with the
//! prefix and a lesser keyword (`DETAIL:`, `STATEMENT:` …) of the same process.

use std::borrow::Cow;

use super::{
    line::{self, Keyword},
    prefix::{Matched, Prefix},
    reader::{Found, Scan},
    record::{Record, name, text},
};

/// Entries of plain text.
#[derive(Debug)]
pub(super) struct Plain<'p> {
    pub(super) prefix: &'p Prefix,
}

/// Where text of an entry stands, and what it is.
#[derive(Debug, Clone, Copy)]
struct Part {
    keyword: Keyword,
    from: usize,
    to: usize,
}

/// The parts of an entry beside its message: each once, and some to spare for a hostile log.
const PARTS_MAX: usize = 12;

impl Plain<'_> {
    /// Reads entries from the start of `bytes` until none is whole; hands each to `sink`. Returns how many bytes
    /// are done with: what follows belongs to an entry that may go on.
    pub(super) fn scan<'a>(
        &self,
        bytes: &'a [u8],
        scan: Scan,
        sink: &mut impl FnMut(Found<'a>),
    ) -> usize {
        let mut at = 0;
        // The first line of the next entry was already matched when it ended the one before.
        let mut ahead: Option<Matched<'a>> = None;
        loop {
            let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else { return at };
            let Some((line, after)) = line::next(rest, scan.at_end) else { return at };
            let matched = ahead.take().or_else(|| self.prefix.matched(line));
            let end = bytes.len() - after.len();
            let Some(main) = matched else {
                sink(match line {
                    [b'\t', ..] => Found::Orphan,
                    line if is_blank(line) => Found::Blank,
                    _ => Found::Rubbish,
                });
                at = end;
                continue;
            };
            if !matches!(main.keyword, Keyword::Main(_)) {
                // Its entry was in a part of the log that was not given.
                sink(Found::Orphan);
                at = end;
                continue;
            }
            let Some((record, end, next)) = self.entry(bytes, &main, end, scan) else {
                return at;
            };
            sink(Found::Record(record));
            (at, ahead) = (end, next);
        }
    }

    /// Reads the entry whose first line is matched and lies at `at..end`; `None` if it may go on.
    fn entry<'a>(
        &self,
        bytes: &'a [u8],
        main: &Matched<'a>,
        end: usize,
        scan: Scan,
    ) -> Option<(Record<'a>, usize, Option<Matched<'a>>)> {
        let words_at = |matched: &Matched<'_>, end: usize| {
            let line_end = bytes.get(..end).map_or(end, |line| trimmed(line).len());
            (line_end.saturating_sub(matched.words.len()), line_end)
        };
        let (from, to) = words_at(main, end);
        let mut message = Part { keyword: main.keyword, from, to };
        let mut parts: [Option<Part>; PARTS_MAX] = [None; PARTS_MAX];
        let (mut count, mut at, mut ahead) = (0, end, None);
        let whole = loop {
            let Some(rest) = bytes.get(at..) else { break scan.at_end };
            let Some((line, after)) = line::next(rest, scan.at_end) else { break scan.at_end };
            let end = bytes.len() - after.len();
            if line.starts_with(b"\t") {
                let last = parts.get_mut(..count).and_then(|parts| parts.last_mut()?.as_mut());
                last.unwrap_or(&mut message).to = at + line.len();
                at = end;
                continue;
            }
            let Some(matched) = self.prefix.matched(line) else { break true };
            if matches!(matched.keyword, Keyword::Main(_)) || matched.head.pid != main.head.pid {
                ahead = Some(matched);
                break true;
            }
            let (from, to) = words_at(&matched, end);
            if let Some(part) = parts.get_mut(count) {
                *part = Some(Part { keyword: matched.keyword, from, to });
                count += 1;
            }
            at = end;
        };
        if !whole {
            return None;
        }
        let mut record = begin(main);
        record.message = untabbed(bytes, message);
        record.cut = scan.cut && at == bytes.len();
        for part in parts.iter().flatten() {
            let text = untabbed(bytes, *part);
            match part.keyword {
                Keyword::Detail => record.detail = text,
                Keyword::Hint => record.hint = text,
                Keyword::Context => record.context = text,
                Keyword::Statement => record.statement = text,
                Keyword::Main(_) | Keyword::Other => {}
            }
        }
        Some((record, at, ahead))
    }
}

/// A record with what the prefix says.
pub(super) fn begin<'a>(main: &Matched<'a>) -> Record<'a> {
    let Matched { head, keyword, .. } = main;
    let severity = match keyword {
        Keyword::Main(severity) => *severity,
        _ => super::record::Severity::Log,
    };
    Record {
        time: head.time,
        severity,
        pid: head.pid,
        line: head.line,
        query_id: head.query_id,
        session: text(head.session),
        user: name(head.user),
        database: name(head.database),
        application: name(head.application),
        host: name(head.host),
        backend: name(head.backend),
        sqlstate: text(head.sqlstate),
        ..Record::default()
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The text of a part: continuations lose the tab that marks them.
fn untabbed(bytes: &[u8], part: Part) -> Cow<'_, str> {
    let text = text(bytes.get(part.from..part.to).unwrap_or_default());
    if !text.contains("\n\t") {
        return text;
    }
    Cow::Owned(text.replace("\r\n", "\n").replace("\n\t", "\n"))
}
