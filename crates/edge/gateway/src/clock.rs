//! The time, as `traffic` takes it: read once from the system's calendar, then from the clock that never
//! goes back.

use std::{
    sync::LazyLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use model::Moment;

static START: LazyLock<(Instant, Moment)> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (Instant::now(), Moment::default() + since)
});

/// Now.
pub(crate) fn now() -> Moment {
    moment(Instant::now())
}

/// Now by the calendar, which may go back: what others dated, such as the end of a token, is held against no other.
pub(crate) fn calendar() -> Moment {
    Moment::default() + SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The moment of an instant.
pub(crate) fn moment(instant: Instant) -> Moment {
    let (began, at) = *START;
    at + instant.saturating_duration_since(began)
}
