//! The access log: a line of JSON for each request, with the ids of its trace.
//!
//! Lines are made and written by a thread of its own. What finds its queue full is counted and gone; a request never
//! waits for a disk. A file is opened anew whenever settings are read, so that it can be moved away before.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use model::Moment;
use serde::Serialize;
use traffic::telling::AccessLog;

use crate::tracing::{End, Outcomes, Told, version};

/// Lines that wait to be written: half a second of a very busy gateway, 16 MB.
const QUEUE_MAX: usize = 16_384;

/// After so long, what was written is on its way to the disk, and a file is looked at anew.
const TURN: Duration = Duration::from_millis(200);

/// Between two tries to open a file that cannot be written.
const REOPEN_EVERY: Duration = Duration::from_secs(5);

/// Writes what it is told.
#[derive(Debug)]
pub(crate) struct Log {
    queue: SyncSender<Arc<Told>>,
    outcomes: Arc<Outcomes>,
    reopen: Arc<AtomicBool>,
}

impl Log {
    /// Begins; its thread ends, and has written what it was told, after the log is dropped.
    ///
    /// # Errors
    ///
    /// No thread can be had.
    pub(crate) fn start(
        to: &AccessLog,
        outcomes: &Arc<Outcomes>,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (queue, waiting) = sync_channel(QUEUE_MAX);
        let reopen = Arc::new(AtomicBool::new(false));
        let mut writer = Writer {
            to: to.clone(),
            out: None,
            tried: None,
            reopen: Arc::clone(&reopen),
            outcomes: Arc::clone(outcomes),
        };
        let thread = std::thread::Builder::new().name("gateway-log".to_owned());
        let thread = thread.spawn(move || writer.run(&waiting))?;
        Ok((Self { queue, outcomes: Arc::clone(outcomes), reopen }, thread))
    }

    /// Tells of a request; never waits.
    pub(crate) fn tell(&self, told: &Arc<Told>) {
        if self.queue.try_send(Arc::clone(told)).is_err() {
            Outcomes::add(&self.outcomes.dropped, 1);
        }
    }

    /// Opens the file anew.
    pub(crate) fn reopen(&self) {
        self.reopen.store(true, Ordering::Release);
    }
}

/// The end of the queue.
struct Writer {
    to: AccessLog,
    out: Option<BufWriter<Box<dyn Write + Send>>>,
    /// When it was last tried to open it.
    tried: Option<Instant>,
    reopen: Arc<AtomicBool>,
    outcomes: Arc<Outcomes>,
}

impl Writer {
    fn run(&mut self, waiting: &Receiver<Arc<Told>>) {
        let mut flushed = Instant::now();
        loop {
            let next = waiting.recv_timeout(TURN);
            if self.reopen.swap(false, Ordering::AcqRel) {
                self.flush();
                (self.out, self.tried) = (None, None);
            }
            match next {
                Ok(told) => self.write(&told),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.flush();
                    return;
                }
            }
            if TURN <= flushed.elapsed() {
                self.flush();
                flushed = Instant::now();
            }
        }
    }

    fn write(&mut self, told: &Told) {
        let line = Line::of(told);
        let written = self.open().is_some_and(|out| {
            serde_json::to_writer(&mut *out, &line).is_ok() && out.write_all(b"\n").is_ok()
        });
        if !written {
            self.out = None;
        }
        let counter = if written { &self.outcomes.done } else { &self.outcomes.failed };
        Outcomes::add(counter, 1);
    }

    fn open(&mut self) -> Option<&mut BufWriter<Box<dyn Write + Send>>> {
        let due = self.tried.is_none_or(|tried| REOPEN_EVERY <= tried.elapsed());
        if self.out.is_none() && due {
            self.tried = Some(Instant::now());
            let out: Option<Box<dyn Write + Send>> = match &self.to {
                AccessLog::Stdout => Some(Box::new(io::stdout())),
                AccessLog::File(path) => {
                    let file: io::Result<File> =
                        OpenOptions::new().create(true).append(true).open(path);
                    file.ok().map(|file| Box::new(file) as Box<dyn Write + Send>)
                }
            };
            self.out = out.map(BufWriter::new);
        }
        self.out.as_mut()
    }

    fn flush(&mut self) {
        if self.out.as_mut().is_some_and(|out| out.flush().is_err()) {
            self.out = None;
        }
    }
}

/// A line. What is not known is left out.
#[derive(Debug, Serialize)]
struct Line<'a> {
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<String>,
    client: &'a str,
    method: &'a str,
    host: &'a str,
    path: &'a str,
    protocol: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    route: &'a str,
    status: u16,
    bytes: u64,
    took_ms: f64,
    #[serde(skip_serializing_if = "str::is_empty")]
    member: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_ms: Option<f64>,
    attempts: usize,
    #[serde(skip_serializing_if = "str::is_empty")]
    refused: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    end: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    cache: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    encoding: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    agent: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    referer: &'a str,
}

impl<'a> Line<'a> {
    fn of(told: &'a Told) -> Self {
        let decided = |name: &str| {
            let found = told.decisions.iter().find(|(known, _)| *known == name);
            found.map_or("", |(_, value)| value)
        };
        // Who answered: of two that were asked at once not always the last.
        let answered = decided("member");
        let of_member = told.attempts.iter().rfind(|attempt| attempt.member == answered);
        let last = of_member.or_else(|| told.attempts.last());
        Self {
            time: time(told.began),
            trace_id: told.trace.map(|trace| trace.id.to_string()),
            span_id: told.trace.map(|trace| trace.span.to_string()),
            client: &told.client,
            method: told.method.as_str(),
            host: &told.host,
            path: &told.path,
            protocol: version(told.version),
            route: &told.route,
            status: told.status,
            bytes: told.coded_bytes.unwrap_or(told.bytes),
            took_ms: millis(told.took),
            member: last.map_or("", |attempt| &attempt.member),
            answered_ms: last.and_then(|attempt| attempt.took).map(millis),
            attempts: told.attempts.len(),
            refused: &told.refused,
            end: match told.end {
                End::Whole => "",
                End::Broken => "broken",
                End::Gone => "client-gone",
            },
            cache: decided("cache"),
            encoding: decided("encoding"),
            agent: &told.agent,
            referer: &told.referer,
        }
    }
}

/// Milliseconds, to the microsecond.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

/// `2026-11-22T01:02:03.456Z` (RFC 3339); days to a date as in "chrono-compatible low-level date algorithms" by
/// Howard Hinnant.
pub(crate) fn time(moment: Moment) -> String {
    let millis = moment.nanos / 1_000_000;
    let (seconds, millis) = (millis / 1_000, millis % 1_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_dates() {
        let at = |seconds: u64| time(Moment { nanos: seconds * 1_000_000_000 + 7_000_000 });
        assert_eq!(at(0), "1970-01-01T00:00:00.007Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.007Z");
        assert_eq!(at(1_795_310_523), "2026-11-22T01:22:03.007Z");
        assert_eq!(at(4_107_542_399), "2100-02-28T23:59:59.007Z");
    }
}
