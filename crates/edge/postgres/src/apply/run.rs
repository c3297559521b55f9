//! Running one statement: announced, watched, cancelled when told to, tried again where that helps.

use std::time::{Duration, Instant};

use tokio_postgres::error::SqlState;

use super::{ApplyError, IndexTarget, Intent, News, Outcome, Work, catalog, error::Said, watch};

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A statement that is cancelled answers within milliseconds, or its server is not there any more.
const CANCEL_MAX: Duration = Duration::from_secs(20);

/// Why a statement did not go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    /// Others hold a lock for longer than it was to be waited for, or both wait for each other.
    Locked(Said),
    /// The connection is gone.
    Lost(Said),
    /// It was told to stop.
    Stopped,
    /// The server does not want it.
    Refused(Said),
}

impl Broken {
    pub(super) fn of(said: Said) -> Self {
        if said.is(&SqlState::LOCK_NOT_AVAILABLE) || said.is(&SqlState::T_R_DEADLOCK_DETECTED) {
            Self::Locked(said)
        } else if said.is_lost() {
            Self::Lost(said)
        } else {
            Self::Refused(said)
        }
    }

    /// Why, for the journal and for people.
    pub(super) fn why(&self) -> String {
        match self {
            Self::Stopped => "stopped".to_owned(),
            Self::Locked(said) | Self::Lost(said) | Self::Refused(said) => said.message.clone(),
        }
    }

    /// It may go through the next time.
    pub(super) fn passes(&self) -> bool {
        matches!(self, Self::Locked(_) | Self::Lost(_))
    }
}

/// Sends a statement and looks on until it ends. The journal knows of it already.
pub(super) async fn send(
    work: &mut Work<'_>,
    sql: &str,
    wait: Duration,
) -> Result<Duration, Broken> {
    if 0 < work.stop.times() {
        return Err(Broken::Stopped);
    }
    work.session.wait_for_locks(wait).await.map_err(Broken::of)?;
    work.journal.tell(News::Running { sql: sql.to_owned() });
    let began = Instant::now();
    let Work { session, journal, stop, .. } = work;
    let running = session.doer.batch_execute(sql);
    tokio::pin!(running);
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    look.tick().await;
    let mut cancelled: Option<tokio::time::Instant> = None;
    loop {
        let give_up = cancelled.unwrap_or_else(tokio::time::Instant::now) + CANCEL_MAX;
        tokio::select! {
            ended = &mut running => {
                let took = began.elapsed();
                return match ended {
                    Ok(()) => {
                        journal.tell(News::Done { took });
                        Ok(took)
                    }
                    Err(_) if cancelled.is_some() => Err(Broken::Stopped),
                    Err(error) => Err(Broken::of(Said::of(&error))),
                };
            }
            _ = look.tick() => {
                if let Some(progress) = watch::progress(&session.eye, session.backend.pid).await {
                    journal.tell(News::Progress(progress));
                }
            }
            () = stop.told(1), if cancelled.is_none() => {
                cancelled = Some(tokio::time::Instant::now());
                session.cancel().await;
            }
            () = tokio::time::sleep_until(give_up), if cancelled.is_some() => {
                let message = "it does not answer".to_owned();
                return Err(Broken::Lost(Said { state: String::new(), message }));
            }
        }
    }
}

/// Runs a statement that is about no index: announced, tried again while others hold its locks.
pub(super) async fn plain(work: &mut Work<'_>, sql: &str) -> Result<(), ApplyError> {
    let wait = work.options.lock;
    repeat(work, sql, None, wait).await
}

/// Announces and sends a statement until it goes through; what it leaves behind when it fails is nothing.
pub(super) async fn repeat(
    work: &mut Work<'_>,
    sql: &str,
    index: Option<&IndexTarget>,
    wait: Duration,
) -> Result<(), ApplyError> {
    let mut attempt = 1;
    loop {
        let number = announce(work, sql, index)?;
        let broken = match send(work, sql, wait).await {
            Ok(took) => return ran(work, number, took),
            Err(broken) => broken,
        };
        if let (Broken::Lost(_), Some(index)) = (&broken, index) {
            // What cannot be looked at stays announced: the next run looks.
            let Work { session, journal, stop, .. } = work;
            session.reopen(&mut **journal, stop).await?;
            let there =
                catalog::index(&work.session.doer, &index.table.schema, &index.name).await?;
            if there.is_some() == index.made {
                return ran(work, number, Duration::ZERO);
            }
        }
        broke(work, number, &broken, "")?;
        again(work, sql, broken, &mut attempt).await?;
    }
}

/// Whether to go on after a failure that left nothing behind: pauses and returns, or says why not.
pub(super) async fn again(
    work: &mut Work<'_>,
    sql: &str,
    broken: Broken,
    attempt: &mut u32,
) -> Result<(), ApplyError> {
    if !broken.passes() || work.options.attempts <= *attempt {
        return Err(failure(sql, broken, ""));
    }
    let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
    let pause = work.options.pause.saturating_mul(doubled).min(PAUSE_MAX);
    *attempt += 1;
    work.journal.tell(News::Retry { why: broken.why(), pause });
    work.stop.sleep(pause).await?;
    if work.session.doer.is_closed() {
        let Work { session, journal, stop, .. } = work;
        session.reopen(&mut **journal, stop).await?;
    }
    Ok(())
}

/// What a failure for good is.
pub(super) fn failure(sql: &str, broken: Broken, left: &str) -> ApplyError {
    let (sql, left) = (sql.to_owned(), left.to_owned());
    match broken {
        Broken::Stopped => ApplyError::Stopped { left },
        Broken::Lost(_) => ApplyError::Lost { left },
        Broken::Locked(_) => ApplyError::Locked { what: sql, holders: Vec::new(), left },
        Broken::Refused(said) => ApplyError::Statement { sql, said, left },
    }
}

pub(super) fn announce(
    work: &mut Work<'_>,
    sql: &str,
    index: Option<&IndexTarget>,
) -> Result<i64, ApplyError> {
    work.made.extend(index.filter(|index| index.made).cloned());
    let intent =
        Intent { sql: sql.to_owned(), index: index.cloned(), backend: work.session.backend };
    work.journal.intend(&intent).map_err(|source| ApplyError::Journal { source })
}

pub(super) fn ran(work: &mut Work<'_>, number: i64, took: Duration) -> Result<(), ApplyError> {
    work.done.statements += 1;
    let millis = took.as_secs_f64() * 1e3;
    settle(work, number, &Outcome::Ran { millis, note: String::new() })
}

pub(super) fn broke(
    work: &mut Work<'_>,
    number: i64,
    broken: &Broken,
    left: &str,
) -> Result<(), ApplyError> {
    settle(work, number, &Outcome::Broke { why: broken.why(), left: left.to_owned() })
}

fn settle(work: &mut Work<'_>, number: i64, outcome: &Outcome) -> Result<(), ApplyError> {
    work.journal.settle(number, outcome).map_err(|source| ApplyError::Journal { source })
}
