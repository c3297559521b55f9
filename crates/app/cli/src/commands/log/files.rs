//! Log files, streamed: several at a time, each through a reader of its own; their sums are put together in the
//! order in which they were given.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal as _, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    thread,
};

use indicatif::{ProgressBar, ProgressStyle};
use observe::{
    Compression,
    postgres_log::{Format, Prefix, Progress, Reader, ReaderOptions, Summary},
};

use super::{
    filter::Filter,
    state::{HEAD_BYTES, Known, State, TAIL_BYTES},
};
use crate::say::Failure;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 256 << 10;

/// What is asked of each file.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) options: ReaderOptions,
    pub(super) filter: Filter,
}

/// What was read of a file.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) path: PathBuf,
    pub(super) format: Option<Format>,
    pub(super) prefix: Option<String>,
    pub(super) progress: Progress,
    /// Bytes that an earlier run had read.
    pub(super) skipped: u64,
    /// Why it ended before its end.
    pub(super) broken: Option<io::Error>,
    /// Why it was read again although it was known.
    pub(super) again: Option<&'static str>,
    summary: Summary,
    /// What was known of it before, and what is now.
    before: Option<Known>,
    known: Option<Known>,
}

/// Reads all files into the state. What cannot be opened ends it; what is broken within costs the rest of that file.
pub(super) fn read_all(
    paths: &[PathBuf],
    input: &Input,
    state: &mut State,
) -> Result<Vec<Read>, Failure> {
    let bar = bar(paths);
    let workers = thread::available_parallelism().map_or(1, usize::from).min(8);
    let mut reads = Vec::new();
    for batch in paths.chunks(workers) {
        let known = &*state;
        let done: Vec<Result<Read, Failure>> = thread::scope(|scope| {
            let bar = &bar;
            let started: Vec<_> = batch
                .iter()
                .map(|path| scope.spawn(move || read_one(path, input, known, bar)))
                .collect();
            let ended = started
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|bug| std::panic::resume_unwind(bug)));
            ended.collect()
        });
        for read in done {
            let mut read = read?;
            state.summary.merge(&std::mem::take(&mut read.summary));
            if let Some(known) = read.known.take() {
                state.remember(read.before.as_ref(), known);
            }
            reads.push(read);
        }
    }
    bar.finish_and_clear();
    Ok(reads)
}

fn bar(paths: &[PathBuf]) -> ProgressBar {
    let sizes = paths.iter().filter_map(|path| std::fs::metadata(path).ok());
    let bytes = sizes.map(|data| data.len()).sum();
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(bytes).with_style(style).with_message("reading logs")
}

/// Where the bytes of a log come from.
struct Source<'b> {
    input: Box<dyn io::Read + 'b>,
    /// The file itself, where its bytes are the log's.
    plain: Option<File>,
}

fn open<'b>(path: &Path, bar: &'b ProgressBar) -> io::Result<Source<'b>> {
    if path == Path::new("-") {
        let input =
            decompressed(BufReader::with_capacity(CHUNK_BYTES, bar.wrap_read(io::stdin())))?;
        return Ok(Source { input: input.0, plain: None });
    }
    let file = File::open(path)?;
    let again = file.try_clone()?;
    let (input, is_plain) =
        decompressed(BufReader::with_capacity(CHUNK_BYTES, bar.wrap_read(file)))?;
    Ok(Source { input, plain: is_plain.then_some(again) })
}

/// The plain bytes, and whether they were so.
fn decompressed<'b>(mut input: impl BufRead + 'b) -> io::Result<(Box<dyn io::Read + 'b>, bool)> {
    match Compression::sniff(input.fill_buf()?) {
        Some(compression) => Ok((compression.stream(input)?, false)),
        None => Ok((Box::new(input), true)),
    }
}

fn read_one(path: &Path, input: &Input, state: &State, bar: &ProgressBar) -> Result<Read, Failure> {
    let failed = |error: io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "check the path; `-` reads standard input",
            io::ErrorKind::PermissionDenied => {
                "check who may read the file: logs belong to the user `postgres`"
            }
            _ => "give a file, not a folder; `-` reads standard input",
        };
        Failure::of_the_world(format!("failed to read `{}`: {error}", path.display())).hint(hint)
    };
    let mut source = open(path, bar).map_err(failed)?;
    let mut head = Vec::new();
    let limit = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
    let mut broken = source.input.by_ref().take(limit).read_to_end(&mut head).err();
    if path.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let mut before = state.known(&head);
    let mut again = None;
    if let Some(known) = before.clone() {
        if let Ok(Some(behind)) = skip(&mut source, &head, &known) {
            head = behind;
        } else {
            again = Some("it begins as one that is known, and goes on otherwise");
            (source, before) = (open(path, bar).map_err(failed)?, None);
            head.clear();
        }
    }
    let mut reading = Reading::new(path, input, before.as_ref());
    reading.feed(&head);
    if broken.is_none() {
        broken = reading.feed_all(&mut *source.input).err();
    }
    let is_remembered = path != Path::new("-") && broken.is_none();
    Ok(reading.finish(&source, Start { before, again, broken, is_remembered }))
}

/// How reading began, and how it ended.
struct Start {
    before: Option<Known>,
    again: Option<&'static str>,
    broken: Option<io::Error>,
    is_remembered: bool,
}

/// Passes over what an earlier run has read, and gives what of the head lies behind it; `None` if it is not what
/// was read then.
fn skip(source: &mut Source<'_>, head: &[u8], known: &Known) -> io::Result<Option<Vec<u8>>> {
    let tail_bytes = u64::try_from(known.tail_bytes).unwrap_or(0);
    let tail_at = known.read_bytes.saturating_sub(tail_bytes);
    let (mut tail, mut behind) = (Vec::new(), Vec::new());
    if let Some(file) = &mut source.plain {
        if file.metadata()?.len() < known.read_bytes {
            return Ok(None);
        }
        let mut file = file.try_clone()?;
        file.seek(SeekFrom::Start(tail_at))?;
        file.by_ref().take(tail_bytes).read_to_end(&mut tail)?;
        source.input = Box::new(BufReader::with_capacity(CHUNK_BYTES, file));
    } else {
        let mut all = io::Cursor::new(head.to_vec()).chain(&mut source.input);
        io::copy(&mut all.by_ref().take(tail_at), &mut io::sink())?;
        all.by_ref().take(tail_bytes).read_to_end(&mut tail)?;
        let (rest, _) = all.into_inner();
        let at = usize::try_from(rest.position()).unwrap_or(usize::MAX);
        behind = head.get(at..).unwrap_or_default().to_vec();
    }
    let is_same = tail.len() == known.tail_bytes && sql::hash(&tail) == known.tail_hash;
    Ok(is_same.then_some(behind))
}

/// A file on its way through a reader.
struct Reading<'i> {
    path: PathBuf,
    filter: &'i Filter,
    reader: Reader,
    summary: Summary,
    skipped: u64,
    head: Vec<u8>,
    /// The last bytes that were fed.
    tail: Vec<u8>,
}

impl<'i> Reading<'i> {
    fn new(path: &Path, input: &'i Input, known: Option<&Known>) -> Self {
        let mut options = input.options.clone();
        if let (None, Some(prefix)) =
            (&options.prefix, known.and_then(|known| known.prefix.as_deref()))
        {
            options.prefix = Prefix::parse(prefix).ok();
        }
        Self {
            path: path.to_owned(),
            filter: &input.filter,
            reader: Reader::new(options),
            summary: Summary::default(),
            skipped: known.map_or(0, |known| known.read_bytes),
            head: Vec::new(),
            tail: Vec::new(),
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let room = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(room));
        let from = bytes.len().saturating_sub(TAIL_BYTES);
        self.tail.extend_from_slice(bytes.get(from..).unwrap_or_default());
        let old = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..old);
        let (filter, summary) = (self.filter, &mut self.summary);
        self.reader.feed(bytes, &mut |record| {
            if filter.passes(&record) {
                summary.add(&record);
            }
        });
    }

    fn feed_all(&mut self, input: &mut dyn io::Read) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match input.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(length) => self.feed(chunk.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn finish(mut self, source: &Source<'_>, start: Start) -> Read {
        let (filter, summary) = (self.filter, &mut self.summary);
        let mut sink = |record: observe::postgres_log::Record<'_>| {
            if filter.passes(&record) {
                summary.add(&record);
            }
        };
        // A log that grows may end within a line; a copy of one is what it is.
        if source.plain.is_some() && start.is_remembered {
            self.reader.finish_lines(&mut sink);
        } else {
            self.reader.finish(&mut sink);
        }
        let mut progress = self.reader.progress();
        let open = u64::try_from(self.reader.pending_bytes()).unwrap_or(0);
        progress.bytes = progress.bytes.saturating_sub(open);
        self.summary.note(&progress);
        let read_bytes = self.skipped + progress.bytes;
        let prefix = self.reader.prefix().map(|prefix| prefix.as_str().to_owned());
        let known = start.is_remembered.then(|| self.known(source, read_bytes, &start)).flatten();
        Read {
            path: self.path,
            format: self.reader.format(),
            prefix,
            progress,
            skipped: self.skipped,
            broken: start.broken,
            again: start.again,
            summary: self.summary,
            before: start.before,
            known,
        }
    }

    /// How the file is known from now on.
    fn known(&self, source: &Source<'_>, read_bytes: u64, start: &Start) -> Option<Known> {
        let prefix = self.reader.prefix().map(|prefix| prefix.as_str().to_owned());
        let mut tail = self.tail.clone();
        if let Some(file) = &source.plain {
            tail.clear();
            let mut file = file.try_clone().ok()?;
            let length = read_bytes.min(u64::try_from(TAIL_BYTES).unwrap_or(0));
            file.seek(SeekFrom::Start(read_bytes - length)).ok()?;
            file.take(length).read_to_end(&mut tail).ok()?;
        }
        if let Some(before) = &start.before {
            if self.reader.progress().bytes == 0 {
                return Some(before.clone());
            }
            return Some(Known {
                read_bytes,
                tail_bytes: tail.len(),
                tail_hash: sql::hash(&tail),
                prefix: prefix.or_else(|| before.prefix.clone()),
                ..before.clone()
            });
        }
        let head = self.head.get(..self.head.len().min(usize::try_from(read_bytes).ok()?))?;
        (!head.is_empty()).then(|| Known {
            read_bytes,
            head_bytes: head.len(),
            head_hash: sql::hash(head),
            tail_bytes: tail.len(),
            tail_hash: sql::hash(&tail),
            prefix,
        })
    }
}
