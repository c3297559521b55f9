//! Where received telemetry goes.

use std::time::Duration;

use bytes::Bytes;
use model::{LogRecord, Metric, Moment, Span};

/// Takes what was received.
pub trait Sink: Send + Sync + 'static {
    /// Takes one batch; the sender is told so only once this has returned `Ok`.
    ///
    /// It may block, for example on a group commit to disk: it is called on a thread made for
    /// blocking, up to [`Options::requests_in_flight_max`](crate::Options) times at once. It is never
    /// called with an empty batch. A sender that went away meanwhile is not noticed here; what it
    /// sends again has the same span ids.
    ///
    /// # Errors
    ///
    /// Why the batch was not taken, none of it; the sender is asked to send it again.
    fn accept(&self, batch: Received) -> Result<(), Refusal>;

    /// Who keeps log records. While nobody does they are not received: their senders are told so, and that
    /// nothing of it will pass by itself.
    fn logs(&self) -> Option<&dyn Keeper<LogRecord>> {
        None
    }

    /// Who keeps metrics. While nobody does they are not received, as above.
    fn metrics(&self) -> Option<&dyn Keeper<Metric>> {
        None
    }
}

/// Takes log records or metrics.
pub trait Keeper<T> {
    /// Takes one batch, as [`Sink::accept`] does.
    ///
    /// # Errors
    ///
    /// Why the batch was not taken, none of it; the sender is asked to send it again.
    fn keep(&self, batch: ReceivedItems<T>) -> Result<(), Refusal>;
}

/// The log records or metrics of one request.
#[derive(Debug, Clone)]
pub struct ReceivedItems<T> {
    /// What could be read.
    pub items: Vec<T>,
    /// The uncompressed request as it came, if it came as protobuf. Reading it again gives the same.
    pub otlp: Option<Bytes>,
    /// When the request was complete.
    pub received: Moment,
}

/// The spans of one request.
#[derive(Debug, Clone)]
pub struct Received {
    /// The spans that could be read.
    pub spans: Vec<Span>,
    /// The uncompressed `ExportTraceServiceRequest` as it came, if it came as protobuf. Reading it
    /// again gives the same spans.
    pub otlp: Option<Bytes>,
    /// When the request was complete.
    pub received: Moment,
}

/// Why a batch was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// More is in flight than is allowed; it passes by itself.
    Busy {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// There is no room to keep it: the disk is full.
    Full {
        /// What is full, for people.
        message: String,
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Keeping it failed.
    Failed {
        /// What failed, for people.
        message: String,
        /// When it is worth trying again.
        retry_after: Duration,
    },
}
