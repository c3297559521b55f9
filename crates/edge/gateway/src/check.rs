//! Active checks: every member is asked in regular intervals, from one thread for all.

use std::{
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use http::{Request, header};
use http_body_util::{BodyExt as _, Limited};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval_at, timeout},
};
use traffic::{
    Dice,
    health::{Change, Probes},
    plan::{Bounds, Check},
    wire::Wire,
};

use crate::{
    body::Sent,
    clock,
    member::Member,
    reach::{self, Sender, Way},
    state::State,
    tls::Connector,
};

/// Bytes of an answer to a check that are looked through.
const BODY_BYTES_MAX: usize = 64 << 10;

/// How members of a service are spoken to.
#[derive(Debug)]
struct Speaks {
    wire: Wire,
    connector: Option<Connector>,
    bounds: Bounds,
}

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
        let speaks = Rc::new(Speaks {
            wire: service.wire.clone(),
            connector: known.connector.clone(),
            bounds: state.plan.bounds,
        });
        for member in &known.members {
            // Not all at the same moment.
            let first = check.interval.mul_f64(dice.share() * 0.1);
            let speaks = Rc::clone(&speaks);
            tasks.spawn_local(watch(Arc::clone(member), check.clone(), speaks, first));
        }
    }
    tasks
}

#[expect(clippy::infinite_loop, reason = "it ends with the set that it is in")]
async fn watch(member: Arc<Member>, check: Check, speaks: Rc<Speaks>, first: Duration) {
    let mut probes = Probes::new(check.thresholds);
    let mut ticks = interval_at(tokio::time::Instant::now() + first, check.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let good = timeout(check.timeout, probe(&member, &check, &speaks)).await.unwrap_or(false);
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
async fn probe(member: &Member, check: &Check, speaks: &Speaks) -> bool {
    let Speaks { wire, connector, bounds } = speaks;
    let way = Way { wire, connector: connector.as_ref(), ends: None, one: false };
    let Ok(stream) = reach::connect(member, way, check.timeout).await else { return false };
    let Some(path) = &check.path else { return true };
    let request = Request::get(&**path)
        .header(header::HOST, &*member.address)
        .header(header::USER_AGENT, "taut-health-check")
        .header(header::CONNECTION, "close")
        .body(Sent::Empty);
    let (Ok(mut request), Ok(sender)) = (request, stream.driven(member, way, bounds).await) else {
        return false;
    };
    let sent = match sender {
        Sender::One(mut sender) => sender.send_request(request).await,
        Sender::Two(mut sender) => {
            reach::as_two(&mut request, member, wire.tls.is_some());
            sender.send_request(request).await
        }
    };
    let Ok(response) = sent else { return false };
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
    body.is_ok_and(|body| check.expected.is_met(status, &body.to_bytes()))
}
