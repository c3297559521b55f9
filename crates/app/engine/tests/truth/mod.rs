//! Recordings of real spans held against what is true of them, through the pipeline that `taut find` runs.
//!
//! A disagreement is one line that names the recording; a test asks for none, and shows all at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use engine::{Analysis, SeenBefore};
use find::{Levels, Outcome, Settings, Targets};
use serde::Deserialize;

/// What is true of one recording.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Truth {
    /// Faults that have to be found.
    pub must: BTreeSet<String>,
    /// Faults that may be found, and why they are true.
    pub may: BTreeMap<String, String>,
    /// Faults that must not be found, and why they are false. Whatever is in neither list is as false.
    pub must_not: BTreeMap<String, String>,
    /// Calls at fault in the median request, by fault, which has to be one finding.
    pub calls_now: BTreeMap<String, u32>,
}

/// A folder of the repository, from its root.
pub(crate) fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(path)
}

/// Reads a file of truths.
pub(crate) fn expected<T: for<'a> Deserialize<'a>>(path: &Path) -> T {
    let text = std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names of the recordings in a folder, without what follows the first dot of the file's name.
pub(crate) fn recordings(folder: &Path) -> BTreeMap<String, PathBuf> {
    std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", folder.display()))
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "gz"))
        .map(|path| {
            let file = path.file_name().expect("a file").to_string_lossy().into_owned();
            let name = file.split('.').next().expect("at least one part").to_owned();
            (name, path)
        })
        .collect()
}

/// What is found in a recording.
pub(crate) fn found_in(path: &Path) -> Outcome {
    let read = engine::read_file(path).unwrap_or_else(|error| panic!("{error}"));
    assert!(read.problems.is_empty(), "{}: {:?}", path.display(), read.problems);
    assert_eq!(read.rejected, 0, "{}", path.display());
    assert!(!read.spans.is_empty(), "{} holds no span", path.display());
    let mut analysis =
        Analysis::new(Settings::default(), Targets::default(), Levels::default(), None);
    for trace in &engine::traces_of(&read.spans) {
        let _facts = analysis.add(trace, &mut SeenBefore::default());
    }
    analysis.look_at_window();
    analysis.outcome()
}

/// What is found and not true, and what is true and not found.
pub(crate) fn disagreements(name: &str, truth: &Truth, outcome: &Outcome) -> Vec<String> {
    let found: BTreeSet<&str> = outcome.findings.iter().map(|finding| finding.fault).collect();
    let missed = truth.must.iter().filter(|fault| !found.contains(fault.as_str()));
    let mut lines: Vec<String> =
        missed.map(|fault| format!("{name}: {fault} is not found")).collect();
    for finding in &outcome.findings {
        let fault = finding.fault;
        if !truth.must.contains(fault) && !truth.may.contains_key(fault) {
            let why = truth.must_not.get(fault).map_or("nothing says that it is true", |why| why);
            lines.push(format!(
                "{name}: {fault} is found in {} of {} requests of {} ({}; saves {:.0} ms), but {why}",
                finding.sightings,
                finding.requests,
                finding.operation.operation,
                finding.claim,
                finding.impact.saved_seconds * 1_000.0,
            ));
        }
    }
    for (fault, calls) in &truth.calls_now {
        let counted: Vec<u32> = outcome
            .findings
            .iter()
            .filter(|finding| *finding.fault == **fault)
            .map(|finding| finding.calls_now)
            .collect();
        if counted != [*calls] {
            lines.push(format!(
                "{name}: {fault} counts {counted:?} calls, a figure for each finding, where [{calls}] are at fault"
            ));
        }
    }
    lines
}
