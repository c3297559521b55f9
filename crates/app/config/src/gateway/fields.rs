//! Reading a table field by field: each is taken once, by its kind; what is left in the end is unknown.

use std::{collections::BTreeMap, ops::Range, path::PathBuf, time::Duration};

use toml::{Spanned, de::DeValue};

use crate::{
    problem::{Problem, did_you_mean},
    table::Kind,
    value::{self, Value},
    written::Place,
};

use super::Told;

/// A table whose fields are taken one by one.
pub(crate) struct Fields<'a> {
    /// What the table is called, for people.
    name: String,
    span: Range<usize>,
    left: BTreeMap<&'a str, (Range<usize>, &'a Spanned<DeValue<'a>>)>,
    /// What was asked for: the known keys.
    known: Vec<&'static str>,
}

/// What is written for a time that can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeOrOff {
    Unsaid,
    Off,
    Time(Duration),
}

impl TimeOrOff {
    /// What comes of it where this is what holds otherwise.
    pub(super) fn over(self, usual: Option<Duration>) -> Option<Duration> {
        match self {
            Self::Unsaid => usual,
            Self::Off => None,
            Self::Time(time) => Some(time),
        }
    }
}

impl<'a> Fields<'a> {
    /// The fields of a table; a problem if it is none.
    pub(crate) fn of(
        name: impl Into<String>,
        table: &'a Spanned<DeValue<'a>>,
        told: &mut Told<'_>,
    ) -> Option<Self> {
        let name = name.into();
        let Some(entries) = table.get_ref().as_table() else {
            let title = format!("`{name}` is a section");
            let place = place(table.span(), told);
            told.problems.push(Problem::new(title, place, "not a section"));
            return None;
        };
        let left = entries.iter().map(|(key, value)| {
            let text: &str = key.get_ref();
            (text, (key.span(), value))
        });
        Some(Self { name, span: table.span(), left: left.collect(), known: Vec::new() })
    }

    /// A field as it was written.
    pub(crate) fn raw(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(key);
        self.left.remove(key).map(|(_, value)| value)
    }

    /// A field of this kind.
    pub(crate) fn take(
        &mut self,
        key: &'static str,
        kind: Kind,
        told: &mut Told<'_>,
    ) -> Option<Value> {
        let written = self.raw(key)?;
        self.value(key, written, kind, told)
    }

    /// What something means that was written for a field.
    pub(crate) fn value(
        &self,
        key: &str,
        written: &Spanned<DeValue<'_>>,
        kind: Kind,
        told: &mut Told<'_>,
    ) -> Option<Value> {
        match value::from_toml(kind, written.get_ref()) {
            Ok(value) => Some(value),
            Err(wrong) => {
                let title = format!("`{key}` in `[{}]` cannot be set to this", self.name);
                let place = place(written.span(), told);
                told.problems.push(Problem::new(title, place, wrong.label).hint(wrong.hint));
                None
            }
        }
    }

    pub(crate) fn time(
        &mut self,
        key: &'static str,
        kind: Kind,
        told: &mut Told<'_>,
    ) -> Option<Duration> {
        match self.take(key, kind, told) {
            Some(Value::Duration(time)) => Some(time),
            _ => None,
        }
    }

    /// A time, or `off`. What is neither is told, and as if it were not there.
    pub(super) fn time_or_off(
        &mut self,
        key: &'static str,
        kind: Kind,
        told: &mut Told<'_>,
    ) -> TimeOrOff {
        let Some(written) = self.raw(key) else { return TimeOrOff::Unsaid };
        if written.get_ref().as_str() == Some("off") {
            return TimeOrOff::Off;
        }
        match self.value(key, written, kind, told) {
            Some(Value::Duration(time)) => TimeOrOff::Time(time),
            _ => TimeOrOff::Unsaid,
        }
    }

    pub(crate) fn bytes(
        &mut self,
        key: &'static str,
        kind: Kind,
        told: &mut Told<'_>,
    ) -> Option<u64> {
        match self.take(key, kind, told) {
            Some(Value::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn count(
        &mut self,
        key: &'static str,
        kind: Kind,
        told: &mut Told<'_>,
    ) -> Option<usize> {
        match self.take(key, kind, told) {
            Some(Value::Count(count)) => usize::try_from(count).ok(),
            _ => None,
        }
    }

    pub(crate) fn small(
        &mut self,
        key: &'static str,
        kind: Kind,
        told: &mut Told<'_>,
    ) -> Option<u32> {
        u32::try_from(self.count(key, kind, told)?).ok()
    }

    pub(crate) fn number(
        &mut self,
        key: &'static str,
        kind: Kind,
        told: &mut Told<'_>,
    ) -> Option<f64> {
        match self.take(key, kind, told) {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    /// One of these words.
    pub(crate) fn word(
        &mut self,
        key: &'static str,
        words: &'static [&'static str],
        told: &mut Told<'_>,
    ) -> Option<&'static str> {
        match self.take(key, Kind::Choice(words), told) {
            Some(Value::Choice(word)) => Some(word),
            _ => None,
        }
    }

    /// A text, and where it stands.
    pub(crate) fn text(
        &mut self,
        key: &'static str,
        told: &mut Told<'_>,
    ) -> Option<(String, Range<usize>)> {
        let written = self.raw(key)?;
        self.text_of(key, written, told)
    }

    /// What the table is called, for people.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether something is written for a key, and still to be taken.
    pub(super) fn has(&self, key: &str) -> bool {
        self.left.contains_key(key)
    }

    /// A text that is looked at, and can still be taken.
    pub(super) fn peek_text(&self, key: &str) -> Option<String> {
        let (_, written) = self.left.get(key)?;
        written.get_ref().as_str().map(str::to_owned)
    }

    fn text_of(
        &self,
        key: &str,
        written: &Spanned<DeValue<'_>>,
        told: &mut Told<'_>,
    ) -> Option<(String, Range<usize>)> {
        let text = written.get_ref().as_str();
        if text.is_none() {
            self.wrong_at(key, written.span(), "expected a text", told);
        }
        text.map(|text| (text.to_owned(), written.span()))
    }

    /// A file, relative to the settings.
    pub(crate) fn file(&mut self, key: &'static str, told: &mut Told<'_>) -> Option<PathBuf> {
        let (text, span) = self.text(key, told)?;
        if text.is_empty() || text.contains('\0') {
            self.wrong_at(key, span, "expected a file", told);
            return None;
        }
        Some(told.path.parent().map_or_else(|| PathBuf::from(&text), |beside| beside.join(&text)))
    }

    /// A list, or one thing that stands for a list of it, of so many entries at most.
    pub(crate) fn list(
        &mut self,
        key: &'static str,
        max: usize,
        told: &mut Told<'_>,
    ) -> Vec<&'a Spanned<DeValue<'a>>> {
        let Some(written) = self.raw(key) else { return Vec::new() };
        let entries = match written.get_ref() {
            DeValue::Array(entries) => entries.iter().collect(),
            _ => vec![written],
        };
        self.at_most((key, max), entries, |entry| entry.span(), told)
    }

    /// A list of texts, of so many at most, and where each stands.
    pub(crate) fn texts(
        &mut self,
        key: &'static str,
        max: usize,
        told: &mut Told<'_>,
    ) -> Vec<(String, Range<usize>)> {
        let entries = self.list(key, max, told);
        entries.into_iter().filter_map(|entry| self.text_of(key, entry, told)).collect()
    }

    /// A list of texts that was written for a field.
    pub(super) fn texts_of(
        &self,
        key: &'static str,
        written: &'a Spanned<DeValue<'a>>,
        told: &mut Told<'_>,
    ) -> Vec<(String, Range<usize>)> {
        let entries = match written.get_ref() {
            DeValue::Array(entries) => entries.iter().collect(),
            _ => vec![written],
        };
        entries.into_iter().filter_map(|entry| self.text_of(key, entry, told)).collect()
    }

    /// A table of texts: key, value, and where the key stands.
    pub(crate) fn pairs(
        &mut self,
        key: &'static str,
        told: &mut Told<'_>,
    ) -> Vec<(String, String, Range<usize>)> {
        let Some(written) = self.raw(key) else { return Vec::new() };
        let Some(inner) = Fields::of(format!("{}.{key}", self.name), written, told) else {
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for (name, (span, value)) in &inner.left {
            if let Some((value, _)) = inner.text_of(name, value, told) {
                pairs.push(((*name).to_owned(), value, span.clone()));
            }
        }
        pairs
    }

    /// Tables by name, so many at most, in the order of the file.
    pub(crate) fn named(
        &mut self,
        key: &'static str,
        max: usize,
        told: &mut Told<'_>,
    ) -> Vec<(String, Range<usize>, &'a Spanned<DeValue<'a>>)> {
        let Some(written) = self.raw(key) else { return Vec::new() };
        let name = format!("{}.{key}", self.name);
        let Some(inner) = Fields::of(name, written, told) else { return Vec::new() };
        let entries = inner.left.iter();
        let mut named: Vec<_> = entries
            .map(|(name, (span, value))| ((*name).to_owned(), span.clone(), *value))
            .collect();
        named.sort_by_key(|(_, span, _)| span.start);
        self.at_most((key, max), named, |(_, span, _)| span.clone(), told)
    }

    /// Entries, if there are no more of them than that: one too many is told, as what nobody reads would be missed.
    fn at_most<T>(
        &self,
        (key, max): (&str, usize),
        mut entries: Vec<T>,
        span_of: impl Fn(&T) -> Range<usize>,
        told: &mut Told<'_>,
    ) -> Vec<T> {
        if let Some(first) = entries.get(max) {
            let label = format!("one too many: at most {max}");
            self.wrong_at(key, span_of(first), &label, told);
            entries.truncate(max);
        }
        entries
    }

    /// Says that a field must be there.
    pub(crate) fn missing(&self, key: &str, hint: &str, told: &mut Told<'_>) {
        let place = place(self.span.clone(), told);
        let problem =
            Problem::new(format!("`{key}` is missing in `[{}]`", self.name), place, "here");
        told.problems.push(problem.hint(Some(hint.to_owned())));
    }

    /// Says what is wrong with a field.
    pub(crate) fn wrong_at(&self, key: &str, span: Range<usize>, label: &str, told: &mut Told<'_>) {
        let title = format!("`{key}` in `[{}]` cannot be set to this", self.name);
        let place = place(span, told);
        told.problems.push(Problem::new(title, place, label));
    }

    /// Says what was not asked for.
    pub(crate) fn end(self, told: &mut Told<'_>) {
        let mut unknown: Vec<_> = self.left.iter().collect();
        unknown.sort_by_key(|(_, (span, _))| span.start);
        for (key, (span, _)) in unknown {
            let hint = match did_you_mean(key, self.known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("known in `[{}]`: {}", self.name, self.known.join(", ")),
            };
            let title = format!("unknown key `{key}` in `[{}]`", self.name);
            let place = place(span.clone(), told);
            told.problems.push(Problem::new(title, place, "unknown key").hint(Some(hint)));
        }
    }
}

fn place(range: Range<usize>, told: &Told<'_>) -> Place {
    Place { name: std::sync::Arc::clone(told.name), text: std::sync::Arc::clone(told.text), range }
}
