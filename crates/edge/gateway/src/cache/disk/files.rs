//! The folder of the level on disk: its lock, and its files, each with a number; the lowest is the oldest.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use traffic::cache::DiskSettings;

/// What a file begins with; the number rises when what follows changes.
pub(super) const FILE_MARK: &[u8; 16] = b"taut cache 1\n\0\0\0";

/// Damaged files that are set aside to be looked at: more say nothing new.
const ASIDE_MAX: usize = 2;

/// Bytes of a file: a sixteenth of all, so that little goes at once.
pub(super) fn file_bytes_max(settings: &DiskSettings) -> u64 {
    (settings.bytes_max / 16).clamp(1 << 20, 64 << 20)
}

/// The folder, held by this process until it is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes the folder; makes it if it is not there. What is wrong with it, for people, if it cannot be had.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let failed = |what: &str, error: &io::Error| format!("failed to {what} `{shown}`: {error}");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| failed("make the cache's folder", &error))?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(|error| failed("write in the cache's folder", &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                Err(format!("another gateway uses the cache's folder `{shown}`"))
            }
            Err(TryLockError::Error(error)) => Err(failed("lock the cache's folder", &error)),
        }
    }

    /// The numbers of the files that are there, the oldest first.
    pub(super) fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let number: Option<u64> =
                name.to_str().and_then(|name| name.strip_suffix(".log")?.parse().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A new file.
    pub(super) fn create(&self, number: u64) -> io::Result<File> {
        use std::os::unix::fs::FileExt as _;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.file(number))?;
        if let Err(error) = file.write_all_at(FILE_MARK, 0) {
            drop(self.remove(number));
            return Err(error);
        }
        Ok(file)
    }

    /// A file that is there, and its bytes; `None` if it is of another version.
    pub(super) fn open_file(&self, number: u64) -> io::Result<Option<(File, u64)>> {
        let mut file = OpenOptions::new().read(true).write(true).open(self.file(number))?;
        let bytes = file.metadata()?.len();
        let mut mark = [0; FILE_MARK.len()];
        let is_known = match file.read_exact(&mut mark) {
            Ok(()) => mark == *FILE_MARK,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(error),
        };
        Ok(is_known.then_some((file, bytes)))
    }

    pub(super) fn remove(&self, number: u64) -> io::Result<()> {
        fs::remove_file(self.file(number))
    }

    /// Sets a damaged file aside.
    pub(super) fn set_aside(&self, number: u64) -> io::Result<()> {
        let aside = fs::read_dir(&self.path)?.flatten();
        let aside =
            aside.filter(|entry| entry.path().extension().is_some_and(|it| it == "damaged"));
        if ASIDE_MAX <= aside.count() {
            return self.remove(number);
        }
        fs::rename(self.file(number), self.file(number).with_extension("damaged"))
    }

    fn file(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:016}.log"))
    }
}
