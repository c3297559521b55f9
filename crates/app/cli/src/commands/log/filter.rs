//! What part of a log is asked for.

use observe::postgres_log::Record;
use serde::{Deserialize, Serialize};

/// All of these must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Filter {
    /// From this moment on, in nanoseconds on the log's clock.
    pub(super) from_nanos: Option<i64>,
    /// Before this one.
    pub(super) to_nanos: Option<i64>,
    /// Of this database.
    pub(super) database: Option<String>,
    /// Of this user.
    pub(super) user: Option<String>,
    /// Of this application.
    pub(super) application: Option<String>,
}

impl Filter {
    /// Whether a record passes. What has no time, or no database where one is asked for, does not.
    pub(super) fn passes(&self, record: &Record<'_>) -> bool {
        let at = record.time.map(|time| time.local_nanos);
        let is =
            |asked: &Option<String>, name: &str| asked.as_deref().is_none_or(|asked| asked == name);
        self.from_nanos.is_none_or(|from| at.is_some_and(|at| from <= at))
            && self.to_nanos.is_none_or(|to| at.is_some_and(|at| at < to))
            && is(&self.database, &record.database)
            && is(&self.user, &record.user)
            && is(&self.application, &record.application)
    }
}
