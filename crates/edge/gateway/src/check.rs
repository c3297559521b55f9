//! Active checks: every member is asked in regular intervals, from one thread for all.

use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use http::{Request, header};
use http_body_util::{BodyExt as _, Limited};
use tokio::{
    task::JoinHandle,
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

/// Members that came later are asked for the first time within so long: nobody has to find out by a request.
const FIRST_MAX: Duration = Duration::from_millis(200);

/// How members of a service are spoken to.
#[derive(Debug)]
struct Speaks {
    wire: Wire,
    connector: Option<Connector>,
    bounds: Bounds,
}

impl Speaks {
    fn is(&self, other: &Self) -> bool {
        let same = match (&self.connector, &other.connector) {
            (Some(one), Some(other)) => one.is(other),
            (None, None) => true,
            _ => false,
        };
        same && self.wire == other.wire && self.bounds == other.bounds
    }
}

/// The checks of a plan; they end with this.
#[derive(Debug, Default)]
pub(crate) struct Checks(BTreeMap<(String, String), Checked>);

/// A member that is checked.
#[derive(Debug)]
struct Checked {
    member: Arc<Member>,
    check: Check,
    speaks: Rc<Speaks>,
    task: JoinHandle<()>,
}

impl Drop for Checked {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Checks {
    /// Checks every member of a plan from now on. Those that are asked as they were before go on as if nothing had happened:
    /// plans change with each address of a name.
    pub(crate) fn follow(&mut self, state: &State, seed: u64) {
        let mut before = std::mem::take(&mut self.0);
        let mut dice = Dice::new(seed);
        for (service, known) in state.plan.services.iter().zip(&state.services) {
            let Some(check) = &service.check else {
                for member in &known.members {
                    // Whatever an earlier plan's checks said.
                    member.healthy.store(true, Ordering::Relaxed);
                    member.checked.store(false, Ordering::Relaxed);
                }
                continue;
            };
            let speaks = Rc::new(Speaks {
                wire: service.wire.clone(),
                connector: known.connector.clone(),
                bounds: state.plan.bounds,
            });
            for member in &known.members {
                let key = (service.name.clone(), member.address.clone());
                let same = before.remove(&key).filter(|before| {
                    let is_same = Arc::ptr_eq(&before.member, member) && before.check == *check;
                    is_same && before.speaks.is(&speaks)
                });
                let checked = same.unwrap_or_else(|| {
                    // Not all at the same moment.
                    let first = (check.interval / 10).min(FIRST_MAX).mul_f64(dice.share());
                    Checked::start(member, check, &speaks, first)
                });
                self.0.insert(key, checked);
            }
        }
    }
}

impl Checked {
    fn start(member: &Arc<Member>, check: &Check, speaks: &Rc<Speaks>, first: Duration) -> Self {
        let watched = watch(Arc::clone(member), check.clone(), Rc::clone(speaks), first);
        Self {
            member: Arc::clone(member),
            check: check.clone(),
            speaks: Rc::clone(speaks),
            task: tokio::task::spawn_local(watched),
        }
    }
}

#[expect(clippy::infinite_loop, reason = "it is ended by who started it")]
async fn watch(member: Arc<Member>, check: Check, speaks: Rc<Speaks>, first: Duration) {
    let mut probes = if member.checked.load(Ordering::Relaxed) {
        // What other settings found out is believed until these find out otherwise.
        Probes::known(check.thresholds, member.healthy.load(Ordering::Relaxed))
    } else {
        Probes::new(check.thresholds)
    };
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
            None => {}
        }
        member.checked.store(true, Ordering::Relaxed);
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
