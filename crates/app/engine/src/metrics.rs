//! What Taut tells of itself: figures for Prometheus and OpenTelemetry, losses for people, spans of its own work.
//!
//! [`METRICS`] is the one table of figures and [`LOSSES`] the one of what is lost or refused; the endpoint, the Status
//! page and the manual read them. What is counted on hot paths is counted with relaxed atomics, and the figures are
//! put together only when somebody asks.

mod counts;
mod exposition;
mod losses;
mod own;
mod past;
mod process;
mod reading;
mod rows;
mod table;

pub(crate) use counts::ItemCounts;
pub(crate) use counts::add as counted;
pub use counts::{ApiCounts, Counts};
pub use exposition::{Exposition, expose};
pub use losses::{LOSSES, Loss, LossKind};
pub(crate) use own::Own;
pub(crate) use past::NOTE_EVERY;
pub use past::{Flow, Past};
pub use process::Process;
pub use reading::{DatabaseReading, Reading, ReceiverReading};
pub use table::{METRICS, Metric, MetricKind, Sample, Unit, Value, manual};
