//! One function per use case; the only place where the stages meet.

mod analysis;
pub mod board;
mod captures;
pub mod check;
mod clickhouse;
mod copies;
pub mod database;
mod facts;
mod files;
pub mod gateway_fix;
pub mod history;
mod ledger_seen;
mod live;
mod machine;
mod memory;
pub mod metrics;
mod overview;
mod own_spans;
mod progress;
pub mod proof;
pub mod question;
mod releases;
mod resources;
mod sampled;
mod saturation;
mod service_map;
mod settler;
mod turns;
pub mod what_if;

pub use analysis::{Analysis, SeenBefore};
pub use captures::{CaptureUploads, CaptureUploadsSeen, UploadError};
pub use clickhouse::clickhouse;
pub use copies::{CopiesSeen, CopyError};
pub use files::{FileError, FileRead, read_file, traces_of};
pub use live::{Footing, Live, LiveError, Standing, TraceDetail};
pub use overview::{Changed, Objective, Overview, ServiceSigns, Signs, Turned, overview};
pub use own_spans::{OwnSpans, OwnSpansSeen, Work};
pub use progress::{Happened, Happening, Mark, MarkKind, Progress, marks_of, progress_of};
pub use releases::{Release, Releases};
pub use resources::{
    Aspect, Reading as ResourceReading, ResourceSeries, ResourceUnit, Resources, USED, Used,
    exponential_quantile, histogram_quantile, resources,
};
pub use sampled::{SampledTraces, sampled_traces};
pub use saturation::{Fullness, ResourceLevel, Saturation, saturation};
pub use service_map::{Edges, Peer, PeerKind, Sample, ServiceMap, Traffic, sample, service_map};
pub use settler::{Settled, Settler, SettlerLimits};
