//! Which gateway asks: a lock in Redis, which ends by itself where its holder is gone.

use std::{rc::Rc, time::Duration};

use ::redis::pipe;
use tokio::{task::AbortHandle, time::sleep};

use crate::redis::{NoAnswer, Redis};

/// A lock lasts for so long, unless it is held on to: then its gateway is gone.
pub(super) const LOCK_TIME: Duration = Duration::from_secs(3);

/// How often it is held on to.
const HOLD_INTERVAL: Duration = Duration::from_secs(1);

const UNLOCK: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
const HOLD: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0";

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    redis: Rc<Redis>,
    key: String,
    token: String,
    holding: AbortHandle,
}

impl Lock {
    pub(super) fn new(redis: &Rc<Redis>, key: &str, token: &str) -> Self {
        let (redis, key, token) = (Rc::clone(redis), key.to_owned(), token.to_owned());
        let mut hold = pipe();
        let millis = LOCK_TIME.as_millis().to_string();
        hold.cmd("EVAL").arg(HOLD).arg(1).arg(&*key).arg(&*token).arg(millis);
        let through = Rc::clone(&redis);
        let holding = tokio::task::spawn_local(async move {
            loop {
                sleep(HOLD_INTERVAL).await;
                let held: Result<(i64,), NoAnswer> = through.ask(&hold).await;
                if matches!(held, Ok((0,))) {
                    return;
                }
            }
        });
        Self { redis, key, token, holding: holding.abort_handle() }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.holding.abort();
        // At the end of the thread there is nobody to send it; it ends by itself then.
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let mut asked = pipe();
        asked.cmd("EVAL").arg(UNLOCK).arg(1).arg(&*self.key).arg(&*self.token).ignore();
        let redis = Rc::clone(&self.redis);
        tokio::task::spawn_local(async move {
            let _unlocked: Result<(), NoAnswer> = redis.ask(&asked).await;
        });
    }
}
