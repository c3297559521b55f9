//! What gateways share through Redis, and how long they wait for it.

use std::{num::NonZeroU32, time::Duration};

use crate::plan::Secret;

/// A server of Redis, or of what speaks as it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisSettings {
    /// Where it is: `redis://user:password@host:6379/0`.
    pub url: Secret,
    /// What keys there begin with: gateways of the same prefix share.
    pub prefix: String,
    /// How long a request may wait for it; then it is decided without.
    pub timeout: Duration,
    /// Gateways that share: while it is away each counts its share of a limit.
    pub gateways: NonZeroU32,
    /// Bytes of answers that are kept there.
    pub cache_bytes_max: u64,
}

impl RedisSettings {
    /// The settings of a server, as they are unless told otherwise.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Secret(url.into()),
            prefix: "taut".to_owned(),
            timeout: Duration::from_millis(50),
            gateways: NonZeroU32::MIN,
            cache_bytes_max: 1 << 30,
        }
    }

    /// Where it is, without what must not be shown.
    #[must_use]
    pub fn shown(&self) -> &str {
        let url = &*self.url.0;
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.rsplit_once('@').map_or(rest, |(_, host)| host)
    }
}

/// Whether Redis is asked: it is away from where nothing came of several requests in a row, until it answers again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Patience {
    in_a_row: u32,
}

impl Patience {
    /// So many requests in a row that time ran out for, and it is away: one may be a hiccup.
    const MAX: u32 = 3;

    /// A request was answered.
    pub fn answered(&mut self) {
        self.in_a_row = 0;
    }

    /// Time ran out for one. Whether it is away.
    pub fn late(&mut self) -> bool {
        self.in_a_row += 1;
        Self::MAX <= self.in_a_row
    }

    /// How long until it is tried again, after so many tries: soon, then less and less often.
    #[must_use]
    pub fn pause(tries: u32) -> Duration {
        const MAX: Duration = Duration::from_secs(1);
        Duration::from_millis(50).saturating_mul(1 << tries.min(5)).min(MAX)
    }
}
