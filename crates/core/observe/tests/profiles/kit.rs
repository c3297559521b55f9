//! Profiles, told tersely.

use std::io::Write as _;

use model::Profile;
use observe::read_profiles;

/// The one profile of a file of a format.
pub(crate) fn only(bytes: &[u8], format: &str) -> Profile {
    let mut read = read_profiles(bytes, super::MAX).expect("it is a profile");
    assert_eq!(read.format.name, format);
    assert_eq!(read.profiles.len(), 1);
    read.profiles.remove(0)
}

/// Depth, name, own and total of each node.
pub(crate) fn tree(profile: &Profile) -> Vec<(u32, String, u64, u64)> {
    let node = |node: &model::ProfileNode| {
        let name = profile.functions[node.function as usize].name.to_string();
        (node.depth, name, node.own, node.total)
    };
    profile.tree.iter().map(node).collect()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// A pprof file: location 1 is `inlined` within `work`, location 2 is `main`; samples have `samples/count` and
/// `cpu/milliseconds`.
pub(crate) fn pprof_of(samples: &[(&[u64], &[u64])]) -> Vec<u8> {
    let texts = ["", "samples", "count", "cpu", "milliseconds", "main", "work", "inlined", "a.go"];
    let mut bytes = Vec::new();
    for (kind, unit) in [(1, 2), (3, 4)] {
        message(&mut bytes, 1, |inner| (number(inner, 1, kind), number(inner, 2, unit)));
    }
    for (locations, values) in samples {
        message(&mut bytes, 2, |inner| {
            message(inner, 1, |packed| {
                for location in *locations {
                    varint(packed, *location);
                }
            });
            message(inner, 2, |packed| {
                for value in *values {
                    varint(packed, *value);
                }
            });
        });
    }
    for (id, lines) in [(1, &[(3, 12), (2, 40)][..]), (2, &[(1, 5)])] {
        message(&mut bytes, 4, |inner| {
            number(inner, 1, id);
            for (function, line) in lines {
                message(inner, 4, |inner| (number(inner, 1, *function), number(inner, 2, *line)));
            }
        });
    }
    for (id, name) in [(1, 5), (2, 6), (3, 7)] {
        message(&mut bytes, 5, |inner| {
            (number(inner, 1, id), number(inner, 2, name), number(inner, 4, 8))
        });
    }
    for text in texts {
        message(&mut bytes, 6, |inner| inner.extend(text.as_bytes()));
    }
    bytes
}

fn message<T>(bytes: &mut Vec<u8>, field: u64, fill: impl FnOnce(&mut Vec<u8>) -> T) {
    let mut inner = Vec::new();
    fill(&mut inner);
    varint(bytes, field << 3 | 2);
    varint(bytes, inner.len() as u64);
    bytes.extend(inner);
}

fn number(bytes: &mut Vec<u8>, field: u64, value: u64) {
    varint(bytes, field << 3);
    varint(bytes, value);
}

fn varint(bytes: &mut Vec<u8>, value: u64) {
    prost::encoding::encode_varint(value, bytes);
}

/// A text as Python 2 writes it for the first time.
pub(crate) fn text(text: &str) -> Vec<u8> {
    marked(b't', &[&length(text.len())[..], text.as_bytes()].concat())
}

/// A text that came before.
pub(crate) fn pointed(place: usize) -> Vec<u8> {
    marked(b'R', &length(place))
}

pub(crate) fn int(value: i32) -> Vec<u8> {
    marked(b'i', &value.to_le_bytes())
}

pub(crate) fn float(value: f64) -> Vec<u8> {
    marked(b'g', &value.to_le_bytes())
}

pub(crate) fn tuple(values: &[&[u8]]) -> Vec<u8> {
    marked(b'(', &[&length(values.len())[..], &values.concat()[..]].concat())
}

fn length(count: usize) -> [u8; 4] {
    u32::try_from(count).expect("it is short").to_le_bytes()
}

fn marked(mark: u8, rest: &[u8]) -> Vec<u8> {
    [&[mark][..], rest].concat()
}
