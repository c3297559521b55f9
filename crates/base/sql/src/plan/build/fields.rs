//! Properties taken out by name and kind.

use model::Text;

use crate::plan::raw::{Fields, Raw, take};

/// Text of this name.
pub(super) fn text(fields: &mut Fields, key: &str) -> Option<Text> {
    let place =
        fields.iter().position(|(known, value)| known == key && value.scalar().is_some())?;
    match fields.remove(place).1 {
        Raw::Scalar(text) => Some(text),
        _ => None,
    }
}

pub(super) fn texts(fields: &mut Fields, key: &str) -> Vec<Text> {
    take(fields, key).map(|value| value.texts()).unwrap_or_default()
}

pub(super) fn truth(fields: &mut Fields, key: &str) -> bool {
    text(fields, key).is_some_and(|value| value == "true")
}

/// A figure; one that cannot be read is left where it is.
pub(super) fn number<T: std::str::FromStr + Figure>(fields: &mut Fields, key: &str) -> Option<T> {
    let place = fields.iter().position(|(known, _)| known == key)?;
    let value = fields.get(place)?.1.scalar()?;
    let figure = value.trim_end_matches(|letter: char| letter.is_alphabetic() || letter == ' ');
    let number = figure.parse().ok().or_else(|| T::from_fraction(figure.parse().ok()?))?;
    number.is_sane().then(|| {
        fields.remove(place);
        number
    })
}

/// What a figure may be.
pub(super) trait Figure: Sized {
    fn from_fraction(fraction: f64) -> Option<Self>;
    fn is_sane(&self) -> bool;
}

impl Figure for f64 {
    fn from_fraction(_: f64) -> Option<Self> {
        None
    }

    fn is_sane(&self) -> bool {
        self.is_finite() && 0.0 <= *self
    }
}

impl Figure for u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    fn from_fraction(fraction: f64) -> Option<Self> {
        fraction.is_finite().then(|| fraction.round() as Self)
    }

    fn is_sane(&self) -> bool {
        true
    }
}

impl Figure for i64 {
    fn from_fraction(_: f64) -> Option<Self> {
        None
    }

    fn is_sane(&self) -> bool {
        true
    }
}

/// Takes a list of maps out.
pub(super) fn maps(fields: &mut Fields, key: &str) -> Vec<Fields> {
    match take(fields, key) {
        Some(Raw::List(items)) => items
            .into_iter()
            .filter_map(|item| match item {
                Raw::Map(fields) => Some(fields),
                _ => None,
            })
            .collect(),
        Some(Raw::Map(only)) => vec![only],
        _ => Vec::new(),
    }
}
