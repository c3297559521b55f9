//! Work in pieces, shared out among threads: each takes the next piece once it has done with one.

use std::{
    panic,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

/// Threads for one question: more would starve those that receive.
const THREADS_MAX: usize = 4;

/// Threads that there are for one question. Asked once: to tell, the system reads files.
static THREADS: LazyLock<usize> =
    LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX));

/// The places of the pieces that are still to be done, the first ones first. What one thread takes, no other gets.
#[derive(Debug)]
pub struct Pieces<'a> {
    next: &'a AtomicUsize,
    end: usize,
}

impl Iterator for Pieces<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let piece = self.next.fetch_add(1, Relaxed);
        (piece < self.end).then_some(piece)
    }
}

/// What threads made of so many pieces of work: one or more, of which each called `work` once. The caller's is the first.
pub fn share_out<T: Send>(pieces: usize, work: impl Fn(Pieces<'_>) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || work(Pieces { next: &next, end: pieces });
    let others = pieces.min(*THREADS).saturating_sub(1);
    thread::scope(|scope| {
        let others: Vec<_> = (0..others).map(|_| scope.spawn(work)).collect();
        let mut done = vec![work()];
        for other in others {
            match other.join() {
                Ok(told) => done.push(told),
                Err(payload) => panic::resume_unwind(payload),
            }
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_is_done_once() {
        for pieces in [0, 1, 2, 5, 1_000] {
            let done = share_out(pieces, |pieces| {
                let own: Vec<usize> = pieces.collect();
                assert!(own.is_sorted());
                own
            });
            assert!((1..=THREADS_MAX).contains(&done.len()), "{pieces}: {}", done.len());
            let mut all = done.concat();
            all.sort_unstable();
            assert_eq!(all, (0..pieces).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_makes_one_of_them_panic_makes_the_caller() {
        let failed = panic::catch_unwind(|| {
            share_out(100, |pieces| {
                for piece in pieces {
                    assert_ne!(piece, 50, "a bug");
                }
            })
        });
        assert!(failed.is_err());
    }
}
