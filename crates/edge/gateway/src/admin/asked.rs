//! Orders of this process: what the admin port carries out, without the port, on the thread that does it there.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use serde_json::Value;
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    time::timeout,
};

use super::{OwnWays, Problem, carry_out};
use crate::state::Shared;

/// Orders that wait to be taken: more than people give at once.
pub(crate) const WAITING_MAX: usize = 16;

/// For one of them: to warm a thousand addresses takes long, and somebody waits for the answer.
const TIME_MAX: Duration = Duration::from_mins(1);

/// An order, and who waits for what becomes of it.
#[derive(Debug)]
pub(crate) struct Asked {
    path: String,
    order: Value,
    tell: oneshot::Sender<Result<Value, Problem>>,
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct OrderRefused {
    /// The status that the admin port has for it.
    pub status: u16,
    /// What is wrong, in words.
    pub detail: String,
}

impl From<Problem> for OrderRefused {
    fn from(problem: Problem) -> Self {
        Self { status: problem.status.as_u16(), detail: problem.detail }
    }
}

/// Gives an order to the thread that carries them out, and waits for what becomes of it.
pub(crate) fn ask(
    orders: &mpsc::Sender<Asked>,
    path: &str,
    order: &Value,
) -> Result<Value, OrderRefused> {
    let unavailable = |detail: &str| Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail);
    let (tell, told) = oneshot::channel();
    let asked = Asked { path: path.to_owned(), order: order.clone(), tell };
    orders.try_send(asked).map_err(|error| match error {
        TrySendError::Full(_) => unavailable("too many orders wait already"),
        TrySendError::Closed(_) => unavailable("the gateway has ended"),
    })?;
    let gone = |_gone| Err(unavailable("the gateway ended before it was done"));
    told.blocking_recv().unwrap_or_else(gone).map_err(OrderRefused::from)
}

/// Carries out orders for as long as the gateway runs; one that takes long holds up no other.
pub(super) async fn run(shared: Arc<Shared>, own: OwnWays, mut orders: mpsc::Receiver<Asked>) {
    while let Some(Asked { path, order, tell }) = orders.recv().await {
        let (shared, own) = (Arc::clone(&shared), Arc::clone(&own));
        tokio::task::spawn_local(async move {
            let done = timeout(TIME_MAX, carry_out(&shared, &own, &path, &order)).await;
            let late = |_late| {
                let detail = "it was not done within a minute, and the rest of it was given up";
                Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, detail))
            };
            // Who asked may have gone on without it.
            let _told = tell.send(done.unwrap_or_else(late));
        });
    }
}
