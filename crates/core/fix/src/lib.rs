//! Stage 3, fix: a finding in, remedies out.
//!
//! A remedy names the faults that it answers and the proofs that can settle whether it worked; its
//! advice is written for the framework that the service's spans name, with the relation to load or the
//! column to index where the statements tell it.

mod database;
mod dialect;
mod gateway;
mod migrations;
mod names;
mod relations;
mod remedies;
pub mod rewrite;

use model::{Advice, Finding, Proof};

pub use gateway::paths_of;
pub use migrations::{MIGRATION_TOOLS, Migration, MigrationFile, MigrationTool, digits_of};
pub use remedies::REMEDIES;

/// A way of answering faults.
#[derive(Debug)]
pub struct Remedy {
    /// Readable name, an imperative; also that of its file with `-` for `_`: `eager-load`.
    pub name: &'static str,
    /// What it does, as an imperative.
    pub title: &'static str,
    /// Names of the faults that it answers.
    pub answers: &'static [&'static str],
    /// Proofs that can settle whether it worked.
    pub proofs: &'static [Proof],
    /// What to do about this finding; `None` if it is none of its business after all.
    pub advise: fn(&Finding) -> Option<Hint>,
}

/// What a remedy says about one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// An imperative in one sentence or two.
    pub text: String,
    /// Code or SQL to copy.
    pub snippet: Option<model::Snippet>,
    /// What Taut can do itself, where it can.
    pub change: Option<model::Change>,
}

/// What to do about a finding, best first.
#[must_use]
pub fn advise(finding: &Finding) -> Vec<Advice> {
    REMEDIES
        .iter()
        .filter(|remedy| remedy.answers.contains(&finding.fault))
        .filter_map(|remedy| {
            let Hint { text, snippet, change } = (remedy.advise)(finding)?;
            let proofs = remedy.proofs.to_vec();
            let gateway = remedies::gateway_change(remedy.name, finding);
            Some(Advice { remedy: remedy.name, text, snippet, change, gateway, proofs })
        })
        .collect()
}

/// How many of a finding's calls the best remedy leaves, where the statements tell it better than the
/// detector could: what the framework joins to the list needs no statement of its own.
#[must_use]
pub fn calls_after(finding: &Finding) -> Option<u32> {
    let reads = finding.evidence.statement.as_ref().is_some_and(|text| !text.kind.writes());
    (finding.fault == "n-plus-one" && reads && finding.evidence.source.is_some())
        .then(|| remedies::statements_of_eager_load(finding))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_remedy_and_every_remedy_a_fault_and_a_proof() {
        for detector in find::DETECTORS {
            assert!(
                REMEDIES.iter().any(|remedy| remedy.answers.contains(&detector.name)),
                "nothing answers {}",
                detector.name
            );
        }
        for remedy in REMEDIES {
            assert!(!remedy.proofs.is_empty(), "{} cannot be proven", remedy.name);
            for fault in remedy.answers {
                assert!(find::detector(fault).is_some(), "{} answers {fault}", remedy.name);
            }
        }
    }

    #[test]
    fn the_table_names_every_file() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/remedies");
        // A folder holds the parts of the remedy of its name.
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_str().unwrap().replace('_', "-"))
            .filter(|name| name != "snippets")
            .collect();
        files.sort();
        files.dedup();
        let mut names: Vec<&str> = REMEDIES.iter().map(|remedy| remedy.name).collect();
        names.sort_unstable();
        assert_eq!(names, files, "src/remedies.rs and src/remedies/ disagree");
    }
}
