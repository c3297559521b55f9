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
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let bare = |text: &'_ str| text.find('?').unwrap_or(text.len());
        // A socket has its password behind a question mark, a host before the last `@`.
        if scheme.ends_with("unix") {
            return rest.get(..bare(rest)).unwrap_or_default();
        }
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        host.get(..bare(host)).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("redis://10.0.0.5:6379/1", "10.0.0.5:6379/1"),
            ("rediss://taut:s3cret@cache:6380", "cache:6380"),
            ("redis://:a@b?c@cache", "cache"),
            ("redis://cache?pass=s3cret", "cache"),
            ("unix:///run/redis.sock?user=u&pass=a@b", "/run/redis.sock"),
            ("redis+unix:///run/redis.sock", "/run/redis.sock"),
        ] {
            assert_eq!(RedisSettings::new(url).shown(), shown);
        }
    }
}
