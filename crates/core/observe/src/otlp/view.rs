//! OTLP protobuf to spans that borrow: no text of a span is copied on the way into columns.
//!
//! The same reading as [`decode`](super::decode()), field for field; a property test holds the two against each other.

use std::sync::Arc;

use model::{Event, Link, Moment, Resource, Scope, SpanKind, SpanView, StatusCode, ValueView};

use super::{
    cursor::{Cursor, DecodeError, Field},
    decode::{event, kind, link, span_id_or_none, status_code},
    parts::{Items, KEY_INDEX, export, key_value, merge_value, pass, span_id, trace_id},
    unknown::Unknown,
};

/// Gives the spans of an `ExportTraceServiceRequest` or a `TracesData` to `each`, one after the other; those that
/// [`decode`](super::decode()) leaves out are left out.
///
/// # Errors
///
/// If the bytes are not protobuf, or a known field is not of its type. Spans before that place have been given
/// by then: whoever keeps them drops them again, since a request is kept whole or not at all.
pub fn view(bytes: &[u8], mut each: impl FnMut(&SpanView<'_>)) -> Result<(), DecodeError> {
    let attributes = Vec::with_capacity(16);
    let mut views = Views { attributes, events: Vec::new(), links: Vec::new(), each: &mut each };
    export(bytes, &mut views)
}

/// What is used again for each span.
struct Views<'a, 'e, E> {
    attributes: Vec<(&'a [u8], ValueView<'a>)>,
    events: Vec<Event>,
    links: Vec<Link>,
    each: &'e mut E,
}

/// The fields of a span that are not in lists, as they are on the wire.
#[derive(Default)]
struct Fields<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent_id: &'a [u8],
    trace_state: &'a [u8],
    flags: u32,
    name: &'a [u8],
    kind: SpanKind,
    start: Moment,
    end: Moment,
    /// Of attributes, events and links.
    dropped: [u32; 3],
    status: StatusCode,
    status_message: &'a [u8],
}

impl<'a, E: FnMut(&SpanView<'_>)> Items<'a> for Views<'a, '_, E> {
    const BYTES_MIN: usize = 30;

    fn reserve(&mut self, _count: usize) {}

    #[inline]
    fn item(
        &mut self,
        cursor: Cursor<'a>,
        _offset: usize,
        resource: &Arc<Resource>,
        scope: &Arc<Scope>,
    ) -> Result<(), DecodeError> {
        self.attributes.clear();
        self.events.clear();
        self.links.clear();
        let fields = self.fields(cursor)?;
        let ids = (trace_id(fields.trace_id), span_id(fields.span_id));
        let parent_id = span_id_or_none(fields.parent_id);
        let ((Some(trace_id), Some(span_id)), Ok(parent_id)) = (ids, parent_id) else {
            return Ok(());
        };
        if trace_id.is_zero() || span_id.is_zero() {
            return Ok(());
        }
        (self.each)(&SpanView {
            trace_id,
            span_id,
            parent_id,
            trace_state: fields.trace_state,
            flags: fields.flags,
            name: fields.name,
            kind: fields.kind,
            start: fields.start,
            end: fields.end,
            attributes: &self.attributes,
            dropped_attributes_count: fields.dropped[0],
            events: &self.events,
            dropped_events_count: fields.dropped[1],
            links: &self.links,
            dropped_links_count: fields.dropped[2],
            status: fields.status,
            status_message: fields.status_message,
            resource,
            scope,
        });
        Ok(())
    }
}

impl<'a, E> Views<'a, '_, E> {
    #[inline]
    fn fields(&mut self, mut cursor: Cursor<'a>) -> Result<Fields<'a>, DecodeError> {
        let mut fields = Fields::default();
        let mut unknown = Unknown::default();
        while let Some(field) = cursor.field()? {
            match field.number {
                1 => fields.trace_id = cursor.bytes(field)?,
                2 => fields.span_id = cursor.bytes(field)?,
                3 => fields.trace_state = cursor.bytes(field)?,
                4 => fields.parent_id = cursor.bytes(field)?,
                5 => fields.name = cursor.bytes(field)?,
                6 => fields.kind = kind(cursor.number32(field)?),
                7 => fields.start.nanos = cursor.fixed64(field)?,
                8 => fields.end.nanos = cursor.fixed64(field)?,
                9 => self.attributes.push(attribute(&mut cursor, field, &mut unknown)?),
                10 => fields.dropped[0] = cursor.number32(field)?,
                11 => self.events.push(event(cursor.message(field)?)?),
                12 => fields.dropped[1] = cursor.number32(field)?,
                13 => self.links.push(link(cursor.message(field)?)?),
                14 => fields.dropped[2] = cursor.number32(field)?,
                15 => {
                    let mut inner = Unknown::default();
                    merge_status_view(cursor.message(field)?, &mut fields, &mut inner)?;
                    unknown.within(15, &inner);
                }
                16 => fields.flags = cursor.fixed32(field)?,
                _ => unknown.take(&mut cursor, field)?,
            }
        }
        unknown.settle_view(&mut self.attributes);
        Ok(fields)
    }
}

fn merge_status_view<'a>(
    mut cursor: Cursor<'a>,
    fields: &mut Fields<'a>,
    unknown: &mut Unknown,
) -> Result<(), DecodeError> {
    while let Some(field) = cursor.field()? {
        match field.number {
            2 => fields.status_message = cursor.bytes(field)?,
            3 => fields.status = status_code(cursor.number32(field)?),
            _ => unknown.take(&mut cursor, field)?,
        }
    }
    Ok(())
}

/// One `KeyValue`. One in which something is not known is kept whole, too.
#[inline]
fn attribute<'a>(
    cursor: &mut Cursor<'a>,
    field: Field,
    unknown: &mut Unknown,
) -> Result<(&'a [u8], ValueView<'a>), DecodeError> {
    let whole = cursor.message(field)?;
    let mut cursor = whole;
    let mut key: &[u8] = &[];
    let mut value = None;
    let mut odd = false;
    let number = field.number;
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => key = cursor.bytes(field)?,
            2 if value.is_none() => value = Some(simple_value(cursor.message(field)?, &mut odd)?),
            // Two values are merged, which only lists and maps show.
            2 => {
                let (_, merged) = key_value(whole, 0, &mut odd)?;
                value = Some(ValueView::Other(merged));
                cursor.message(field)?;
            }
            KEY_INDEX => drop(cursor.number32(field)?),
            _ => pass(&mut cursor, field, &mut odd)?,
        }
    }
    if odd {
        unknown.message(number, whole.rest());
    }
    Ok((key, value.unwrap_or_else(|| ValueView::Other(model::Value::Empty))))
}

/// A value; lists, maps and bytes are read as they always are.
#[inline]
fn simple_value<'a>(whole: Cursor<'a>, odd: &mut bool) -> Result<ValueView<'a>, DecodeError> {
    let mut cursor = whole;
    let mut value = None;
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => value = Some(ValueView::Text(cursor.bytes(field)?)),
            2 => value = Some(ValueView::Bool(cursor.number(field)? != 0)),
            3 => value = Some(ValueView::Int(cursor.number(field)?.cast_signed())),
            4 => value = Some(ValueView::Double(f64::from_bits(cursor.fixed64(field)?))),
            5..=8 => {
                let mut other = model::Value::default();
                merge_value(whole, &mut other, 0, odd)?;
                return Ok(ValueView::Other(other));
            }
            _ => pass(&mut cursor, field, odd)?,
        }
    }
    Ok(value.unwrap_or_else(|| ValueView::Other(model::Value::Empty)))
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::Index};
    use testkit::arbitrary;

    use super::*;
    use crate::otlp::{decode, encode};

    fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
        let mut viewed = Vec::new();
        let told = view(bytes, |span| viewed.push(span.to_span()));
        let decoded = decode(bytes);
        prop_assert_eq!(told.err(), decoded.as_ref().err().copied());
        if let Ok(decoded) = decoded {
            // NaN equals nothing, and what was changed at random may hold one.
            prop_assert_eq!(format!("{viewed:?}"), format!("{:?}", decoded.spans));
        }
        Ok(())
    }

    /// Messages within messages whose fields are known ones as a rule, of any wire type.
    fn message(depth: u32) -> BoxedStrategy<Vec<u8>> {
        let plain = prop_oneof![
            (1_u8..17, any::<u8>()).prop_map(|(number, value)| vec![number << 3, value & 0x7f]),
            (1_u8..16, any::<[u8; 8]>()).prop_map(|(number, value)| [
                &[number << 3 | 1][..],
                &value
            ]
            .concat()),
            (1_u8..16, any::<[u8; 4]>()).prop_map(|(number, value)| [
                &[number << 3 | 5][..],
                &value
            ]
            .concat()),
            (1_u8..16, prop::collection::vec(any::<u8>(), 0..20)).prop_map(wrap),
        ];
        if depth == 0 {
            return plain.boxed();
        }
        let inner = prop::collection::vec(message(depth - 1), 0..4);
        let nested = (1_u8..16, inner).prop_map(|(number, inner)| wrap((number, inner.concat())));
        prop_oneof![1 => plain, 3 => nested].boxed()
    }

    fn wrap((number, inner): (u8, Vec<u8>)) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2];
        prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
        bytes.extend(inner);
        bytes
    }

    proptest! {
        #[test]
        fn a_view_says_what_the_span_says(spans in arbitrary::spans()) {
            check(&encode(&spans))?;
        }

        #[test]
        fn what_was_changed_is_viewed_as_it_is_decoded(
            spans in arbitrary::spans(),
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..6),
            cut: Option<Index>,
        ) {
            let mut bytes = encode(&spans);
            for (index, byte) in changes {
                if !bytes.is_empty() {
                    let place = index.index(bytes.len());
                    bytes[place] = byte;
                }
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len() + 1));
            }
            check(&bytes)?;
        }

        #[test]
        fn spans_of_any_fields_are_viewed_as_they_are_decoded(
            fields in prop::collection::vec(message(3), 0..12),
            attributes in prop::collection::vec(prop::collection::vec(message(2), 0..5), 0..5),
        ) {
            let ids = [wrap((1, vec![1; 16])), wrap((2, vec![2; 8]))].concat();
            let attributes: Vec<u8> =
                attributes.into_iter().flat_map(|it| wrap((9, it.concat()))).collect();
            let span = [ids, attributes, fields.concat()].concat();
            check(&wrap((1, wrap((2, wrap((2, span)))))))?;
        }
    }

    #[test]
    fn two_values_of_one_attribute_are_merged() {
        let list = |number: u8| wrap((5, wrap((1, vec![0x18, number]))));
        let twice = [wrap((1, b"key".to_vec())), wrap((2, list(1))), wrap((2, list(2)))].concat();
        let ids = [wrap((1, vec![1; 16])), wrap((2, vec![2; 8]))].concat();
        let span = [ids, wrap((9, twice))].concat();
        let mut values = Vec::new();
        let request = wrap((1, wrap((2, wrap((2, span))))));
        view(&request, |span| values.push(span.attributes[0].1.to_value())).unwrap();
        let merged = model::Value::List(vec![model::Value::Int(1), model::Value::Int(2)]);
        assert_eq!(values, [merged]);
    }
}
