//! What Taut stands on, for whoever asks whether it can do what it is for.

use std::{fs, time::Duration};

use traffic::room::{self, Room};

use super::{Live, lock, problems::Work};

/// So long a batch that could not be kept says that the store is of no use. Senders come again sooner; without senders nobody
/// knows whether it is still so.
const FAILURE_COUNTS: Duration = Duration::from_mins(1);

/// What this process stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footing {
    /// Whether the store's folder can be read, and what came within the last minute was kept.
    pub keeps: bool,
    /// Bytes that are free on its disk, if that says so.
    pub disk_bytes: Option<u64>,
    /// Bytes of memory that are left, if the system says so.
    pub memory_bytes: Option<u64>,
}

impl Footing {
    /// Whether there is room on the disk.
    #[must_use]
    pub fn disk(&self) -> Room {
        Room::of(self.disk_bytes, room::DISK_BYTES_MIN)
    }

    /// Whether there is memory.
    #[must_use]
    pub fn memory(&self) -> Room {
        Room::of(self.memory_bytes, room::MEMORY_BYTES_MIN)
    }

    /// Whether what is sent can be kept.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.keeps && self.disk() != Room::Low && self.memory() != Room::Low
    }
}

impl Live {
    /// What it stands on now; blocks on the disk.
    #[must_use]
    pub fn footing(&self) -> Footing {
        let usage = self.store.usage();
        let failed = lock(&self.problems).has_failed(Work::Keep, FAILURE_COUNTS);
        Footing {
            keeps: usage.is_ok() && !failed,
            disk_bytes: usage.ok().and_then(|usage| usage.free_bytes),
            memory_bytes: room::memory_left(|path| fs::read_to_string(path).ok()),
        }
    }

    /// Whether ClickHouse answers; `None` where nothing goes there. Blocks for some seconds at most.
    #[must_use]
    pub fn clickhouse_answers(&self) -> Option<bool> {
        self.store.server_answers()
    }

    /// Whether the server of the ledger answers; `None` where it lies in the folder. Blocks for some seconds at most.
    #[must_use]
    pub fn ledger_answers(&self) -> Option<bool> {
        let place = self.ledger_place().filter(|place| place.server.is_some())?;
        // What was read earlier is given while it is away.
        Some(self.ledger_seen.read(&place).is_ok() && self.ledger_seen.away().is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_where_what_is_sent_can_be_kept() {
        const WELL: Footing =
            Footing { keeps: true, disk_bytes: Some(1 << 40), memory_bytes: Some(1 << 40) };
        assert!(WELL.holds());
        // What nobody knows is no failure.
        assert!(Footing { disk_bytes: None, memory_bytes: None, ..WELL }.holds());
        for bad in [
            Footing { keeps: false, ..WELL },
            Footing { disk_bytes: Some(1 << 20), ..WELL },
            Footing { memory_bytes: Some(1 << 20), ..WELL },
        ] {
            assert!(!bad.holds(), "{bad:?}");
        }
    }
}
