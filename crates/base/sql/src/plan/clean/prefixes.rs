//! What tools put before each line: marks of quoted mail and scripts, numbers, times and names of those that collect
//! logs.

use std::borrow::Cow;

use super::{all, says};

/// Takes what stands before each line off; `false` if nothing does.
pub(super) fn take_off(lines: &mut [Cow<'_, str>]) -> bool {
    mail(lines)
        || comments(lines)
        || stamps(lines)
        || services(lines)
        || syslog(lines)
        || numbers(lines)
        || name(lines)
}

/// `> ` of quoted mail; who wrote it may stand above, and what was wrapped between.
fn mail(lines: &mut [Cow<'_, str>]) -> bool {
    let quoted = |line: &&Cow<'_, str>| line.trim_start().starts_with('>');
    let marked = lines.iter().filter(quoted).count();
    if marked == 0 || 3 * marked < 2 * lines.iter().filter(|line| says(line)).count() {
        return false;
    }
    for line in lines {
        if let Some(rest) = line.trim_start().strip_prefix('>') {
            *line = Cow::Owned(rest.strip_prefix(' ').unwrap_or(rest).to_owned());
        }
    }
    true
}

/// `-- ` or `# ` of a script.
fn comments(lines: &mut [Cow<'_, str>]) -> bool {
    all(lines, |line| Some(line.trim_start().strip_prefix("--")?.to_owned()))
        || all(lines, |line| Some(line.trim_start().strip_prefix("# ")?.to_owned()))
}

/// `2026-11-21T10:00:00.1Z ` of containers and clouds, and `stderr F ` of those that keep their logs.
fn stamps(lines: &mut [Cow<'_, str>]) -> bool {
    all(lines, |line| {
        let (stamp, rest) = line.split_once([' ', '\t'])?;
        if !is_stamp(stamp) {
            return None;
        }
        // A tab is the log's own.
        let rest = line.get(stamp.len()..).filter(|rest| rest.starts_with('\t')).unwrap_or(rest);
        let stream = ["stderr F ", "stdout F ", "stderr P ", "stdout P "];
        let inner = stream.iter().find_map(|stream| rest.strip_prefix(stream));
        Some(inner.unwrap_or(rest).to_owned())
    })
}

/// `2026-11-21T10:00:00.123456789Z`, `2026-11-21T10:00:00+01:00`
fn is_stamp(word: &str) -> bool {
    let bytes = word.as_bytes();
    let digits = |from: usize, to: usize| {
        bytes.get(from..to).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    20 <= bytes.len()
        && digits(0, 4)
        && bytes.get(4) == Some(&b'-')
        && bytes.get(10) == Some(&b'T')
        && digits(11, 13)
        && digits(14, 16)
        && digits(17, 19)
        && bytes.iter().skip(19).all(|byte| byte.is_ascii_digit() || b".,:+-Z".contains(byte))
}

/// `Nov 21 10:00:00 db postgres[7]: ` of journald, with the number of the entry or without.
fn services(lines: &mut [Cow<'_, str>]) -> bool {
    all(lines, |line| {
        let (head, rest) = line.split_once("]: ").or_else(|| line.split_once("]:\t"))?;
        let (before, pid) = head.rsplit_once('[')?;
        let has_time = before.matches(':').count() == 2 && before.len() < 120;
        if !has_time || pid.is_empty() || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let numbered = rest.strip_prefix('[').and_then(|rest| rest.split_once("] "));
        let rest = numbered
            .filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
            .map_or(rest, |(_, rest)| rest);
        Some(rest.to_owned())
    })
}

/// What syslog puts before each line; it spells tabs `#011`.
fn syslog(lines: &mut [Cow<'_, str>]) -> bool {
    let mut found = false;
    for line in lines {
        if let Some((_, rest)) = line.split_once("#011") {
            *line = Cow::Owned(rest.replace("#011", "\t"));
            found = true;
        }
    }
    found
}

/// Numbers of lines: `  12  ->  Seq Scan`, `12: ->  Seq Scan`.
fn numbers(lines: &mut [Cow<'_, str>]) -> bool {
    fn numbered(line: &str) -> Option<(usize, &str)> {
        let bare = line.trim_start_matches([' ', '\t']);
        let end = bare.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, rest) = bare.split_at_checked(end)?;
        Some((number.parse().ok()?, rest))
    }
    let mut last = None;
    let mut count = 0;
    for line in lines.iter().filter(|line| says(line)) {
        let Some((number, rest)) = numbered(line) else { return false };
        let follows = last.is_none_or(|last: usize| last < number && number <= last + 20);
        if !follows || !rest.starts_with([' ', '\t', ':', '|', '.', ')']) {
            return false;
        }
        last = Some(number);
        count += 1;
    }
    if count < 2 {
        return false;
    }
    let rest_of = |line: &str| {
        let (_, rest) = numbered(line)?;
        Some(rest.strip_prefix([':', '|', '.', ')']).unwrap_or(rest).to_owned())
    };
    for line in lines.iter_mut().filter(|line| says(line)) {
        if let Some(rest) = rest_of(line) {
            *line = Cow::Owned(rest);
        }
    }
    // What stands between numbers and text is as wide everywhere.
    let blank = |line: &Cow<'_, str>| line.len() - line.trim_start_matches(' ').len();
    let least = lines.iter().filter(|line| says(line)).map(blank).min().unwrap_or(0);
    for line in lines.iter_mut().filter(|line| says(line)) {
        *line = Cow::Owned(line.get(least..).unwrap_or_default().to_owned());
    }
    true
}

/// The same word and a bar before each line, as of `docker compose logs`.
fn name(lines: &mut [Cow<'_, str>]) -> bool {
    let Some(first) = lines.iter().find(|line| says(line)) else { return false };
    let Some(bar) = first.find("| ") else { return false };
    let Some(prefix) = first.get(..bar + 1).map(str::to_owned) else { return false };
    let is_name = |letter: char| letter.is_alphanumeric() || "-_. |".contains(letter);
    if !prefix.chars().all(is_name) || !prefix.contains(char::is_alphanumeric) {
        return false;
    }
    all(lines, |line| {
        let rest = line.strip_prefix(prefix.as_str())?;
        Some(rest.strip_prefix(' ').unwrap_or(rest).to_owned())
    })
}
