//! Stage 2, find: traces in, ranked findings out.
//!
//! A detector looks at one request ([`Looks::Request`]) or at a window of work ([`Looks::Window`]) and
//! reports sightings; the [`Board`] merges sightings of the same cause into findings and ranks them by
//! what they cost. Or it looks at a database as its statistics show it ([`Looks::Database`]), where each
//! sighting is a finding: [`database::look`]. Nothing here knows a format, a clock or a file.

pub mod advisor;
mod board;
mod critical;
pub mod database;
mod detectors;
mod knob;
pub mod plan;
mod rank;
mod view;
mod workload;

use model::{Sighting, Text};

pub use board::{Board, Outcome, Seen, Waste, Whole, identity};
pub use critical::{CriticalPath, Kind};
pub use database::{Cost, DatabaseSighting, DatabaseView};
pub use detectors::DETECTORS;
pub use knob::{Knob, Knobs};
pub use rank::{Levels, Targets};
pub use view::{RequestView, StatementGroup};
pub use workload::{OperationWork, PastRequest, Read, Workload};

/// A way of noticing one kind of fault.
#[derive(Debug)]
pub struct Detector {
    /// Stable number, accepted wherever a name is: `F001`. Never changes, never returns.
    pub code: &'static str,
    /// Readable name, also that of its files with `-` for `_`: `n-plus-one`.
    pub name: &'static str,
    /// What it notices, as a heading.
    pub title: &'static str,
    /// The manual page: what it notices, why it hurts, what to do.
    pub doc: &'static str,
    /// Person-days that the usual remedy takes somebody who knows the code.
    pub effort_days: f64,
    /// Share of an operation's requests that have to show it. 0 where one request proves the fault;
    /// more where a busy machine can make one request look like it.
    pub share_min: f64,
    /// What can be set, with defaults and their sources.
    pub knobs: &'static [&'static Knob],
    /// What it looks at, and how; the same fault may show in more than one place.
    pub looks: &'static [Looks],
}

/// What a detector looks at.
#[derive(Debug, Clone, Copy)]
pub enum Looks {
    /// One request of one trace.
    Request(fn(&RequestView<'_>, &Knobs<'_>, &mut Vec<Sighting>)),
    /// Recent requests of all operations.
    Window(fn(&Workload, &Knobs<'_>, &mut Vec<Sighting>)),
    /// Statistics and catalogs of a database.
    Database(fn(&DatabaseView<'_>, &Knobs<'_>, &mut Vec<DatabaseSighting>)),
}

/// The detector of this name or code.
#[must_use]
pub fn detector(name: &str) -> Option<&'static Detector> {
    DETECTORS
        .iter()
        .copied()
        .find(|known| known.name == name || known.code.eq_ignore_ascii_case(name))
}

/// Runs every detector that looks at single requests over one request.
///
/// What a sharper detector says of the same statement is left to that one.
#[must_use]
pub fn sightings(view: &RequestView<'_>, settings: &Settings) -> Vec<Sighting> {
    let mut found = Vec::new();
    for detector in DETECTORS {
        for looks in detector.looks {
            if let Looks::Request(run) = looks
                && settings.is_on(detector)
            {
                run(view, &settings.knobs(detector), &mut found);
            }
        }
    }
    drop_explained(&mut found);
    found
}

/// Runs every detector that looks at a window of work.
#[must_use]
pub fn window_sightings(workload: &Workload, settings: &Settings) -> Vec<Sighting> {
    let mut found = Vec::new();
    for detector in DETECTORS {
        for looks in detector.looks {
            if let Looks::Window(run) = looks
                && settings.is_on(detector)
            {
                run(workload, &settings.knobs(detector), &mut found);
            }
        }
    }
    found
}

/// Which detectors run, and with which figures.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Names of detectors that do not run.
    pub disabled: std::collections::BTreeSet<String>,
    /// Figures other than the default, by name of the detector and key of the knob.
    pub knobs: std::collections::BTreeMap<(String, String), f64>,
}

impl Settings {
    fn is_on(&self, detector: &Detector) -> bool {
        !self.disabled.contains(detector.name)
    }

    fn knobs<'a>(&'a self, detector: &'static Detector) -> Knobs<'a> {
        Knobs::new(detector.name, &self.knobs)
    }
}

/// Which faults need not be said of a statement of which a sharper one is said.
const EXPLAINED_BY: &[(&str, &[&str])] = &[
    ("slow-statement", &["deep-offset", "exact-count", "n-plus-one"]),
    ("wide-select", &["deep-offset"]),
];

fn drop_explained(found: &mut Vec<Sighting>) {
    let chatted: Vec<String> = found
        .iter()
        .filter(|sighting| sighting.fault == "chatty-service")
        .filter_map(|sighting| sighting.evidence.endpoint.as_ref())
        .map(ToString::to_string)
        .collect();
    found.retain(|sighting| {
        let endpoint = sighting.evidence.endpoint.as_deref().unwrap_or_default();
        let part = matches!(sighting.fault, "n-plus-one-calls" | "serial-calls");
        !part || !chatted.iter().any(|peer| endpoint.contains(peer.as_str()))
    });
    // One endpoint in a loop is said once, as the loop.
    let looped: Vec<Text> = found
        .iter()
        .filter(|sighting| sighting.fault == "n-plus-one-calls")
        .filter_map(|sighting| sighting.evidence.endpoint.clone())
        .collect();
    found.retain(|sighting| {
        let endpoint = sighting.evidence.endpoint.as_ref();
        sighting.fault != "serial-calls"
            || endpoint.is_none_or(|endpoint| !looped.contains(endpoint))
    });
    for (fault, sharper) in EXPLAINED_BY {
        let explained: Vec<u64> = found
            .iter()
            .filter(|sighting| sharper.contains(&sighting.fault))
            .flat_map(|sighting| {
                let evidence = &sighting.evidence;
                evidence.statement.iter().chain(&evidence.related).map(|text| text.fingerprint)
            })
            .collect();
        found.retain(|sighting| {
            let statement = sighting.evidence.statement.as_ref();
            sighting.fault != *fault
                || statement.is_none_or(|text| !explained.contains(&text.fingerprint))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_file() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/detectors");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".md").map(|stem| stem.replace('_', "-")))
            .collect();
        files.sort();
        let mut names: Vec<&str> = DETECTORS.iter().map(|detector| detector.name).collect();
        names.sort_unstable();
        assert_eq!(names, files, "src/detectors.rs and src/detectors/ disagree");
    }

    #[test]
    fn codes_rise_and_pages_are_complete() {
        for (index, detector) in DETECTORS.iter().enumerate() {
            for earlier in &DETECTORS[..index] {
                assert!(earlier.code < detector.code, "codes must rise: {}", detector.code);
            }
            let title = format!("# {}\n", detector.name);
            assert!(detector.doc.starts_with(&title), "{}: no {title:?}", detector.name);
            for heading in ["## What it notices", "## Why it hurts", "## What to do"] {
                assert!(detector.doc.contains(heading), "{}: no {heading:?}", detector.name);
            }
        }
    }

    #[test]
    fn a_detector_answers_to_its_name_and_its_code() {
        assert_eq!(detector("n-plus-one").unwrap().code, "F001");
        assert_eq!(detector("f001").unwrap().name, "n-plus-one");
        assert!(detector("n+1").is_none());
    }
}
