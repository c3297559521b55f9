//! A sketch of times that can be written down: as the hexadecimal digits of its compact form.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use stats::Sketch;

/// Times, summarised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    sketch: Sketch,
}

impl Durations {
    /// Takes in a time.
    pub fn add(&mut self, time: Duration) {
        self.sketch.add(super::parts::nanos(time));
    }

    /// Takes in all that `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        self.sketch.merge(&other.sketch);
    }

    /// Times seen.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.sketch.count()
    }

    /// Their sum, exact.
    #[must_use]
    pub fn total(&self) -> Duration {
        Duration::from_nanos(u64::try_from(self.sketch.sum()).unwrap_or(u64::MAX))
    }

    /// Their mean; zero if there are none.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let count = u128::from(self.sketch.count()).max(1);
        Duration::from_nanos(u64::try_from(self.sketch.sum() / count).unwrap_or(u64::MAX))
    }

    /// The shortest; zero if there are none.
    #[must_use]
    pub fn min(&self) -> Duration {
        Duration::from_nanos(self.sketch.min().unwrap_or_default())
    }

    /// The longest; zero if there are none.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.sketch.max().unwrap_or_default())
    }

    /// A quantile, as [`Sketch::quantile`] has it; zero if there are none.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Duration {
        Duration::from_nanos(self.sketch.quantile(q).unwrap_or_default())
    }

    /// Whether nothing was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sketch.is_empty()
    }
}

impl Serialize for Durations {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        self.sketch.encode(&mut bytes);
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            text.push_str(&format!("{byte:02x}"));
        }
        to.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Durations {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let digit = |byte: u8| {
            let digit = char::from(byte).to_digit(16)?;
            u8::try_from(digit).ok()
        };
        let bytes: Option<Vec<u8>> = text
            .as_bytes()
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
                _ => None,
            })
            .collect();
        let sketch = bytes.and_then(|bytes| Sketch::decode(&bytes));
        sketch.map(|sketch| Self { sketch }).ok_or_else(|| D::Error::custom("no sketch of times"))
    }
}
