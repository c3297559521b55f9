//! Playing what was recorded against one target or two, and comparing their answers.
//!
//! Requests of one client follow each other as they did: whoever waited for an answer then waits for it now. Each is sent to all
//! sides at once, so that they meet the same state: the old version, the old version again (what differs there is noise), and the new
//! one. Without an old version answers are held against the recorded ones, and the new version is asked twice.

mod message;
mod spacing;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime},
};

use capture::{Redactor, is_pseudonym};
use model::{AnswerSeen, Exchange, Kept, Moment, RequestSeen};
use prove::{
    compare::{Request as Sample, Side as Samples},
    replay::{Report, Rules, Sessions, Tally, compare, endpoint},
};
use tokio::{
    sync::Semaphore,
    task::{JoinHandle, LocalSet, spawn_local},
};

pub(crate) use message::is_hidden;
use message::{hide, seen, written};
use spacing::Spacing;

use crate::{
    Target,
    connection::{Connection, Dial, Trouble},
    response::{Answer, Decoder, Wants},
    run::{Http, RunError, Way, dial_to},
    tls::Believes,
    two::Lines,
};

/// Bodies of answers that are compared whole, up to this.
const BODY_BYTES_MAX: usize = 8 << 20;
/// Latencies that are kept for each side.
const SAMPLES_MAX: usize = 200_000;
/// How often a request is sent again that a server has not taken, as it closes connections of HTTP/2 after so many.
const UNTAKEN_MAX: u32 = 3;
/// How soon an end that is asked for is seen.
const STOP_SEEN: Duration = Duration::from_millis(100);

/// What is to be played.
#[derive(Debug, Clone)]
pub struct Replay {
    /// What was recorded, in the order of time.
    pub exchanges: Vec<Exchange>,
    /// The new version.
    pub target: Target,
    /// The old version; `None` to compare with what was recorded.
    pub against: Option<Target>,
    /// How fast; `None` for as fast as it goes.
    pub speed: Option<f64>,
    /// Which requests may change something.
    pub writes: Writes,
    /// What is looked at.
    pub rules: Rules,
    /// Whether noise is learnt by asking twice.
    pub learns_noise: bool,
    /// Headers that are put into every request, in place of recorded ones.
    pub headers: Vec<(String, String)>,
    /// Hides in new answers what was hidden in recorded ones, so that they can be compared.
    pub redactor: Option<Redactor>,
    /// Requests under way at once at most.
    pub connections: usize,
    /// A request that has no answer by then has failed.
    pub timeout: Duration,
    /// Whose certificates are believed.
    pub believes: Believes,
    /// Which HTTP is spoken.
    pub http: Http,
    /// Targets may be on public addresses.
    pub may_be_public: bool,
}

/// Which requests may change something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writes {
    /// None: GET, HEAD and OPTIONS alone are played.
    Never,
    /// Those to paths that begin so: a log-in, for its token.
    To(Vec<String>),
    /// All.
    All,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Replayed {
    /// Comparisons.
    pub report: Report,
    /// Pauses of the recording that were passed over, and how long they were in all: a clock that was set, or days between.
    pub passed_over: (u64, Duration),
    /// Requests that were recorded.
    pub recorded: u64,
    /// Requests that were played.
    pub played: u64,
    /// Requests that were left out because they might change something.
    pub writes_left_out: u64,
    /// Requests that were left out because their bodies were not kept whole.
    pub halves_left_out: u64,
    /// Requests that carried values which were hidden when they were recorded, and which no answer gave.
    pub hidden: u64,
    /// What went wrong, by side and in words, and how often.
    pub troubles: Vec<(String, u64)>,
    /// Latencies of the old version; of what was recorded without one.
    pub old: Samples,
    /// Latencies of the new version.
    pub new: Samples,
    /// How long it took.
    pub took: Duration,
    /// It was ended early.
    pub is_interrupted: bool,
}

/// A target with what it gave.
struct Side {
    name: &'static str,
    dial: Dial,
    authority: String,
    lines: Lines,
    idle: RefCell<Vec<Connection>>,
    sessions: Rc<RefCell<Sessions>>,
    turn: RefCell<usize>,
}

struct Player {
    plan: Replay,
    old: Option<Side>,
    new: Side,
    again: Option<Side>,
    permits: Semaphore,
    began: Instant,
    spacing: Spacing,
    stop: Arc<AtomicBool>,
    seen: RefCell<Seen>,
}

#[derive(Default)]
struct Seen {
    tally: Tally,
    played: u64,
    hidden: u64,
    troubles: BTreeMap<String, u64>,
    routes: Vec<String>,
    old: Vec<Sample>,
    new: Vec<Sample>,
}

/// An answer, and when it was asked for and how long it took.
struct Given {
    answer: AnswerSeen,
    asked: Moment,
    took: Duration,
}

/// Plays it. `told` hears how many requests were played, of how many.
///
/// # Errors
///
/// A target cannot be reached, or may not be.
pub fn replay(
    plan: Replay,
    stop: &Arc<AtomicBool>,
    told: impl Fn(u64, u64) + 'static,
) -> Result<Replayed, RunError> {
    let mut result = Replayed { recorded: plan.exchanges.len() as u64, ..Replayed::default() };
    let mut lanes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut alone = 0_u64;
    for (place, exchange) in plan.exchanges.iter().enumerate() {
        if !may_play(&plan.writes, &exchange.request) {
            result.writes_left_out += 1;
        } else if exchange.request.body.kept != Kept::Whole {
            result.halves_left_out += 1;
        } else if exchange.client.is_empty() {
            // Nobody knows whom it belongs to: it waits for nobody.
            alone += 1;
            lanes.insert(format!("\0{alone}"), vec![place]);
        } else {
            lanes.entry(exchange.client.clone()).or_default().push(place);
        }
    }
    let total: u64 = lanes.values().map(|lane| lane.len() as u64).sum();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::Start)?;
    let side = |name, target: &Target| Side::new(name, target, &plan);
    let old = plan.against.as_ref().map(|target| side("old", target)).transpose()?;
    let new = side("new", &plan.target)?;
    let again = plan.learns_noise.then(|| match (&plan.against, &old) {
        (Some(target), Some(old)) => {
            side("old, asked twice", target).map(|again| again.with_sessions(old))
        }
        _ => side("new, asked twice", &plan.target).map(|again| again.with_sessions(&new)),
    });
    let again = again.transpose()?;
    let played = lanes.values().flatten().filter_map(|place| plan.exchanges.get(*place));
    let spacing = Spacing::of(played.map(|exchange| exchange.began));
    result.passed_over = spacing.passed_over();
    let player = Rc::new(Player {
        permits: Semaphore::new(plan.connections.max(1)),
        old,
        new,
        again,
        began: Instant::now(),
        spacing,
        stop: Arc::clone(stop),
        seen: RefCell::default(),
        plan,
    });
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let playing: Vec<JoinHandle<()>> =
            lanes.into_values().map(|lane| spawn_local(Rc::clone(&player).lane(lane))).collect();
        let watched = Rc::clone(&player);
        let watch = spawn_local(async move {
            loop {
                tokio::time::sleep(STOP_SEEN * 2).await;
                told(watched.seen.borrow().played, total);
            }
        });
        for one in playing {
            // A lane that panicked has nothing left to play.
            drop(one.await);
        }
        watch.abort();
    });
    let seen = player.seen.take();
    result.report = seen.tally.report();
    (result.played, result.hidden) = (seen.played, seen.hidden);
    result.troubles = seen.troubles.into_iter().collect();
    let samples =
        |requests| Samples { routes: seen.routes.clone(), requests, ..Samples::default() };
    (result.old, result.new) = (samples(seen.old), samples(seen.new));
    result.took = player.began.elapsed();
    result.is_interrupted = stop.load(Relaxed);
    Ok(result)
}

fn may_play(writes: &Writes, request: &RequestSeen) -> bool {
    request.is_read()
        || match writes {
            Writes::Never => false,
            Writes::To(paths) => paths.iter().any(|path| request.path().starts_with(path.as_str())),
            Writes::All => true,
        }
}

impl Side {
    /// What another side was given, this one uses, too.
    fn with_sessions(self, other: &Self) -> Self {
        Self { sessions: Rc::clone(&other.sessions), ..self }
    }

    fn new(name: &'static str, target: &Target, plan: &Replay) -> Result<Self, RunError> {
        let way = Way {
            believes: &plan.believes,
            http: plan.http,
            streams: plan.connections.max(1),
            timeout: plan.timeout,
            may_be_public: plan.may_be_public,
        };
        let dial = dial_to(target, &way)?;
        Ok(Self {
            name,
            dial,
            authority: target.authority.clone(),
            lines: Lines::new(1, plan.connections),
            idle: RefCell::default(),
            sessions: Rc::default(),
            turn: RefCell::default(),
        })
    }
}

impl Player {
    /// Plays what one client asked, in its order.
    async fn lane(self: Rc<Self>, lane: Vec<usize>) {
        let mut under_way: Vec<(Moment, JoinHandle<()>)> = Vec::new();
        for place in lane {
            let Some(exchange) = self.plan.exchanges.get(place) else { continue };
            // Who had its answer before this was asked has it now.
            let mut others = Vec::new();
            for (ended, task) in under_way {
                if ended <= exchange.began {
                    drop(task.await);
                } else {
                    others.push((ended, task));
                }
            }
            under_way = others;
            if !self.until_due(exchange.began).await {
                break;
            }
            let player = Rc::clone(&self);
            let task = spawn_local(async move { player.one(place).await });
            under_way.push((exchange.began + exchange.took, task));
        }
        for (_, task) in under_way {
            drop(task.await);
        }
    }

    /// Waits until a request is due; `false` if an end was asked for.
    async fn until_due(&self, began: Moment) -> bool {
        let due = self.plan.speed.map(|speed| {
            let after = self.spacing.after(began).as_secs_f64() / speed;
            self.began + Duration::try_from_secs_f64(after).unwrap_or(Duration::MAX / 4)
        });
        while !self.stop.load(Relaxed) {
            let now = Instant::now();
            let Some(due) = due.filter(|due| now < *due) else { return true };
            tokio::time::sleep_until(due.min(now + STOP_SEEN).into()).await;
        }
        false
    }

    async fn one(&self, place: usize) {
        let Some(exchange) = self.plan.exchanges.get(place) else { return };
        // The semaphore is never closed.
        let Ok(_permit) = self.permits.acquire().await else { return };
        if self.stop.load(Relaxed) {
            return;
        }
        // What changes something is never done twice.
        let again = self.again.as_ref().filter(|_| exchange.request.is_read());
        let (old, new, again) = tokio::join!(
            self.ask(self.old.as_ref(), exchange),
            self.ask(Some(&self.new), exchange),
            self.ask(again, exchange),
        );
        self.seen.borrow_mut().played += 1;
        learn(exchange, old.as_ref(), self.old.as_ref());
        learn(exchange, new.as_ref(), Some(&self.new));
        self.judge(exchange, old, new, again);
    }

    fn judge(
        &self,
        exchange: &Exchange,
        old: Option<Given>,
        new: Option<Given>,
        again: Option<Given>,
    ) {
        let request = &exchange.request;
        let name = endpoint(&request.method, &request.target);
        let asked = format!("{} {}", request.method, request.target);
        let mut seen = self.seen.borrow_mut();
        let is_recorded = self.old.is_none();
        let old = if is_recorded {
            exchange.answer.clone().map(|answer| Given {
                answer,
                asked: exchange.began,
                took: exchange.took,
            })
        } else {
            old
        };
        let Some(mut new) = new else { return };
        if let (true, Some(redactor)) = (is_recorded, &self.plan.redactor) {
            hide(redactor, &mut new.answer);
        }
        let mut rules = self.plan.rules.clone();
        rules.mask_ids |= !request.is_read();
        rules.hidden = is_recorded.then_some(is_pseudonym as fn(&str) -> bool);
        if let Some(old) = &old {
            let compared = compare(&old.answer, &new.answer, (old.asked, new.asked), &rules);
            seen.tally.add(&name, &asked, compared);
        }
        if let Some(mut again) = again {
            let other = if is_recorded {
                if let Some(redactor) = &self.plan.redactor {
                    hide(redactor, &mut again.answer);
                }
                Some(&new)
            } else {
                old.as_ref()
            };
            if let Some(other) = other {
                let compared =
                    compare(&other.answer, &again.answer, (other.asked, again.asked), &rules);
                seen.tally.add_noise(&name, compared);
            }
        }
        seen.sample(&name, old.as_ref(), &new, self.spacing.after(exchange.began));
    }

    /// Asks one side; `None` if it gives no answer, or there is no such side.
    async fn ask(&self, side: Option<&Side>, exchange: &Exchange) -> Option<Given> {
        let side = side?;
        let mut request = side.sessions.borrow().translated(&exchange.client, &exchange.request);
        for (name, value) in &self.plan.headers {
            request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            request.headers.push((name.clone(), value.clone()));
        }
        if side.name == "new" && is_hidden(&request.target, &request.headers, &request.body.bytes) {
            self.seen.borrow_mut().hidden += 1;
        }
        let bytes = written(&request, &side.authority);
        let asked = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let began = Instant::now();
        let wants = if request.method == "HEAD" { Wants::Head } else { Wants::All };
        match self.exchange(side, &bytes, wants, exchange.request.is_read()).await {
            Ok(answer) => Some(Given {
                answer: seen(answer),
                asked: Moment { nanos: u64::try_from(asked.as_nanos()).unwrap_or(u64::MAX) },
                took: began.elapsed(),
            }),
            Err(trouble) => {
                let words = format!("{}: {}", side.name, trouble.words());
                *self.seen.borrow_mut().troubles.entry(words).or_default() += 1;
                None
            }
        }
    }

    /// Sends bytes, on a connection that is there or a new one; again where the server had closed an idle one.
    async fn exchange(
        &self,
        side: &Side,
        bytes: &[u8],
        wants: Wants,
        is_read: bool,
    ) -> Result<Answer, Trouble> {
        let mut untaken = 0;
        loop {
            let idle = side.idle.borrow_mut().pop();
            let mut connection = if let Some(connection) = idle {
                connection
            } else {
                let turn = side.turn.replace_with(|turn| turn.wrapping_add(1));
                side.dial.connect(&side.lines, turn).await?.0
            };
            let decoder = Decoder::new(wants).keeping(BODY_BYTES_MAX);
            match connection.ask(bytes, decoder, self.plan.timeout).await {
                Ok(answer) => {
                    if answer.stays {
                        side.idle.borrow_mut().push(connection);
                    }
                    return Ok(answer);
                }
                Err(Trouble::Closed | Trouble::Send) if connection.was_used() && is_read => {}
                Err(Trouble::Untaken) if untaken < UNTAKEN_MAX => untaken += 1,
                Err(trouble) => return Err(trouble),
            }
        }
    }
}

/// Remembers what a side gave in place of what was recorded.
fn learn(exchange: &Exchange, given: Option<&Given>, side: Option<&Side>) {
    let (Some(recorded), Some(given), Some(side)) = (&exchange.answer, given, side) else {
        return;
    };
    let is_write = !exchange.request.is_read();
    side.sessions.borrow_mut().learn(&exchange.client, is_write, recorded, &given.answer);
}

impl Seen {
    fn sample(&mut self, name: &str, old: Option<&Given>, new: &Given, start: Duration) {
        if SAMPLES_MAX <= self.new.len() {
            return;
        }
        let place = self.routes.iter().position(|known| known == name).unwrap_or_else(|| {
            self.routes.push(name.to_owned());
            self.routes.len() - 1
        });
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let sample = |given: &Given| Sample {
            start_nanos: nanos(start),
            took_nanos: nanos(given.took),
            route: u32::try_from(place).unwrap_or(u32::MAX),
            failed: 500 <= given.answer.status,
        };
        self.new.push(sample(new));
        self.old.extend(old.map(sample));
    }
}
