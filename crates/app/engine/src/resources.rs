//! Utilisation, saturation and errors of hosts, processes and pools, from the metrics that OpenTelemetry names.
//!
//! The idea is Brendan Gregg's USE method. [`USED`] is the one table: which metric tells what of which resource, and
//! how its points are read. Spellings before the conventions were stable are in it, too.

mod names;
mod points;
mod read;
#[cfg(test)]
mod tests;
mod tracks;

pub(crate) use names::told_apart;
pub use points::{exponential_quantile, histogram_quantile};
pub(crate) use read::resources_that;
pub use read::{ResourceSeries, Resources, resources};

/// What a metric tells of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// `cpu`, `memory`, `disk`, `network`, `connections`, `files`, `threads`, `queue`, `runtime`
    pub resource: &'static str,
    /// Whose: `host`, `process`, `container`, `pool`, `queue`, `server`
    pub of: &'static str,
    /// Which of the three.
    pub aspect: Aspect,
    /// The metric.
    pub metric: &'static str,
    /// How its points are read.
    pub reading: Reading,
    /// The unit of what is read.
    pub unit: ResourceUnit,
    /// What it tells, in a few words.
    pub words: &'static str,
}

/// One of the three, or what has no limit to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// How much of it is in use.
    Utilisation,
    /// How much waits for it.
    Saturation,
    /// What failed.
    Errors,
}

/// The unit of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceUnit {
    /// Of all, 0 to 1.
    Share,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// How many.
    Count,
    /// How many a second.
    PerSecond,
    /// Seconds.
    Seconds,
}

/// How points become one number for a step of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// The latest numbers, added up over attributes.
    Sum,
    /// The greatest of the latest numbers.
    Greatest,
    /// The greatest of the latest numbers whose attribute (under one of these keys) has another value.
    GreatestBut(&'static [&'static str], &'static str),
    /// The latest numbers, added up over attributes, of the process with the greatest sum.
    Fullest,
    /// Their mean.
    Mean,
    /// Of the latest numbers, the share of those whose attribute (under one of these keys) has this value.
    ShareOf(&'static [&'static str], &'static str),
    /// Of what was added, the share whose attribute has another value than this: busy, not idle.
    BusyOf(&'static [&'static str], &'static str),
    /// The latest numbers whose attribute has this value, of the latest numbers of another metric.
    Of(&'static [&'static str], &'static str, &'static str),
    /// What was added, a second.
    Rate,
    /// The greatest of what was added, a second.
    GreatestRate,
    /// The 95th percentile of a histogram.
    P95,
}

use Aspect::{Errors, Saturation, Utilisation};
use Reading::{
    BusyOf, Fullest, Greatest, GreatestBut, GreatestRate, Mean, Of, P95, Rate, ShareOf, Sum,
};
use ResourceUnit::{Bytes, BytesPerSecond, Count, PerSecond, Seconds, Share};

const fn used(
    (resource, of): (&'static str, &'static str),
    aspect: Aspect,
    metric: &'static str,
    (reading, unit): (Reading, ResourceUnit),
    words: &'static str,
) -> Used {
    Used { resource, of, aspect, metric, reading, unit, words }
}

const CPU: (&str, &str) = ("cpu", "host");
const MEMORY: (&str, &str) = ("memory", "host");
const DISK: (&str, &str) = ("disk", "host");
const NETWORK: (&str, &str) = ("network", "host");
const POOL: (&str, &str) = ("connections", "pool");

const CPU_MODES: &[&str] = &["cpu.mode", "system.cpu.state", "state"];
const MEMORY_STATES: &[&str] = &["system.memory.state", "state"];
const FILE_SYSTEM_MODES: &[&str] = &["system.filesystem.mode", "mode"];
const POOL_STATES: &[&str] =
    &["db.client.connection.state", "db.client.connections.state", "state"];

/// Which metric tells what; pages show them in this order.
pub static USED: &[Used] = &[
    used(CPU, Utilisation, "system.cpu.time", (BusyOf(CPU_MODES, "idle"), Share), "CPU in use"),
    used(
        CPU,
        Utilisation,
        "system.cpu.utilization",
        (BusyOf(CPU_MODES, "idle"), Share),
        "CPU in use",
    ),
    used(CPU, Saturation, "system.cpu.load_average.1m", (Greatest, Count), "load over a minute"),
    used(CPU, Saturation, "system.linux.cpu.load_1m", (Greatest, Count), "load over a minute"),
    used(
        MEMORY,
        Utilisation,
        "system.memory.utilization",
        (ShareOf(MEMORY_STATES, "used"), Share),
        "memory in use",
    ),
    used(
        MEMORY,
        Utilisation,
        "system.memory.usage",
        (ShareOf(MEMORY_STATES, "used"), Share),
        "memory in use",
    ),
    used(MEMORY, Saturation, "system.paging.faults", (Rate, PerSecond), "page faults"),
    used(MEMORY, Saturation, "system.paging.operations", (Rate, PerSecond), "pages in and out"),
    used(
        DISK,
        Utilisation,
        "system.disk.io_time",
        (GreatestRate, Share),
        "time in which a disk was busy",
    ),
    used(
        DISK,
        Utilisation,
        "system.filesystem.utilization",
        // What may only be read is full for ever.
        (GreatestBut(FILE_SYSTEM_MODES, "ro"), Share),
        "the fullest file system",
    ),
    used(DISK, Saturation, "system.disk.pending_operations", (Sum, Count), "operations that wait"),
    used(DISK, Utilisation, "system.disk.io", (Rate, BytesPerSecond), "read and written"),
    used(NETWORK, Utilisation, "system.network.io", (Rate, BytesPerSecond), "sent and received"),
    used(
        NETWORK,
        Saturation,
        "system.network.packet.dropped",
        (Rate, PerSecond),
        "packets dropped",
    ),
    used(NETWORK, Saturation, "system.network.dropped", (Rate, PerSecond), "packets dropped"),
    used(NETWORK, Errors, "system.network.errors", (Rate, PerSecond), "packets in error"),
    used(("cpu", "process"), Utilisation, "process.cpu.time", (Rate, Count), "cores in use"),
    used(
        ("cpu", "process"),
        Utilisation,
        "process.cpu.utilization",
        (Fullest, Share),
        "CPU in use",
    ),
    used(
        ("cpu", "process"),
        Utilisation,
        "process.runtime.cpython.cpu.utilization",
        (Fullest, Share),
        "CPU in use",
    ),
    used(
        ("cpu", "process"),
        Utilisation,
        "jvm.cpu.recent_utilization",
        (Mean, Share),
        "CPU in use",
    ),
    used(
        ("cpu", "container"),
        Utilisation,
        "k8s.container.cpu_limit_utilization",
        (Greatest, Share),
        "CPU of its limit",
    ),
    used(
        ("cpu", "container"),
        Utilisation,
        "k8s.pod.cpu_limit_utilization",
        (Greatest, Share),
        "CPU of its limit",
    ),
    used(("cpu", "container"), Utilisation, "container.cpu.usage", (Sum, Count), "cores in use"),
    used(("cpu", "container"), Utilisation, "container.cpu.time", (Rate, Count), "cores in use"),
    used(("memory", "process"), Utilisation, "process.memory.usage", (Sum, Bytes), "memory in RAM"),
    used(
        ("memory", "process"),
        Utilisation,
        "process.runtime.cpython.memory",
        (Greatest, Bytes),
        "memory in RAM",
    ),
    used(("memory", "process"), Utilisation, "jvm.memory.used", (Sum, Bytes), "memory of the JVM"),
    used(
        ("memory", "process"),
        Utilisation,
        "go.memory.used",
        (Sum, Bytes),
        "memory of the Go runtime",
    ),
    used(("memory", "process"), Utilisation, "v8js.memory.heap.used", (Sum, Bytes), "heap of V8"),
    used(
        ("memory", "process"),
        Saturation,
        "jvm.gc.duration",
        (P95, Seconds),
        "a collection, 95th percentile",
    ),
    used(
        ("memory", "process"),
        Saturation,
        "v8js.gc.duration",
        (P95, Seconds),
        "a collection, 95th percentile",
    ),
    used(
        ("memory", "container"),
        Utilisation,
        "k8s.container.memory_limit_utilization",
        (Greatest, Share),
        "memory of its limit",
    ),
    used(
        ("memory", "container"),
        Utilisation,
        "k8s.pod.memory_limit_utilization",
        (Greatest, Share),
        "memory of its limit",
    ),
    used(
        ("memory", "container"),
        Utilisation,
        "container.memory.usage",
        (Sum, Bytes),
        "memory in use",
    ),
    used(
        ("files", "process"),
        Utilisation,
        "process.unix.file_descriptor.count",
        (Sum, Count),
        "open files",
    ),
    used(
        ("files", "process"),
        Utilisation,
        "process.open_file_descriptor.count",
        (Sum, Count),
        "open files",
    ),
    used(("threads", "process"), Utilisation, "process.thread.count", (Sum, Count), "threads"),
    used(("threads", "process"), Utilisation, "jvm.thread.count", (Sum, Count), "threads"),
    used(("threads", "process"), Utilisation, "go.goroutine.count", (Sum, Count), "goroutines"),
    used(
        ("threads", "process"),
        Utilisation,
        "tomcat.threads.busy",
        (Of(&[], "", "tomcat.threads.config.max"), Share),
        "threads of Tomcat in use",
    ),
    used(
        ("threads", "process"),
        Saturation,
        "executor.queued",
        (Sum, Count),
        "tasks that wait for a thread",
    ),
    used(
        ("threads", "process"),
        Saturation,
        "dotnet.thread_pool.queue.length",
        (Sum, Count),
        "work items that wait for a thread",
    ),
    used(
        ("runtime", "process"),
        Utilisation,
        "nodejs.eventloop.utilization",
        (Mean, Share),
        "event loop in use",
    ),
    used(
        ("runtime", "process"),
        Saturation,
        "nodejs.eventloop.delay.p99",
        (Greatest, Seconds),
        "delay of the event loop, 99th percentile",
    ),
    used(
        POOL,
        Utilisation,
        "db.client.connection.count",
        (Of(POOL_STATES, "used", "db.client.connection.max"), Share),
        "connections in use",
    ),
    used(
        POOL,
        Utilisation,
        "db.client.connections.usage",
        (Of(POOL_STATES, "used", "db.client.connections.max"), Share),
        "connections in use",
    ),
    used(
        POOL,
        Utilisation,
        "hikaricp.connections.active",
        (Of(&[], "", "hikaricp.connections.max"), Share),
        "connections in use",
    ),
    used(
        POOL,
        Saturation,
        "hikaricp.connections.pending",
        (Sum, Count),
        "requests that wait for a connection",
    ),
    used(
        POOL,
        Saturation,
        "db.client.connection.pending_requests",
        (Sum, Count),
        "requests that wait for a connection",
    ),
    used(
        POOL,
        Saturation,
        "db.client.connections.pending_requests",
        (Sum, Count),
        "requests that wait for a connection",
    ),
    used(
        POOL,
        Saturation,
        "db.client.connection.wait_time",
        (P95, Seconds),
        "wait for a connection, 95th percentile",
    ),
    used(POOL, Errors, "db.client.connection.timeouts", (Rate, PerSecond), "waits that timed out"),
    used(POOL, Errors, "db.client.connections.timeouts", (Rate, PerSecond), "waits that timed out"),
    used(
        ("connections", "server"),
        Utilisation,
        "postgresql.backends",
        (Of(&[], "", "postgresql.connection.max"), Share),
        "connections of PostgreSQL in use",
    ),
    used(("connections", "server"), Errors, "postgresql.deadlocks", (Rate, PerSecond), "deadlocks"),
    used(
        ("requests", "server"),
        Saturation,
        "http.server.active_requests",
        (Sum, Count),
        "requests in flight",
    ),
    used(
        ("requests", "server"),
        Saturation,
        "http.server.request.duration",
        (P95, Seconds),
        "a request, 95th percentile",
    ),
    used(
        ("queue", "queue"),
        Saturation,
        "rabbitmq.message.current",
        (Sum, Count),
        "messages that wait",
    ),
    used(
        ("queue", "queue"),
        Saturation,
        "kafka.consumer_group.lag",
        (Sum, Count),
        "messages that wait",
    ),
    used(
        ("queue", "queue"),
        Saturation,
        "messaging.queue.depth",
        (Sum, Count),
        "messages that wait",
    ),
    used(("queue", "queue"), Saturation, "celery.queue.length", (Sum, Count), "tasks that wait"),
];
