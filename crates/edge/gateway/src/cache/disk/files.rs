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

/// Why the folder cannot be had, for people.
#[derive(Debug)]
pub(super) enum NoFolder {
    /// Another gateway has it.
    Taken(String),
    /// Anything else.
    Failed(String),
}

impl Folder {
    /// Takes the folder; makes it if it is not there.
    pub(super) fn open(path: &Path) -> Result<Self, NoFolder> {
        let shown = path.display();
        let failed = |what: &str, error: &io::Error| {
            NoFolder::Failed(format!("failed to {what} `{shown}`: {error}"))
        };
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
                let why = format!("another gateway uses the cache's folder `{shown}`");
                Err(NoFolder::Taken(why))
            }
            Err(TryLockError::Error(error)) => Err(failed("lock the cache's folder", &error)),
        }
    }

    /// The numbers of the files that are there, the oldest first.
    pub(super) fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            numbers.extend(name.to_str().and_then(number_of));
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
        self.sync()?;
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

    /// Removes a file, for good: it does not come back when the machine loses its power.
    pub(super) fn remove(&self, number: u64) -> io::Result<()> {
        match fs::remove_file(self.file(number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.sync(),
        }
    }

    /// Removes damaged files that were set aside.
    pub(super) fn drop_aside(&self) -> io::Result<()> {
        for file in self.aside()? {
            fs::remove_file(file)?;
        }
        self.sync()
    }

    /// Waits until it is known on disk which files there are.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    /// Sets a damaged file aside.
    pub(super) fn set_aside(&self, number: u64) -> io::Result<()> {
        if ASIDE_MAX <= self.aside()?.len() {
            return self.remove(number);
        }
        fs::rename(self.file(number), self.file(number).with_extension("damaged"))
    }

    fn aside(&self) -> io::Result<Vec<PathBuf>> {
        let all = fs::read_dir(&self.path)?.flatten().map(|entry| entry.path());
        Ok(all.filter(|path| path.extension().is_some_and(|it| it == "damaged")).collect())
    }

    fn file(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:016}.log"))
    }
}

/// The number that a file's name says; `None` if it is not a name as they are made here.
fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    let is_whole = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_whole)
}
