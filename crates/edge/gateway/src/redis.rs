//! Redis, as one thread uses it: one connection for all of its requests, whose commands are sent one behind the other
//! without waiting for answers.
//!
//! Nobody waits for it longer than the settings say. While it is away nobody waits at all: a task of the thread tries
//! to reach it, and what is asked meanwhile is answered with that.

pub(crate) mod takes;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ::redis::{
    AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, Pipeline, RedisError,
    aio::MultiplexedConnection,
};
use tokio::{
    sync::Notify,
    task::AbortHandle,
    time::{sleep, timeout},
};
use traffic::{
    limit::shared::SCRIPT,
    redis::{Patience, RedisSettings},
};

/// A thread's way to Redis.
#[derive(Debug)]
pub(crate) struct Redis {
    pub(crate) settings: RedisSettings,
    link: Rc<Link>,
    takes: takes::Takes,
    task: AbortHandle,
}

/// What the task that connects and those who ask share.
#[derive(Debug)]
struct Link {
    open: RefCell<Option<Open>>,
    patience: Cell<Patience>,
    broken: Notify,
    figures: Arc<Figures>,
}

/// A connection that is open.
#[derive(Clone)]
struct Open {
    connection: MultiplexedConnection,
    /// By which the script for limits is called.
    script: Rc<str>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Open")
    }
}

/// What became of what was asked, of all threads.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Threads that have a connection, and threads that want one.
    pub(crate) up: AtomicUsize,
    pub(crate) wanted: AtomicUsize,
    pub(crate) answered: AtomicU64,
    pub(crate) late: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// Not asked, as it was away.
    pub(crate) spared: AtomicU64,
    pub(crate) waited_nanos: AtomicU64,
    /// Connections that were made, the first of each thread included.
    pub(crate) connected: AtomicU64,
    pub(crate) trouble: std::sync::Mutex<Option<String>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// It is away, or does not answer in time.
    #[error("Redis is away")]
    Away,
    /// It says no.
    #[error("Redis refuses")]
    Refused(#[source] RedisError),
}

/// For how long a connection may take to stand.
const CONNECT_MAX: Duration = Duration::from_secs(2);

/// How often an idle connection is asked whether it still stands.
const PING_INTERVAL: Duration = Duration::from_secs(1);

impl Redis {
    /// Begins to connect; of use at once, and away until it stands.
    pub(crate) fn start(settings: &RedisSettings, figures: &Arc<Figures>) -> Rc<Self> {
        let link = Rc::new(Link {
            open: RefCell::default(),
            patience: Cell::default(),
            broken: Notify::new(),
            figures: Arc::clone(figures),
        });
        figures.wanted.fetch_add(1, Ordering::Relaxed);
        let task = tokio::task::spawn_local(connect(Rc::clone(&link), settings.clone()));
        let (settings, task) = (settings.clone(), task.abort_handle());
        Rc::new(Self { settings, link, takes: takes::Takes::default(), task })
    }

    /// Whether it can be asked.
    pub(crate) fn is_up(&self) -> bool {
        self.link.open.borrow().is_some()
    }

    /// The key of this name.
    pub(crate) fn key(&self, parts: &[&str]) -> String {
        let mut key = self.settings.prefix.clone();
        for part in parts {
            key.push(':');
            key.push_str(part);
        }
        key
    }

    /// Asks, and waits for as long as the settings allow.
    pub(crate) async fn ask<T: FromRedisValue>(&self, asked: &Pipeline) -> Result<T, NoAnswer> {
        self.link.ask(asked, self.settings.timeout).await
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.task.abort();
        let figures = &self.link.figures;
        figures.wanted.fetch_sub(1, Ordering::Relaxed);
        if self.link.open.take().is_some() {
            figures.up.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Link {
    fn open(&self) -> Result<Open, NoAnswer> {
        let open = self.open.borrow().clone();
        open.ok_or_else(|| {
            self.figures.spared.fetch_add(1, Ordering::Relaxed);
            NoAnswer::Away
        })
    }

    async fn ask<T: FromRedisValue>(
        &self,
        asked: &Pipeline,
        time: Duration,
    ) -> Result<T, NoAnswer> {
        let mut open = self.open()?;
        let began = Instant::now();
        let answer = timeout(time, asked.query_async(&mut open.connection)).await;
        self.heard(answer.map_err(|_elapsed| ()), began)
    }

    /// What an answer, or none in time, says about the connection.
    fn heard<T>(
        &self,
        answer: Result<Result<T, RedisError>, ()>,
        began: Instant,
    ) -> Result<T, NoAnswer> {
        let figures = &self.figures;
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        figures.waited_nanos.fetch_add(nanos, Ordering::Relaxed);
        let mut patience = self.patience.get();
        let answer = match answer {
            Ok(Ok(answer)) => {
                patience.answered();
                figures.answered.fetch_add(1, Ordering::Relaxed);
                Ok(answer)
            }
            Ok(Err(error)) if is_of_connection(&error) => {
                figures.failed.fetch_add(1, Ordering::Relaxed);
                self.lost(&error.to_string());
                Err(NoAnswer::Away)
            }
            Ok(Err(error)) => {
                patience.answered();
                figures.failed.fetch_add(1, Ordering::Relaxed);
                Err(NoAnswer::Refused(error))
            }
            Err(()) => {
                figures.late.fetch_add(1, Ordering::Relaxed);
                if patience.late() {
                    self.lost("it does not answer in time");
                }
                Err(NoAnswer::Away)
            }
        };
        self.patience.set(patience);
        answer
    }

    /// The connection is of no more use.
    fn lost(&self, why: &str) {
        if self.open.take().is_some() {
            self.figures.up.fetch_sub(1, Ordering::Relaxed);
            self.figures.tell(why);
            self.broken.notify_one();
        }
    }
}

impl Figures {
    fn tell(&self, why: &str) {
        let mut trouble = self.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *trouble = Some(why.to_owned());
    }
}

/// Keeps a connection open.
#[expect(clippy::infinite_loop, reason = "it ends with what it is for")]
async fn connect(link: Rc<Link>, settings: RedisSettings) {
    let mut tries = 0;
    loop {
        match timeout(CONNECT_MAX, open(&settings)).await {
            Ok(Ok(open)) => {
                tries = 0;
                link.patience.take();
                *link.open.borrow_mut() = Some(open);
                link.figures.up.fetch_add(1, Ordering::Relaxed);
                link.figures.connected.fetch_add(1, Ordering::Relaxed);
                watch(&link, &settings).await;
            }
            Ok(Err(error)) => link.figures.tell(&error.to_string()),
            Err(_elapsed) => link.figures.tell("no connection stands in time"),
        }
        sleep(Patience::pause(tries)).await;
        tries += 1;
    }
}

/// Returns once the connection is of no more use.
async fn watch(link: &Link, settings: &RedisSettings) {
    let mut ping = ::redis::pipe();
    ping.cmd("PING");
    // A server that hangs is told from one that is busy for a moment.
    let time = settings.timeout.max(Duration::from_millis(500));
    loop {
        tokio::select! {
            () = link.broken.notified() => return,
            () = sleep(PING_INTERVAL) => {}
        }
        if !link.open.borrow().is_some() {
            return;
        }
        let answered: Result<(String,), NoAnswer> = link.ask(&ping, time).await;
        if answered.is_err() && link.open.borrow().is_none() {
            return;
        }
    }
}

/// A connection that answers.
async fn open(settings: &RedisSettings) -> Result<Open, RedisError> {
    let mut connection = connection(settings).await?;
    let load = ::redis::cmd("SCRIPT").arg("LOAD").arg(SCRIPT).to_owned();
    let script: String = load.query_async(&mut connection).await?;
    Ok(Open { connection, script: script.into() })
}

/// A connection of one's own.
pub(crate) async fn connection(
    settings: &RedisSettings,
) -> Result<MultiplexedConnection, RedisError> {
    let client = Client::open(&*settings.url.0)?;
    // Whoever asks has a deadline of their own.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_MAX))
        .set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Whether a connection is of no more use: it broke, or leads to who has stopped being the one to write to.
fn is_of_connection(error: &RedisError) -> bool {
    let moved = matches!(error.code(), Some("READONLY" | "MASTERDOWN"));
    moved || error.is_io_error() || error.is_unrecoverable_error() || error.kind() == ErrorKind::Io
}
