//! What is asked: a URL, or a TOML file with flows of steps.
//!
//! Texts may hold `{name}`: a column of the data file, or what an earlier step took out of its answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use prove::schedule::Think;
use serde::Deserialize;

use crate::{
    target::{Target, TargetError},
    text,
};

/// A scenario file at most.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// A data file at most: it is held in memory.
const DATA_BYTES_MAX: u64 = 64 << 20;
/// Flows, and steps of a flow, at most.
const FLOWS_MAX: usize = 100;

/// What is asked, of whom.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Of whom.
    pub target: Target,
    /// One of these at a time, by weight; at least one, each with at least one step.
    pub flows: Vec<Flow>,
    /// Rows that flows take by turns: name -> value.
    pub data: Vec<BTreeMap<String, String>>,
}

/// Steps one after the other, as one user does them.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Its name.
    pub name: String,
    /// How often, relative to the others.
    pub weight: f64,
    /// At least one.
    pub steps: Vec<Step>,
    /// Whether it goes on after an answer that is not what it has to be: what somebody did was not done because of a status.
    pub goes_on: bool,
}

/// A request with what is looked at in its answer.
#[derive(Debug, Clone)]
pub struct Step {
    /// What its latencies are told under: method and path as they are written.
    pub name: String,
    /// Its method.
    pub method: Method,
    /// Path and query, perhaps with `{names}`.
    pub path: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Its body, perhaps with `{names}`.
    pub body: String,
    /// How long its user thinks before the next step.
    pub think: Think,
    /// What is taken out of its answer: name -> where.
    pub extract: Vec<(String, Extract)>,
    /// What its answer has to be.
    pub check: Check,
}

/// Methods of HTTP that a load sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Method {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

/// Where in an answer something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extract {
    /// A JSON pointer into the body (RFC 6901): `/results/0/id`.
    Json(String),
    /// A header, by its lower-case name.
    Header(String),
}

/// What an answer has to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    /// One of these; any below 400 if empty.
    pub statuses: Vec<u16>,
    /// The body holds this.
    pub contains: Option<String>,
    /// Something is at this JSON pointer (RFC 6901); empty is the whole body.
    pub json: Option<String>,
}

/// Why something is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It cannot be read.
    #[error("failed to read `{}`", .0.display())]
    Unread(PathBuf, #[source] io::Error),
    /// It is not TOML, or has keys that are not known.
    #[error("failed to understand the scenario `{}`:\n{text}", .path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// What and where, with the line.
        text: String,
    },
    /// A value makes no sense.
    #[error("the scenario says {0}")]
    Wrong(String),
    /// Its target is none.
    #[error(transparent)]
    Target(#[from] TargetError),
}

impl Method {
    /// As it is sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    /// A method by its name, in any case.
    ///
    /// # Errors
    ///
    /// There is none of that name.
    pub fn parse(text: &str) -> Result<Self, String> {
        const ALL: [Method; 7] = [
            Method::Get,
            Method::Head,
            Method::Post,
            Method::Put,
            Method::Patch,
            Method::Delete,
            Method::Options,
        ];
        let known = ALL.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(text));
        known.ok_or_else(|| {
            format!("`{text}` is no method; known are GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
        })
    }

    /// Whether a body goes with it even if it is empty.
    pub(crate) fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

impl Scenario {
    /// One URL, again and again.
    ///
    /// # Errors
    ///
    /// It is none, or a header is none.
    pub fn url(
        url: &str,
        method: Method,
        headers: Vec<(String, String)>,
        body: String,
    ) -> Result<Self, ScenarioError> {
        let (target, path) = Target::parse(url)?;
        let name = format!("{} {}", method.as_str(), path);
        let step = Step {
            name: name.clone(),
            method,
            path,
            headers,
            body,
            think: Think::Never,
            extract: Vec::new(),
            check: Check::default(),
        };
        sound(Self {
            target,
            flows: vec![Flow { name, weight: 1.0, steps: vec![step], goes_on: false }],
            data: Vec::new(),
        })
    }

    /// A TOML file; its data file lies beside it.
    ///
    /// # Errors
    ///
    /// It cannot be read, or says what makes no sense.
    pub fn file(path: &Path) -> Result<Self, ScenarioError> {
        let written = read(path, FILE_BYTES_MAX)?;
        let wire: wire::Scenario = toml::from_str(&written).map_err(|error| {
            ScenarioError::Toml { path: path.to_owned(), text: error.to_string() }
        })?;
        let data = match &wire.data {
            None => Vec::new(),
            Some(name) => {
                let beside = path.parent().unwrap_or_else(|| Path::new(".")).join(name);
                rows(&read(&beside, DATA_BYTES_MAX)?).map_err(ScenarioError::Wrong)?
            }
        };
        let (target, base) = Target::parse(&wire.target)?;
        let base = base.trim_end_matches('/').to_owned();
        let flows = wire.flow.into_iter().map(|flow| flow.read(&base)).collect::<Result<_, _>>();
        sound(Self { target, flows: flows.map_err(ScenarioError::Wrong)?, data })
    }

    /// Whether a pass through one of its flows may be several requests.
    #[must_use]
    pub fn is_of_flows(&self) -> bool {
        self.flows.iter().any(|flow| 1 < flow.steps.len())
    }

    /// Names of all steps, each once, in order: places in here are routes.
    #[must_use]
    pub fn routes(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for step in self.flows.iter().flat_map(|flow| &flow.steps) {
            if !names.contains(&step.name) {
                names.push(step.name.clone());
            }
        }
        names
    }
}

fn read(path: &Path, most: u64) -> Result<String, ScenarioError> {
    let unread = |error| ScenarioError::Unread(path.to_owned(), error);
    let size = fs::metadata(path).map_err(unread)?.len();
    if most < size {
        let text = format!("it has {size} bytes, and at most {most} are read");
        return Err(unread(io::Error::new(io::ErrorKind::FileTooLarge, text)));
    }
    fs::read_to_string(path).map_err(unread)
}

/// Rows of a CSV with a head. Quotes as spreadsheets write them; no line breaks within a value.
fn rows(text: &str) -> Result<Vec<BTreeMap<String, String>>, String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let head = cells(lines.next().ok_or("a data file without a line")?);
    let mut rows = Vec::new();
    for (place, line) in lines.enumerate() {
        let row = cells(line);
        if row.len() != head.len() {
            let (has, wants) = (row.len(), head.len());
            return Err(format!(
                "row {} of the data file has {has} values for {wants} names",
                place + 1
            ));
        }
        rows.push(head.iter().cloned().zip(row).collect());
    }
    if rows.is_empty() {
        Err("a data file without a row below its head".to_owned())
    } else {
        Ok(rows)
    }
}

fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell).trim().to_owned()),
            letter => cell.push(letter),
        }
    }
    cells.push(cell.trim().to_owned());
    cells
}

/// Refuses what would fail only while running, or split a request in two.
fn sound(scenario: Scenario) -> Result<Scenario, ScenarioError> {
    let wrong = |text: String| Err(ScenarioError::Wrong(text));
    if scenario.flows.is_empty() || FLOWS_MAX < scenario.flows.len() {
        return wrong(format!("it has {} flows; 1 to {FLOWS_MAX} can be", scenario.flows.len()));
    }
    for flow in &scenario.flows {
        if !(flow.weight > 0.0 && flow.weight.is_finite()) {
            return wrong(format!("the flow `{}` has a weight that is not above 0", flow.name));
        }
        if flow.steps.is_empty() || FLOWS_MAX < flow.steps.len() {
            return wrong(format!(
                "the flow `{}` has {} steps; 1 to {FLOWS_MAX} can be",
                flow.name,
                flow.steps.len()
            ));
        }
        let mut known: BTreeSet<&str> = scenario
            .data
            .first()
            .into_iter()
            .flat_map(BTreeMap::keys)
            .map(String::as_str)
            .collect();
        for step in &flow.steps {
            let texts = [&step.path, &step.body]
                .into_iter()
                .chain(step.headers.iter().map(|(_, value)| value));
            for name in texts.flat_map(|text| names(text)) {
                if !known.contains(name) {
                    return wrong(format!(
                        "`{}` uses {{{name}}}, which no data file and no earlier step gives",
                        step.name
                    ));
                }
            }
            let line_break = |text: &str| text.contains(['\r', '\n']);
            let header = |(name, value): &(String, String)| {
                name.is_empty()
                    || name.contains([':', ' '])
                    || line_break(name)
                    || line_break(value)
            };
            if step.path.contains([' ', '\r', '\n']) || !step.path.starts_with('/') {
                return wrong(format!(
                    "`{}` is no path: it has to begin with / and have no spaces",
                    step.path
                ));
            }
            if let Some((name, _)) = step.headers.iter().find(|pair| header(pair)) {
                return wrong(format!("`{name}` is no header"));
            }
            known.extend(step.extract.iter().map(|(name, _)| name.as_str()));
        }
    }
    Ok(scenario)
}

/// Names in braces. What is not a name, such as JSON in a body, is left as it is.
pub(crate) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        is_name(name).then_some(name)
    })
}

pub(crate) fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(char::is_alphabetic)
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
}

/// How scenarios are written.
mod wire {
    use serde::{Deserializer, de::Error as _};

    use super::{BTreeMap, Check, Deserialize, Duration, Extract, Method, Think, text};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Scenario {
        pub(super) target: String,
        pub(super) data: Option<String>,
        #[serde(default)]
        pub(super) flow: Vec<Flow>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Flow {
        name: String,
        #[serde(default = "one")]
        weight: f64,
        #[serde(default)]
        step: Vec<Step>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Step {
        name: Option<String>,
        #[serde(default)]
        method: Method,
        path: String,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        body: Option<String>,
        think: Option<String>,
        #[serde(default)]
        extract: BTreeMap<String, String>,
        #[serde(default)]
        status: Vec<u16>,
        contains: Option<String>,
        #[serde(default, deserialize_with = "pointer")]
        json: Option<String>,
    }

    fn one() -> f64 {
        1.0
    }

    /// A JSON pointer. What does not begin with `/` would be found in no answer.
    fn pointer<'de, D: Deserializer<'de>>(wire: D) -> Result<Option<String>, D::Error> {
        let pointer = String::deserialize(wire)?;
        if pointer.is_empty() || pointer.starts_with('/') {
            return Ok(Some(pointer));
        }
        Err(D::Error::custom(format!(
            "`{pointer}` is no JSON pointer (RFC 6901): write a `/` before each key, as in \"/results/0/id\", or \"\" for the whole body"
        )))
    }

    impl Flow {
        pub(super) fn read(self, base: &str) -> Result<super::Flow, String> {
            let steps =
                self.step.into_iter().map(|step| step.read(base)).collect::<Result<_, _>>()?;
            Ok(super::Flow { name: self.name, weight: self.weight, steps, goes_on: false })
        }
    }

    impl Step {
        fn read(self, base: &str) -> Result<super::Step, String> {
            let name =
                self.name.unwrap_or_else(|| format!("{} {}", self.method.as_str(), self.path));
            let extract = |(name, place): (String, String)| {
                let place = match place.split_once(':') {
                    Some(("json", pointer)) if pointer.starts_with('/') => {
                        Extract::Json(pointer.to_owned())
                    }
                    Some(("header", header)) => Extract::Header(header.trim().to_ascii_lowercase()),
                    _ => {
                        return Err(format!(
                            "`{place}` where something to extract should be; such are json:/results/0/id and header:location"
                        ));
                    }
                };
                if !super::is_name(&name) {
                    return Err(format!("`{name}`, which is no name: letters, digits and _"));
                }
                Ok((name, place))
            };
            Ok(super::Step {
                name,
                method: self.method,
                path: format!("{base}{}", self.path),
                headers: self.headers.into_iter().collect(),
                body: self.body.unwrap_or_default(),
                think: self.think.map_or(Ok(Think::Never), |text| think(&text))?,
                extract: self.extract.into_iter().map(extract).collect::<Result<_, _>>()?,
                check: Check { statuses: self.status, contains: self.contains, json: self.json },
            })
        }
    }

    /// `2s`, `1s..3s`, `~2s`.
    pub(super) fn think(text: &str) -> Result<Think, String> {
        const MOST: Duration = Duration::from_hours(1);
        let read = |text: &str| text::duration(text).map(|time| time.min(MOST));
        if let Some(mean) = text.strip_prefix('~') {
            return Ok(Think::About(read(mean)?));
        }
        match text.split_once("..") {
            Some((least, most)) => Ok(Think::Between(read(least)?, read(most)?)),
            None => Ok(Think::Always(read(text)?)),
        }
    }
}

/// Reads a time to think: `2s`, `1s..3s` for anything between, `~2s` for about that.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn think(text: &str) -> Result<Think, String> {
    wire::think(text)
}

#[cfg(test)]
#[path = "scenario_tests.rs"]
mod tests;
