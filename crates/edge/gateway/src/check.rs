//! Active checks: every member is asked in regular intervals, from one thread for all.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{MissedTickBehavior, interval_at, timeout},
};
use traffic::{
    Dice,
    health::{Change, Probes},
    plan::Check,
};

use crate::{clock, member::Member, state::State};

/// Bytes of an answer to a check that are looked through.
const BODY_BYTES_MAX: usize = 64 << 10;

/// Checks every member of a plan until the set is dropped.
pub(crate) fn start(state: &State, seed: u64) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let mut dice = Dice::new(seed);
    for (service, known) in state.plan.services.iter().zip(&state.services) {
        let Some(check) = &service.check else {
            for member in &known.members {
                // Whatever an earlier plan's checks said.
                member.healthy.store(true, Ordering::Relaxed);
            }
            continue;
        };
        for member in &known.members {
            // Not all at the same moment.
            let first = check.interval.mul_f64(dice.share() * 0.1);
            tasks.spawn_local(watch(Arc::clone(member), check.clone(), first));
        }
    }
    tasks
}

#[expect(clippy::infinite_loop, reason = "it ends with the set that it is in")]
async fn watch(member: Arc<Member>, check: Check, first: Duration) {
    let mut probes = Probes::new(check.thresholds);
    let mut ticks = interval_at(tokio::time::Instant::now() + first, check.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let good = timeout(check.timeout, probe(&member, &check)).await.unwrap_or(false);
        match probes.record(good) {
            Some(Change::Healthy) => {
                member.up_since.store(clock::now().nanos, Ordering::Relaxed);
                member.healthy.store(true, Ordering::Relaxed);
            }
            Some(Change::Unhealthy) => member.healthy.store(false, Ordering::Relaxed),
            // The first good answer after a new plan confirms what was believed, or corrects it.
            None => member.healthy.store(probes.is_healthy(), Ordering::Relaxed),
        }
    }
}

/// Whether a member gives a good answer, once.
async fn probe(member: &Member, check: &Check) -> bool {
    let stream = match member.resolved {
        Some(address) => TcpStream::connect(address).await,
        None => TcpStream::connect(&*member.address).await,
    };
    let Ok(stream) = stream else { return false };
    let Some(path) = &check.path else { return true };
    let request = Request::get(&**path)
        .header(header::HOST, &*member.address)
        .header(header::USER_AGENT, "taut-health-check")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new());
    let (Ok(request), Ok((mut sender, connection))) =
        (request, http1::handshake(TokioIo::new(stream)).await)
    else {
        return false;
    };
    let answer = async move {
        let response = sender.send_request(request).await.ok()?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await.ok()?;
        Some((status, body.to_bytes()))
    };
    let answer = async {
        tokio::select! {
            biased;
            answer = answer => answer,
            // The connection ends with the answer, or before it.
            () = drive(connection) => None,
        }
    };
    answer.await.is_some_and(|(status, body)| check.expected.is_met(status, &body))
}

/// Drives a connection, and then waits: what it was driven for is told by other means.
async fn drive<T: Future>(connection: T) {
    drop(connection.await);
    std::future::pending::<()>().await;
}
