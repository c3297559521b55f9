//! Plans: EXPLAIN's output, in any of its formats and as people paste it, to one [`Plan`].
//!
//! What is around a plan is taken off first (`clean`), then each format is read into named values in JSON's words
//! (`text`, `json`, `yaml`, `xml`), which one builder tells apart by name (`build`): so that the same plan is the
//! same whatever it was written in. Nothing is thrown away: what is not known by name is kept in `extra`.

mod as_json;
mod build;
mod clean;
mod head;
mod json;
mod lists;
mod names;
mod property;
mod raw;
mod structured;
mod text;
mod times;
mod words;
mod xml;
mod yaml;

pub use as_json::as_json;
pub use times::{NodeTimes, PlanTimes, own_times};
pub use words::{details, role, title, value_text};

use model::{Plan, plan::PlanFormat};
use thiserror::Error;

/// Bytes of a text that is read. The largest plans that people share (thousands of partitions) have a few
/// megabytes.
pub const BYTES_MAX: usize = 64 << 20;

/// Nodes of one text. Ten times what PostgreSQL plans within a minute.
const NODES_MAX: usize = 1_000_000;

/// Why a text could not be read as a plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// There is nothing in it.
    #[error("the text is empty")]
    Empty,
    /// It is longer than any plan.
    #[error("the text has {bytes} bytes, more than the {bytes_max} that are read")]
    TooLarge {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
    /// Lists and maps within each other.
    #[error("the text is nested deeper than {levels_max} levels")]
    TooDeep {
        /// How deep it may be.
        levels_max: usize,
    },
    /// It is something else.
    #[error("no plan was found in the text")]
    NoPlan,
    /// EXPLAIN had nothing to say: the statement has no plan.
    #[error("the statement has no plan: `{said}`")]
    NoStatement {
        /// EXPLAIN's words.
        said: &'static str,
    },
}

impl PlanError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty | Self::NoPlan => {
                "paste all that `EXPLAIN (ANALYZE, BUFFERS) …` printed; text, JSON, YAML and XML are read"
            }
            Self::TooLarge { .. } | Self::TooDeep { .. } => "paste one plan at a time",
            Self::NoStatement { .. } => {
                "only SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES and the like have plans"
            }
        }
    }
}

/// What EXPLAIN says where there is nothing to explain.
const NOTHING: &[&str] = &[
    "Query rewrites to nothing",
    "Utility statements have no plan structure",
    "Utility Statement",
    "NOTIFY",
];

/// All plans in a text: what `EXPLAIN` printed, with whatever stands around it when people paste it.
///
/// # Errors
///
/// If there is none, or if it is larger or deeper than a plan can be.
pub fn read(text: &str) -> Result<Vec<Plan>, PlanError> {
    if BYTES_MAX < text.len() {
        return Err(PlanError::TooLarge { bytes: text.len(), bytes_max: BYTES_MAX });
    }
    if text.trim().is_empty() {
        return Err(PlanError::Empty);
    }
    let text = clean::clean(text);
    let format = format(&text);
    let raw = match format {
        PlanFormat::Text => text::plans(&text),
        _ => structured::plans(&text, format)?,
    };
    if NODES_MAX < raw.iter().map(|plan| plan.nodes.len()).sum() {
        return Err(PlanError::TooLarge { bytes: text.len(), bytes_max: BYTES_MAX });
    }
    let plans: Vec<Plan> =
        raw.into_iter().map(build::plan).filter(|plan| !plan.nodes.is_empty()).collect();
    if !plans.is_empty() {
        return Ok(plans);
    }
    let said = NOTHING.iter().find(|said| text.lines().any(|line| line.contains(**said)));
    Err(said.map_or(PlanError::NoPlan, |said| PlanError::NoStatement { said }))
}

/// The format by its marks.
fn format(text: &str) -> PlanFormat {
    let is_named = |mark: &str| {
        text.match_indices(mark).any(|(at, mark)| {
            let rest = text.get(at + mark.len()..).unwrap_or_default().trim_start();
            rest.starts_with(':') || rest.starts_with("=>")
        })
    };
    if text.contains("<Node-Type>") {
        PlanFormat::Xml
    } else if is_named("\"Node Type\"") || is_named("'Node Type'") {
        PlanFormat::Json
    } else if is_named("Node Type") {
        PlanFormat::Yaml
    } else {
        PlanFormat::Text
    }
}
