//! What collectors put around each line of a log: times of `kubectl logs --timestamps`, `docker logs -t` and of cloud
//! exports, streams of CRI, names of `docker compose logs`, and the JSON of Docker's own files.
//!
//! Lines lose it before anything else looks at them, so that continuations begin with their tab again.

use super::line;

/// Lines that are looked at.
const LINES_MAX: usize = 200;

/// What stands around each line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Envelope {
    /// `2026-11-21T10:00:00.123456789Z `
    Stamp,
    /// `2026-11-21T10:00:00.123456789Z stderr F `
    Stream,
    /// `db-1  | `
    Name,
    /// `{"log":"…\n","stream":"stderr","time":"…"}`
    Docker,
}

impl Envelope {
    /// What nearly all lines of a sample are in; one that is cut off at the end does not count.
    pub(super) fn of(sample: &[u8]) -> Option<Self> {
        let all = [Self::Stream, Self::Stamp, Self::Name, Self::Docker];
        let mut counts = [0_usize; 4];
        let mut lines = 0;
        let mut rest = sample;
        while let Some((one, after)) = line::next(rest, false) {
            rest = after;
            if one.is_empty() {
                continue;
            }
            lines += 1;
            for (envelope, count) in all.iter().zip(&mut counts) {
                *count += usize::from(envelope.inner(one).is_some() && !is_syslog(one));
            }
            if LINES_MAX <= lines {
                break;
            }
        }
        // Lines of something else may be between.
        let enough = |count: &usize| 0 < lines && lines * 9 <= *count * 10;
        all.into_iter().zip(&counts).find(|(_, count)| enough(count)).map(|(envelope, _)| envelope)
    }

    /// What is within; `None` if the line has no such envelope.
    fn inner(self, line: &[u8]) -> Option<Inner<'_>> {
        match self {
            Self::Stamp => stamped(line).map(Inner::Part),
            Self::Stream => {
                let rest = stamped(line)?;
                let rest =
                    rest.strip_prefix(b"stderr ").or_else(|| rest.strip_prefix(b"stdout "))?;
                let whole = rest.strip_prefix(b"F ").or_else(|| (rest == b"F").then_some(b""));
                match whole {
                    Some(whole) => Some(Inner::Part(whole)),
                    None => rest.strip_prefix(b"P ").map(Inner::Begin),
                }
            }
            Self::Name => {
                let bar = memchr::memchr(b'|', line.get(..line.len().min(80))?)?;
                let name = line.get(..bar)?.trim_ascii_end();
                let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
                let rest = line.get(bar + 1..)?;
                (!name.is_empty() && name.iter().all(is_name))
                    .then(|| Inner::Part(rest.strip_prefix(b" ").unwrap_or(rest)))
            }
            Self::Docker => {
                line.starts_with(b"{\"log\":").then_some(())?;
                let fields: Logged = serde_json::from_slice(line).ok()?;
                Some(Inner::Owned(fields.log))
            }
        }
    }

    /// Appends a line, without its end, as it was.
    pub(super) fn take_off(self, line: &[u8], out: &mut Vec<u8>) {
        match self.inner(line) {
            Some(Inner::Part(inner)) => out.extend_from_slice(inner),
            // The rest of it comes in the next line.
            Some(Inner::Begin(inner)) => {
                out.extend_from_slice(inner);
                return;
            }
            Some(Inner::Owned(inner)) => {
                out.extend_from_slice(inner.as_bytes());
                if !inner.ends_with('\n') {
                    return;
                }
                out.pop();
            }
            None => out.extend_from_slice(line),
        }
        out.push(b'\n');
    }
}

enum Inner<'a> {
    Part(&'a [u8]),
    Begin(&'a [u8]),
    Owned(String),
}

#[derive(serde::Deserialize)]
struct Logged {
    log: String,
}

/// Behind an ISO time with `T` and a zone, and one blank.
fn stamped(line: &[u8]) -> Option<&[u8]> {
    let digits = |from: usize, to: usize| {
        line.get(from..to).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let is_time = line.get(10) == Some(&b'T')
        && line.get(13) == Some(&b':')
        && digits(0, 4)
        && digits(11, 13)
        && digits(14, 16)
        && digits(17, 19);
    if !is_time {
        return None;
    }
    let rest = line.get(19..)?;
    let ends = |byte: &u8| matches!(byte, b' ' | b'\t');
    let end = rest.iter().take(20).position(ends).unwrap_or_else(|| rest.len().min(20));
    let zone = rest.get(..end)?;
    if zone.is_empty() || !zone.iter().all(|byte| byte.is_ascii_digit() || b"Z:+-.".contains(byte))
    {
        return None;
    }
    let rest = rest.get(end..)?;
    Some(rest.strip_prefix(b" ").unwrap_or(rest))
}

/// `2026-11-21T10:00:00Z host postgres[42]: `: syslog, which is read by itself.
fn is_syslog(line: &[u8]) -> bool {
    line.split(|byte| *byte == b' ').nth(2).is_some_and(|tag| tag.ends_with(b"]:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(log: &str) -> String {
        let envelope = Envelope::of(log.as_bytes()).unwrap();
        let mut out = Vec::new();
        for line in log.lines() {
            envelope.take_off(line.as_bytes(), &mut out);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_are_as_the_server_wrote_them() {
        let log = "2026-11-21 10:00:00.000 UTC [7] LOG:  statement: select 1\n\tfrom t\n\n";
        let each = |before: &str| -> String {
            log.lines().map(|line| format!("{before}{line}\n")).collect::<Vec<_>>().concat()
        };
        assert_eq!(bare(&each("2026-11-21T10:00:00.123456789Z ")), log);
        assert_eq!(bare(&each("2026-11-21T10:00:00.5+01:00 ")), log);
        assert_eq!(bare(&each("2026-11-21T10:00:00.123456789Z stderr F ")), log);
        assert_eq!(bare(&each("db-1  | ")), log);
        let docker = log.lines().map(|line| {
            let line = serde_json::to_string(&format!("{line}\n")).unwrap();
            format!("{{\"log\":{line},\"stream\":\"stderr\",\"time\":\"2026-11-21T10:00:00Z\"}}\n")
        });
        let docker = docker.collect::<Vec<_>>().concat();
        assert_eq!(bare(&docker), log);
    }

    #[test]
    fn a_line_in_two_pieces_is_one() {
        let stamp = "2026-11-21T10:00:00.123456789Z stderr";
        assert_eq!(bare(&format!("{stamp} P LOG:  a\n{stamp} F b\n")), "LOG:  ab\n");
    }

    #[test]
    fn a_log_without_an_envelope_has_none() {
        for log in [
            "2026-11-21 10:00:00.000 UTC [7] LOG:  x\n",
            "{\"timestamp\":\"2026-11-21 10:00:00\",\"error_severity\":\"LOG\"}\n",
            "LOG:  a | b\n",
            "",
        ] {
            assert_eq!(Envelope::of(log.as_bytes()), None, "{log}");
        }
    }
}
