//! What a node used: memory, disk, blocks, time of compilation.

use crate::Text;

/// What a node, or one worker in it, used. Counts are zero where nothing was said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resources {
    /// How it sorted.
    pub sort: Option<SortUse>,
    /// `Full-sort Groups` of an `Incremental Sort`.
    pub full_sort: Option<SortGroups>,
    /// `Pre-sorted Groups` of an `Incremental Sort`.
    pub presorted: Option<SortGroups>,
    /// The hash table of a `Hash`.
    pub hash: Option<HashUse>,
    /// The cache of a `Memoize`.
    pub cache: Option<CacheUse>,
    /// `Planned Partitions` of a hashed `Aggregate`.
    pub planned_partitions: u64,
    /// `HashAgg Batches`: more than one means that it went to disk.
    pub aggregate_batches: Option<u64>,
    /// `Peak Memory Usage` of a `Hash`, hashed `Aggregate` or `Memoize`, in kB.
    pub peak_memory_kb: Option<u64>,
    /// `Disk Usage` of a hashed `Aggregate`, in kB.
    pub disk_kb: u64,
    /// Where rows were kept (PostgreSQL 18): of `Materialize`, `WindowAgg`, `CTE Scan` and the like.
    pub storage: Option<Storage>,
    /// `Exact Heap Blocks` of a `Bitmap Heap Scan`.
    pub exact_blocks: u64,
    /// `Lossy Heap Blocks`: of which every row was checked again, as the bitmap did not fit.
    pub lossy_blocks: u64,
    /// `Heap Fetches` of an `Index Only Scan`: rows that were looked up in the table after all.
    pub heap_fetches: Option<u64>,
    /// `Index Searches`: descents into the index (PostgreSQL 18).
    pub index_searches: Option<u64>,
    /// Blocks, with those of its children.
    pub buffers: Buffers,
    /// Time spent reading and writing blocks, with that of its children.
    pub io: IoTimes,
    /// Write-ahead log, with that of its children.
    pub wal: Wal,
    /// Compilation in this worker.
    pub jit: Option<Jit>,
}

/// How something was sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SortUse {
    /// `quicksort`, `top-N heapsort`, `external merge`, `external sort`, `still in progress`.
    pub method: Text,
    /// Space used, in kB.
    pub space_kb: u64,
    /// `Memory` or `Disk`.
    pub space_type: Text,
}

impl SortUse {
    /// Whether it did not fit in memory.
    #[must_use]
    pub fn on_disk(&self) -> bool {
        self.space_type == "Disk"
    }
}

/// Groups that an incremental sort sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SortGroups {
    /// How many.
    pub count: u64,
    /// How: as [`SortUse::method`].
    pub methods: Vec<Text>,
    /// In memory.
    pub memory: Option<SortSpace>,
    /// On disk.
    pub disk: Option<SortSpace>,
}

/// Space that groups took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SortSpace {
    /// On average, in kB.
    pub average_kb: u64,
    /// At most, in kB.
    pub peak_kb: u64,
}

/// The hash table of a `Hash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HashUse {
    /// Buckets in the end.
    pub buckets: u64,
    /// Buckets that were planned.
    pub buckets_planned: u64,
    /// Batches in the end: more than one means that it went to disk.
    pub batches: u64,
    /// Batches that were planned.
    pub batches_planned: u64,
}

/// What the cache of a `Memoize` was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheUse {
    /// Found.
    pub hits: u64,
    /// Not found.
    pub misses: u64,
    /// Thrown out for others.
    pub evictions: u64,
    /// Too large to be kept.
    pub overflows: u64,
}

/// Where rows were kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Storage {
    /// `Memory` or `Disk`.
    pub kind: Text,
    /// At most, in kB.
    pub maximum_kb: u64,
}

/// Blocks (8 kB unless built otherwise).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Buffers {
    /// Found in shared buffers.
    pub shared_hit: u64,
    /// Read into shared buffers.
    pub shared_read: u64,
    /// Changed for the first time.
    pub shared_dirtied: u64,
    /// Written to make room.
    pub shared_written: u64,
    /// Of temporary tables: found.
    pub local_hit: u64,
    /// Of temporary tables: read.
    pub local_read: u64,
    /// Of temporary tables: changed.
    pub local_dirtied: u64,
    /// Of temporary tables: written.
    pub local_written: u64,
    /// Of sorts and hashes that did not fit in memory: read.
    pub temp_read: u64,
    /// Of sorts and hashes that did not fit in memory: written.
    pub temp_written: u64,
}

impl Buffers {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Blocks of tables and indexes that were looked at, cached or not.
    #[must_use]
    pub fn touched(&self) -> u64 {
        [self.shared_hit, self.shared_read, self.local_hit, self.local_read]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// What is left without `part`; never below zero.
    #[must_use]
    pub fn without(&self, part: &Self) -> Self {
        Self {
            shared_hit: self.shared_hit.saturating_sub(part.shared_hit),
            shared_read: self.shared_read.saturating_sub(part.shared_read),
            shared_dirtied: self.shared_dirtied.saturating_sub(part.shared_dirtied),
            shared_written: self.shared_written.saturating_sub(part.shared_written),
            local_hit: self.local_hit.saturating_sub(part.local_hit),
            local_read: self.local_read.saturating_sub(part.local_read),
            local_dirtied: self.local_dirtied.saturating_sub(part.local_dirtied),
            local_written: self.local_written.saturating_sub(part.local_written),
            temp_read: self.temp_read.saturating_sub(part.temp_read),
            temp_written: self.temp_written.saturating_sub(part.temp_written),
        }
    }
}

/// Time spent reading and writing blocks (`track_io_timing`), in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct IoTimes {
    /// Reading shared blocks; before PostgreSQL 17 with local ones.
    pub shared_read_ms: f64,
    /// Writing shared blocks; before PostgreSQL 17 with local ones.
    pub shared_write_ms: f64,
    /// Reading blocks of temporary tables.
    pub local_read_ms: f64,
    /// Writing blocks of temporary tables.
    pub local_write_ms: f64,
    /// Reading temporary files (PostgreSQL 15).
    pub temp_read_ms: f64,
    /// Writing temporary files (PostgreSQL 15).
    pub temp_write_ms: f64,
}

/// Write-ahead log that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wal {
    /// Records.
    pub records: u64,
    /// Full images of pages.
    pub full_page_images: u64,
    /// Bytes.
    pub bytes: u64,
    /// Times that the buffers of the log were full (PostgreSQL 18).
    pub buffers_full: u64,
}

/// Compilation of expressions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own in EXPLAIN")]
pub struct Jit {
    /// Functions that were compiled.
    pub functions: u64,
    /// Functions of PostgreSQL were inlined.
    pub inlining: bool,
    /// Expensive optimisations ran.
    pub optimization: bool,
    /// Expressions were compiled.
    pub expressions: bool,
    /// Reading of rows was compiled.
    pub deforming: bool,
    /// What it took; `None` without `ANALYZE` or with `TIMING OFF`.
    pub times: Option<JitTimes>,
}

/// Time of compilation, in milliseconds, over all processes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JitTimes {
    /// Generation, that of `deform` among it.
    pub generation_ms: f64,
    /// Reading of rows (PostgreSQL 17).
    pub deform_ms: Option<f64>,
    /// Inlining.
    pub inlining_ms: f64,
    /// Optimisation.
    pub optimization_ms: f64,
    /// Emission.
    pub emission_ms: f64,
    /// All.
    pub total_ms: f64,
}
