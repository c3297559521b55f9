//! Counting requests in Redis: those that come at about the same time are asked for in one call.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Instant,
};

use tokio::{sync::oneshot, time::timeout};
use traffic::limit::{
    Algorithm, Quota, Verdict,
    shared::{HEAD_NUMBERS, KEY_NUMBERS, SCRIPT, time, verdict, words},
};

use super::{Link, NoAnswer, Redis};

/// Requests that are asked for in one call: more would hold up the others, as Redis does one thing at a time.
const BATCH_MAX: usize = 64;

/// Those that wait to be asked for.
#[derive(Debug, Default)]
pub(crate) struct Takes {
    waiting: Rc<RefCell<Vec<Take>>>,
    /// Whether a task is about to ask for them.
    is_due: Rc<Cell<bool>>,
}

/// One request.
#[derive(Debug)]
struct Take {
    key: String,
    algorithm: Algorithm,
    quota: Quota,
    cost: u32,
    reply: oneshot::Sender<Option<Verdict>>,
}

impl Redis {
    /// Counts a request of a key, if it is let in; `None` if Redis does not say so in time.
    pub(crate) async fn take(
        &self,
        key: String,
        algorithm: Algorithm,
        quota: Quota,
        cost: u32,
    ) -> Option<Verdict> {
        if !self.is_up() {
            self.link.figures.spared.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            return None;
        }
        let (reply, told) = oneshot::channel();
        let Takes { waiting, is_due } = &self.takes;
        waiting.borrow_mut().push(Take { key, algorithm, quota, cost, reply });
        if !is_due.replace(true) {
            let (waiting, is_due) = (Rc::clone(waiting), Rc::clone(is_due));
            let (link, time) = (Rc::clone(&self.link), self.settings.timeout);
            tokio::task::spawn_local(async move {
                // Whoever is ready to run now asks as well before this goes on.
                tokio::task::yield_now().await;
                is_due.set(false);
                let mut all = waiting.take();
                while !all.is_empty() {
                    let rest = all.split_off(all.len().min(BATCH_MAX));
                    tokio::task::spawn_local(ask(Rc::clone(&link), all, time));
                    all = rest;
                }
            });
        }
        told.await.ok().flatten()
    }
}

/// Asks for several, and tells each.
async fn ask(link: Rc<Link>, takes: Vec<Take>, time_max: std::time::Duration) {
    let began = Instant::now();
    let numbers = match timeout(time_max, call(&link, &takes, true)).await {
        Ok(Err(NoAnswer::Refused(error))) if error.code() == Some("NOSCRIPT") => {
            // Somebody flushed them; sent in full it is there again.
            let left = time_max.saturating_sub(began.elapsed());
            timeout(left, call(&link, &takes, false)).await
        }
        numbers => numbers,
    };
    let numbers = match numbers {
        Ok(Ok(numbers)) => numbers,
        Ok(_) => Vec::new(),
        Err(_elapsed) => {
            let _late = link.heard::<()>(Err(()), began);
            Vec::new()
        }
    };
    let (head, keys) = numbers.split_at_checked(HEAD_NUMBERS).unwrap_or_default();
    let now = time(head);
    let mut keys = keys.chunks_exact(KEY_NUMBERS);
    for take in takes {
        let of_key = now.zip(keys.next());
        let said = of_key.and_then(|(now, numbers)| {
            verdict(take.algorithm, &take.quota, take.cost, numbers, now)
        });
        // Whoever asked may be gone.
        let _told = take.reply.send(said);
    }
}

/// Calls the script, by its digest or in full.
async fn call(link: &Link, takes: &[Take], by_digest: bool) -> Result<Vec<i64>, NoAnswer> {
    let mut open = link.open()?;
    let mut command = if by_digest {
        let mut command = ::redis::cmd("EVALSHA");
        command.arg(&*open.script);
        command
    } else {
        let mut command = ::redis::cmd("EVAL");
        command.arg(SCRIPT);
        command
    };
    command.arg(takes.len());
    for take in takes {
        command.arg(&*take.key);
    }
    // The clock of Redis counts: those of gateways may differ.
    command.arg("").arg("");
    for take in takes {
        for word in words(take.algorithm, &take.quota, take.cost) {
            command.arg(word);
        }
    }
    let began = Instant::now();
    let answer = command.query_async(&mut open.connection).await;
    link.heard(Ok(answer), began)
}
