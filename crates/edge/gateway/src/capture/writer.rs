//! The thread that writes: unpacks bodies, replaces what must not be kept, appends a line.
//!
//! It gives way to the threads that answer requests, and writes in batches: `kill -9` costs what came within the last second, and
//! a line that was half written is told by whoever reads.

use std::{
    sync::{
        atomic::Ordering::Relaxed,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use capture::{LINE_BYTES_MAX, Redactor, write_exchange};
use model::Exchange;
use traffic::capture::CaptureRules;

use super::{Figures, Job, files::Files, unpack::unpack};

/// How long a line waits in memory at most.
const FLUSH_AFTER: Duration = Duration::from_secs(1);

/// How long a disk that failed is left alone.
const PAUSE: Duration = Duration::from_secs(5);

/// Runs until nobody is left to tell it anything.
pub(super) fn run(rules: &CaptureRules, jobs: &Receiver<Job>, figures: &Figures) {
    // Behind the threads that answer; where that is refused, beside them.
    let _given_way = rustix::process::nice(10);
    let mut writing = Writing { rules, figures, open: None, failed: None };
    writing.open();
    let mut flushed = Instant::now();
    loop {
        match jobs.recv_timeout(FLUSH_AFTER) {
            Ok((exchange, held)) => {
                writing.write(*exchange);
                figures.release(held);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if FLUSH_AFTER <= flushed.elapsed() {
            flushed = Instant::now();
            writing.tidy();
        }
    }
    writing.close();
}

struct Writing<'a> {
    rules: &'a CaptureRules,
    figures: &'a Figures,
    open: Option<(Files, Redactor)>,
    failed: Option<Instant>,
}

impl Writing<'_> {
    fn open(&mut self) {
        match Files::open(self.rules) {
            Ok((files, key)) => {
                self.open = Some((files, Redactor::new(key, &self.rules.redaction)));
                self.failed = None;
            }
            Err(why) => self.fail(why),
        }
    }

    fn fail(&mut self, why: String) {
        self.figures.fail(why);
        self.open = None;
        self.failed = Some(Instant::now());
    }

    fn write(&mut self, exchange: Exchange) {
        if self.failed.is_some_and(|failed| PAUSE <= failed.elapsed()) {
            self.open();
        }
        let Some((files, redactor)) = &mut self.open else {
            self.figures.outcomes.failed.fetch_add(1, Relaxed);
            return;
        };
        let line = write_exchange(&redactor.exchange(unpack(exchange, self.rules.body_bytes_max)));
        if LINE_BYTES_MAX < line.len() {
            self.figures.outcomes.dropped.fetch_add(1, Relaxed);
            return;
        }
        match files.append(&line) {
            Ok(()) => {
                self.figures.outcomes.done.fetch_add(1, Relaxed);
                self.figures.bytes.fetch_add(line.len() as u64, Relaxed);
            }
            Err(why) => {
                self.figures.outcomes.failed.fetch_add(1, Relaxed);
                self.fail(why);
            }
        }
    }

    fn tidy(&mut self) {
        if let Some((files, _)) = &mut self.open
            && let Err(why) = files.tidy()
        {
            self.fail(why);
        }
    }

    fn close(&mut self) {
        if let Some((files, _)) = self.open.take()
            && let Err(why) = files.close()
        {
            self.figures.fail(why);
        }
    }
}
