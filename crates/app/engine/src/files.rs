//! Files with spans, as `taut find` and `taut trace` read them.

use std::{
    borrow::Borrow,
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use model::{Call, Span, Stack, Trace, TraceId};
use observe::{DecompressedMax, Problem};

/// The largest file that is read: it has to fit in memory together with its spans.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// What was read from a file.
#[derive(Debug)]
pub struct FileRead {
    /// The file.
    pub path: PathBuf,
    /// Name of its format.
    pub format: &'static str,
    /// Its spans.
    pub spans: Vec<Span>,
    /// Spans that were left out because they lack what a span needs.
    pub rejected: usize,
    /// What was odd, the first hundred of it.
    pub problems: Vec<Problem>,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refused.
    #[error("failed to read `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is larger than what fits.
    #[error("`{path}` is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is no format that is known, or broken.
    #[error("failed to read spans from `{path}`")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: observe::ReadError,
    },
}

impl FileError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "check the path; `-` reads standard input".to_owned()
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "check who may read the file".to_owned()
            }
            Self::Io { .. } => "give a file, not a folder; `-` reads standard input".to_owned(),
            Self::TooLarge { .. } => {
                "split it, or send it to `taut up`, which keeps spans on disk".to_owned()
            }
            Self::Format { source, .. } => source.hint().to_owned(),
        }
    }
}

/// Reads all spans of a file, or of standard input for `-`.
///
/// # Errors
///
/// The file cannot be read, or is no format that is known.
pub fn read_file(path: &Path) -> Result<FileRead, FileError> {
    let io_error = |source| FileError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        let file = File::open(path).map_err(io_error)?;
        make_room(&mut bytes, &file);
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)
    };
    if FILE_BYTES_MAX < read.map_err(io_error)? as u64 {
        return Err(FileError::TooLarge { path: path.to_owned() });
    }
    let reading = observe::read(&bytes, DecompressedMax::default())
        .map_err(|source| FileError::Format { path: path.to_owned(), source })?;
    Ok(FileRead {
        path: path.to_owned(),
        format: reading.format.title,
        spans: reading.decoded.spans,
        rejected: reading.decoded.rejected,
        problems: reading.decoded.problems,
    })
}

/// Room for all of a file at once: growing on the way copies a large file several times. A failure is no
/// matter, the bytes find their room as they come.
fn make_room(bytes: &mut Vec<u8>, file: &File) {
    /// Room beside it in which the reader sees that the file has ended.
    const BESIDE: u64 = 64;
    let length = file.metadata().map_or(0, |data| data.len()).min(FILE_BYTES_MAX) + BESIDE;
    bytes.try_reserve_exact(usize::try_from(length).unwrap_or(0)).ok();
}

/// The traces that spans belong to, put together, by their begin. Spans that are given away make room for what
/// is made of them.
#[must_use]
pub fn traces_of(spans: impl IntoIterator<Item: Borrow<Span>>) -> Vec<Trace> {
    let mut statements = sql::Statements::default();
    let mut stacks: BTreeMap<Arc<str>, Stack> = BTreeMap::new();
    let mut calls: BTreeMap<TraceId, Vec<Call>> = BTreeMap::new();
    for span in spans {
        let span = span.borrow();
        observe::stack(span, &mut stacks);
        calls.entry(span.trace_id).or_default().push(observe::call(span, &mut statements));
    }
    let mut traces: Vec<Trace> = calls
        .into_iter()
        .map(|(id, calls)| {
            let stacks = stacks_of(&calls, &stacks);
            observe::assemble(id, calls, stacks)
        })
        .collect();
    traces.sort_by_key(|trace| (trace.nodes.first().map(|node| node.call.start), trace.id));
    traces
}

/// The stacks of the services that take part.
fn stacks_of(calls: &[Call], stacks: &BTreeMap<Arc<str>, Stack>) -> BTreeMap<Arc<str>, Stack> {
    let mut known: BTreeMap<Arc<str>, Stack> = BTreeMap::new();
    for call in calls {
        if !known.contains_key(&call.service)
            && let Some(stack) = stacks.get(&call.service)
        {
            known.insert(Arc::clone(&call.service), stack.clone());
        }
    }
    known
}
