//! What Taut and perf-sentinel say of a file, in the words of `expected.toml`.
//!
//! perf-sentinel is a peer with the same aim, under the AGPL: its program is run, nothing of it is used.

use std::{
    collections::BTreeSet,
    env, io,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::children::{self, Run};

/// A program that finds faults in files of traces.
#[derive(Debug, Clone)]
pub struct Tool {
    /// Its name and version.
    pub name: String,
    program: PathBuf,
    whose: Whose,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Peer,
}

/// Faults that a finding of the peer stands for, the nearest first. Where its kinds are wider than ours, any
/// of them that is true makes it right.
const MEANINGS: &[(&str, &[&str])] = &[
    ("n_plus_one_sql", &["n-plus-one"]),
    ("n_plus_one_http", &["n-plus-one-calls", "retry-storm"]),
    ("redundant_sql", &["duplicate-statement", "n-plus-one"]),
    ("redundant_http", &["n-plus-one-calls", "retry-storm"]),
    ("slow_sql", &["slow-statement", "deep-offset", "exact-count"]),
    ("slow_http", &["blocking-call"]),
    ("excessive_fanout", &["n-plus-one", "n-plus-one-calls", "chatty-service"]),
    ("chatty_service", &["chatty-service", "n-plus-one-calls"]),
    ("pool_saturation", &["connection-churn"]),
    ("serialized_calls", &["serial-calls"]),
];

impl Tool {
    /// The `taut` that was built beside this program.
    ///
    /// # Errors
    ///
    /// It is not there.
    pub fn taut() -> io::Result<Self> {
        let program = env::current_exe()?.with_file_name("taut");
        Self::new(program, Whose::Ours).ok_or_else(|| {
            io::Error::other("there is no `taut` beside this program: cargo build --release -p cli")
        })
    }

    /// perf-sentinel, if it was installed (in `BENCH_PEERS`, or somewhere in `PATH`).
    #[must_use]
    pub fn peer() -> Option<Self> {
        let name = "perf-sentinel";
        let folder = env::var_os("BENCH_PEERS").map(PathBuf::from);
        folder
            .and_then(|folder| Self::new(folder.join(name), Whose::Peer))
            .or_else(|| Self::new(name.into(), Whose::Peer))
    }

    fn new(program: PathBuf, whose: Whose) -> Option<Self> {
        let output = Command::new(&program).arg("--version").output().ok()?;
        let name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(Self { name, program, whose })
    }

    /// Looks for faults in a file.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn find(&self, file: &Path, folder: &Path) -> io::Result<Run> {
        let mut command = Command::new(&self.program);
        match self.whose {
            Whose::Ours => command.args(["find", "--json", "--fail-on", "never"]).arg(file),
            Whose::Peer => command.args(["analyze", "--format", "json", "--input"]).arg(file),
        };
        command.current_dir(folder);
        let run = children::run(&mut command, folder)?;
        if run.code != Some(0) {
            let said = run.complained.trim();
            let told = format!("`{}` ended with {:?}: {said}", self.name, run.code);
            return Err(io::Error::other(told));
        }
        Ok(run)
    }

    /// What it found: each kind once, and how many findings in all.
    ///
    /// # Errors
    ///
    /// It printed no JSON.
    pub fn kinds(&self, run: &Run) -> io::Result<(BTreeSet<String>, usize)> {
        let report: Value = serde_json::from_slice(&run.printed).map_err(io::Error::other)?;
        let findings = report.get("findings").and_then(Value::as_array);
        let findings = findings.map(Vec::as_slice).unwrap_or_default();
        let key = match self.whose {
            Whose::Ours => "fault",
            Whose::Peer => "type",
        };
        let kind = |finding: &Value| finding.get(key)?.as_str().map(str::to_owned);
        Ok((findings.iter().filter_map(kind).collect(), findings.len()))
    }

    /// The faults that a kind of finding stands for.
    #[must_use]
    pub fn meaning<'a>(&self, kind: &'a str) -> Vec<&'a str> {
        match self.whose {
            Whose::Ours => vec![kind],
            Whose::Peer => MEANINGS
                .iter()
                .find(|(known, _)| *known == kind)
                .map(|(_, faults)| faults.to_vec())
                .unwrap_or_default(),
        }
    }
}
