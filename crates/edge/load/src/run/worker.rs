//! One thread: it starts its part of the requests when they are due, on connections of its own.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    io,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    time::{Duration, Instant},
};

use prove::{
    Random,
    schedule::{Schedule, Users},
};
use tokio::task::{LocalSet, spawn_local, yield_now};

use super::{Model, Plan};
use crate::{
    clock::Timer,
    connection::{Connection, Dial, Trouble},
    record::{Bin, Ended, Recorder},
    response::{Answer, Decoder},
    session::{Ready, Values, ready},
    two::Lines,
};

/// Requests of a thread that wait for a connection at most: a minute at 10,000 a second, in 40 MB.
const WAITING_MAX: usize = 600_000;
/// Starts in a row before answers are looked at again.
const BURST: u32 = 16;
/// How soon an end that is asked for is seen.
const STOP_SEEN: Duration = Duration::from_millis(50);
/// How often a request is sent again that the server has not taken: it closes connections after so many requests.
const UNTAKEN_MAX: u32 = 3;
/// How often a closed model looks how late the generator comes to what is due: its users have no moments of their own.
const BEAT: Duration = Duration::from_millis(10);
/// How long answers are waited for after an early end.
const GRACE: Duration = Duration::from_secs(1);

/// What all threads have in common.
pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) dial: Dial,
    pub(super) began: Instant,
    /// When nothing is begun any more: no flow, and no further step of one.
    pub(super) end: Instant,
    pub(super) threads: usize,
    pub(super) bin_nanos: u64,
    pub(super) stop: Arc<AtomicBool>,
}

struct Worker {
    shared: Arc<Shared>,
    flows: Vec<Vec<Ready>>,
    /// Connections of HTTP/2, whose streams are what the rest calls connections.
    lines: Lines,
    idle: RefCell<Vec<Connection>>,
    waiting: RefCell<VecDeque<Job>>,
    /// Connections, or streams, that are open or being opened.
    open: Cell<usize>,
    open_max: usize,
    /// Jobs that were begun and are not done.
    busy: Cell<usize>,
    recorder: RefCell<Recorder>,
    random: RefCell<Random>,
}

/// A pass through a flow that is due.
#[derive(Clone, Copy)]
struct Job {
    place: u64,
    intended: Instant,
}

/// Runs one thread's part.
pub(super) fn run(
    shared: &Arc<Shared>,
    thread: usize,
    ticks: &mpsc::Sender<Bin>,
) -> io::Result<Recorder> {
    let plan = &shared.plan;
    let share = |all: usize| all / shared.threads + usize::from(thread < all % shared.threads);
    let is_two = shared.dial.is_two;
    let wide = share(if is_two { plan.connections_of_two } else { plan.connections }).max(1);
    let deep = shared.dial.streams;
    let recorder = || {
        let length = shared.end.saturating_duration_since(shared.began);
        Recorder::new(plan.scenario.routes().len(), shared.bin_nanos, nanos_of(length))
    };
    let worker = Rc::new(Worker {
        shared: Arc::clone(shared),
        flows: ready(&plan.scenario),
        lines: Lines::new(wide, deep),
        idle: RefCell::default(),
        waiting: RefCell::default(),
        open: Cell::new(0),
        open_max: if is_two { wide * deep } else { wide },
        busy: Cell::new(0),
        recorder: RefCell::new(recorder()),
        random: RefCell::new(Random::new(plan.seed.wrapping_add(thread as u64))),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        spawn_local(tick(Rc::clone(&worker), ticks.clone()));
        match &plan.model {
            Model::Open(schedule) => worker.open(schedule, thread).await?,
            Model::Closed(users) => worker.closed(*users, thread).await?,
        }
        worker.finish().await;
        io::Result::Ok(())
    })?;
    worker.report(ticks);
    drop(local);
    drop(runtime);
    Ok(worker.recorder.replace(recorder()))
}

pub(super) fn nanos_of(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Tells five times a second what happened.
async fn tick(worker: Rc<Worker>, ticks: mpsc::Sender<Bin>) {
    let mut every = tokio::time::interval(Duration::from_millis(200));
    loop {
        every.tick().await;
        if !worker.report(&ticks) {
            return;
        }
    }
}

impl Worker {
    /// Whether anybody listens.
    fn report(&self, ticks: &mpsc::Sender<Bin>) -> bool {
        let lately = std::mem::take(&mut self.recorder.borrow_mut().lately);
        ticks.send(lately).is_ok()
    }

    fn stopped(&self) -> bool {
        self.shared.stop.load(Relaxed)
    }

    fn nanos(&self, moment: Instant) -> u64 {
        nanos_of(moment.saturating_duration_since(self.shared.began))
    }

    /// Waits for a moment; `false` if an end was asked for meanwhile.
    async fn wait(&self, timer: &Timer, due: Instant) -> io::Result<bool> {
        while !self.stopped() {
            let now = Instant::now();
            if due <= now {
                return Ok(true);
            }
            timer.until(due.min(now + STOP_SEEN)).await?;
        }
        Ok(false)
    }

    /// Starts each request when it is due, and never waits for one.
    async fn open(self: &Rc<Self>, schedule: &Schedule, thread: usize) -> io::Result<()> {
        let timer = Timer::new()?;
        let mine = (0_u64..).zip(schedule.starts()).skip(thread).step_by(self.shared.threads);
        let mut burst = 0;
        for (place, start) in mine {
            let intended = self.shared.began + start;
            if Instant::now() < intended {
                burst = 0;
                if !self.wait(&timer, intended).await? {
                    break;
                }
            } else {
                burst += 1;
                if BURST <= burst {
                    burst = 0;
                    yield_now().await;
                }
                if self.stopped() {
                    break;
                }
            }
            self.launch(Job { place, intended });
        }
        Ok(())
    }

    /// Each user asks, waits, thinks, and asks again.
    async fn closed(self: &Rc<Self>, users: Users, thread: usize) -> io::Result<()> {
        let mine = (0..users.count).filter(|user| *user as usize % self.shared.threads == thread);
        for user in mine {
            self.busy.set(self.busy.get() + 1);
            spawn_local(Rc::clone(self).user(users, user));
        }
        let timer = Timer::new()?;
        let mut beat = self.shared.began;
        while beat < self.shared.end {
            beat += BEAT;
            if !self.wait(&timer, beat).await? {
                break;
            }
            let late = Instant::now().saturating_duration_since(beat);
            self.recorder.borrow_mut().late(nanos_of(late));
        }
        Ok(())
    }

    async fn user(self: Rc<Self>, users: Users, user: u32) {
        tokio::time::sleep_until((self.shared.began + users.arrives(user)).into()).await;
        let mut connection = None;
        for round in 0_u64.. {
            let intended = Instant::now();
            if self.shared.end <= intended || self.stopped() {
                break;
            }
            let place = round.saturating_mul(users.count.into()).saturating_add(user.into());
            self.recorder.borrow_mut().begin(self.nanos(intended));
            self.flow(&mut connection, Job { place, intended }).await;
            let think = users.think.next(&mut self.random.borrow_mut());
            // A target that refuses is not asked as fast as this machine can.
            let least = Duration::from_millis(if connection.is_none() { 10 } else { 0 });
            self.think(think.max(least)).await;
        }
        self.busy.set(self.busy.get() - 1);
    }

    /// A pause of a user, who thinks no longer than the run lasts.
    async fn think(&self, time: Duration) {
        let time = time.min(self.shared.end.saturating_duration_since(Instant::now()));
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
    }

    /// Waits for what is under way: until it ends by itself, or for a moment where an end was asked for. What has no connection by then waits
    /// as long as an answer may take.
    async fn finish(&self) {
        let give_up = self.shared.end + self.shared.plan.timeout;
        let mut until = None;
        while self.busy.get() > 0 || !self.waiting.borrow().is_empty() {
            if self.stopped() {
                let until = *until.get_or_insert_with(|| Instant::now() + GRACE);
                if until <= Instant::now() {
                    return;
                }
            }
            if give_up <= Instant::now() {
                let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
                for job in waiting {
                    let now = Instant::now();
                    self.ended(job.place, (0, job.intended, now), Err(Trouble::Waited));
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn launch(self: &Rc<Self>, job: Job) {
        let late = Instant::now().saturating_duration_since(job.intended);
        {
            let mut recorder = self.recorder.borrow_mut();
            recorder.begin(self.nanos(job.intended));
            recorder.late(nanos_of(late));
        }
        let connection = self.idle.borrow_mut().pop();
        if connection.is_none() {
            if self.open_max <= self.open.get() {
                let mut waiting = self.waiting.borrow_mut();
                if waiting.len() < WAITING_MAX {
                    waiting.push_back(job);
                } else {
                    let now = Instant::now();
                    self.ended(job.place, (0, job.intended, now), Err(Trouble::Unsent));
                }
                return;
            }
            self.open.set(self.open.get() + 1);
        }
        self.busy.set(self.busy.get() + 1);
        spawn_local(Rc::clone(self).serve(connection, job));
    }

    /// Does a job, and then those that wait for a connection.
    async fn serve(self: Rc<Self>, mut connection: Option<Connection>, mut job: Job) {
        loop {
            self.flow(&mut connection, job).await;
            let next = if self.stopped() { None } else { self.waiting.borrow_mut().pop_front() };
            let Some(next) = next else { break };
            job = next;
        }
        match connection {
            Some(connection) => self.idle.borrow_mut().push(connection),
            None => self.open.set(self.open.get() - 1),
        }
        self.busy.set(self.busy.get() - 1);
    }

    /// One pass through a flow, on a connection that is made where there is none. It ends where the run does.
    async fn flow(&self, connection: &mut Option<Connection>, job: Job) {
        let scenario = &self.shared.plan.scenario;
        let picked = self.pick();
        let Some(steps) = self.flows.get(picked) else { return };
        let goes_on = scenario.flows.get(picked).is_some_and(|flow| flow.goes_on);
        let mut values = Values::new();
        if !scenario.data.is_empty() {
            let row = usize::try_from(job.place).unwrap_or(0) % scenario.data.len();
            values = scenario.data.get(row).cloned().unwrap_or_default();
        }
        let mut intended = job.intended;
        for (place, step) in steps.iter().enumerate() {
            if 0 < place {
                // Further steps begin when their user does them.
                intended = Instant::now();
                let mut recorder = self.recorder.borrow_mut();
                if self.shared.end <= intended {
                    recorder.cut += 1;
                    return;
                }
                recorder.start(self.nanos(intended));
            }
            let written;
            let request = if let Some(fixed) = step.fixed() {
                fixed
            } else {
                written = step.write(&values);
                &written
            };
            let (sent, done) = self.ask(connection, step, request).await;
            let done = done.map(|answer| {
                let is_good = step.look(&answer, &mut values);
                (answer, is_good)
            });
            let times = (step.route, intended, sent);
            match &done {
                Ok((answer, is_good)) => self.ended(job.place, times, Ok((answer, *is_good))),
                Err(trouble) => self.ended(job.place, times, Err(*trouble)),
            }
            let goes_on = done.is_ok_and(|(_, is_good)| is_good || goes_on);
            if !goes_on || self.stopped() {
                return;
            }
            if place + 1 < steps.len() {
                let think = step.step.think.next(&mut self.random.borrow_mut());
                self.think(think).await;
            }
        }
    }

    /// Which flow, by weight.
    fn pick(&self) -> usize {
        let flows = &self.shared.plan.scenario.flows;
        if flows.len() < 2 {
            return 0;
        }
        let total: f64 = flows.iter().map(|flow| flow.weight).sum();
        let mut left = self.random.borrow_mut().unit() * total;
        flows
            .iter()
            .position(|flow| {
                left -= flow.weight;
                left < 0.0
            })
            .unwrap_or(0)
    }

    /// Sends a request and waits for its answer; when it was sent. A connection that the server had closed for being idle
    /// is made anew once, if nothing is changed by asking twice.
    async fn ask(
        &self,
        connection: &mut Option<Connection>,
        step: &Ready,
        request: &[u8],
    ) -> (Instant, Result<Answer, Trouble>) {
        let sent = Instant::now();
        let (mut is_second, mut untaken) = (false, 0);
        loop {
            let mut own = match connection.take() {
                Some(own) => own,
                None => match self.connect().await {
                    Ok(own) => own,
                    Err(trouble) => return (sent, Err(trouble)),
                },
            };
            let decoder = Decoder::new(step.wants);
            match own.ask(request, decoder, self.shared.plan.timeout).await {
                Ok(answer) => {
                    if answer.stays {
                        *connection = Some(own);
                    }
                    return (sent, Ok(answer));
                }
                Err(Trouble::Closed | Trouble::Send)
                    if own.was_used() && !is_second && !step.step.method.has_body() =>
                {
                    is_second = true;
                }
                Err(Trouble::Untaken) if untaken < UNTAKEN_MAX => untaken += 1,
                Err(trouble) => return (sent, Err(trouble)),
            }
        }
    }

    async fn connect(&self) -> Result<Connection, Trouble> {
        let turn = usize::try_from(self.recorder.borrow().connections).unwrap_or(0);
        let (connection, is_new) = self.shared.dial.connect(&self.lines, turn).await?;
        self.recorder.borrow_mut().connections += u64::from(is_new);
        Ok(connection)
    }

    fn ended(
        &self,
        place: u64,
        (route, intended, sent): (u32, Instant, Instant),
        done: Result<(&Answer, bool), Trouble>,
    ) {
        let ended = Ended {
            place,
            route,
            intended_nanos: self.nanos(intended),
            sent_nanos: self.nanos(sent),
            over_nanos: self.nanos(Instant::now()),
        };
        self.recorder.borrow_mut().end(ended, done);
    }
}
