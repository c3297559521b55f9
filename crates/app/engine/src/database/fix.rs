//! Changing a database: what can be applied, applying it, taking it back, and whether it worked. Everything is noted in
//! the ledger before it is done.

mod error;
mod fixable;
mod journal;
mod plans;
mod rehearsal;
mod verdict;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::{Moment, database::TableName};
use postgres::{
    Target,
    apply::{self, ApplyError, Counters, Done, News, Options, Past, Stop},
};
use store::ledger::{
    Backend, Direction, Entry, Event, IndexReading, IndexTarget, Ledger, LedgerError, LedgerPlace,
    Proposal, Readings, Remedy, RemedyId, State, StatementReading,
};

pub use error::FixError;
pub use fixable::{Fixable, fixable_of, fixables, rewrite_of};
pub use plans::PlanUse;
pub use rehearsal::{Place, RehearsalNews, RehearsalRequest, Rehearsed, can_be_rehearsed};
pub use store::ledger::{Rehearsal, RehearsalOutcome};
pub use verdict::{Judgement, Outcome, Poll, StatementChange, judge};

use crate::machine;
use journal::Noting;
use plans::plan_use;

/// The ledger, and everything that is done with it. It is made with the first thing that is noted: looking leaves nothing.
#[derive(Debug)]
pub struct Fixes {
    place: LedgerPlace,
    ledger: Option<Ledger>,
}

impl Fixes {
    /// Opens the ledger, in the folder of the store or on a server.
    ///
    /// # Errors
    ///
    /// See [`Ledger::open`].
    pub fn open(place: impl Into<LedgerPlace>) -> Result<Self, FixError> {
        let place = place.into();
        let is_there = Ledger::is_in(&place);
        let mut fixes = Self { place, ledger: None };
        if is_there {
            fixes.ledger()?;
        }
        Ok(fixes)
    }

    /// The ledger, made if it is not there yet.
    fn ledger(&mut self) -> Result<&mut Ledger, LedgerError> {
        let ledger = match self.ledger.take() {
            Some(ledger) => ledger,
            None => Ledger::open(&self.place, env!("CARGO_PKG_VERSION"), now())?,
        };
        Ok(self.ledger.insert(ledger))
    }

    /// How the ledger calls a database. Where machines share the ledger each has a `localhost` of its own.
    fn server_of(&self, target: &Target) -> String {
        if self.place.server.is_some() && target.is_near() {
            return format!("{target} on {}", machine::name());
        }
        target.to_string()
    }

    /// All remedies of this server and database, in the order in which they were proposed; of all without one.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn remedies(&self, target: Option<&Target>) -> Result<Vec<Remedy>, FixError> {
        let ledger = self.ledger.as_ref();
        let mut remedies = ledger.map(Ledger::remedies).transpose()?.unwrap_or_default();
        let server = target.map(|target| self.server_of(target));
        remedies.retain(|remedy| {
            server.as_ref().is_none_or(|server| *server == remedy.proposal.server)
        });
        Ok(remedies)
    }

    /// A remedy with its history.
    ///
    /// # Errors
    ///
    /// There is none of that number, or the disk fails.
    pub fn remedy(&self, id: RemedyId) -> Result<Remedy, FixError> {
        let ledger = self.ledger.as_ref();
        let remedy = ledger.map(|ledger| ledger.remedy(id)).transpose()?.flatten();
        Ok(remedy.ok_or(LedgerError::Unknown { id })?)
    }

    /// Notes what can be applied, unless it is known.
    ///
    /// # Errors
    ///
    /// The disk is full or fails.
    pub fn propose(&mut self, target: &Target, fixable: &Fixable) -> Result<RemedyId, FixError> {
        let proposal = Proposal {
            finding: fixable.id.clone(),
            server: self.server_of(target),
            fault: fixable.fault.clone(),
            claim: fixable.claim.clone(),
            change: fixable.change.clone(),
            statements: fixable.statements.clone(),
        };
        Ok(self.ledger()?.propose(&proposal, now())?)
    }

    /// Makes the change, and takes note of what the statements that it is for cost before and from then on.
    ///
    /// # Errors
    ///
    /// Another process is at it, or see [`apply::apply`].
    pub async fn apply(
        &mut self,
        id: RemedyId,
        target: &Target,
        options: Options,
        (tell, stop): (&mut (dyn FnMut(News) + Send), Stop),
    ) -> Result<Done, FixError> {
        let claim = self.ledger()?.claim(id)?.ok_or(FixError::Claimed)?;
        let remedy = self.remedy(id)?;
        if remedy.proposal.change.apply.is_empty() {
            return Err(FixError::Code);
        }
        let before = self.read(target, &remedy).await?;
        let started = Event::Started { direction: Direction::Apply, before };
        self.ledger()?.append(id, &started, now())?;
        let past = past(&remedy);
        let direction = Direction::Apply;
        let mut noting = Noting { ledger: self.ledger()?, id, claim: &claim, direction, tell };
        let change = &remedy.proposal.change;
        let done = apply::apply(target, change, &past, options, (&mut noting, stop)).await;
        let done = self.or_failed(id, done)?;
        if !remedy.state.is_in_force() || 0 < done.statements {
            let baseline = self.read(target, &remedy).await?;
            self.ledger()?.append(id, &Event::Applied { baseline }, now())?;
        }
        Ok(done)
    }

    /// Rehearses a change where it harms nobody, and notes what came out. What could not be measured is not noted.
    ///
    /// # Errors
    ///
    /// The change is in force, nothing of it can be rehearsed, the place is a primary, or a server fails.
    pub async fn rehearse(
        &mut self,
        fixable: &Fixable,
        request: &RehearsalRequest,
        (tell, stop): (&mut (dyn FnMut(RehearsalNews) + Send), Stop),
    ) -> Result<Rehearsed, FixError> {
        let known = self.remedies(Some(&request.target))?.into_iter().rev().find(|remedy| {
            remedy.proposal.finding == fixable.id && remedy.proposal.change == fixable.change
        });
        if let Some(remedy) = known.filter(|remedy| remedy.state.is_in_force()) {
            return Err(FixError::InForce { state: remedy.state });
        }
        let rehearsed = rehearsal::rehearse(fixable, request, (tell, stop)).await?;
        if rehearsed.figures.outcome != RehearsalOutcome::Open {
            let id = self.propose(&request.target, fixable)?;
            let report = format!("{}, {}", rehearsed.figures.outcome.as_str(), rehearsed.claim);
            let event = Event::Rehearsed { report, figures: rehearsed.figures.clone() };
            self.ledger()?.append(id, &event, now())?;
        }
        Ok(rehearsed)
    }

    /// Takes the change back, and notes why if `because` says it.
    ///
    /// # Errors
    ///
    /// There is nothing that would take it back, another process is at it, or see [`apply::revert`].
    pub async fn revert(
        &mut self,
        (id, because): (RemedyId, &str),
        target: &Target,
        options: Options,
        (tell, stop): (&mut (dyn FnMut(News) + Send), Stop),
    ) -> Result<Done, FixError> {
        let claim = self.ledger()?.claim(id)?.ok_or(FixError::Claimed)?;
        let remedy = self.remedy(id)?;
        let past = past(&remedy);
        let change = &remedy.proposal.change;
        // One that failed may have been applied in part, and one that died as well.
        let touched = remedy.state.is_in_force() || remedy.state == State::Failed;
        if !touched && past == Past::default() {
            return Err(FixError::NotInForce { state: remedy.state });
        }
        if change.revert.is_empty() && past == Past::default() {
            return Err(FixError::OneWay);
        }
        let before = self.read(target, &remedy).await?;
        let started = Event::Started { direction: Direction::Revert, before };
        self.ledger()?.append(id, &started, now())?;
        let direction = Direction::Revert;
        let mut noting = Noting { ledger: self.ledger()?, id, claim: &claim, direction, tell };
        let done = apply::revert(target, change, &past, options, (&mut noting, stop)).await;
        let done = self.or_failed(id, done)?;
        let because = because.to_owned();
        self.ledger()?.append(id, &Event::Reverted { because }, now())?;
        Ok(done)
    }

    /// Compares what was counted before and after, with polls over `time` (zero for one look) or until `stop`. What
    /// comes out is noted.
    ///
    /// # Errors
    ///
    /// The database does not have the change, or cannot be reached.
    pub async fn check(
        &mut self,
        id: RemedyId,
        target: &Target,
        time: Duration,
        (tell, mut stop): (&mut (dyn FnMut(&Judgement) + Send), impl Future<Output = ()> + Unpin),
    ) -> Result<Judgement, FixError> {
        let remedy = self.remedy(id)?;
        if !remedy.state.is_in_force() {
            return Err(FixError::NotInForce { state: remedy.state });
        }
        let mut polls: Vec<Poll> = Vec::new();
        let pause = (time / POLLS).max(PAUSE_MIN);
        let began = SystemTime::now();
        let judgement = loop {
            let after = self.read(target, &remedy).await?;
            polls.push(after.clone());
            let judgement = judge(&remedy, &after, &polls);
            tell(&judgement);
            let passed = began.elapsed().unwrap_or(time);
            // Whoever looks until it looks good finds that it does: the time is what was asked for.
            if time <= passed {
                break judgement;
            }
            tokio::select! {
                () = tokio::time::sleep(pause.min(time.saturating_sub(passed))) => {}
                () = &mut stop => break judgement,
            }
        };
        let mut judgement = judgement;
        self.look_at_plans(&remedy, target, &mut judgement).await;
        let after = polls.pop().unwrap_or_default();
        let verdict = judgement.verdict.clone();
        let event = if judgement.outcome == Outcome::Proven {
            Event::Proven { verdict, after }
        } else {
            Event::Measured { verdict, after }
        };
        self.ledger()?.append(id, &event, now())?;
        Ok(judgement)
    }

    /// Whether the statements of a remedy are planned with what it made. They are not run; where that cannot be told,
    /// the counters have to do.
    async fn look_at_plans(&self, remedy: &Remedy, target: &Target, judgement: &mut Judgement) {
        let proposal = &remedy.proposal;
        let ids: Vec<i64> =
            proposal.statements.iter().map(|(id, _)| *id).filter(|id| *id != 0).collect();
        if ids.is_empty() || proposal.change.creates.is_empty() {
            return;
        }
        let created: Vec<&str> =
            proposal.change.creates.iter().map(|(_, name)| name.as_str()).collect();
        match apply::plans_now(target, &ids).await {
            Ok(plans) => {
                judgement.plans = plans.into_iter().map(|it| plan_use(it, &created)).collect();
                judgement.verdict.plans = judgement.plans.iter().map(PlanUse::line).collect();
            }
            Err(error) => {
                judgement.verdict.plans = vec![format!("plans were not looked at: {error}")];
            }
        }
    }

    /// The counters of what a remedy is about. Without them there is nothing to compare, which is told then.
    async fn read(&self, target: &Target, remedy: &Remedy) -> Result<Readings, FixError> {
        let proposal = &remedy.proposal;
        let query_ids: Vec<i64> = proposal.statements.iter().map(|(id, _)| *id).collect();
        let change = &proposal.change;
        let indexes: Vec<(TableName, String)> = change
            .creates
            .iter()
            .chain(&change.drops)
            .map(|(table, name)| (table.clone(), name.to_string()))
            .collect();
        Ok(readings(apply::counters(target, &query_ids, &indexes).await?))
    }

    /// Notes a failure that the change itself met; what kept it from being tried at all changes nothing.
    fn or_failed(
        &mut self,
        id: RemedyId,
        done: Result<Done, ApplyError>,
    ) -> Result<Done, FixError> {
        let untried = matches!(
            done,
            Err(ApplyError::Connect(_)
                | ApplyError::Busy { .. }
                | ApplyError::ReadOnly { .. }
                | ApplyError::Journal { .. })
        );
        if let (Err(error), false) = (&done, untried) {
            let cause = std::error::Error::source(error)
                .map_or_else(String::new, |source| format!(": {source}"));
            self.ledger()?.append(id, &Event::Failed { why: format!("{error}{cause}") }, now())?;
        }
        Ok(done?)
    }
}

/// Polls of one comparison: enough to tell how means vary, few enough to be no load.
const POLLS: u32 = 60;

/// As often as that at most.
const PAUSE_MIN: Duration = Duration::from_secs(2);

/// What earlier runs did and left open, since it was taken back last.
fn past(remedy: &Remedy) -> Past {
    let reverted =
        remedy.entries.iter().rposition(|entry| matches!(entry.event, Event::Reverted { .. }));
    let mut past = Past::default();
    for entry in remedy.entries.iter().skip(reverted.map_or(0, |place| place + 1)) {
        let Event::Intended { direction, sql, index, backend } = &entry.event else { continue };
        let index = index.as_ref().map(target_of);
        let settled = remedy.entries.iter().find(|later| later.event.settles() == Some(entry.id));
        match (settled.map(|entry| &entry.event), index, direction) {
            (None, index, _) => past.open.push((entry.id, intent_of(sql, index, backend.as_ref()))),
            (Some(Event::Ran { .. }), Some(index), Direction::Apply) if index.made => {
                past.made.push(index);
            }
            (Some(Event::Ran { .. }), Some(index), Direction::Apply) => past.dropped.push(index),
            // What could not be cleared then is ours to clear now.
            (Some(Event::Broke { left, .. }), Some(index), _) if !left.is_empty() && index.made => {
                past.made.push(index);
            }
            _ => {}
        }
    }
    past
}

fn target_of(index: &IndexTarget) -> apply::IndexTarget {
    apply::IndexTarget {
        table: index.table.clone(),
        name: index.name.clone(),
        definition: index.definition.clone(),
        made: index.made,
    }
}

fn intent_of(
    sql: &str,
    index: Option<apply::IndexTarget>,
    backend: Option<&Backend>,
) -> apply::Intent {
    let backend = backend.map_or_else(
        || apply::Backend { pid: 0, started: Moment::default() },
        |backend| apply::Backend { pid: backend.pid, started: backend.started },
    );
    apply::Intent { sql: sql.to_owned(), index, backend }
}

fn readings(counters: Counters) -> Readings {
    let statement = |counted: apply::StatementCounters| StatementReading {
        query_id: counted.query_id,
        text: counted.text,
        calls: counted.calls,
        total_millis: counted.total_millis,
        square_millis: counted.square_millis,
        rows: counted.rows,
        blocks: counted.blocks,
        wal_bytes: counted.wal_bytes,
    };
    let index = |(name, scans)| IndexReading { name, scans };
    Readings {
        time: counters.time,
        since: counters.since,
        statements: counters.statements.into_iter().map(statement).collect(),
        indexes: counters.indexes.into_iter().map(index).collect(),
    }
}

/// Now, by the clock of this machine.
#[must_use]
pub fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
}

/// An entry as one line for people.
#[must_use]
pub fn entry_text(entry: &Entry) -> String {
    match &entry.event {
        Event::Proposed => "proposed".to_owned(),
        Event::Rehearsed { report, .. } => format!("rehearsed: {report}"),
        Event::Started { direction, .. } => match direction {
            Direction::Apply => "applying began".to_owned(),
            Direction::Revert => "reverting began".to_owned(),
        },
        Event::Intended { sql, .. } => format!("sent: {sql}"),
        Event::Ran { millis, note, .. } if note.is_empty() => format!("done in {millis:.0} ms"),
        Event::Ran { note, .. } => format!("done: {note}"),
        Event::Broke { why, left, .. } if left.is_empty() => format!("not done: {why}"),
        Event::Broke { why, left, .. } => format!("not done: {why}; {left} is left behind"),
        Event::Applied { .. } => "applied".to_owned(),
        Event::Measured { verdict, .. } => format!("measured: {}", verdict.claim),
        Event::Proven { verdict, .. } => format!("proven: {}", verdict.claim),
        Event::Reverted { because } if because.is_empty() => "reverted".to_owned(),
        Event::Reverted { because } => format!("reverted: {because}"),
        Event::Failed { why } => format!("failed: {why}"),
    }
}
