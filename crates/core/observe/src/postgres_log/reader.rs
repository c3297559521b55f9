//! Bytes in any pieces to records, one at a time.

use super::{
    csv, envelope::Envelope, json, prefix::Prefix, recognise, record::Record, stderr::Plain,
    syslog::Syslog,
};

/// What is read of one entry: the largest statements that people log, a hundred times over. The rest of a
/// longer one is passed over.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
/// What is looked at to recognise the format: some hundred lines.
const SAMPLE_BYTES: usize = 64 << 10;

/// What a log is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `log_destination = stderr`: lines that begin with `log_line_prefix`.
    Stderr,
    /// The same behind what syslog puts before each line.
    Syslog,
    /// `csvlog`.
    Csv,
    /// `jsonlog`, from version 15 on.
    Json,
}

impl Format {
    /// As the setting spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stderr => "stderr",
            Self::Syslog => "syslog",
            Self::Csv => "csvlog",
            Self::Json => "jsonlog",
        }
    }
}

/// What is known of a log before it is read; what is not is recognised from its first lines.
#[derive(Debug, Clone, Default)]
pub struct ReaderOptions {
    /// Its format.
    pub format: Option<Format>,
    /// Its `log_line_prefix`.
    pub prefix: Option<Prefix>,
    /// The year of times in which syslog has left it out; 1970 if it is not given.
    pub syslog_year: Option<i64>,
}

/// How far reading has come, and what was odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Bytes that were taken in.
    pub bytes: u64,
    /// Entries that were read.
    pub records: u64,
    /// Lines that belong to no entry: another format, or words that something else wrote.
    pub rubbish: u64,
    /// Lines whose entry was not in the log: cut off at its start.
    pub orphans: u64,
    /// Entries longer than [`RECORD_BYTES_MAX`], of which the start was read.
    pub cut: u64,
}

impl Progress {
    /// Both together.
    pub fn merge(&mut self, other: &Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.records = self.records.saturating_add(other.records);
        self.rubbish = self.rubbish.saturating_add(other.rubbish);
        self.orphans = self.orphans.saturating_add(other.orphans);
        self.cut = self.cut.saturating_add(other.cut);
    }
}

/// What a scanner found.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are records, and none is kept")]
pub(super) enum Found<'a> {
    Record(Record<'a>),
    Rubbish,
    Orphan,
    Blank,
}

/// How a scanner reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan {
    /// Nothing follows: what is there is whole.
    pub(super) at_end: bool,
    /// The last entry is longer than what is read of one.
    pub(super) cut: bool,
}

/// Reads a log that is handed over in pieces. Holds what may belong to an entry that is not whole yet: at most
/// [`RECORD_BYTES_MAX`] and one piece.
#[derive(Debug)]
pub struct Reader {
    options: ReaderOptions,
    known: Option<(Format, Prefix)>,
    /// What stands around each line; only once the format is known.
    envelope: Option<Envelope>,
    /// The start of a line that is in an envelope.
    sealed: Vec<u8>,
    pending: Vec<u8>,
    /// The rest of an entry that was cut, up to the end of its line.
    skips_line: bool,
    progress: Progress,
}

impl Reader {
    /// A reader at the start of a log, or at the start of one of its lines.
    #[must_use]
    pub fn new(options: ReaderOptions) -> Self {
        Self {
            options,
            known: None,
            envelope: None,
            sealed: Vec::new(),
            pending: Vec::new(),
            skips_line: false,
            progress: Progress::default(),
        }
    }

    /// Takes in the next bytes, and hands over the entries that they make whole.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(Record<'_>)) {
        self.progress.bytes += bytes.len() as u64;
        let bytes = if self.skips_line { self.behind_line(bytes) } else { bytes };
        match self.envelope {
            Some(envelope) => self.open(envelope, bytes),
            None => self.pending.extend_from_slice(bytes),
        }
        if self.known.is_none() && self.pending.len() < SAMPLE_BYTES {
            return;
        }
        // Without the end of a line nothing becomes whole.
        if memchr::memchr(b'\n', bytes).is_some() || RECORD_BYTES_MAX < self.pending.len() {
            self.scan(Scan { at_end: false, cut: false }, sink);
        }
        if RECORD_BYTES_MAX < self.pending.len() {
            let ends_line = self.pending.ends_with(b"\n");
            self.scan(Scan { at_end: true, cut: true }, sink);
            self.skips_line = !ends_line;
        }
    }

    /// Hands over what is left: the log has ended, or nothing was written to it for a while. More may be fed
    /// afterwards; what then belongs to the last entry is lost to it.
    pub fn finish(&mut self, sink: &mut impl FnMut(Record<'_>)) {
        self.recognise();
        if let Some(envelope) = self.envelope
            && !self.sealed.is_empty()
        {
            self.open(envelope, b"\n");
        }
        self.scan(Scan { at_end: true, cut: false }, sink);
        self.pending.clear();
    }

    /// As [`Self::finish`], but leaves a last line that has no end where it is: whoever comes back to a log that
    /// grows begins [`Self::pending_bytes`] before where they stopped.
    pub fn finish_lines(&mut self, sink: &mut impl FnMut(Record<'_>)) {
        self.recognise();
        let sealed = std::mem::take(&mut self.sealed);
        let whole = memchr::memrchr(b'\n', &self.pending).map_or(0, |end| end + 1);
        let open = self.pending.split_off(whole);
        self.finish(sink);
        self.pending = open;
        self.sealed = sealed;
    }

    /// Bytes that were fed and not yet read.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.pending.len() + self.sealed.len()
    }

    /// How far reading has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// What the log is written as, once that is known.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        self.known.as_ref().map(|(format, _)| *format)
    }

    /// Its prefix, once that is known; empty where the format has none.
    #[must_use]
    pub fn prefix(&self) -> Option<&Prefix> {
        self.known.as_ref().map(|(_, prefix)| prefix)
    }

    fn behind_line<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(end) = memchr::memchr(b'\n', bytes) else { return &[] };
        self.skips_line = false;
        bytes.get(end + 1..).unwrap_or_default()
    }

    /// Takes the envelopes of whole lines off.
    fn open(&mut self, envelope: Envelope, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            if self.sealed.is_empty() {
                envelope.take_off(line.strip_suffix(b"\r").unwrap_or(line), &mut self.pending);
            } else {
                self.sealed.extend_from_slice(line);
                envelope.take_off(&self.sealed, &mut self.pending);
                self.sealed.clear();
            }
            rest = after.get(1..).unwrap_or_default();
        }
        self.sealed.extend_from_slice(rest);
        if RECORD_BYTES_MAX < self.sealed.len() {
            // No line of a log is as long: what is there is read as one.
            envelope.take_off(&self.sealed, &mut self.pending);
            self.sealed.clear();
        }
    }

    /// Recognises the format, and what is around its lines.
    fn recognise(&mut self) {
        if self.known.is_some() || self.pending.is_empty() {
            return;
        }
        // The same bytes, in whatever pieces they came.
        let sample = self.pending.get(..SAMPLE_BYTES).unwrap_or(&self.pending);
        if self.envelope.is_none()
            && let Some(envelope) = Envelope::of(sample)
        {
            self.envelope = Some(envelope);
            let sealed = std::mem::take(&mut self.pending);
            self.open(envelope, &sealed);
        }
        let sample = self.pending.get(..SAMPLE_BYTES).unwrap_or(&self.pending);
        self.known = recognise::recognise(sample, &self.options);
    }

    fn scan(&mut self, how: Scan, sink: &mut impl FnMut(Record<'_>)) {
        self.recognise();
        let pending = std::mem::take(&mut self.pending);
        let progress = &mut self.progress;
        let mut take = |found: Found<'_>| match found {
            Found::Record(record) => {
                progress.records += 1;
                progress.cut += u64::from(record.cut);
                sink(record);
            }
            Found::Rubbish => progress.rubbish += 1,
            Found::Orphan => progress.orphans += 1,
            Found::Blank => {}
        };
        let done = match &self.known {
            Some((Format::Stderr, prefix)) => Plain { prefix }.scan(&pending, how, &mut take),
            Some((Format::Syslog, prefix)) => {
                let year = self.options.syslog_year.unwrap_or(1_970);
                Syslog { prefix, year }.scan(&pending, how, &mut take)
            }
            Some((Format::Csv, _)) => csv::scan(&pending, how, &mut take),
            Some((Format::Json, _)) => json::scan(&pending, how, &mut take),
            None => rubbish(&pending, how, &mut take),
        };
        self.pending = pending;
        self.pending.drain(..done.min(self.pending.len()));
    }
}

/// What is no log: each line is one that was not understood.
fn rubbish<'a>(bytes: &'a [u8], how: Scan, sink: &mut impl FnMut(Found<'a>)) -> usize {
    let mut rest = bytes;
    while let Some((line, after)) = super::line::next(rest, how.at_end) {
        let blank = line.iter().all(u8::is_ascii_whitespace);
        sink(if blank { Found::Blank } else { Found::Rubbish });
        rest = after;
    }
    bytes.len() - rest.len()
}
