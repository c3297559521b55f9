//! What is to be fixed: looked up in the ledger, or looked for in the database.

use std::time::Duration;

use config::Settings;
use engine::database::{
    DatabaseRequest, find_in,
    fix::{Fixable, Fixes, fixable_of, fixables, rewrite_of},
};
use indicatif::ProgressBar;
use postgres::Target;
use store::ledger::Remedy;
use tokio::runtime::Runtime;

use super::doing::failure;
use crate::say::Failure;

/// Fewer letters of an id name too many.
const PREFIX_MIN: usize = 2;

pub(super) struct Finder<'a> {
    pub(super) target: &'a Target,
    pub(super) settings: &'a Settings,
    pub(super) runtime: &'a Runtime,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which<'a> {
    /// The finding whose id begins like that.
    Id(&'a str),
    /// An index to create or drop.
    Index(&'a str),
    /// A statement, and the one in its place.
    Rewrite(&'a str, &'a str),
}

/// What was chosen.
pub(super) struct Chosen {
    pub(super) fixable: Fixable,
    /// What the ledger has of it.
    pub(super) remedy: Option<Remedy>,
}

impl Finder<'_> {
    /// Everything in the database that can be applied, worst first.
    pub(super) fn all(&self) -> Result<Vec<Fixable>, Failure> {
        let request = DatabaseRequest {
            target: self.target.clone(),
            standbys: Vec::new(),
            watch: None,
            budget_bytes: None,
            settings: self.settings.find.clone(),
            targets: self.settings.targets,
            levels: self.settings.levels,
        };
        // On a terminal alone: choosing indexes for a large workload takes a while.
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(200));
        let found = find_in(&request, &[], &mut |step| bar.set_message(step.to_string()));
        bar.finish_and_clear();
        let found = found.map_err(|error| Failure::world(&error).hint(error.hint()))?;
        Ok(fixables(&found.findings))
    }

    /// The one that is meant. `known` if only what was applied can be meant.
    pub(super) fn choose(
        &self,
        which: Which<'_>,
        (fixes, known): (&Fixes, bool),
    ) -> Result<Chosen, Failure> {
        let remedies = fixes.remedies(Some(self.target)).map_err(|error| failure(&error))?;
        let fixable = match which {
            Which::Id(id) => return self.of_id(id, &remedies, known),
            Which::Index(sql) => self
                .runtime
                .block_on(fixable_of(self.target, sql))
                .map_err(|error| failure(&error))?,
            Which::Rewrite(before, after) => rewrite_of(self.target, before, after),
        };
        let remedy = newest(&remedies, |remedy| remedy.proposal.finding == fixable.id);
        Ok(Chosen { fixable, remedy })
    }

    fn of_id(&self, id: &str, remedies: &[Remedy], known: bool) -> Result<Chosen, Failure> {
        let prefix = id.to_ascii_lowercase();
        let hexadecimal = prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
        if prefix.len() < PREFIX_MIN || !hexadecimal {
            return Err(Failure::use_of(format!("`{prefix}` is no id of a finding"))
                .hint(format!("`taut fix` lists them; the first {PREFIX_MIN} letters are enough, if no other begins so")));
        }
        let matches = |remedy: &Remedy| remedy.proposal.finding.starts_with(&prefix);
        let noted: Vec<&str> = remedies
            .iter()
            .filter(|remedy| matches(remedy))
            .map(|remedy| remedy.proposal.finding.as_str())
            .collect();
        one(&prefix, &noted)?;
        // What is under way, or in force, is meant as it was applied, whatever would be proposed today.
        let going_on = newest(remedies, |remedy| {
            matches(remedy)
                && (known || remedy.state.is_in_force() || remedy.unsettled().next().is_some())
        });
        if let Some(remedy) = going_on {
            return Ok(Chosen { fixable: of(&remedy), remedy: Some(remedy) });
        }
        if known {
            return Err(Failure::use_of(format!("the ledger has nothing of `{prefix}`")).hint(
                "`taut fix` lists what was applied; --store names the folder of the ledger",
            ));
        }
        let found = self.all()?;
        let ids: Vec<&str> = found
            .iter()
            .map(|fixable| fixable.id.as_str())
            .filter(|id| id.starts_with(&prefix))
            .collect();
        one(&prefix, &ids)?;
        let fixable = found.into_iter().find(|fixable| fixable.id.starts_with(&prefix));
        if let Some(fixable) = fixable {
            let remedy = newest(remedies, |remedy| {
                remedy.proposal.finding == fixable.id && remedy.proposal.change == fixable.change
            });
            return Ok(Chosen { fixable, remedy });
        }
        // It is not found any more; what was meant by it once is still known.
        newest(remedies, matches)
            .map(|remedy| Chosen { fixable: of(&remedy), remedy: Some(remedy) })
            .ok_or_else(|| {
                Failure::use_of(format!("nothing that can be applied has the id `{prefix}`"))
                    .hint("`taut fix` lists what can be applied; what else is found is changed in the code, as `taut find` says")
            })
    }
}

/// Several ids that begin alike are told apart by more of their letters.
fn one(prefix: &str, ids: &[&str]) -> Result<(), Failure> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() <= 1 {
        return Ok(());
    }
    Err(Failure::use_of(format!("`{prefix}` is the beginning of several ids"))
        .hint(format!("give more of it: {}", ids.join(", "))))
}

fn newest(remedies: &[Remedy], is_it: impl Fn(&Remedy) -> bool) -> Option<Remedy> {
    remedies.iter().rev().find(|remedy| is_it(remedy)).cloned()
}

/// What the ledger keeps of it.
fn of(remedy: &Remedy) -> Fixable {
    let proposal = &remedy.proposal;
    Fixable {
        id: proposal.finding.clone(),
        fault: proposal.fault.clone(),
        claim: proposal.claim.clone(),
        change: proposal.change.clone(),
        statements: proposal.statements.clone(),
        ..Fixable::default()
    }
}
