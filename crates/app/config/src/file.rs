//! The settings file: every key in it is known, or the user is told which one was meant.

use std::{collections::BTreeMap, ops::Range, path::Path, sync::Arc};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use prove::gate::Budget;
use traffic::plan::Plan;

use crate::{
    check,
    database_url::hidden,
    gateway::{self, Told},
    problem::{Problem, did_you_mean},
    table::{Setting, known},
    value::{self, Value},
    written::{Origin, Place, Written},
};

/// What a file says.
pub(crate) struct Said {
    /// Settings, by key.
    pub(crate) values: BTreeMap<&'static str, Written>,
    /// The plan of the gateway, if there is a section of it and nothing is wrong with it.
    pub(crate) gateway: Option<Plan>,
    /// Budgets of test runs, in the order in which they stand.
    pub(crate) budgets: Vec<Budget>,
}

/// Reads the file's text; what is wrong is added to `problems`, the rest is returned.
pub(crate) fn read(path: &Path, text: &str, problems: &mut Vec<Problem>) -> Said {
    let mut reading = Reading {
        path,
        name: path.display().to_string().into(),
        // What is shown, not what is read.
        text: hidden(text).into(),
        problems,
        values: BTreeMap::new(),
        gateway: None,
        budgets: Vec::new(),
    };
    match DeTable::parse(text) {
        Ok(table) => reading.section("", table.get_ref()),
        Err(error) => {
            let place = reading.place(error.span().unwrap_or(0..0));
            let label = error.message().to_owned();
            let hint = without_quotes(text, place.range.start);
            let problem = Problem::new("the settings are not valid TOML", place, label);
            reading.problems.push(problem.hint(hint));
        }
    }
    Said { values: reading.values, gateway: reading.gateway, budgets: reading.budgets }
}

/// The section that is read on its own.
const GATEWAY: &str = "gateway";

struct Reading<'a> {
    path: &'a Path,
    name: Arc<str>,
    text: Arc<str>,
    problems: &'a mut Vec<Problem>,
    values: BTreeMap<&'static str, Written>,
    gateway: Option<Plan>,
    budgets: Vec<Budget>,
}

impl Reading<'_> {
    /// Reads a section; goes only as deep as known keys do.
    fn section(&mut self, section: &str, table: &DeTable<'_>) {
        // In the order of the file, so that problems are told from top to bottom.
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let name: &str = key.get_ref();
            let path =
                if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
            if let Some(setting) = known().iter().find(|setting| setting.key == *path) {
                self.value(setting, value);
            } else if path == GATEWAY {
                let (path, name, text) = (self.path, &self.name, &self.text);
                let mut told = Told { path, name, text, problems: self.problems };
                self.gateway = gateway::read(value, &mut told);
            } else if path == check::BUDGETS {
                let (path, name, text) = (self.path, &self.name, &self.text);
                let mut told = Told { path, name, text, problems: self.problems };
                self.budgets = check::budgets(value, &mut told);
            } else if !is_section(&path) {
                self.unknown(section, key);
            } else if let DeValue::Table(table) = value.get_ref() {
                self.section(&path, table);
            } else {
                let place = self.place(key.span());
                let problem =
                    Problem::new(format!("`{path}` is a section"), place, "not a setting");
                self.problems.push(problem.hint(Some(format!("begin it with `[{path}]`"))));
            }
        }
    }

    fn value(&mut self, setting: &'static Setting, written: &Spanned<DeValue<'_>>) {
        match value::from_toml(setting.kind, written.get_ref()) {
            Ok(value) => {
                let before = self.text.get(..written.span().start).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                let origin = Origin::File { path: self.path.to_owned(), line };
                let place = Some(self.place(written.span()));
                let value = self.beside_the_file(value);
                self.values.insert(&setting.key, Written { value, origin, place });
            }
            Err(wrong) => {
                let element = wrong.element.and_then(|element| {
                    written.get_ref().as_array()?.get(element).map(Spanned::span)
                });
                let place = self.place(element.unwrap_or_else(|| written.span()));
                let title = format!("`{}` cannot be set to this", setting.key);
                self.problems.push(Problem::new(title, place, wrong.label).hint(wrong.hint));
            }
        }
    }

    /// A folder in a file is relative to the file, so that it does not matter who reads it from where.
    fn beside_the_file(&self, value: Value) -> Value {
        match (value, self.path.parent()) {
            (Value::Folder(folder), Some(beside)) => Value::Folder(beside.join(folder)),
            (Value::File(Some(file)), Some(beside)) => Value::File(Some(beside.join(file))),
            (value, _) => value,
        }
    }

    fn unknown(&mut self, section: &str, key: &Spanned<std::borrow::Cow<'_, str>>) {
        let name: &str = key.get_ref();
        let place = self.place(key.span());
        let detector = section == "find" && find::detector(name).is_some();
        let (title, label) = if detector {
            (format!("`{name}` has nothing to set"), "unknown section")
        } else if section.is_empty() {
            (format!("unknown section or key `{name}`"), "unknown")
        } else {
            (format!("unknown key `{name}` in `[{section}]`"), "unknown key")
        };
        let hint = hint(section, name);
        self.problems.push(Problem::new(title, place, label).hint(hint));
    }

    fn place(&self, range: Range<usize>) -> Place {
        Place { name: Arc::clone(&self.name), text: Arc::clone(&self.text), range }
    }
}

fn is_section(path: &str) -> bool {
    let within = |key: &str| key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
    known().iter().any(|setting| within(&setting.key))
}

fn hint(section: &str, name: &str) -> Option<String> {
    let here = names_in(section);
    if let Some(meant) = did_you_mean(name, here.iter().copied()) {
        return Some(format!("did you mean `{meant}`?"));
    }
    let elsewhere = known().iter().find_map(|setting| {
        let (other, known) = setting.section_and_name();
        (known == name).then_some(other)
    });
    match elsewhere {
        Some(other) => Some(format!("`{name}` belongs under `[{other}]`")),
        None if here.is_empty() || section.is_empty() => None,
        None => Some(format!("known in `[{section}]`: {}", here.join(", "))),
    }
}

/// What to write if the line at `place` has a text without its quotes, the usual mistake in TOML.
fn without_quotes(text: &str, place: usize) -> Option<String> {
    let start = text.get(..place)?.rfind('\n').map_or(0, |end| end + 1);
    let (key, value) = text.get(start..)?.lines().next()?.split_once('=')?;
    let (key, value) = (key.trim(), value.trim());
    let bare = !value.is_empty() && !value.contains(['"', '\'', '[', '{', '#', '=']);
    bare.then(|| format!("texts need quotes: `{key} = \"{value}\"`"))
}

/// Names of the keys and sections right within `section`, sorted.
fn names_in(section: &str) -> Vec<&'static str> {
    let names = known().iter().filter_map(|setting| {
        let rest = if section.is_empty() {
            &*setting.key
        } else {
            setting.key.strip_prefix(section)?.strip_prefix('.')?
        };
        rest.split('.').next()
    });
    let own = match section {
        "" => Some(GATEWAY),
        "check" => Some("budget"),
        _ => None,
    };
    let names: std::collections::BTreeSet<&str> = names.chain(own).collect();
    names.into_iter().collect()
}
