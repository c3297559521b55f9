//! Fields that a later OTLP may have and that are not known here: kept as they came, and written as they were.
//!
//! They stand among the attributes of what they belong to, under keys of ours, as the protobuf that they are: so they
//! lie wherever attributes lie, be it a block, a table, a file or a page, and cost nothing where there are none. An
//! attribute in which something is not known is among them whole, beside what is known of it; what is not known of a
//! status is within one.

use model::{Attributes, Status, Value, ValueView};

use super::{
    cursor::{Cursor, DecodeError, Field},
    decode::merge_status,
    encode,
    parts::{entity, key_value, merge_value},
};

/// Key of the attribute that holds, one after the other, the fields of a message that are not known here.
pub const UNKNOWN_FIELDS: &str = "taut.unknown_fields";

/// The same of the group around a resource or a scope, such as `ResourceSpans`.
pub const UNKNOWN_FIELDS_AROUND: &str = "taut.unknown_fields.around";

/// Bytes that are kept of one message: more than all of a usual span, so that what nobody can read never weighs more
/// than what is read. Beyond it whole fields are left out, and their bytes counted in an attribute.
const BYTES_MAX: usize = 16 << 10;

/// Attributes that are written as they came: each is searched among all.
const WHOLE_MAX: usize = 64;

/// Under which keys it is kept: the bytes, and how many more there were.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    bytes: &'static str,
    cut: &'static str,
}

/// Of the message itself.
pub(super) const OWN: Keys = Keys { bytes: UNKNOWN_FIELDS, cut: "taut.unknown_fields.cut_bytes" };

/// Of the group around it.
pub(super) const AROUND: Keys =
    Keys { bytes: UNKNOWN_FIELDS_AROUND, cut: "taut.unknown_fields.around.cut_bytes" };

/// What is not known of one message.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    bytes: Vec<u8>,
    cut_bytes: u64,
}

impl Unknown {
    /// Keeps the field whose value is next.
    #[cold]
    pub(super) fn take(
        &mut self,
        cursor: &mut Cursor<'_>,
        field: Field,
    ) -> Result<(), DecodeError> {
        let value = cursor.raw(field)?;
        self.keep(field.tag(), value);
        Ok(())
    }

    /// Keeps a message, whatever of it is known.
    #[cold]
    pub(super) fn message(&mut self, number: u32, content: &[u8]) {
        let mut value = Vec::with_capacity(content.len() + 5);
        encode::varint(&mut value, content.len() as u64);
        value.extend_from_slice(content);
        self.keep(Field::message(number).tag(), &value);
    }

    /// Keeps what is not known of a message that this one has once.
    #[inline]
    pub(super) fn within(&mut self, number: u32, inner: &Self) {
        self.cut_bytes += inner.cut_bytes;
        if !inner.bytes.is_empty() {
            self.message(number, &inner.bytes);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.cut_bytes == 0
    }

    fn keep(&mut self, tag: u32, value: &[u8]) {
        let before = self.bytes.len();
        encode::varint(&mut self.bytes, u64::from(tag));
        self.bytes.extend_from_slice(value);
        if BYTES_MAX < self.bytes.len() {
            self.cut_bytes += (self.bytes.len() - before) as u64;
            self.bytes.truncate(before);
        }
    }

    /// Puts it among attributes, the first of them: of two equal keys the first one counts.
    #[inline]
    pub(super) fn settle(self, keys: Keys, attributes: &mut Attributes) {
        if !self.is_empty() {
            let found = self.found(keys).map(|(key, value)| (key.into(), value));
            attributes.0.splice(0..0, found);
        }
    }

    /// Puts it among the attributes of a view.
    #[inline]
    pub(super) fn settle_view(self, attributes: &mut Vec<(&[u8], ValueView<'_>)>) {
        if !self.is_empty() {
            let found = self.found(OWN);
            attributes.splice(0..0, found.map(|(key, value)| (key.as_bytes(), view_of(value))));
        }
    }

    fn found(self, keys: Keys) -> impl Iterator<Item = (&'static str, Value)> {
        let bytes = (!self.bytes.is_empty()).then_some((keys.bytes, Value::Bytes(self.bytes)));
        let cut = i64::try_from(self.cut_bytes).unwrap_or(i64::MAX);
        bytes.into_iter().chain((0 < cut).then_some((keys.cut, Value::Int(cut))))
    }
}

fn view_of(value: Value) -> ValueView<'static> {
    match value {
        Value::Int(int) => ValueView::Int(int),
        other => ValueView::Other(other),
    }
}

/// A message with attributes, and which of its fields are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// The field of its attributes; 0 if it has none.
    attributes: u32,
    /// All others that are known.
    known: &'static [u32],
    /// A `Status`.
    status: u32,
    /// An `AnyValue` of its own.
    body: u32,
    /// References to entities, which are kept as they came but looked into.
    entities: u32,
    /// Whether it tells of its group, too.
    has_around: bool,
}

const fn shape(attributes: u32, known: &'static [u32]) -> Shape {
    Shape { attributes, known, status: 0, body: 0, entities: 0, has_around: false }
}

/// `Span`
pub(super) const SPAN: Shape =
    Shape { status: 15, ..shape(9, &[1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 16]) };
/// `Span.Event`
pub(super) const EVENT: Shape = shape(3, &[1, 2, 4]);
/// `Span.Link`
pub(super) const LINK: Shape = shape(4, &[1, 2, 3, 5, 6]);
/// `Resource`
pub(super) const RESOURCE: Shape = Shape { entities: 3, has_around: true, ..shape(1, &[2]) };
/// `InstrumentationScope`
pub(super) const SCOPE: Shape = Shape { has_around: true, ..shape(3, &[1, 2, 4]) };
/// `LogRecord`
pub(super) const RECORD: Shape = Shape { body: 5, ..shape(6, &[1, 2, 3, 7, 8, 9, 10, 11, 12]) };
/// `Metric`
pub(super) const METRIC: Shape = shape(12, &[1, 2, 3, 5, 7, 9, 10, 11]);
/// `ResourceSpans`, `ScopeSpans` and their like.
const GROUP: Shape = shape(0, &[1, 2, 3]);

/// Attributes as they are written: some are fields again.
pub(super) struct Written<'a> {
    list: &'a Attributes,
    field: u32,
    /// Places of those that are not written as attributes.
    left_out: Vec<usize>,
    own: &'a [u8],
    /// Whether the body is among the fields.
    pub(super) has_body: bool,
}

impl<'a> Written<'a> {
    /// Those of a message; `body` is what it says if it is a log record.
    #[inline]
    pub(super) fn of(shape: Shape, list: &'a Attributes, body: &Value) -> Self {
        let mut written =
            Self { list, field: shape.attributes, left_out: Vec::new(), own: &[], has_body: false };
        if list.0.iter().any(|(key, _)| key.starts_with(UNKNOWN_FIELDS)) {
            written.look(shape, body);
        }
        written
    }

    #[cold]
    fn look(&mut self, shape: Shape, body: &Value) {
        if let Some((place, own)) = kept(self.list, OWN)
            && let Some(fields) = Fields::of(shape, own, self.list, body)
        {
            self.own = own;
            self.has_body = fields.body.is_some();
            self.left_out = fields.whole;
            self.left_out.push(place);
        }
        if shape.has_around && around(self.list).is_some() {
            self.left_out.extend(kept(self.list, AROUND).map(|(place, _)| place));
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for (place, pair) in self.list.0.iter().enumerate() {
            if !self.left_out.contains(&place) {
                encode::message(out, self.field, |out| encode::key_value(out, pair));
            }
        }
        out.extend_from_slice(self.own);
    }
}

/// The fields of the group around a resource or a scope, to be written there.
pub(super) fn around(attributes: &Attributes) -> Option<&[u8]> {
    let (_, bytes) = kept(attributes, AROUND)?;
    Fields::of(GROUP, bytes, attributes, &Value::Empty).map(|_| bytes)
}

/// The first attribute of the key, and its place.
fn kept(attributes: &Attributes, keys: Keys) -> Option<(usize, &[u8])> {
    let place = attributes.0.iter().position(|(key, _)| key == keys.bytes)?;
    match attributes.0.get(place) {
        Some((_, Value::Bytes(bytes))) => Some((place, bytes)),
        _ => None,
    }
}

/// What bytes say that somebody put among attributes.
#[derive(Default)]
struct Fields {
    /// Places of the attributes that they have whole.
    whole: Vec<usize>,
    body: Option<Value>,
}

impl Fields {
    /// `None` if they are not what is kept here: written as fields and read again, they would not be the same.
    fn of(shape: Shape, bytes: &[u8], list: &Attributes, body: &Value) -> Option<Self> {
        if bytes.is_empty() || BYTES_MAX < bytes.len() {
            return None;
        }
        let (mut fields, mut again) = (Self::default(), Unknown::default());
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field().ok()? {
            let number = field.number;
            if number == shape.attributes {
                let message = cursor.message(field).ok()?;
                fields.attribute(message, list)?;
                again.message(number, message.rest());
            } else if number == shape.status {
                let (mut status, mut inner) = (Status::default(), Unknown::default());
                merge_status(cursor.message(field).ok()?, &mut status, &mut inner).ok()?;
                again.within(number, &inner);
            } else if number == shape.body {
                let (message, mut odd) = (cursor.message(field).ok()?, false);
                merge_value(message, fields.body.get_or_insert_default(), 0, &mut odd).ok()?;
                odd.then(|| again.message(number, message.rest()))?;
            } else if shape.known.contains(&number) {
                return None;
            } else {
                if number == shape.entities {
                    let mut ahead = cursor;
                    entity(ahead.message(field).ok()?).ok()?;
                }
                again.take(&mut cursor, field).ok()?;
            }
        }
        let is_same = again.bytes == bytes && fields.body.as_ref().is_none_or(|it| it == body);
        is_same.then_some(fields)
    }

    fn attribute(&mut self, message: Cursor<'_>, list: &Attributes) -> Option<()> {
        let mut odd = false;
        let pair = key_value(message, 0, &mut odd).ok()?;
        if !odd || self.whole.len() == WHOLE_MAX {
            return None;
        }
        let mut known = list.0.iter().enumerate();
        let (place, _) = known.find(|(at, it)| **it == pair && !self.whole.contains(at))?;
        self.whole.push(place);
        Some(())
    }
}
