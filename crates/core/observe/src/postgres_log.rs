//! Server logs of PostgreSQL 13 to 18: bytes to records, records to events, events to sums.
//!
//! [`Reader`] takes bytes in any pieces (a file, a pipe, a log that is being written) and yields [`Record`]s;
//! [`event`] says what a record is about; [`Summary`] adds records up in bounded memory. A summary holds no literal:
//! statements are kept normalised, messages of errors without what they quote.

mod csv;
mod envelope;
mod event;
mod json;
mod line;
mod prefix;
mod reader;
mod recognise;
mod record;
mod redact;
mod stderr;
mod summary;
mod syslog;
mod time;
mod vacuum;

pub use event::{Checkpoint, Event, Lock, LockEnd, Phase, PlanFormat, Session, Start, event};
pub use prefix::{Prefix, PrefixError};
pub use reader::{Format, Progress, RECORD_BYTES_MAX, Reader, ReaderOptions};
pub use record::{Record, Severity};
pub use redact::{message as redacted_message, statement_of as redacted_statement};
pub use summary::{
    Checkpoints, Connections, Durations, ErrorKind, Example, HOURS_MAX, Hour, Kind, LockChain,
    LockKind, Locks, LoggedNode, LoggedPlans, SHAPES_MAX, ServerEvent, Shape, Summary, TableWork,
    TempFiles, Who,
};
pub use time::LogTime;
pub use vacuum::{TableRun, TableTask};
