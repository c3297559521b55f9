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
        let (jobs, taken) = sync_channel(WAITING_MAX);
        let taken = Arc::new(Mutex::new(taken));
        for _ in 0..THREADS {
            let taken = Arc::clone(&taken);
            std::thread::Builder::new()
                .name("taut-cache-read".to_owned())
                .spawn(move || run(&taken))?;
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
fn run(jobs: &Mutex<Receiver<Job>>) {
    loop {
        // Who waits for the next one holds the lock, the others wait for that.
        let Ok(Job { file, at, key, reply }) = lock(jobs).recv() else { return };
        if reply.is_closed() {
            continue;
        }
        let mut record = vec![0; usize::try_from(at.bytes).unwrap_or(0)];
        let read = file.read_exact_at(&mut record, at.offset);
        let stored = read.ok().and_then(|()| answer_of(&Bytes::from(record), &key, clock::now()));
        // Who asked may have gone on without it.
        drop(reply.send(stored.map(Box::new)));
    }
}
