//! Cells of a row, read without ever failing: what is null or not as expected is empty.
//!
//! The statements of [`super::queries`] cast what they give to `text`, `int8`, `float8`, `bool` or lists of
//! these; text is read lossily, for a database in `SQL_ASCII` holds any bytes.

use std::{error::Error, time::Duration};

use model::{Moment, Text};
use tokio_postgres::{
    Row,
    types::{FromSql, Type},
};

/// A row and the next cell to be read.
pub(super) struct Cells<'row> {
    row: &'row Row,
    at: usize,
}

impl<'row> Cells<'row> {
    pub(super) fn new(row: &'row Row) -> Self {
        Self { row, at: 0 }
    }

    fn next<T: FromSql<'row>>(&mut self) -> Option<T> {
        let at = self.at;
        self.at += 1;
        let cell = self.row.try_get::<_, Option<T>>(at);
        debug_assert!(cell.is_ok(), "cell {at} of {:?}: {:?}", self.row.columns(), cell.err());
        cell.ok().flatten()
    }

    pub(super) fn maybe_text(&mut self) -> Option<Text> {
        self.next::<Lossy>().map(|text| Text::from(text.0))
    }

    pub(super) fn text(&mut self) -> Text {
        self.maybe_text().unwrap_or_default()
    }

    pub(super) fn maybe_string(&mut self) -> Option<String> {
        self.next::<Lossy>().map(|text| text.0)
    }

    pub(super) fn string(&mut self) -> String {
        self.maybe_string().unwrap_or_default()
    }

    pub(super) fn maybe_int(&mut self) -> Option<i64> {
        self.next()
    }

    pub(super) fn int(&mut self) -> i64 {
        self.maybe_int().unwrap_or_default()
    }

    /// A counter; negative ones are none.
    pub(super) fn count(&mut self) -> u64 {
        u64::try_from(self.int()).unwrap_or_default()
    }

    pub(super) fn maybe_count(&mut self) -> Option<u64> {
        u64::try_from(self.maybe_int()?).ok()
    }

    pub(super) fn oid(&mut self) -> u32 {
        self.maybe_oid().unwrap_or_default()
    }

    pub(super) fn maybe_oid(&mut self) -> Option<u32> {
        u32::try_from(self.maybe_int()?).ok()
    }

    pub(super) fn short(&mut self) -> i16 {
        i16::try_from(self.int()).unwrap_or_default()
    }

    pub(super) fn float(&mut self) -> f64 {
        self.maybe_float().unwrap_or_default()
    }

    /// A number; `NaN` and infinity are none.
    pub(super) fn maybe_float(&mut self) -> Option<f64> {
        self.next::<f64>().filter(|number| number.is_finite())
    }

    pub(super) fn bool(&mut self) -> bool {
        self.next().unwrap_or_default()
    }

    /// A time, given as microseconds since 1970.
    pub(super) fn maybe_moment(&mut self) -> Option<Moment> {
        let micros = self.maybe_count()?;
        Some(Moment { nanos: micros.saturating_mul(1_000) })
    }

    pub(super) fn moment(&mut self) -> Moment {
        self.maybe_moment().unwrap_or_default()
    }

    /// A span of time, given as microseconds.
    pub(super) fn maybe_duration(&mut self) -> Option<Duration> {
        self.maybe_count().map(Duration::from_micros)
    }

    pub(super) fn shorts(&mut self) -> Vec<i16> {
        self.next::<Vec<Option<i16>>>().unwrap_or_default().into_iter().flatten().collect()
    }

    pub(super) fn ints(&mut self) -> Vec<i64> {
        self.next::<Vec<Option<i64>>>().unwrap_or_default().into_iter().flatten().collect()
    }

    pub(super) fn floats(&mut self) -> Vec<f64> {
        self.next::<Vec<Option<f64>>>().unwrap_or_default().into_iter().flatten().collect()
    }

    /// A list of texts, null ones as empty ones.
    pub(super) fn texts(&mut self) -> Vec<String> {
        let texts = self.next::<Vec<Option<Lossy>>>().unwrap_or_default();
        texts.into_iter().map(|text| text.map_or_else(String::new, |text| text.0)).collect()
    }
}

/// Text of which nothing is known to be valid.
struct Lossy(String);

impl<'row> FromSql<'row> for Lossy {
    fn from_sql(_: &Type, raw: &'row [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(String::from_utf8_lossy(raw).into_owned()))
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::TEXT
    }
}
