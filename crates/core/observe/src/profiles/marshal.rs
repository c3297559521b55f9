//! Python's marshal, as far as profiles use it: dicts, tuples, numbers and texts, of versions 2 to 4.
//!
//! The format is that of `Python/marshal.c`. Lists, code and sets never occur in a profile and are refused.

use std::rc::Rc;

use super::Malformed;

/// Marks a value that later ones may point back to.
const FLAG_REF: u8 = 0x80;

/// Containers within containers: a profile has a dict, a tuple, a dict and two tuples.
const DEPTH_MAX: usize = 12;

/// A value. Those that were pointed back to are shared, so that no file grows in memory.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    None,
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    Tuple(Rc<[Self]>),
    Dict(Rc<[(Self, Self)]>),
}

/// Reads one value; whatever follows it is left.
pub(super) fn read(bytes: &[u8]) -> Result<Value, Malformed> {
    let mut reader = Reader { bytes, place: 0, seen: Vec::new(), interned: Vec::new() };
    reader.value(0)?.ok_or_else(|| Malformed::at(0, "nothing"))
}

struct Reader<'a> {
    bytes: &'a [u8],
    place: usize,
    /// What can be pointed back to; `None` while it is being read.
    seen: Vec<Option<Value>>,
    /// The same of Python 2, which has texts alone.
    interned: Vec<Value>,
}

impl<'a> Reader<'a> {
    /// The next value; `None` is the mark that ends a dict.
    fn value(&mut self, depth: usize) -> Result<Option<Value>, Malformed> {
        let begin = self.place;
        let code = self.byte()?;
        let kind = code & !FLAG_REF;
        // A container has its number before what is in it.
        let number = (code & FLAG_REF != 0).then(|| {
            self.seen.push(None);
            self.seen.len() - 1
        });
        let value = match kind {
            b'0' => return Ok(None),
            b'N' => Value::None,
            b'F' => Value::Int(0),
            b'T' => Value::Int(1),
            b'i' => Value::Int(i64::from(i32::from_le_bytes(self.fixed()?))),
            b'I' => Value::Int(i64::from_le_bytes(self.fixed()?)),
            b'l' => self.long()?,
            b'g' => Value::Float(f64::from_le_bytes(self.fixed()?)),
            b'f' => self.float_text()?,
            b'z' | b'Z' => self.short_text()?,
            b's' | b'u' | b'a' | b'A' => self.text()?,
            b't' => {
                let text = self.text()?;
                self.interned.push(text.clone());
                text
            }
            b'r' => return self.pointed(begin).map(Some),
            b'R' => {
                let place = self.length()?;
                let known = self.interned.get(place).cloned();
                known.ok_or_else(|| Malformed::at(begin, "a text that never came"))?
            }
            b'(' | b')' | b'{' if DEPTH_MAX <= depth => {
                return Err(Malformed::at(begin, "nested too deeply"));
            }
            b'(' => {
                let count = self.length()?;
                self.tuple(count, depth)?
            }
            b')' => {
                let count = usize::from(self.byte()?);
                self.tuple(count, depth)?
            }
            b'{' => self.dict(depth)?,
            _ => return Err(Malformed::at(begin, "a value that no profile has")),
        };
        if let Some(spot) = number.and_then(|number| self.seen.get_mut(number)) {
            *spot = Some(value.clone());
        }
        Ok(Some(value))
    }

    fn pointed(&mut self, begin: usize) -> Result<Value, Malformed> {
        let place = self.length()?;
        let known = self.seen.get(place).cloned().flatten();
        known.ok_or_else(|| Malformed::at(begin, "a value that never came"))
    }

    fn tuple(&mut self, count: usize, depth: usize) -> Result<Value, Malformed> {
        // Each value takes a byte at least; more cannot come, whatever is announced.
        if self.bytes.len() - self.place < count {
            return Err(Malformed::at(self.place, "a tuple longer than the file"));
        }
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            let value = self.value(depth + 1)?;
            values.push(value.ok_or_else(|| Malformed::at(self.place, "an end within a tuple"))?);
        }
        Ok(Value::Tuple(values.into()))
    }

    fn dict(&mut self, depth: usize) -> Result<Value, Malformed> {
        let mut pairs = Vec::new();
        while let Some(key) = self.value(depth + 1)? {
            let value = self.value(depth + 1)?;
            pairs.push((
                key,
                value.ok_or_else(|| Malformed::at(self.place, "a key without value"))?,
            ));
        }
        Ok(Value::Dict(pairs.into()))
    }

    /// A whole number of any size, in digits of 15 bits.
    fn long(&mut self) -> Result<Value, Malformed> {
        let begin = self.place;
        let count = i32::from_le_bytes(self.fixed()?);
        let mut value = 0_i64;
        for place in 0..count.unsigned_abs() {
            let digit = i64::from(u16::from_le_bytes(self.fixed()?));
            let part = digit.checked_shl(15 * place).filter(|part| *part >> (15 * place) == digit);
            let sum = part.and_then(|part| value.checked_add(part));
            value = sum.ok_or_else(|| Malformed::at(begin, "a number of more than 63 bits"))?;
        }
        Ok(Value::Int(if count < 0 { -value } else { value }))
    }

    fn float_text(&mut self) -> Result<Value, Malformed> {
        let begin = self.place;
        let count = usize::from(self.byte()?);
        let text = std::str::from_utf8(self.take(count)?).ok().and_then(|text| text.parse().ok());
        text.map(Value::Float).ok_or_else(|| Malformed::at(begin, "no number"))
    }

    fn short_text(&mut self) -> Result<Value, Malformed> {
        let count = usize::from(self.byte()?);
        self.letters(count)
    }

    fn text(&mut self) -> Result<Value, Malformed> {
        let count = self.length()?;
        self.letters(count)
    }

    fn letters(&mut self, count: usize) -> Result<Value, Malformed> {
        let bytes = self.take(count)?;
        Ok(Value::Text(String::from_utf8_lossy(bytes).as_ref().into()))
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        let begin = self.place;
        let length = i32::from_le_bytes(self.fixed()?);
        usize::try_from(length).map_err(|_negative| Malformed::at(begin, "a length below zero"))
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.fixed::<1>().map(|[byte]| byte)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let rest = self.bytes.get(self.place..).unwrap_or_default();
        let Some((taken, _)) = rest.split_first_chunk() else {
            return Err(Malformed::at(self.place, "it is cut"));
        };
        self.place += N;
        Ok(*taken)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let end = self.place.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.place..end));
        let taken = taken.ok_or_else(|| Malformed::at(self.place, "it is cut"))?;
        self.place += count;
        Ok(taken)
    }
}
