//! What a log is written as, from its first lines: the format by what most of them look like, the prefix by trying
//! those that are common, and those that can be read off the lines themselves.

use super::{
    csv,
    line::{self, keyword},
    prefix::Prefix,
    reader::{Format, ReaderOptions},
    syslog,
    time::{epoch, timestamp},
};

/// Lines that are looked at.
const LINES_MAX: usize = 400;
/// Lines from which a prefix is read off.
const READ_OFF_MAX: usize = 24;

/// Prefixes of distributions, clouds and manuals.
const COMMON: &[&str] = &[
    "%m [%p] ",
    "%m [%p] %q%u@%d ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d ",
    "%t [%p]: [%l-1] db=%d,user=%u ",
    "%m [%p]: [%l-1] db=%d,user=%u ",
    "%t:%r:%u@%d:[%p]:",
    "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
    "%t-%c-",
    "%t [%p-%l] %q%u@%d ",
    "%m [%p] %q%a ",
    "%m [%p] %q[user=%u,db=%d,app=%a] ",
    "%t ",
    "%m ",
    "%t [%p] ",
    "%n [%p] ",
    "",
];

/// The format and the prefix; `None` if nothing is recognised.
pub(super) fn recognise(sample: &[u8], options: &ReaderOptions) -> Option<(Format, Prefix)> {
    let lines = lines(sample);
    let year = options.syslog_year.unwrap_or(1_970);
    let format = match options.format {
        Some(Format::Stderr) | None => format(&lines, year, options)?,
        Some(format) => format,
    };
    let none = || Prefix::parse("").ok();
    let prefix = match format {
        Format::Csv | Format::Json => none()?,
        Format::Stderr | Format::Syslog => match &options.prefix {
            Some(prefix) => prefix.clone(),
            None if format == Format::Stderr => prefix(&lines)?,
            None => {
                let heads = lines.iter().filter_map(|line| syslog::head(line, year));
                prefix(
                    &heads.filter(|head| head.piece == 1).map(|head| head.rest).collect::<Vec<_>>(),
                )?
            }
        },
    };
    Some((format, prefix))
}

/// Lines that may begin an entry.
fn lines(sample: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = sample;
    while let Some((line, after)) = line::next(rest, true) {
        if !line.is_empty() && !line.starts_with(b"\t") {
            lines.push(line);
        }
        rest = after;
        if LINES_MAX <= lines.len() {
            break;
        }
    }
    lines
}

/// What most lines are.
fn format(lines: &[&[u8]], year: i64, options: &ReaderOptions) -> Option<Format> {
    let count = |is: &dyn Fn(&[u8]) -> bool| lines.iter().filter(|line| is(line)).count();
    let json = count(&|line| line.starts_with(b"{\"") && contains(line, b"\"error_severity\""));
    let csv = count(&|line| {
        let after = |(_, length)| line.get(length) == Some(&b',');
        csv::starts_with_time(line) && timestamp(line).is_some_and(after)
    });
    let syslog = count(&|line| {
        syslog::head(line, year).is_some_and(|head| contains(head.rest, b":  ") || 1 < head.piece)
    });
    let plain = match &options.prefix {
        Some(prefix) => count(&|line| prefix.matched(line).is_some()),
        None => count(&|line| words_at(line).is_some()).saturating_sub(syslog),
    };
    let plain_only = options.format == Some(Format::Stderr);
    [(json, Format::Json), (csv, Format::Csv), (syslog, Format::Syslog), (plain, Format::Stderr)]
        .into_iter()
        .filter(|(count, format)| {
            0 < *count && (!plain_only || matches!(format, Format::Stderr | Format::Syslog))
        })
        .max_by_key(|(count, _)| *count)
        .map(|(_, format)| format)
}

fn contains(line: &[u8], words: &[u8]) -> bool {
    memchr::memmem::find(line, words).is_some()
}

/// The prefix that fits most lines; of several, the one that tells most.
fn prefix(lines: &[&[u8]]) -> Option<Prefix> {
    let mut tried: Vec<String> = COMMON.iter().map(|text| (*text).to_owned()).collect();
    for line in lines.iter().filter(|line| words_at(line).is_some()).take(READ_OFF_MAX) {
        let text = read_off(line.get(..words_at(line)?)?);
        if !tried.contains(&text) {
            tried.push(text);
        }
    }
    let scored = tried.iter().filter_map(|text| {
        let prefix = Prefix::parse(text).ok()?;
        let fits = lines.iter().filter(|line| prefix.matched(line).is_some()).count();
        (0 < fits).then(|| (fits, text.matches('%').count() - text.matches("%q").count(), prefix))
    });
    // Of equals the first wins: those that are common come first.
    let best = scored.fold(None, |best: Option<(usize, usize, Prefix)>, next| match best {
        Some(best) if (next.0, next.1) <= (best.0, best.1) => Some(best),
        _ => Some(next),
    });
    best.map(|(_, _, prefix)| prefix)
}

/// Where the keyword of a line begins: what stands before is its prefix.
fn words_at(line: &[u8]) -> Option<usize> {
    let near = line.get(..line.len().min(400))?;
    (0..near.len()).find(|at| {
        let starts = near.get(*at).is_some_and(u8::is_ascii_uppercase);
        let alone = *at == 0 || !near.get(at - 1).is_some_and(u8::is_ascii_alphanumeric);
        starts
            && alone
            && near.get(*at..).and_then(keyword).is_some_and(|_| {
                near.get(*at..).is_some_and(|rest| {
                    contains(rest.get(..rest.len().min(14)).unwrap_or(rest), b":  ")
                })
            })
    })
}

/// Reads the setting off a prefix as it was printed.
fn read_off(printed: &[u8]) -> String {
    let mut off = Off { rest: printed, text: String::new(), seen: Vec::new() };
    while !off.rest.is_empty() {
        off.step();
    }
    off.text
}

struct Off<'a> {
    rest: &'a [u8],
    text: String,
    seen: Vec<char>,
}

/// Names before `=` and what they stand before.
const KEYS: &[(&str, char)] = &[
    ("user", 'u'),
    ("usr", 'u'),
    ("username", 'u'),
    ("db", 'd'),
    ("database", 'd'),
    ("dbname", 'd'),
    ("app", 'a'),
    ("application", 'a'),
    ("appname", 'a'),
    ("application_name", 'a'),
    ("client", 'h'),
    ("host", 'h'),
    ("remote", 'h'),
    ("rhost", 'h'),
    ("ip", 'h'),
    ("pid", 'p'),
    ("line", 'l'),
    ("xid", 'x'),
    ("txid", 'x'),
    ("vxid", 'v'),
    ("session", 'c'),
    ("sess", 'c'),
    ("state", 'e'),
    ("sqlstate", 'e'),
    ("err", 'e'),
    ("query_id", 'Q'),
    ("queryid", 'Q'),
    ("qid", 'Q'),
    ("type", 'b'),
    ("backend", 'b'),
    ("backend_type", 'b'),
    ("cmd", 'i'),
    ("tag", 'i'),
];

impl Off<'_> {
    fn step(&mut self) {
        if let Some((_, length)) = timestamp(self.rest) {
            let has_millis = self.rest.get(19) == Some(&b'.');
            let escape = match (self.seen.contains(&'t'), has_millis) {
                (true, _) => 's',
                (false, true) => 'm',
                (false, false) => 't',
            };
            self.seen.push('t');
            return self.take(escape, length);
        }
        if let Some((_, length)) = epoch(self.rest).filter(|(_, length)| 13 < *length) {
            return self.take('n', length);
        }
        let is_word =
            |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_' || !byte.is_ascii();
        let length = self.rest.iter().take_while(is_word).count();
        let word = self.rest.get(..length).unwrap_or_default();
        let next = self.rest.get(length).copied().unwrap_or_default();
        if self.rest.starts_with(b"[local]") {
            return self.take('h', 7);
        }
        if length == 0 {
            return self.literal(1);
        }
        if next == b'='
            && let Some((_, escape)) = KEYS.iter().find(|(key, _)| key.as_bytes() == word)
        {
            self.quit_before(*escape);
            self.literal(length + 1);
            // A host may have its port in brackets of its own.
            let ends = |byte: &u8| b",;| ]}".contains(byte);
            let bracket = usize::from(self.rest.starts_with(b"[local]")) * 7;
            let after = self.rest.get(bracket..).unwrap_or_default();
            let value = after.iter().position(ends).unwrap_or(after.len());
            return self.take(*escape, bracket + value);
        }
        self.bare(word, next);
    }

    /// A word without a name before it.
    fn bare(&mut self, word: &[u8], next: u8) {
        let length = word.len();
        let is_hex = |bytes: &[u8]| !bytes.is_empty() && bytes.iter().all(u8::is_ascii_hexdigit);
        let further = self.rest.get(length + 1..).unwrap_or_default();
        let second = further.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if next == b'.' && length == 8 && is_hex(word) && 0 < second {
            return self.take('c', length + 1 + second);
        }
        let address = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'));
        let address = address.count();
        let shown = self.rest.get(..address).unwrap_or_default();
        if memchr::memchr_iter(b'.', shown).count() == 3 {
            let port = self.rest.get(address..).unwrap_or_default();
            let port =
                port.iter().take_while(|byte| matches!(byte, b'(' | b')' | b'0'..=b'9')).count();
            return self.take(if 2 < port { 'r' } else { 'h' }, address + port);
        }
        if word.iter().all(u8::is_ascii_digit) {
            if next == b'/' {
                return self.take('v', length + 1 + second);
            }
            let escape = match (self.seen.contains(&'p'), self.seen.contains(&'l'), word) {
                (_, _, b"00000") => 'e',
                (false, _, _) => 'p',
                (true, false, _) => 'l',
                _ => 'x',
            };
            self.take(escape, length);
            // `[%l-1]` is how manuals write it for syslog.
            if escape == 'l' && self.rest.starts_with(b"-1]") {
                self.literal(2);
            }
            return;
        }
        let code = length == 5
            && word.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        if code && word.iter().any(u8::is_ascii_digit) {
            return self.take('e', length);
        }
        let escape = ['u', 'd', 'a', 'b'].into_iter().find(|escape| !self.seen.contains(escape));
        match escape {
            Some(escape) => self.take(escape, length),
            None => self.literal(length),
        }
    }

    fn take(&mut self, escape: char, length: usize) {
        self.quit_before(escape);
        self.seen.push(escape);
        self.text.push('%');
        self.text.push(escape);
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    /// Processes without a session may print nothing from here on.
    fn quit_before(&mut self, escape: char) {
        if "udahr".contains(escape) && !self.seen.contains(&'q') {
            self.seen.push('q');
            self.text.push_str("%q");
        }
    }

    fn literal(&mut self, length: usize) {
        let (literal, rest) = self.rest.split_at(length.min(self.rest.len()));
        for letter in String::from_utf8_lossy(literal).chars() {
            if letter == '%' {
                self.text.push('%');
            }
            self.text.push(letter);
        }
        self.rest = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(log: &str) -> String {
        match recognise(log.as_bytes(), &ReaderOptions::default()) {
            Some((format, prefix)) => format!("{} {}", format.name(), prefix.as_str()),
            None => "nothing".to_owned(),
        }
    }

    #[test]
    fn common_prefixes_are_recognised() {
        let at = "2026-11-21 16:19:00.705 CET";
        assert_eq!(
            found(&format!("{at} [7] LOG:  x\n{at} [8] jo@shop LOG:  y\n")),
            "stderr %m [%p] %q%u@%d "
        );
        assert_eq!(
            found("2026-11-21 16:19:00 UTC:10.0.0.1(42):u@d:[9]:LOG:  z"),
            "stderr %t:%r:%u@%d:[%p]:"
        );
        assert_eq!(found("LOG:  bare"), "stderr ");
        assert_eq!(found("dear diary"), "nothing");
    }

    #[test]
    fn others_are_read_off_the_lines() {
        let at = "2026-11-21 16:19:00.705 CET";
        assert_eq!(
            found(&format!(
                "<{at} 00000 |pid=7|db=d,user=u|> LOG:  x\n<{at} 42P01 |pid=8|db=,user=|> LOG:  x\n"
            )),
            "stderr <%m %e |pid=%p|%qdb=%d,user=%u|> "
        );
        assert_eq!(
            found(&format!("{at} [42] 6b01b664.4da2 3/12 0 client=10.0.0.1(42) FATAL:  x\n")),
            "stderr %m [%p] %c %v %l %qclient=%h "
        );
        assert_eq!(
            found("Nov 21 16:19:00 box postgres[42]: [7-1] 2026-11-21 16:19:00 CET LOG:  x\n"),
            "syslog %t "
        );
    }
}
