//! The file of a baseline: JSON that lies in somebody's repository, so it is sorted, one fact a line, and says what it is.

use std::{collections::BTreeMap, fs, io, path::Path, path::PathBuf, sync::Arc};

use model::OperationKey;
use prove::gate::{Baseline, KEPT_QUANTILES, Kept, KeptTime, Measure};
use serde::{Deserialize, Serialize};
use stats::Interval;

/// Bytes of a baseline at most: some hundred for each statement of ten thousand endpoints.
pub const BASELINE_BYTES_MAX: u64 = 64 << 20;

/// The version that is written, and the newest that is read.
const VERSION: u64 = 1;

/// Why a baseline could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The system refused.
    #[error("failed to read the baseline `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is larger than what any run writes.
    #[error("the baseline `{path}` has {bytes} bytes; at most {BASELINE_BYTES_MAX} are read")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// It is no baseline, or half of one.
    #[error("`{path}` is no baseline")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// It is a baseline of another version.
    #[error("the baseline `{path}` is of version {found}, and this Taut knows {VERSION}")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
}

impl BaselineError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "the first time, write it: `taut check --baseline FILE --update`"
            }
            Self::Io { .. } => "check who may read the file",
            Self::TooLarge { .. } | Self::Format { .. } => {
                "give a file that `taut check --baseline FILE --update` has written; a merge may have left \
                 marks in it"
            }
            Self::Version { .. } => {
                "use the newer Taut, or write it anew: `taut check --baseline FILE --update`"
            }
        }
    }
}

/// Reads a baseline.
///
/// # Errors
///
/// The file cannot be read, or is no baseline of a version that is known.
pub fn read_baseline(path: &Path) -> Result<Baseline, BaselineError> {
    let failed = |source| BaselineError::Io { path: path.to_owned(), source };
    let bytes = fs::metadata(path).map_err(failed)?.len();
    if BASELINE_BYTES_MAX < bytes {
        return Err(BaselineError::TooLarge { path: path.to_owned(), bytes });
    }
    let text = fs::read(path).map_err(failed)?;
    let wrong = |source| BaselineError::Format { path: path.to_owned(), source };
    // The version first: a newer one may have fields that are unknown here.
    let Version { version } = serde_json::from_slice(&text).map_err(wrong)?;
    if version != VERSION {
        return Err(BaselineError::Version { path: path.to_owned(), found: version });
    }
    let wire: Wire = serde_json::from_slice(&text).map_err(wrong)?;
    Ok(from_wire(wire))
}

/// The text of a baseline; equal for equal baselines.
#[must_use]
pub fn baseline_text(baseline: &Baseline) -> String {
    let mut services: BTreeMap<String, BTreeMap<String, KeptWire>> = BTreeMap::new();
    for (key, kept) in &baseline.endpoints {
        let service = services.entry(key.service.to_string()).or_default();
        service.insert(key.operation.to_string(), to_wire(kept));
    }
    let wire = Wire { version: VERSION, services };
    let text = serde_json::to_string_pretty(&wire).expect("texts and numbers always are JSON");
    format!("{text}\n")
}

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "taut-baseline")]
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(rename = "taut-baseline")]
    version: u64,
    services: BTreeMap<String, BTreeMap<String, KeptWire>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptWire {
    requests: u64,
    queries: u64,
    duplicates: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    times: BTreeMap<String, TimeWire>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    statements: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeWire {
    ms: f64,
    from_ms: f64,
    to_ms: f64,
}

fn to_wire(kept: &Kept) -> KeptWire {
    let times = kept.times.iter().map(|(measure, time)| {
        let wire = TimeWire {
            ms: millis(time.nanos),
            from_ms: millis(time.interval.low),
            to_ms: millis(time.interval.high),
        };
        (measure.name().to_owned(), wire)
    });
    let statements = kept.statements.iter();
    KeptWire {
        requests: kept.requests,
        queries: kept.queries,
        duplicates: kept.duplicates,
        bytes: kept.bytes,
        times: times.collect(),
        statements: statements
            .map(|(fingerprint, text)| (format!("{fingerprint:016x}"), text.clone()))
            .collect(),
    }
}

fn from_wire(wire: Wire) -> Baseline {
    let mut baseline = Baseline::default();
    for (service, endpoints) in wire.services {
        let service: Arc<str> = Arc::from(service);
        for (operation, kept) in endpoints {
            let key = OperationKey { service: Arc::clone(&service), operation: operation.into() };
            baseline.endpoints.insert(key, kept_of(kept));
        }
    }
    baseline
}

fn kept_of(wire: KeptWire) -> Kept {
    let times = KEPT_QUANTILES.into_iter().filter_map(|measure: Measure| {
        let time = wire.times.get(measure.name())?;
        let interval = Interval { low: nanos(time.from_ms), high: nanos(time.to_ms) };
        Some((measure, KeptTime { nanos: nanos(time.ms), interval }))
    });
    let times = times.collect();
    let statements = wire.statements.into_iter().filter_map(|(fingerprint, text)| {
        Some((u64::from_str_radix(&fingerprint, 16).ok()?, text))
    });
    Kept {
        requests: wire.requests,
        queries: wire.queries,
        duplicates: wire.duplicates,
        bytes: wire.bytes,
        times,
        statements: statements.collect(),
    }
}

/// Milliseconds to the nanosecond; what arithmetic adds behind that would only be noise in a diff.
fn millis(nanos: f64) -> f64 {
    nanos.round() / 1e6
}

fn nanos(millis: f64) -> f64 {
    (millis * 1e6).round().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline() -> Baseline {
        let interval = Interval { low: 11_000_000.0, high: 13_000_000.0 };
        let kept = Kept {
            requests: 12,
            queries: 3,
            duplicates: 1,
            bytes: Some(2_048),
            times: BTreeMap::from([(Measure::P50, KeptTime { nanos: 12_300_000.0, interval })]),
            statements: BTreeMap::from([(0xab, "SELECT \"x\" FROM t".to_owned())]),
        };
        let key = OperationKey { service: Arc::from("shop"), operation: Arc::from("GET /a") };
        Baseline { endpoints: BTreeMap::from([(key, kept)]) }
    }

    fn read(text: &str) -> Result<Baseline, BaselineError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("baseline.json");
        fs::write(&path, text).unwrap();
        read_baseline(&path)
    }

    #[test]
    fn what_is_written_is_read_back_and_can_be_read_in_a_diff() {
        let text = baseline_text(&baseline());
        insta::assert_snapshot!(text, @r#"
        {
          "taut-baseline": 1,
          "services": {
            "shop": {
              "GET /a": {
                "requests": 12,
                "queries": 3,
                "duplicates": 1,
                "bytes": 2048,
                "times": {
                  "p50": {
                    "ms": 12.3,
                    "from_ms": 11.0,
                    "to_ms": 13.0
                  }
                },
                "statements": {
                  "00000000000000ab": "SELECT \"x\" FROM t"
                }
              }
            }
          }
        }
        "#);
        assert_eq!(read(&text).unwrap(), baseline());
    }

    #[test]
    fn half_a_file_another_version_and_something_else_are_told_apart() {
        let text = baseline_text(&baseline());
        let half = text.get(..text.len() / 2).unwrap();
        assert!(matches!(read(half), Err(BaselineError::Format { .. })));
        assert!(matches!(read("{}"), Err(BaselineError::Format { .. })));
        let newer = text.replace("\"taut-baseline\": 1", "\"taut-baseline\": 2");
        assert!(matches!(read(&newer), Err(BaselineError::Version { found: 2, .. })));
        let missing = read_baseline(Path::new("/nowhere/baseline.json")).unwrap_err();
        assert!(missing.hint().contains("--update"));
    }
}
