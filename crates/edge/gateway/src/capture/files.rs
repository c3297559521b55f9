//! The files: one that is appended to, older ones packed, the oldest removed when all together are too large.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufWriter, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Instant,
};

use capture::{FORMAT, Head, Key, write_head};
use traffic::capture::CaptureRules;

use crate::clock;

/// How good older files are packed: beyond, it takes longer than a file takes to fill.
const ZSTD_LEVEL: i32 = 3;

/// The file that has the key of pseudonyms, where settings have none.
const KEY_FILE: &str = "pseudonyms.key";

/// A folder of captures.
pub(super) struct Files {
    folder: PathBuf,
    head: Head,
    file_bytes_max: u64,
    file_age_max: std::time::Duration,
    total_bytes_max: u64,
    current: Option<Current>,
}

/// The file that is appended to. It is locked: whoever finds one that is not may pack it.
struct Current {
    path: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
    began: Instant,
}

impl Files {
    /// Opens the folder, makes it if it is not there, and packs what an earlier process left.
    pub(super) fn open(rules: &CaptureRules) -> Result<(Self, Key), String> {
        let folder = rules.folder.clone();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|error| failed("make the folder", &folder, &error))?;
        let key = match &rules.key {
            Some(secret) => Key::new(secret.0.as_bytes()),
            None => Key::new(&key_of(&folder)?),
        };
        let sampled =
            format!("{} % of requests, drawn by {}", rules.share * 100.0, rules.by.name());
        let head = Head {
            format: FORMAT.to_owned(),
            by: concat!("taut ", env!("CARGO_PKG_VERSION")).to_owned(),
            sampled,
            pseudonyms: key.number(),
            ..Head::default()
        };
        let files = Self {
            folder,
            head,
            file_bytes_max: rules.file_bytes_max,
            file_age_max: rules.file_age_max,
            total_bytes_max: rules.total_bytes_max,
            current: None,
        };
        files.pack_left()?;
        Ok((files, key))
    }

    /// Appends a line.
    pub(super) fn append(&mut self, line: &[u8]) -> Result<(), String> {
        if self.current.as_ref().is_some_and(|current| self.file_bytes_max <= current.bytes) {
            self.seal()?;
        }
        let current = match self.current.take() {
            Some(current) => current,
            None => self.begin()?,
        };
        let current = self.current.insert(current);
        let written = current.file.write_all(line);
        written.map_err(|error| failed("write to", &current.path, &error))?;
        current.bytes += line.len() as u64;
        Ok(())
    }

    /// Hands over what is in memory; packs a file that is old enough, and keeps within the bound.
    pub(super) fn tidy(&mut self) -> Result<(), String> {
        let Some(current) = &mut self.current else { return Ok(()) };
        current.file.flush().map_err(|error| failed("write to", &current.path, &error))?;
        if self.file_age_max <= current.began.elapsed() {
            self.seal()?;
        }
        Ok(())
    }

    /// Ends the file that is open.
    pub(super) fn close(mut self) -> Result<(), String> {
        self.seal()
    }

    fn begin(&self) -> Result<Current, String> {
        let now = clock::now();
        let name = format!("capture-{:013}-{}.jsonl", now.nanos / 1_000_000, std::process::id());
        let path = self.folder.join(name);
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
        let file = opened.map_err(|error| failed("open", &path, &error))?;
        // Where locks are not known, nobody else packs files either.
        drop(file.try_lock());
        let head = write_head(&Head { began_unix_nanos: now.nanos, ..self.head.clone() });
        let mut file = BufWriter::new(file);
        file.write_all(&head).map_err(|error| failed("write to", &path, &error))?;
        Ok(Current { path, file, bytes: head.len() as u64, began: Instant::now() })
    }

    fn seal(&mut self) -> Result<(), String> {
        let Some(current) = self.current.take() else { return Ok(()) };
        let Current { path, mut file, .. } = current;
        file.flush().map_err(|error| failed("write to", &path, &error))?;
        pack(&path)?;
        drop(file);
        self.keep_within()
    }

    /// Packs files that nobody appends to any more.
    fn pack_left(&self) -> Result<(), String> {
        for path in self.list()? {
            if path.extension().is_some_and(|ending| ending == "part") {
                drop(fs::remove_file(&path));
            } else if path.extension().is_some_and(|ending| ending == "jsonl") {
                let is_left = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
                if is_left {
                    pack(&path)?;
                }
            }
        }
        self.keep_within()
    }

    /// Files of captures, the oldest first.
    fn list(&self) -> Result<Vec<PathBuf>, String> {
        let entries = fs::read_dir(&self.folder);
        let entries = entries.map_err(|error| failed("list", &self.folder, &error))?;
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("capture-"))
            })
            .collect();
        paths.sort();
        Ok(paths)
    }

    fn keep_within(&self) -> Result<(), String> {
        let paths = self.list()?;
        let size = |path: &PathBuf| fs::metadata(path).map_or(0, |data| data.len());
        let mut total: u64 = paths.iter().map(size).sum();
        for path in &paths {
            if total <= self.total_bytes_max {
                break;
            }
            total = total.saturating_sub(size(path));
            fs::remove_file(path).map_err(|error| failed("remove", path, &error))?;
        }
        Ok(())
    }
}

/// Packs a file beside itself, and removes it: there is the one or the other at any moment, or both.
fn pack(path: &Path) -> Result<(), String> {
    let packed = PathBuf::from(format!("{}.zst", path.display()));
    let part = PathBuf::from(format!("{}.part", packed.display()));
    let copy = || -> io::Result<()> {
        let mut from = File::open(path)?;
        let to =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        let mut encoder = zstd::stream::write::Encoder::new(to, ZSTD_LEVEL)?;
        encoder.include_checksum(true)?;
        io::copy(&mut from, &mut encoder)?;
        encoder.finish()?.sync_all()?;
        fs::rename(&part, &packed)?;
        fs::remove_file(path)
    };
    copy().map_err(|error| failed("pack", path, &error))
}

/// The key of this folder; made once, by chance.
fn key_of(folder: &Path) -> Result<Vec<u8>, String> {
    let path = folder.join(KEY_FILE);
    let read = |path: &Path| fs::read(path).map_err(|error| failed("read the key", path, &error));
    if path.exists() {
        return read(&path);
    }
    let mut bytes = [0; 32];
    let source = Path::new("/dev/urandom");
    let drawn = File::open(source).and_then(|mut file| file.read_exact(&mut bytes));
    drawn.map_err(|error| failed("draw a key from", source, &error))?;
    let half = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    let text: String = bytes.iter().flat_map(|byte| [half(byte >> 4), half(byte & 15)]).collect();
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    match made.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(text.into_bytes()),
        // Another gateway was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(&path),
        Err(error) => Err(failed("write the key", &path, &error)),
    }
}

fn failed(what: &str, path: &Path, error: &io::Error) -> String {
    format!("failed to {what} `{}`: {error}", path.display())
}
