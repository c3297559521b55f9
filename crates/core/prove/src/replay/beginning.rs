//! The JSON of a body, of which the end may have been cut off: what is whole of it, and where it stops.

use model::{BodySeen, Kept};
use serde_json::Value;

use super::differ::is_word;

/// A JSON text as far as it is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Beginning {
    /// Its whole values.
    pub(super) value: Value,
    /// Keys and places on the way to where it was cut; `None` if it is whole.
    pub(super) open: Option<Vec<String>>,
}

/// An object with its last key, or a list with the place of its last entry.
enum Frame {
    Object(String),
    List(usize),
}

impl Beginning {
    /// What is known of a body; `None` if it is no JSON.
    pub(super) fn of(body: &BodySeen) -> Option<Self> {
        if body.kept != Kept::Cut {
            let value = serde_json::from_slice(&body.bytes).ok()?;
            return Some(Self { value, open: None });
        }
        let (end, frames) = whole(&body.bytes)?;
        let mut text = body.bytes.get(..end)?.to_vec();
        let ends = frames.iter().rev().map(|frame| match frame {
            Frame::Object(_) => b'}',
            Frame::List(_) => b']',
        });
        text.extend(ends);
        let value = serde_json::from_slice(&text).ok()?;
        // The innermost is where it stops; those around it say on which way that lies.
        let around = frames.len().saturating_sub(1);
        let way = frames.into_iter().take(around).map(|frame| match frame {
            Frame::Object(key) => key,
            Frame::List(place) => place.to_string(),
        });
        Some(Self { value, open: Some(way.collect()) })
    }
}

/// Where the last value of a text ends that is surely whole, and what is open there; `None` if nothing is.
fn whole(text: &[u8]) -> Option<(usize, Vec<Frame>)> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut end = None;
    let (mut string, mut last) = (None, 0..0);
    let mut is_escaped = false;
    for (place, byte) in text.iter().enumerate() {
        if let Some(from) = string {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => (string, last) = (None, from..place + 1),
                _ => {}
            }
            continue;
        }
        match (byte, frames.last_mut()) {
            (b'"', _) => string = Some(place),
            (b':', Some(Frame::Object(key))) => {
                *key = serde_json::from_slice(text.get(last.clone())?).ok()?;
            }
            (b',', Some(frame)) => {
                end = Some(place);
                if let Frame::List(at) = frame {
                    *at += 1;
                }
            }
            (b'{' | b'[', _) => {
                end = Some(place + 1);
                frames.push(if *byte == b'{' {
                    Frame::Object(String::new())
                } else {
                    Frame::List(0)
                });
            }
            (b'}' | b']', Some(_)) => {
                end = Some(place + 1);
                frames.pop();
            }
            _ => {}
        }
    }
    end.map(|end| (end, frames))
}

/// Words of a text, each with what parts it from the next.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(|letter: char| !is_word(letter))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn cut(text: &str) -> Option<Beginning> {
        Beginning::of(&BodySeen { kept: Kept::Cut, ..BodySeen::whole(text.as_bytes().to_vec()) })
    }

    #[test]
    fn what_is_whole_of_a_cut_text_is_known_and_where_it_stops() {
        let known = |text: &str| cut(text).map(|known| (known.value, known.open.unwrap().concat()));
        assert_eq!(known("{\"a\":1,\"b"), Some((json!({"a": 1}), String::new())));
        assert_eq!(
            known("{\"n\":2,\"r\":[{\"id\":1},{\"id\":2,\"x\":\"]}\\\"\",\"y\":tr"),
            Some((json!({"n": 2, "r": [{"id": 1}, {"id": 2, "x": "]}\""}]}), "r1".to_owned()))
        );
        assert_eq!(known("[[1],[2"), Some((json!([[1], []]), "1".to_owned())));
        assert_eq!(known("[1,2]"), Some((json!([1, 2]), String::new())));
        assert_eq!((known("12"), known("<p>{a, b"), known("\"text")), (None, None, None));
    }

    proptest! {
        #[test]
        fn a_text_may_be_cut_anywhere(place in 1_usize..200, numbers in proptest::collection::vec(any::<i32>(), 0..20)) {
            let text = json!({"count": numbers.len(), "results": numbers.iter().map(|id| json!({"id": id, "tag": "{a,b]"})).collect::<Vec<_>>()}).to_string();
            let begun = cut(text.get(..place.min(text.len())).unwrap()).unwrap();
            prop_assert!(begun.value.is_object());
        }
    }
}
