//! The value of a field for each row of a chunk, as text or as a whole number.

use std::collections::BTreeMap;

use crate::{
    chunk::{AttributeColumn, AttributeKind, Chunk, Column},
    json,
    query::Field,
    texts::Texts,
};

/// Texts of a field: a number for each row, 0 for none.
///
/// Numbers are those of the chunk where it has the texts already, or else of texts made here.
pub(super) struct FieldTexts<'a> {
    chunk: &'a Chunk,
    made: Option<Texts>,
    /// A number for each row.
    pub(super) numbers: Vec<u32>,
}

impl<'a> FieldTexts<'a> {
    pub(super) fn of(chunk: &'a Chunk, field: &Field) -> Self {
        let mut texts = Self { chunk, made: None, numbers: Vec::new() };
        match field {
            Field::Column(place) => texts.column(chunk.column(*place)),
            Field::Attribute(key) => texts.attribute(key),
            Field::Resource(key) => texts.resource(key),
        }
        texts
    }

    /// The text of a number.
    pub(super) fn text(&self, number: u32) -> &str {
        self.made.as_ref().map_or_else(|| self.chunk.texts().get(number), |made| made.get(number))
    }

    /// One more than the greatest number.
    pub(super) fn bound(&self) -> usize {
        self.made.as_ref().map_or_else(|| self.chunk.texts().len(), |made| made.list().len())
    }

    fn column(&mut self, column: &Column) {
        match column {
            Column::Text(numbers) => self.numbers.clone_from(numbers),
            Column::Whole(values) => self.make(values.iter(), u64::to_string),
            Column::Number(values) => self.make(values.iter(), f64::to_string),
            Column::Id16(ids) => self.make(ids.iter(), |id| hex(id)),
            Column::Id8(ids) => self.make(ids.iter(), |id| hex(id)),
        }
    }

    fn make<T>(&mut self, values: impl Iterator<Item = T>, text: impl Fn(T) -> String) {
        let mut made = Texts::default();
        self.numbers = values.map(|value| made.number(&text(value))).collect();
        self.made = Some(made);
    }

    fn attribute(&mut self, key: &str) {
        self.numbers = vec![0; self.chunk.rows()];
        let columns: Vec<&AttributeColumn> = attribute(self.chunk, key).collect();
        if columns.iter().all(|column| column.kind == AttributeKind::Text) {
            for (row, bits) in columns.iter().flat_map(|it| it.rows.iter().zip(&it.values)) {
                self.numbers[*row as usize] = u32::try_from(*bits).unwrap_or(0);
            }
            return;
        }
        let mut made = Texts::default();
        for column in columns {
            let mut before = None;
            for (row, bits) in column.rows.iter().zip(&column.values) {
                let number = match before {
                    Some((same, number)) if same == *bits => number,
                    _ => made.number(&shown(column.kind, *bits, self.chunk)),
                };
                before = Some((*bits, number));
                let place = &mut self.numbers[*row as usize];
                if *place == 0 {
                    *place = number;
                }
            }
        }
        self.made = Some(made);
    }

    fn resource(&mut self, key: &str) {
        self.numbers = vec![0; self.chunk.rows()];
        let Some(place) = self.chunk.table().resource else { return };
        let Column::Text(resources) = self.chunk.column(place) else { return };
        let mut made = Texts::default();
        let mut known: BTreeMap<u32, u32> = BTreeMap::new();
        for (number, resource) in self.numbers.iter_mut().zip(resources) {
            *number = *known.entry(*resource).or_insert_with(|| {
                let resource = json::read_resource(self.chunk.texts().get(*resource));
                let value = resource.attributes.get(key);
                value.map_or(0, |value| made.number(&json::shown(value)))
            });
        }
        self.made = Some(made);
    }
}

/// An attribute's columns, one for each kind of value that it has, in the order of kinds: where a row has two, all
/// chunks and all engines take the same.
fn attribute<'a>(chunk: &'a Chunk, key: &str) -> impl Iterator<Item = &'a AttributeColumn> {
    let key = chunk.find_text(key);
    let columns = chunk.attributes().iter().filter(move |column| Some(column.key) == key);
    let mut columns: Vec<&AttributeColumn> = columns.collect();
    columns.sort_by_key(|column| column.kind);
    columns.into_iter()
}

/// An attribute's value as people write it.
pub(super) fn shown(kind: AttributeKind, bits: u64, chunk: &Chunk) -> String {
    json::shown(&kind.value(bits, chunk.texts()))
}

/// Whole numbers of a field: rows that have one, ascending, and their numbers.
pub(super) struct FieldNumbers {
    pub(super) numbers: Vec<Option<i64>>,
}

impl FieldNumbers {
    pub(super) fn of(chunk: &Chunk, field: &Field) -> Self {
        let mut numbers = vec![None; chunk.rows()];
        match field {
            Field::Column(place) => match chunk.column(*place) {
                Column::Whole(values) => {
                    for (number, value) in numbers.iter_mut().zip(values) {
                        *number = Some(i64::try_from(*value).unwrap_or(i64::MAX));
                    }
                }
                Column::Text(texts) => {
                    for (number, text) in numbers.iter_mut().zip(texts) {
                        *number = chunk.texts().get(*text).parse().ok();
                    }
                }
                Column::Number(_) | Column::Id16(_) | Column::Id8(_) => {}
            },
            Field::Attribute(key) => {
                for column in attribute(chunk, key) {
                    for (row, bits) in column.rows.iter().zip(&column.values) {
                        let number = match column.kind {
                            AttributeKind::Int => Some(bits.cast_signed()),
                            AttributeKind::Text => {
                                let number = u32::try_from(*bits).ok();
                                number.and_then(|it| chunk.texts().get(it).parse().ok())
                            }
                            _ => None,
                        };
                        let place = &mut numbers[*row as usize];
                        *place = place.or(number);
                    }
                }
            }
            Field::Resource(_) => {
                let texts = FieldTexts::of(chunk, field);
                for (number, text) in numbers.iter_mut().zip(&texts.numbers) {
                    *number = texts.text(*text).parse().ok();
                }
            }
        }
        Self { numbers }
    }
}

/// Numbers of a field, fractional ones too: for each row its number, if it has one.
pub(super) struct FieldFractions {
    pub(super) numbers: Vec<Option<f64>>,
}

impl FieldFractions {
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits of a whole number are plenty beside fractions"
    )]
    pub(super) fn of(chunk: &Chunk, field: &Field) -> Self {
        if let Field::Column(place) = field
            && let Column::Number(values) = chunk.column(*place)
        {
            return Self { numbers: values.iter().copied().map(Some).collect() };
        }
        let whole = FieldNumbers::of(chunk, field).numbers;
        let mut numbers: Vec<Option<f64>> =
            whole.into_iter().map(|number| number.map(|number| number as f64)).collect();
        if let Field::Attribute(key) = field {
            for column in attribute(chunk, key).filter(|it| it.kind == AttributeKind::Double) {
                for (row, bits) in column.rows.iter().zip(&column.values) {
                    let place = &mut numbers[*row as usize];
                    *place = place.or(Some(f64::from_bits(*bits)));
                }
            }
        }
        Self { numbers }
    }
}

fn hex(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| *byte == 0) {
        return String::new();
    }
    let digit = |digit: u8| char::from(b"0123456789abcdef"[usize::from(digit)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
