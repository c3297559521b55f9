//! What is wrong with settings, said with the line and the text that is wrong.

use std::{fmt, sync::Arc};

use annotate_snippets::{Annotation, AnnotationKind, Level, Renderer, Snippet};

use crate::written::Place;

/// Everything that is wrong with the settings, ready to be printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{report}")]
pub struct SettingsError {
    report: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    title: String,
    marks: Vec<Mark>,
    hint: Option<String>,
}

/// What is pointed at, and what is said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    place: Place,
    label: String,
    kind: AnnotationKind,
}

/// Problems that are told; a file of thousands of wrong lines has one cause.
const PROBLEMS_TOLD_MAX: usize = 10;

impl SettingsError {
    pub(crate) fn new(problems: &[Problem]) -> Self {
        let mut parts: Vec<String> =
            problems.iter().take(PROBLEMS_TOLD_MAX).map(ToString::to_string).collect();
        let untold = problems.len().saturating_sub(PROBLEMS_TOLD_MAX);
        if untold > 0 {
            parts.push(format!("and {untold} more"));
        }
        Self { report: parts.join("\n\n") }
    }
}

impl Problem {
    pub(crate) fn new(title: impl Into<String>, place: Place, label: impl Into<String>) -> Self {
        let mark = Mark { place, label: label.into(), kind: AnnotationKind::Primary };
        Self { title: title.into(), marks: vec![mark], hint: None }
    }

    /// Points at something else that has to do with it.
    pub(crate) fn beside(mut self, place: Option<Place>, label: impl Into<String>) -> Self {
        self.marks.extend(place.map(|place| Mark {
            place,
            label: label.into(),
            kind: AnnotationKind::Context,
        }));
        self
    }

    pub(crate) fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut group = Level::ERROR.primary_title(&*self.title).elements(self.snippets());
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.with_name("hint").message(&**hint));
        }
        out.write_str(&Renderer::plain().render(&[group]))
    }
}

impl Problem {
    /// One snippet for each text that is pointed into, in the order of the marks.
    fn snippets(&self) -> Vec<Snippet<'_, Annotation<'_>>> {
        let mut texts: Vec<(&Arc<str>, &Arc<str>)> = Vec::new();
        for Mark { place, .. } in &self.marks {
            if !texts.contains(&(&place.name, &place.text)) {
                texts.push((&place.name, &place.text));
            }
        }
        let snippet = |(name, text): (&Arc<str>, &Arc<str>)| {
            let marks = self.marks.iter().filter(|mark| &mark.place.text == text);
            let annotations = marks
                .map(|mark| mark.kind.span(mark.place.range.clone()).label(mark.label.clone()));
            Snippet::source(text.to_string()).path(name.to_string()).annotations(annotations)
        };
        texts.into_iter().map(snippet).collect()
    }
}

/// The known word that the user probably meant.
#[must_use]
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // From Winkler's paper: pairs from about 0.8 on are usually the same word misspelt.
    const ALIKE_MIN: f64 = 0.8;
    // Comparing takes time that is quadratic in the length; no key is nearly as long.
    const CHARS_MAX: usize = 100;
    if CHARS_MAX < word.chars().count() {
        return None;
    }
    let word = word.to_lowercase().replace('_', "-");
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&word, &known.to_lowercase().replace('_', "-")), known))
        .filter(|(alike, _)| ALIKE_MIN <= *alike)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, known)| known)
}
