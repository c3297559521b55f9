//! `log_line_prefix`: compiled once, matched against every line.
//!
//! Names may hold what separates them, so a word ends at any place where the text behind it is found *and* the rest
//! of the prefix fits; the first such place wins. Both searches are bounded.

use memchr::memmem;

use super::{
    line::{Keyword, keyword},
    record::{number, query_id},
    time::{LogTime, epoch, timestamp},
};

/// Letters of one word of the prefix: names have at most 63 bytes, names of hosts 255.
const WORD_BYTES_MAX: usize = 320;
/// Places at which a word may end, for names that hold what separates them.
const ENDS_MAX: usize = 6;
/// Pieces of a prefix: there are two dozen escapes.
const PIECES_MAX: usize = 80;

/// A `log_line_prefix`, ready to be matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    text: String,
    pieces: Vec<Piece>,
}

/// Why a prefix cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrefixError {
    /// An escape that no server knows.
    Unknown(char),
    /// It ends in `%`.
    Unfinished,
    /// More pieces than there can be.
    TooLong,
}

impl std::fmt::Display for PrefixError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(letter) => write!(out, "no server knows `%{letter}`"),
            Self::Unfinished => out.write_str("it ends in `%`"),
            Self::TooLong => write!(out, "it has more than {PIECES_MAX} parts"),
        }
    }
}

impl std::error::Error for PrefixError {}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(Box<[u8]>),
    /// Behind it, processes without a session print nothing.
    Quit,
    /// `%t`, `%m`, `%s`; whether it is the time of the line.
    Time {
        is_now: bool,
    },
    Epoch,
    Number(Number),
    /// Digits of another base, slashes and dots: `%c`, `%v`.
    Digits {
        is_session: bool,
    },
    Word(Word),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Pid,
    Line,
    QueryId,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    User,
    Database,
    Application,
    Host,
    Backend,
    SqlState,
    Other,
}

/// What the prefix of a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Head<'a> {
    pub(super) time: Option<LogTime>,
    pub(super) pid: Option<u32>,
    pub(super) line: Option<u64>,
    pub(super) query_id: Option<i64>,
    pub(super) session: &'a [u8],
    pub(super) user: &'a [u8],
    pub(super) database: &'a [u8],
    pub(super) application: &'a [u8],
    pub(super) host: &'a [u8],
    pub(super) backend: &'a [u8],
    pub(super) sqlstate: &'a [u8],
}

/// A line that bears the prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Matched<'a> {
    pub(super) head: Head<'a>,
    pub(super) keyword: Keyword,
    pub(super) words: &'a [u8],
}

impl Prefix {
    /// Compiles the value of the setting.
    ///
    /// # Errors
    ///
    /// It has an escape that no server knows.
    pub fn parse(text: &str) -> Result<Self, PrefixError> {
        let mut pieces = Vec::new();
        let mut literal = Vec::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                literal.extend(letter.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            // Padding: the width changes nothing but the spaces, which are passed over.
            let escape = letters.by_ref().find(|letter| !matches!(letter, '-' | '0'..='9'));
            let escape = escape.ok_or(PrefixError::Unfinished)?;
            if escape == '%' {
                literal.push(b'%');
                continue;
            }
            let piece = piece(escape).ok_or(PrefixError::Unknown(escape))?;
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal).into()));
            }
            pieces.push(piece);
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.into()));
        }
        if PIECES_MAX < pieces.len() {
            return Err(PrefixError::TooLong);
        }
        Ok(Self { text: text.to_owned(), pieces })
    }

    /// The value of the setting.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The line, if it bears the prefix and a keyword behind it.
    pub(super) fn matched<'a>(&self, line: &'a [u8]) -> Option<Matched<'a>> {
        let mut head = Head::default();
        let (keyword, words) = run(&self.pieces, line, &mut head)?;
        Some(Matched { head, keyword, words })
    }
}

fn piece(escape: char) -> Option<Piece> {
    Some(match escape {
        't' | 'm' => Piece::Time { is_now: true },
        's' => Piece::Time { is_now: false },
        'n' => Piece::Epoch,
        'q' => Piece::Quit,
        'p' => Piece::Number(Number::Pid),
        'l' => Piece::Number(Number::Line),
        'Q' => Piece::Number(Number::QueryId),
        'P' | 'x' => Piece::Number(Number::Other),
        'c' => Piece::Digits { is_session: true },
        'v' => Piece::Digits { is_session: false },
        'u' => Piece::Word(Word::User),
        'd' => Piece::Word(Word::Database),
        'a' => Piece::Word(Word::Application),
        'h' | 'r' => Piece::Word(Word::Host),
        'b' => Piece::Word(Word::Backend),
        'e' => Piece::Word(Word::SqlState),
        'i' | 'L' => Piece::Word(Word::Other),
        _ => return None,
    })
}

/// Matches the pieces one after the other; each step either takes bytes or has one piece fewer to go.
fn run<'a>(
    pieces: &[Piece],
    mut rest: &'a [u8],
    head: &mut Head<'a>,
) -> Option<(Keyword, &'a [u8])> {
    for (place, piece) in pieces.iter().enumerate() {
        rest = match piece {
            Piece::Literal(literal) => rest.strip_prefix(&**literal)?,
            Piece::Quit => {
                let mut further = *head;
                let after = pieces.get(place + 1..).unwrap_or_default();
                if let Some(found) = run(after, rest, &mut further) {
                    *head = further;
                    return Some(found);
                }
                return keyword(rest.trim_ascii_start());
            }
            Piece::Time { is_now } => {
                let (time, length) = timestamp(rest)?;
                if *is_now {
                    head.time = Some(time);
                }
                rest.get(length..)?
            }
            Piece::Epoch => {
                let (time, length) = epoch(rest)?;
                head.time = Some(time);
                rest.get(length..)?
            }
            Piece::Number(which) => numbers(*which, rest, head)?,
            Piece::Digits { is_session } => {
                let is_digit = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b'/');
                let length = rest.iter().take(40).take_while(is_digit).count();
                let (digits, after) = rest.split_at_checked(length)?;
                if *is_session {
                    head.session = digits;
                }
                after.trim_ascii_start_if_padded()
            }
            Piece::Word(which) => {
                return word(*which, pieces.get(place + 1..).unwrap_or_default(), rest, head);
            }
        };
    }
    keyword(rest)
}

fn numbers<'a>(which: Number, rest: &'a [u8], head: &mut Head<'a>) -> Option<&'a [u8]> {
    let start = rest.iter().take(20).take_while(|byte| **byte == b' ').count();
    let sign = usize::from(rest.get(start) == Some(&b'-'));
    let digits = rest.get(start + sign..)?.iter().take(20).take_while(|byte| byte.is_ascii_digit());
    let end = start + sign + digits.count();
    let value = rest.get(start..end)?;
    match which {
        Number::Pid => head.pid = Some(u32::try_from(number(value)?).ok()?),
        Number::Line => head.line = Some(number(value)?),
        Number::QueryId => head.query_id = query_id(value),
        Number::Other => {}
    }
    rest.get(end..)
}

/// A word ends where what follows it fits.
fn word<'a>(
    which: Word,
    after: &[Piece],
    rest: &'a [u8],
    head: &mut Head<'a>,
) -> Option<(Keyword, &'a [u8])> {
    let near = rest.get(..WORD_BYTES_MAX).unwrap_or(rest);
    let behind = after.iter().find(|piece| !matches!(piece, Piece::Quit));
    let mut from = 0;
    for _ in 0..ENDS_MAX {
        let found = match behind {
            Some(Piece::Literal(literal)) => memmem::find(near.get(from..)?, literal)?,
            // Nothing separates it from what follows: a space at best.
            Some(_) => near.get(from..)?.iter().position(|byte| matches!(byte, b' ' | b':'))?,
            None => keyword_at(near, from)?,
        };
        let end = from + found;
        let mut further = *head;
        let fits = is_such(which, rest.get(..end)?);
        if let Some(done) =
            rest.get(end..).filter(|_| fits).and_then(|rest| run(after, rest, &mut further))
        {
            *head = further;
            keep(which, rest.get(..end)?, head);
            return Some(done);
        }
        from = end + 1;
    }
    None
}

/// Whether a word may be what it stands for.
fn is_such(which: Word, value: &[u8]) -> bool {
    let value = value.trim_ascii();
    match which {
        Word::Host => !value.contains(&b' '),
        Word::SqlState => {
            value.is_empty() || (value.len() == 5 && value.iter().all(u8::is_ascii_alphanumeric))
        }
        _ => true,
    }
}

/// Where the keyword of a line begins, counted from `from`.
fn keyword_at(near: &[u8], from: usize) -> Option<usize> {
    (from..near.len()).take(WORD_BYTES_MAX).find_map(|at| {
        near.get(at)?.is_ascii_uppercase().then_some(())?;
        keyword(near.get(at..)?).map(|_| at - from)
    })
}

fn keep<'a>(which: Word, value: &'a [u8], head: &mut Head<'a>) {
    let value = value.trim_ascii();
    match which {
        Word::User => head.user = value,
        Word::Database => head.database = value,
        Word::Application => head.application = value,
        // `%r` is the host with its port in brackets.
        Word::Host => {
            head.host = match memchr::memchr(b'(', value) {
                Some(port) if 0 < port => value.get(..port).unwrap_or(value),
                _ => value,
            };
        }
        Word::Backend => head.backend = value,
        Word::SqlState => head.sqlstate = value,
        Word::Other => {}
    }
}

/// Spaces that padding left behind.
trait Padded {
    fn trim_ascii_start_if_padded(&self) -> &Self;
}

impl Padded for [u8] {
    fn trim_ascii_start_if_padded(&self) -> &Self {
        // One space may be part of the literal that follows.
        if self.starts_with(b"  ") { self.trim_ascii_start() } else { self }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn told(prefix: &str, line: &str) -> String {
        let prefix = Prefix::parse(prefix).unwrap();
        let Some(Matched { head, keyword, words }) = prefix.matched(line.as_bytes()) else {
            return "no".to_owned();
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        format!(
            "{} {:?}/{:?} u={} d={} a={} h={} c={} e={} b={} q={:?} {keyword:?} {}",
            head.time.map_or_else(String::new, LogTime::to_text),
            head.pid,
            head.line,
            text(head.user),
            text(head.database),
            text(head.application),
            text(head.host),
            text(head.session),
            text(head.sqlstate),
            text(head.backend),
            head.query_id,
            text(words)
        )
    }

    #[test]
    fn every_escape_is_read() {
        let all = "%m [%p] %l %c %s %v %x %q%u@%d %a %h %e %Q %b ";
        let line = "2026-11-21 16:19:00.705 CET [19874] 7 6b01b664.4da2 2026-11-21 16:19:00 CET 3/12 0 \
                    jo@shop my app [local] 42P01 -812 client backend ERROR:  no";
        assert_snapshot!(told(all, line), @"2026-11-21 16:19:00 Some(19874)/Some(7) u=jo d=shop a=my app h=[local] c=6b01b664.4da2 e=42P01 b=client backend q=Some(-812) Main(Error) no");
    }

    #[test]
    fn processes_without_a_session_stop_at_q() {
        let prefix = "%m [%p] %q%u@%d ";
        assert_snapshot!(told(prefix, "2026-11-21 16:19:00 UTC [7] LOG:  ready"), @"2026-11-21 16:19:00 Some(7)/None u= d= a= h= c= e= b= q=None Main(Log) ready");
        assert_snapshot!(told(prefix, "2026-11-21 16:19:00 UTC [7] a@b LOG:  x"), @"2026-11-21 16:19:00 Some(7)/None u=a d=b a= h= c= e= b= q=None Main(Log) x");
    }

    #[test]
    fn names_may_hold_what_separates_them() {
        let prefix = "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ";
        let line = "2026-11-21 16:19:00 CET [7]: [3-1] user=a,b,db=c,db=d,app=LOG:  x,client=y,client=::1 STATEMENT:  s";
        assert_snapshot!(told(prefix, line), @"2026-11-21 16:19:00 Some(7)/Some(3) u=a,b d=c,db=d a=LOG:  x h=y,client=::1 c= e= b= q=None Statement s");
        assert_snapshot!(told("%t:%r:%u@%d:[%p]:", "2026-11-21 16:19:00 UTC:10.0.0.1(4242):u@d:[9]:LOG:  z"), @"2026-11-21 16:19:00 Some(9)/None u=u d=d a= h=10.0.0.1 c= e= b= q=None Main(Log) z");
        assert_snapshot!(told("%n %a", "1795274340.705 psqlLOG:  z"), @"2026-11-21 15:19:00 None/None u= d= a=psql h= c= e= b= q=None Main(Log) z");
        assert_snapshot!(told("%5p %-10u|", "   42 jo        |LOG:  z"), @" Some(42)/None u=jo d= a= h= c= e= b= q=None Main(Log) z");
    }

    #[test]
    fn other_lines_do_not_match() {
        assert_eq!(told("%m [%p] ", "2026-11-21 16:19:00 UTC [7] words"), "no");
        assert_eq!(told("%m [%p] ", "\tcontinued"), "no");
        assert_eq!(told("", "LOG:  bare").split("Main").nth(1), Some("(Log) bare"));
        assert_eq!(Prefix::parse("%m %"), Err(PrefixError::Unfinished));
        assert_eq!(Prefix::parse("%z"), Err(PrefixError::Unknown('z')));
    }
}
