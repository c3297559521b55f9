//! The one place where files of a store are changed, and what the file system said in the words of this crate.
//!
//! Whoever wants to know what is done to a folder, and in which order, watches it: see [`Watch`]. So tests make of
//! one run all the states in which a machine may come back after it lost power, and let any change fail. Without a
//! watch it costs one relaxed load for each file that is opened. SQLite does its own writing.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use crate::StoreError;

/// Something that is done to a file or a folder of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// A file is made, or emptied if it is there.
    Create {
        /// Which.
        path: &'a Path,
    },
    /// Bytes are written.
    Write {
        /// Into which file.
        path: &'a Path,
        /// Where in it.
        offset: u64,
        /// Which.
        bytes: &'a [u8],
    },
    /// A file is cut.
    Cut {
        /// Which.
        path: &'a Path,
        /// To how many bytes.
        length: u64,
    },
    /// What was written to a file is brought to the disk.
    Sync {
        /// Which file.
        path: &'a Path,
    },
    /// A file gets another name, in place of what has that name.
    Rename {
        /// Its name.
        from: &'a Path,
        /// Its name from then on.
        to: &'a Path,
    },
    /// A file is removed.
    Remove {
        /// Which.
        path: &'a Path,
    },
    /// The names in a folder are brought to the disk.
    SyncFolder {
        /// Which folder.
        path: &'a Path,
    },
}

/// Sees each change of a folder before and after it is made, and may refuse it.
pub trait Watch: fmt::Debug + Send + Sync {
    /// A change is about to be made; it gets the number that is returned.
    ///
    /// # Errors
    ///
    /// Whatever the disk is to fail with; the change is not made then.
    fn begins(&self, change: &Change<'_>) -> io::Result<u64>;

    /// The change of that number was made, or failed.
    fn ended(&self, number: u64, result: &io::Result<()>);
}

/// While it lives, the folder is watched.
#[derive(Debug)]
pub struct Watched(PathBuf);

/// Watches the files in a folder that are opened from now on, instead of whoever watched it before.
pub fn watch(folder: &Path, watch: Arc<dyn Watch>) -> Watched {
    let mut watches = lock(&WATCHES);
    watches.retain(|(watched, _)| watched != folder);
    watches.push((folder.to_path_buf(), watch));
    COUNT.store(watches.len(), Relaxed);
    Watched(folder.to_path_buf())
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut watches = lock(&WATCHES);
        watches.retain(|(watched, _)| *watched != self.0);
        COUNT.store(watches.len(), Relaxed);
    }
}

static WATCHES: Mutex<Vec<(PathBuf, Arc<dyn Watch>)>> = Mutex::new(Vec::new());

/// How many there are, so that nobody else has to look.
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn watch_of(folder: &Path) -> Option<Arc<dyn Watch>> {
    if COUNT.load(Relaxed) == 0 {
        return None;
    }
    let watches = lock(&WATCHES);
    watches.iter().find(|(watched, _)| watched == folder).map(|(_, watch)| Arc::clone(watch))
}

fn watch_beside(path: &Path) -> Option<Arc<dyn Watch>> {
    path.parent().and_then(watch_of)
}

fn told(
    watch: Option<&Arc<dyn Watch>>,
    change: &Change<'_>,
    make: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    let Some(watch) = watch else { return make() };
    let number = watch.begins(change)?;
    let result = make();
    watch.ended(number, &result);
    result
}

/// A file that is written to.
#[derive(Debug)]
pub(crate) struct Written {
    file: File,
    path: PathBuf,
    watch: Option<Arc<dyn Watch>>,
}

impl Written {
    /// Makes a file that is not there yet.
    pub(crate) fn create_new(path: &Path) -> io::Result<Self> {
        Self::create_by(path, OpenOptions::new().read(true).write(true).create_new(true))
    }

    /// Makes a file, or empties the one that is there.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Self::create_by(path, OpenOptions::new().write(true).create(true).truncate(true))
    }

    /// Opens a file to write on.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Self { file, path: path.to_path_buf(), watch: watch_beside(path) })
    }

    fn create_by(path: &Path, options: &OpenOptions) -> io::Result<Self> {
        let watch = watch_beside(path);
        let mut opened = None;
        told(watch.as_ref(), &Change::Create { path }, || {
            opened = Some(options.open(path)?);
            Ok(())
        })?;
        let file = opened.ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { file, path: path.to_path_buf(), watch })
    }

    pub(crate) fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let change = Change::Write { path: &self.path, offset, bytes };
        told(self.watch.as_ref(), &change, || self.file.write_all_at(bytes, offset))
    }

    pub(crate) fn set_len(&self, length: u64) -> io::Result<()> {
        let change = Change::Cut { path: &self.path, length };
        told(self.watch.as_ref(), &change, || self.file.set_len(length))
    }

    /// Brings to the disk what was written, and the length.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let change = Change::Sync { path: &self.path };
        told(self.watch.as_ref(), &change, || self.file.sync_data())
    }
}

/// Gives a file another name, in place of what has that name. Survives power loss once the folder is synced.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    told(watch_beside(to).as_ref(), &Change::Rename { from, to }, || fs::rename(from, to))
}

/// Makes a created, renamed or removed entry of `folder` survive power loss.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    told(watch_of(folder).as_ref(), &Change::SyncFolder { path: folder }, || {
        File::open(folder)?.sync_all()
    })
    .map_err(|error| failed("sync", folder, error))
}

/// Removes a file that may be gone already.
pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    let removed =
        told(watch_beside(path).as_ref(), &Change::Remove { path }, || fs::remove_file(path));
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path, error)),
        _ => Ok(()),
    }
}

/// The error for `action` on `path`. A quota or a size limit that is reached counts as no space.
pub(crate) fn failed(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    let path = path.to_path_buf();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StoreError::Full { path, source }
        }
        _ => StoreError::Disk { action, path, source },
    }
}

/// Locks, whatever happened to other holders: what they guard is changed in single steps.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for reading; see [`lock`].
pub(crate) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for writing; see [`lock`].
pub(crate) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// A place or a count within a segment, or within a record.
pub(crate) fn small(number: impl TryInto<u32>) -> u32 {
    let Ok(number) = number.try_into() else {
        unreachable!("a segment is far shorter than 4 GiB");
    };
    number
}
