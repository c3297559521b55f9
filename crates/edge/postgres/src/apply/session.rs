//! The two connections of a run: one that acts and holds the advisory locks, one that looks on.

use std::time::{Duration, Instant};

use model::Moment;

use super::{
    ApplyError, Backend, Journal, Options, Stop,
    error::{Said, read},
    orphans::{self, Orphans},
    watch,
};
use crate::{Connection, Limits, Target, connect};

/// How often a server that is away is asked whether it is back.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);

/// An open run.
pub(super) struct Session {
    target: Target,
    reconnect: Duration,
    lock: Duration,
    names: Vec<String>,
    /// Acts.
    pub(super) doer: Connection,
    /// Looks on, and cancels.
    pub(super) eye: Connection,
    /// The server process of `doer`.
    pub(super) backend: Backend,
}

impl Session {
    /// Connects to a server that takes writes.
    pub(super) async fn open(
        target: &Target,
        options: &Options,
        names: Vec<String>,
    ) -> Result<Self, ApplyError> {
        let (doer, eye, backend) = open(target, options.lock).await?;
        Ok(Self {
            target: target.clone(),
            reconnect: options.reconnect,
            lock: options.lock,
            names,
            doer,
            eye,
            backend,
        })
    }

    /// Connects again after the server went away, and takes the locks again. Builds of this run that the server
    /// still works on are waited for.
    pub(super) async fn reopen(
        &mut self,
        journal: &mut dyn Journal,
        stop: &mut Stop,
    ) -> Result<(), ApplyError> {
        let began = Instant::now();
        let before = self.backend;
        loop {
            match open(&self.target, self.lock).await {
                Ok((doer, eye, backend)) => {
                    (self.doer, self.eye, self.backend) = (doer, eye, backend);
                    return self.lock(&[before], Orphans::Finish, journal, stop).await;
                }
                Err(ApplyError::Connect(_) | ApplyError::Read { .. })
                    if began.elapsed() < self.reconnect => {}
                Err(ApplyError::Connect(_)) => {
                    return Err(ApplyError::Lost { left: String::new() });
                }
                Err(other) => return Err(other),
            }
            stop.sleep(RECONNECT_PAUSE).await?;
        }
    }

    /// Takes all advisory locks of the run. One that a server process of `earlier` runs holds is had once that
    /// one has ended, which is waited for or brought about.
    pub(super) async fn lock(
        &mut self,
        earlier: &[Backend],
        orphans: Orphans,
        journal: &mut dyn Journal,
        stop: &mut Stop,
    ) -> Result<(), ApplyError> {
        loop {
            let Some(key) = self.try_lock().await? else { return Ok(()) };
            let failed = read("who is at it");
            self.doer
                .batch_execute("select /* taut */ pg_advisory_unlock_all()")
                .await
                .map_err(failed)?;
            let Some(holder) = orphans::holder_of(&self.eye, key).await? else {
                // It was let go meanwhile.
                continue;
            };
            if !earlier.contains(&holder) {
                let holder = watch::holder(&self.eye, holder.pid).await.unwrap_or_default();
                return Err(ApplyError::Busy { holder });
            }
            orphans::outlive(&self.eye, holder, orphans, (&mut *journal, &mut *stop)).await?;
        }
    }

    /// The first key that somebody else holds; `None` if all are ours now.
    async fn try_lock(&self) -> Result<Option<i64>, ApplyError> {
        for name in &self.names {
            let key = key(name);
            let row =
                self.doer.query_one("select /* taut */ pg_try_advisory_lock($1)", &[&key]).await;
            if !row.map_err(read("the locks"))?.get::<_, bool>(0) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// Cancels what `doer` runs; how that ends tells whether it worked.
    pub(super) async fn cancel(&self) {
        let _sent =
            self.eye.query("select /* taut */ pg_cancel_backend($1)", &[&self.backend.pid]).await;
    }

    /// Sets how long `doer` waits for each lock.
    pub(super) async fn wait_for_locks(&self, time: Duration) -> Result<(), Said> {
        let sql = format!("set lock_timeout = {}", time.as_millis());
        self.doer.batch_execute(&sql).await.map_err(|error| Said::of(&error))
    }
}

/// The same for the same name in every version: two of them may meet.
fn key(name: &str) -> i64 {
    sql::hash(format!("taut index {name}").as_bytes()).cast_signed()
}

async fn open(
    target: &Target,
    lock: Duration,
) -> Result<(Connection, Connection, Backend), ApplyError> {
    // Zero is no limit: a build takes as long as it takes, watched.
    let limits = Limits { statement: Duration::ZERO, lock, read_only: false };
    let doer = connect(target, &limits).await?;
    let failed = read("what kind of server it is");
    let row = doer
        .query_one(
            "select /* taut */ pg_is_in_recovery(), current_setting('transaction_read_only') = 'on',
                    current_setting('server_version_num')::int4, pg_backend_pid(),
                    (select (extract(epoch from backend_start) * 1000000)::int8
                     from pg_catalog.pg_stat_activity where pid = pg_backend_pid())",
            &[],
        )
        .await
        .map_err(&failed)?;
    if row.get(0) {
        return Err(ApplyError::ReadOnly { why: "it is a standby" });
    }
    if row.get(1) {
        return Err(ApplyError::ReadOnly { why: "its transactions are read-only" });
    }
    let version: i32 = row.get(2);
    if 170_000 <= version {
        doer.batch_execute("set transaction_timeout = 0").await.map_err(&failed)?;
    }
    let micros: i64 = row.get::<_, Option<i64>>(4).unwrap_or(0);
    let backend = Backend { pid: row.get(3), started: moment(micros) };
    let eye = connect(target, &Limits { read_only: true, ..Limits::default() }).await?;
    Ok((doer, eye, backend))
}

/// From microseconds since the epoch.
pub(super) fn moment(micros: i64) -> Moment {
    Moment { nanos: u64::try_from(micros).unwrap_or(0).saturating_mul(1_000) }
}
