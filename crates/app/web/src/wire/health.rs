//! Whether the process runs and is ready, on the wire: as the gateway's admin port tells it of itself.

use serde::Serialize;
use utoipa::ToSchema;

/// The process runs.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Health {
    /// `up`.
    pub status: String,
}

/// Whether the process can keep what is sent to it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Readiness {
    /// `up`; `down` where it cannot; `stopping`.
    pub status: String,
    /// Its store: `up` where the folder can be read and what came last was kept.
    pub store: ReadyPart,
    /// The disk that the store is on.
    pub disk: ReadyDisk,
    /// Memory of the machine, or of the control group that the process is in.
    pub memory: ReadyMemory,
    /// ClickHouse, where spans go there; what comes is kept in the folder meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clickhouse: Option<ReadyPart>,
    /// The ledger, where it is on a server; pages show what it had meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<ReadyPart>,
    /// The gateway of the settings, in this process or beside it: `up` where it is ready itself. What is sent is kept without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<ReadyPart>,
}

/// Something that it uses.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReadyPart {
    /// `up`, `down`, or `unknown` where it did not answer in time.
    pub status: String,
}

/// Room on a disk.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReadyDisk {
    /// `up`, `low` with less than 64 MiB, or `unknown`.
    pub status: String,
    /// Bytes that are free.
    pub free_bytes: Option<u64>,
}

/// Memory.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReadyMemory {
    /// `up`, `low` with less than 32 MiB, or `unknown`.
    pub status: String,
    /// Bytes that can be had without swapping.
    pub available_bytes: Option<u64>,
}
