//! The ledger as the journal of a run: nothing is sent that is not on the disk.

use postgres::apply::{Intent, Journal, JournalError, News, Outcome};
use store::ledger::{Backend, Claim, Direction, Event, IndexTarget, Ledger, RemedyId};

use super::now;

pub(super) struct Noting<'a> {
    pub(super) ledger: &'a mut Ledger,
    pub(super) id: RemedyId,
    pub(super) claim: &'a Claim,
    pub(super) direction: Direction,
    pub(super) tell: &'a mut (dyn FnMut(News) + Send),
}

impl Journal for Noting<'_> {
    fn intend(&mut self, intent: &Intent) -> Result<i64, JournalError> {
        // Another machine may have it by now.
        self.claim.check()?;
        let event = Event::Intended {
            direction: self.direction,
            sql: intent.sql.clone(),
            index: intent.index.as_ref().map(|index| IndexTarget {
                table: index.table.clone(),
                name: index.name.clone(),
                definition: index.definition.clone(),
                made: index.made,
            }),
            backend: Some(Backend { pid: intent.backend.pid, started: intent.backend.started }),
        };
        Ok(self.ledger.append(self.id, &event, now())?)
    }

    fn settle(&mut self, intent: i64, outcome: &Outcome) -> Result<(), JournalError> {
        let event = match outcome.clone() {
            Outcome::Ran { millis, note } => Event::Ran { intent, millis, note },
            Outcome::Broke { why, left } => Event::Broke { intent, why, left },
        };
        self.ledger.append(self.id, &event, now())?;
        Ok(())
    }

    fn tell(&mut self, news: News) {
        (self.tell)(news);
    }
}
