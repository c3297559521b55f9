//! What a node or a worker used.

use model::plan::{
    Buffers, CacheUse, HashUse, IoTimes, Jit, JitTimes, Resources, SortGroups, SortSpace, SortUse,
    Storage, Wal,
};

use super::fields::{number, text, texts, truth};
use crate::plan::raw::{Fields, Raw, take};

pub(super) fn resources(fields: &mut Fields) -> Resources {
    Resources {
        sort: sort(fields),
        full_sort: groups(fields, "Full-sort Groups"),
        presorted: groups(fields, "Pre-sorted Groups"),
        hash: hash(fields),
        cache: cache(fields),
        planned_partitions: count(fields, "Planned Partitions"),
        aggregate_batches: number(fields, "HashAgg Batches"),
        peak_memory_kb: number(fields, "Peak Memory Usage"),
        disk_kb: count(fields, "Disk Usage"),
        storage: storage(fields),
        exact_blocks: count(fields, "Exact Heap Blocks"),
        lossy_blocks: count(fields, "Lossy Heap Blocks"),
        heap_fetches: number(fields, "Heap Fetches"),
        index_searches: number(fields, "Index Searches"),
        buffers: buffers(fields),
        io: io(fields),
        wal: wal(fields),
        jit: jit(fields),
    }
}

fn count(fields: &mut Fields, key: &str) -> u64 {
    number(fields, key).unwrap_or(0)
}

fn sort(fields: &mut Fields) -> Option<SortUse> {
    let method = text(fields, "Sort Method")?;
    let space_kb = count(fields, "Sort Space Used");
    Some(SortUse {
        method,
        space_kb,
        space_type: text(fields, "Sort Space Type").unwrap_or_default(),
    })
}

/// XML names all groups alike: full ones come first.
fn groups(fields: &mut Fields, key: &str) -> Option<SortGroups> {
    let group = take(fields, key).or_else(|| take(fields, "Incremental Sort Groups"));
    let Some(Raw::Map(mut inner)) = group else { return None };
    let inner = &mut inner;
    let count = count(inner, "Group Count");
    let methods = texts(inner, "Sort Methods Used");
    let mut memory = space(inner, "Sort Space Memory");
    let mut disk = space(inner, "Sort Space Disk");
    // XML names both kinds of space alike: memory comes first.
    if methods.iter().any(|method| !method.starts_with("external")) {
        memory = memory.or_else(|| space(inner, "Sort Space"));
    }
    disk = disk.or_else(|| space(inner, "Sort Space"));
    Some(SortGroups { count, methods, memory, disk })
}

fn space(fields: &mut Fields, key: &str) -> Option<SortSpace> {
    let Some(Raw::Map(mut inner)) = take(fields, key) else { return None };
    Some(SortSpace {
        average_kb: count(&mut inner, "Average Sort Space Used"),
        peak_kb: count(&mut inner, "Peak Sort Space Used"),
    })
}

fn hash(fields: &mut Fields) -> Option<HashUse> {
    let buckets = number(fields, "Hash Buckets")?;
    let buckets_planned = number(fields, "Original Hash Buckets").unwrap_or(buckets);
    let batches = number(fields, "Hash Batches").unwrap_or(1);
    let batches_planned = number(fields, "Original Hash Batches").unwrap_or(batches);
    Some(HashUse { buckets, buckets_planned, batches, batches_planned })
}

fn cache(fields: &mut Fields) -> Option<CacheUse> {
    let misses = number(fields, "Cache Misses")?;
    Some(CacheUse {
        hits: count(fields, "Cache Hits"),
        misses,
        evictions: count(fields, "Cache Evictions"),
        overflows: count(fields, "Cache Overflows"),
    })
}

fn storage(fields: &mut Fields) -> Option<Storage> {
    let kind = text(fields, "Storage")?;
    Some(Storage { kind, maximum_kb: count(fields, "Maximum Storage") })
}

pub(super) fn buffers(fields: &mut Fields) -> Buffers {
    Buffers {
        shared_hit: count(fields, "Shared Hit Blocks"),
        shared_read: count(fields, "Shared Read Blocks"),
        shared_dirtied: count(fields, "Shared Dirtied Blocks"),
        shared_written: count(fields, "Shared Written Blocks"),
        local_hit: count(fields, "Local Hit Blocks"),
        local_read: count(fields, "Local Read Blocks"),
        local_dirtied: count(fields, "Local Dirtied Blocks"),
        local_written: count(fields, "Local Written Blocks"),
        temp_read: count(fields, "Temp Read Blocks"),
        temp_written: count(fields, "Temp Written Blocks"),
    }
}

pub(super) fn io(fields: &mut Fields) -> IoTimes {
    let mut time = |key: &str, older: &str| {
        let now = number(fields, key);
        now.or_else(|| number(fields, older)).unwrap_or(0.0)
    };
    IoTimes {
        shared_read_ms: time("Shared I/O Read Time", "I/O Read Time"),
        shared_write_ms: time("Shared I/O Write Time", "I/O Write Time"),
        local_read_ms: time("Local I/O Read Time", ""),
        local_write_ms: time("Local I/O Write Time", ""),
        temp_read_ms: time("Temp I/O Read Time", ""),
        temp_write_ms: time("Temp I/O Write Time", ""),
    }
}

fn wal(fields: &mut Fields) -> Wal {
    Wal {
        records: count(fields, "WAL Records"),
        full_page_images: count(fields, "WAL FPI"),
        bytes: count(fields, "WAL Bytes"),
        buffers_full: count(fields, "WAL Buffers Full"),
    }
}

pub(super) fn jit(fields: &mut Fields) -> Option<Jit> {
    let Some(Raw::Map(mut inner)) = take(fields, "JIT") else { return None };
    let functions = count(&mut inner, "Functions");
    let mut options = match take(&mut inner, "Options") {
        Some(Raw::Map(options)) => options,
        _ => Vec::new(),
    };
    let options = &mut options;
    Some(Jit {
        functions,
        inlining: truth(options, "Inlining"),
        optimization: truth(options, "Optimization"),
        expressions: truth(options, "Expressions"),
        deforming: truth(options, "Deforming"),
        times: match take(&mut inner, "Timing") {
            Some(Raw::Map(times)) => Some(jit_times(times)),
            _ => None,
        },
    })
}

/// Since PostgreSQL 17 JSON has generation as a map with what of it was for reading rows.
fn jit_times(mut fields: Fields) -> JitTimes {
    let fields = &mut fields;
    let (mut deform_ms, mut generation_ms) = (number(fields, "Deform"), 0.0);
    match take(fields, "Generation") {
        Some(Raw::Map(mut inner)) => {
            deform_ms = number(&mut inner, "Deform");
            generation_ms = number(&mut inner, "Total").unwrap_or(0.0);
        }
        Some(Raw::Scalar(text)) => generation_ms = text.parse().unwrap_or(0.0),
        _ => {}
    }
    let mut time = |key| number(fields, key).unwrap_or(0.0);
    JitTimes {
        generation_ms,
        deform_ms,
        inlining_ms: time("Inlining"),
        optimization_ms: time("Optimization"),
        emission_ms: time("Emission"),
        total_ms: time("Total"),
    }
}
