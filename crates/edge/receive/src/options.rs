//! What a receiver is told: where to listen, and its bounds.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

/// Where to listen, and every bound.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where OTLP/gRPC is expected; `None` for nowhere.
    pub grpc: Option<SocketAddr>,
    /// Where OTLP/HTTP is expected; `None` for nowhere.
    pub http: Option<SocketAddr>,
    /// Bytes of one request at most, before and after it is uncompressed.
    pub body_bytes_max: usize,
    /// Bytes of all requests in flight at most, compressed and uncompressed ones added up.
    pub bytes_in_flight_max: usize,
    /// Requests in flight at most: each may hold one thread that waits for the disk.
    pub requests_in_flight_max: usize,
    /// Connections at most.
    pub connections_max: usize,
    /// Time from the connection to the end of its first request's headers.
    pub header_time_max: Duration,
    /// Time from a request's headers to the end of its body.
    pub body_time_max: Duration,
    /// Time that a connection may stay without a request.
    pub idle_time_max: Duration,
    /// What a sender is told to wait when a bound of this list is reached.
    pub retry_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            // The ports that the OTLP specification registers.
            grpc: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 4317))),
            http: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 4318))),
            // What the OTLP specification recommends to servers.
            body_bytes_max: 64 << 20,
            // Four of the largest requests; some thousand of the usual 50 to 500 KB.
            bytes_in_flight_max: 256 << 20,
            // Half of the threads that tokio keeps for blocking work.
            requests_in_flight_max: 256,
            // With their flow control windows of 256 KiB at most 256 MiB.
            connections_max: 1024,
            header_time_max: Duration::from_secs(10),
            // Exporters give up after 10 s unless told otherwise.
            body_time_max: Duration::from_secs(30),
            // Exporters send every 5 s while there is traffic.
            idle_time_max: Duration::from_mins(2),
            retry_after: Duration::from_secs(1),
        }
    }
}
