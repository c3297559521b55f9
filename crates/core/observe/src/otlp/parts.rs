//! What the messages of all signals share: requests grouped by resource and scope, attributes, ids.

use std::sync::Arc;

use model::{Attributes, Resource, Scope, SpanId, Text, TraceId, Value};

use super::{
    cursor::{Cursor, DecodeError, DecodeErrorKind, Field},
    unknown::{AROUND, OWN, Unknown},
};

/// Values within values; more than a request of 100 nested messages can hold, which is where other
/// decoders stop, and safe for the stack.
const VALUE_DEPTH_MAX: u32 = 64;

/// `KeyValue.key_strindex`, an index into a table that only profiles have. Elsewhere it says nothing, and is no reason
/// to refuse a request unless it is malformed.
pub(super) const KEY_INDEX: u32 = 3;

/// Takes what a request holds: spans, log records or metrics.
pub(super) trait Items<'a> {
    /// No item that is kept is shorter.
    const BYTES_MIN: usize;

    /// So many more may come.
    fn reserve(&mut self, count: usize);

    /// Reads one item, which begins at `offset`.
    fn item(
        &mut self,
        cursor: Cursor<'a>,
        offset: usize,
        resource: &Arc<Resource>,
        scope: &Arc<Scope>,
    ) -> Result<(), DecodeError>;
}

/// Reads a request of any signal: they number these fields alike.
pub(super) fn export<'a, I: Items<'a>>(bytes: &'a [u8], items: &mut I) -> Result<(), DecodeError> {
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => of_resource(cursor.message(field)?, items)?,
            _ => cursor.skip(field)?,
        }
    }
    Ok(())
}

/// Looks for the resource first, which may come after its items.
fn of_resource<'a, I: Items<'a>>(mut cursor: Cursor<'a>, items: &mut I) -> Result<(), DecodeError> {
    let mut resource = Resource::default();
    let (mut unknown, mut around) = (Unknown::default(), Unknown::default());
    let mut ahead = cursor;
    while let Some(field) = ahead.field()? {
        match field.number {
            1 => merge_resource(ahead.message(field)?, &mut resource, &mut unknown)?,
            2 => drop(ahead.bytes(field)?),
            3 => resource.schema_url = ahead.text(field)?,
            _ => around.take(&mut ahead, field)?,
        }
    }
    around.settle(AROUND, &mut resource.attributes);
    unknown.settle(OWN, &mut resource.attributes);
    let resource = Arc::new(resource);
    while let Some(field) = cursor.field()? {
        match field.number {
            2 => of_scope(cursor.message(field)?, &resource, items)?,
            _ => cursor.skip(field)?,
        }
    }
    Ok(())
}

fn merge_resource(
    mut cursor: Cursor<'_>,
    resource: &mut Resource,
    unknown: &mut Unknown,
) -> Result<(), DecodeError> {
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => attribute(&mut cursor, field, &mut resource.attributes, unknown)?,
            2 => resource.dropped_attributes_count = cursor.number32(field)?,
            3 => {
                let mut ahead = cursor;
                entity(ahead.message(field)?)?;
                unknown.take(&mut cursor, field)?;
            }
            _ => unknown.take(&mut cursor, field)?,
        }
    }
    Ok(())
}

/// A reference to an entity, in development, and kept as what is not known. Looked into as all others do, who refuse a
/// request in which it is malformed.
pub(super) fn entity(mut cursor: Cursor<'_>) -> Result<(), DecodeError> {
    while let Some(field) = cursor.field()? {
        match field.number {
            1..=4 => drop(cursor.bytes(field)?),
            _ => cursor.skip(field)?,
        }
    }
    Ok(())
}

/// Looks for the scope first, which may come after its items.
fn of_scope<'a, I: Items<'a>>(
    mut cursor: Cursor<'a>,
    resource: &Arc<Resource>,
    items: &mut I,
) -> Result<(), DecodeError> {
    let mut scope = Scope::default();
    let (mut unknown, mut around) = (Unknown::default(), Unknown::default());
    let mut count = 0;
    let mut ahead = cursor;
    while let Some(field) = ahead.field()? {
        match field.number {
            1 => merge_scope(ahead.message(field)?, &mut scope, &mut unknown)?,
            2 => count += ahead.bytes(field)?.len().min(I::BYTES_MIN),
            3 => scope.schema_url = ahead.text(field)?,
            _ => around.take(&mut ahead, field)?,
        }
    }
    around.settle(AROUND, &mut scope.attributes);
    unknown.settle(OWN, &mut scope.attributes);
    let scope = Arc::new(scope);
    items.reserve(count / I::BYTES_MIN);
    while let Some(field) = cursor.field()? {
        match field.number {
            2 => {
                let offset = cursor.offset();
                items.item(cursor.message(field)?, offset, resource, &scope)?;
            }
            _ => cursor.skip(field)?,
        }
    }
    Ok(())
}

fn merge_scope(
    mut cursor: Cursor<'_>,
    scope: &mut Scope,
    unknown: &mut Unknown,
) -> Result<(), DecodeError> {
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => scope.name = cursor.text(field)?,
            2 => scope.version = cursor.text(field)?,
            3 => attribute(&mut cursor, field, &mut scope.attributes, unknown)?,
            4 => scope.dropped_attributes_count = cursor.number32(field)?,
            _ => unknown.take(&mut cursor, field)?,
        }
    }
    Ok(())
}

/// 16 bytes, or the 8 of older systems.
pub(super) fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    let mut id = [0; 16];
    match bytes.len() {
        16 => id.copy_from_slice(bytes),
        8 => id.last_chunk_mut::<8>()?.copy_from_slice(bytes),
        _ => return None,
    }
    Some(TraceId(id))
}

pub(super) fn span_id(bytes: &[u8]) -> Option<SpanId> {
    bytes.try_into().ok().map(SpanId)
}

/// Adds one `KeyValue`, with room for those that follow. One in which something is not known is kept whole, too.
#[inline]
pub(super) fn attribute(
    cursor: &mut Cursor<'_>,
    field: Field,
    attributes: &mut Attributes,
    unknown: &mut Unknown,
) -> Result<(), DecodeError> {
    let list = &mut attributes.0;
    if list.len() == list.capacity() {
        list.reserve_exact(cursor.run(field));
    }
    let whole = cursor.message(field)?;
    let mut odd = false;
    list.push(key_value(whole, 0, &mut odd)?);
    if odd {
        unknown.message(field.number, whole.rest());
    }
    Ok(())
}

/// `odd` is set if something of it is not known.
pub(super) fn key_value(
    mut cursor: Cursor<'_>,
    depth: u32,
    odd: &mut bool,
) -> Result<(Text, Value), DecodeError> {
    let mut key = Text::default();
    let mut value = Value::default();
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => key = cursor.text(field)?,
            2 => merge_value(cursor.message(field)?, &mut value, depth, odd)?,
            KEY_INDEX => drop(cursor.number32(field)?),
            _ => pass(&mut cursor, field, odd)?,
        }
    }
    Ok((key, value))
}

/// Passes over what is not known.
#[cold]
pub(super) fn pass(
    cursor: &mut Cursor<'_>,
    field: Field,
    odd: &mut bool,
) -> Result<(), DecodeError> {
    *odd = true;
    cursor.skip(field)
}

/// The last kind of value wins; lists and maps that come in parts are joined.
pub(super) fn merge_value(
    mut cursor: Cursor<'_>,
    value: &mut Value,
    depth: u32,
    odd: &mut bool,
) -> Result<(), DecodeError> {
    if depth == VALUE_DEPTH_MAX {
        return Err(DecodeError { offset: cursor.offset(), kind: DecodeErrorKind::Depth });
    }
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => *value = Value::Text(cursor.text(field)?),
            2 => *value = Value::Bool(cursor.number(field)? != 0),
            3 => *value = Value::Int(cursor.number(field)?.cast_signed()),
            4 => *value = Value::Double(f64::from_bits(cursor.fixed64(field)?)),
            5 => {
                let mut list = match std::mem::take(value) {
                    Value::List(list) => list,
                    _ => Vec::new(),
                };
                merge_list(cursor.message(field)?, &mut list, depth + 1, odd)?;
                *value = Value::List(list);
            }
            6 => {
                let mut map = match std::mem::take(value) {
                    Value::Map(map) => map,
                    _ => Vec::new(),
                };
                merge_map(cursor.message(field)?, &mut map, depth + 1, odd)?;
                *value = Value::Map(map);
            }
            7 => *value = Value::Bytes(cursor.bytes(field)?.to_vec()),
            // An index into a table that only profiles have.
            8 => {
                cursor.number(field)?;
                *value = Value::Empty;
            }
            _ => pass(&mut cursor, field, odd)?,
        }
    }
    Ok(())
}

fn merge_list(
    mut cursor: Cursor<'_>,
    list: &mut Vec<Value>,
    depth: u32,
    odd: &mut bool,
) -> Result<(), DecodeError> {
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => {
                let mut value = Value::default();
                merge_value(cursor.message(field)?, &mut value, depth, odd)?;
                list.push(value);
            }
            _ => pass(&mut cursor, field, odd)?,
        }
    }
    Ok(())
}

fn merge_map(
    mut cursor: Cursor<'_>,
    map: &mut Vec<(Text, Value)>,
    depth: u32,
    odd: &mut bool,
) -> Result<(), DecodeError> {
    while let Some(field) = cursor.field()? {
        match field.number {
            1 => map.push(key_value(cursor.message(field)?, depth, odd)?),
            _ => pass(&mut cursor, field, odd)?,
        }
    }
    Ok(())
}
