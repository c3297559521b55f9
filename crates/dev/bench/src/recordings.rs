//! The proving ground's recordings: traces of a real Django application.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use model::Span;
use observe::DecompressedMax;

use crate::made::BATCH_SPANS;

/// A file of traces.
#[derive(Debug)]
pub struct Recording {
    /// Where.
    pub path: PathBuf,
    /// Version of the application and conventions: `faulty`, `faulty-new` or `fixed`.
    pub mode: &'static str,
    /// The endpoint, as `expected.toml` names it.
    pub endpoint: String,
    /// Its spans.
    pub spans: Vec<Span>,
}

/// The folder of the repository.
#[must_use]
pub fn root() -> &'static Path {
    const MANIFEST: &str = env!("CARGO_MANIFEST_DIR");
    Path::new(MANIFEST).ancestors().nth(3).unwrap_or_else(|| Path::new("."))
}

/// All recordings, by name.
///
/// # Errors
///
/// A file cannot be read.
pub fn all() -> io::Result<Vec<Recording>> {
    let folder = root().join("proving-ground/recordings");
    let mut paths = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    paths.into_iter().filter_map(|path| read(path).transpose()).collect()
}

fn read(path: PathBuf) -> io::Result<Option<Recording>> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let Some(name) = name.as_deref().and_then(|name| name.strip_suffix(".otlp.jsonl.gz")) else {
        return Ok(None);
    };
    let modes = ["faulty-new", "faulty", "fixed"];
    let told = modes
        .into_iter()
        .find_map(|mode| Some((mode, name.strip_prefix(mode)?.strip_prefix('-')?.to_owned())));
    let Some((mode, endpoint)) = told else { return Ok(None) };
    let bytes = fs::read(&path)?;
    let reading = observe::read(&bytes, DecompressedMax::default()).map_err(io::Error::other)?;
    Ok(Some(Recording { path, mode, endpoint, spans: reading.decoded.spans }))
}

/// The spans of all recordings, again and again with other ids until there are `spans` of them, as exports
/// in OTLP protobuf.
#[must_use]
pub fn exports(recordings: &[Recording], spans: usize) -> Vec<Vec<u8>> {
    let recorded: Vec<&Span> = recordings.iter().flat_map(|recording| &recording.spans).collect();
    let copies = spans.div_ceil(recorded.len().max(1)) as u64;
    let copy = |copy: u64| recorded.iter().map(move |span| again(span, copy));
    let all: Vec<Span> = (1..=copies).flat_map(copy).take(spans).collect();
    all.chunks(BATCH_SPANS).map(observe::otlp::encode).collect()
}

/// The span, of another trace.
fn again(span: &Span, copy: u64) -> Span {
    let mut span = span.clone();
    let mixed = copy.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    for (byte, mask) in span.trace_id.0.iter_mut().zip(mixed) {
        *byte ^= mask;
    }
    span
}
