//! Threads that read, so that those that answer never wait for a disk; and who asks waits no longer than a little.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{sync::oneshot, time::timeout};
use traffic::{
    cache::{At, Stored, answer_of},
    redis::Patience,
};

use super::lock;
use crate::clock;

/// Threads: a disk that is worth having does two things at once.
const THREADS: usize = 2;

/// Reads that wait; with more it is quicker to ask a member.
const WAITING_MAX: usize = 256;

/// The longest that a request waits for the disk; then a member is asked.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// How long a disk is left alone that was too slow several times in a row.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Readers {
    jobs: SyncSender<Job>,
    slow: Mutex<(Patience, Option<Instant>)>,
}

#[derive(Debug)]
struct Job {
    file: Arc<File>,
    at: At,
    key: Vec<u8>,
    reply: oneshot::Sender<Option<Box<Stored>>>,
}

/// What came of reading.
#[derive(Debug)]
pub(super) enum Read {
    Done(Box<Stored>),
    /// It is not what was written, or of another key.
    Damaged,
    Late,
}

impl Readers {
    pub(super) fn start() -> io::Result<Self> {
        Self::start_with(File::read_exact_at)
    }

    /// With what reads a record of a file at its place.
    fn start_with(
        read: impl Fn(&File, &mut [u8], u64) -> io::Result<()> + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let (jobs, taken) = sync_channel(WAITING_MAX);
        let taken = Arc::new(Mutex::new(taken));
        for _ in 0..THREADS {
            let (taken, read) = (Arc::clone(&taken), read.clone());
            std::thread::Builder::new()
                .name("taut-cache-read".to_owned())
                .spawn(move || run(&taken, read))?;
        }
        Ok(Self { jobs, slow: Mutex::default() })
    }

    pub(super) async fn read(&self, file: Arc<File>, at: At, key: Vec<u8>) -> Read {
        if lock(&self.slow).1.is_some_and(|until| Instant::now() < until) {
            return Read::Late;
        }
        let (reply, told) = oneshot::channel();
        if self.jobs.try_send(Job { file, at, key, reply }).is_err() {
            return Read::Late;
        }
        let told = timeout(WAIT_MAX, told).await;
        let mut slow = lock(&self.slow);
        match told {
            Ok(read) => {
                slow.0.answered();
                read.ok().flatten().map_or(Read::Damaged, Read::Done)
            }
            Err(_elapsed) => {
                if slow.0.late() {
                    slow.1 = Some(Instant::now() + PAUSE);
                }
                Read::Late
            }
        }
    }
}

/// Reads until nobody is left to ask.
fn run(jobs: &Mutex<Receiver<Job>>, read: impl Fn(&File, &mut [u8], u64) -> io::Result<()>) {
    loop {
        // Who waits for the next one holds the lock, the others wait for that.
        let Ok(Job { file, at, key, reply }) = lock(jobs).recv() else { return };
        if reply.is_closed() {
            continue;
        }
        let mut record = vec![0; usize::try_from(at.bytes).unwrap_or(0)];
        let done = read(&file, &mut record, at.offset);
        let stored = done.ok().and_then(|()| answer_of(&Bytes::from(record), &key, clock::now()));
        // Who asked may have gone on without it.
        drop(reply.send(stored.map(Box::new)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::channel,
    };

    use super::*;

    #[tokio::test]
    async fn nobody_waits_for_a_disk_that_does_not_answer_and_soon_nobody_asks_it() {
        let (answers, waits) = channel::<()>();
        let (waits, asked) = (Arc::new(Mutex::new(waits)), Arc::<AtomicUsize>::default());
        let counted = Arc::clone(&asked);
        let readers = Readers::start_with(move |_, _, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            // Until nobody can answer any more.
            let _ended = lock(&waits).recv();
            Err(io::ErrorKind::TimedOut.into())
        });
        let readers = readers.expect("threads");
        let file = Arc::new(File::open("/dev/null").expect("it is always there"));
        let at = At { file: 1, offset: 0, bytes: 1 };
        for _ in 0..4 {
            let read = readers.read(Arc::clone(&file), at, Vec::new()).await;
            assert!(matches!(read, Read::Late), "{read:?}");
        }
        assert!(lock(&readers.slow).1.is_some(), "it is left alone");
        assert!(asked.load(Ordering::Relaxed) <= 3, "the fourth did not ask it");
        drop(answers);
    }
}
