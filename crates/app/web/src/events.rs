//! Server-sent events: a word whenever what the pages show has changed.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, stream};
use tokio::sync::OwnedSemaphorePermit;

use crate::{problem::Problem, server::App};

/// Least time between two events of one listener: each makes a page ask again.
const PAUSE: Duration = Duration::from_millis(500);

/// Often enough that proxies and browsers do not take the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Tells whenever findings or requests changed.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    responses(
        (status = 200, description = "an event `change` with a rising number whenever findings or \
            requests changed, at most two a second", content_type = "text/event-stream", body = String),
        (status = 503, description = "too many listeners", body = Problem),
    )
)]
pub(crate) async fn events(
    State(app): State<App>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let seat = app.listener()?;
    let mut changes = app.source.changes();
    // The first event comes at once: what the page shows may be older than its connection.
    changes.mark_changed();
    let listener = Listener { changes, closing: app.closing, _seat: seat };
    let stream = stream::unfold(listener, |mut listener| async {
        let number = listener.next().await?;
        Some((Ok(Event::default().event("change").data(number.to_string())), listener))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

struct Listener {
    changes: tokio::sync::watch::Receiver<u64>,
    closing: tokio::sync::watch::Receiver<bool>,
    _seat: OwnedSemaphorePermit,
}

impl Listener {
    /// The number of the next change; `None` once the server closes or the engine is gone.
    async fn next(&mut self) -> Option<u64> {
        tokio::select! {
            changed = self.changes.changed() => changed.ok()?,
            _ = self.closing.wait_for(|closing| *closing) => return None,
        }
        let number = *self.changes.borrow_and_update();
        // Whatever changes during the pause is told by one event after it.
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => Some(number),
            _ = self.closing.wait_for(|closing| *closing) => None,
        }
    }
}
