//! Captures on their way to S3-compatible storage: a thread of its own puts each packed file there, then removes it here.
//!
//! The gateway only ever writes files, and keeps them within their bound: while the storage is away they wait in the folder,
//! and the oldest go first when there are too many. So nothing about the storage ever slows a request.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};

use objects::{Access, Bucket, ObjectsError};
use traffic::capture::CaptureRules;

/// How often the folder is looked into; a file is packed once an hour or each 64 MiB.
const LOOK: Duration = Duration::from_secs(2);

/// How long a storage that failed is left alone, at first and at most.
const PAUSE: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_mins(5);

/// What files are called that are whole.
const PACKED: &str = ".jsonl.zst";

/// Captures that are put into a bucket, until this is stopped.
#[derive(Debug)]
pub struct CaptureUploads {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopping: Mutex<bool>,
    told: Condvar,
    put: AtomicU64,
    put_bytes: AtomicU64,
    failed: AtomicU64,
    trouble: Mutex<Option<String>>,
}

/// What became of files of captures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaptureUploadsSeen {
    /// Files that are in the bucket.
    pub put: u64,
    /// Their bytes.
    pub put_bytes: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Why the last one did; `None` if it did not.
    pub trouble: Option<String>,
}

impl CaptureUploads {
    /// Begins to put files of captures into the bucket that the rules name; `None` if they name none.
    ///
    /// # Errors
    ///
    /// The server is none, or there is no thread to be had.
    pub fn start(
        rules: &CaptureRules,
        access: Option<&Access>,
    ) -> Result<Option<Self>, UploadError> {
        let Some(to) = &rules.to else { return Ok(None) };
        let address =
            to.bucket.parse().map_err(|_error| UploadError::Address(to.bucket.clone()))?;
        let bucket = Bucket::new(address, &to.endpoint, &to.region, access)?;
        let shared = Arc::<Shared>::default();
        let (folder, own) = (rules.folder.clone(), Arc::clone(&shared));
        let thread = std::thread::Builder::new()
            .name("captures".to_owned())
            .spawn(move || run(&folder, &bucket, &own))
            .map_err(UploadError::Thread)?;
        Ok(Some(Self { shared, thread: Some(thread) }))
    }

    /// What became of them.
    #[must_use]
    pub fn seen(&self) -> CaptureUploadsSeen {
        CaptureUploadsSeen {
            put: self.shared.put.load(Relaxed),
            put_bytes: self.shared.put_bytes.load(Relaxed),
            failed: self.shared.failed.load(Relaxed),
            trouble: lock(&self.shared.trouble).clone(),
        }
    }

    /// Puts what is whole there once more, and ends; what became of them in the end. What cannot be put stays for the next
    /// start.
    #[must_use]
    pub fn stop(mut self) -> CaptureUploadsSeen {
        *lock(&self.shared.stopping) = true;
        self.shared.told.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to end.
            drop(thread.join());
        }
        self.seen()
    }
}

/// Why captures are not put into a bucket.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The address is none.
    #[error("`{0}` is no bucket")]
    Address(String),
    /// The server is none.
    #[error(transparent)]
    Server(#[from] ObjectsError),
    /// There is no thread.
    #[error("failed to start a thread")]
    Thread(#[source] io::Error),
}

fn run(folder: &Path, bucket: &Bucket, shared: &Shared) {
    let host = crate::machine::letters();
    let mut pause = PAUSE;
    loop {
        // Read before: what is whole when it is told to end goes as well.
        let is_last = *lock(&shared.stopping);
        let wait = match put_all(folder, bucket, (shared, &host)) {
            Ok(()) => {
                pause = PAUSE;
                *lock(&shared.trouble) = None;
                LOOK
            }
            Err(why) => {
                shared.failed.fetch_add(1, Relaxed);
                *lock(&shared.trouble) = Some(why);
                let wait = pause;
                pause = pause.saturating_mul(2).min(PAUSE_MAX);
                wait
            }
        };
        if is_last {
            return;
        }
        let stopping = lock(&shared.stopping);
        let waited = shared.told.wait_timeout_while(stopping, wait, |stopping| !*stopping);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// Puts files there, the oldest first, and removes each here once it is.
fn put_all(folder: &Path, bucket: &Bucket, (shared, host): (&Shared, &str)) -> Result<(), String> {
    for path in packed(folder) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let name = format!("{}-{host}{PACKED}", name.trim_end_matches(PACKED));
        match bucket.put(&name, &path) {
            Ok(bytes) => {
                shared.put.fetch_add(1, Relaxed);
                shared.put_bytes.fetch_add(bytes, Relaxed);
            }
            // It was the oldest of too many.
            Err(_) if !path.exists() => continue,
            Err(error) => {
                let hint = error.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
                return Err(format!("{}{hint}", crate::live::in_full(&error)));
            }
        }
        fs::remove_file(&path).map_err(|error| {
            format!("failed to remove `{}`, which is in the bucket: {error}", path.display())
        })?;
    }
    Ok(())
}

/// Files that are whole, by name, which is by age. A folder that is not there yet has none.
fn packed(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("capture-") && name.ends_with(PACKED)
        })
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
