//! Whatever comes in: no panic, no memory beyond reason.

use observe::{DecompressedMax, FORMATS, otlp, read};
use proptest::{prelude::*, sample::Index};

use testkit::arbitrary;

const MAX: DecompressedMax = DecompressedMax { bytes: 1 << 20 };

fn all_read(bytes: &[u8]) {
    for format in FORMATS {
        (format.sniff)(bytes);
        drop((format.read)(bytes));
    }
    drop(read(bytes, MAX).map_err(|error| error.to_string()));
}

/// A valid input of each format.
fn valid() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        arbitrary::spans().prop_map(|spans| otlp::encode(&spans)),
        arbitrary::spans().prop_map(|spans| otlp::encode_json(&spans).into_bytes()),
        Just(include_bytes!("../data/jaeger.json").to_vec()),
        Just(include_bytes!("../data/zipkin.json").to_vec()),
    ]
}

/// Pieces that mean something to one parser or another.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        &b"{"[..],
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\\",
        b"\n",
        b"null",
        b"true",
        b"-1",
        b"1e999",
        b"\"resourceSpans\":",
        b"\"scopeSpans\":",
        b"\"spans\":",
        b"\"data\":",
        b"\"traceID\":",
        b"\"traceId\":",
        b"\"id\":",
        b"\"tags\":",
        b"\"value\":",
        b"\"01\"",
        b"\x0a",
        b"\x12",
        b"\x1a",
        b"\xff",
        b"\x0b",
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        all_read(&bytes);
    }

    #[test]
    fn any_pieces_are_read_or_refused(bytes in pieces()) {
        all_read(&bytes);
    }

    #[test]
    fn changed_inputs_are_read_or_refused(
        mut bytes in valid(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..5),
        pieces in pieces(),
        place: Index,
        cut: Option<Index>,
    ) {
        for (index, byte) in changes {
            if !bytes.is_empty() {
                let place = index.index(bytes.len());
                bytes[place] = byte;
            }
        }
        if let Some(cut) = cut {
            let place = place.index(bytes.len() + 1);
            let end = (place + cut.index(20)).min(bytes.len());
            bytes.splice(place..end, pieces);
        }
        all_read(&bytes);
    }
}

/// Spans, attributes, events and links that take two bytes each, and lengths that lie.
#[test]
fn short_inputs_take_little_memory() {
    let wrap = |field: u8, content: &[u8]| {
        let mut bytes = vec![field];
        prost::encoding::encode_varint(content.len() as u64, &mut bytes);
        bytes.extend_from_slice(content);
        bytes
    };
    for field in [0x4a, 0x5a, 0x6a] {
        let ids = [&[0x0a, 16][..], &[1; 16], &[0x12, 8], &[2; 8]].concat();
        let span = [ids, [field, 0].repeat(10_000)].concat();
        let bytes = wrap(0x0a, &wrap(0x12, &wrap(0x12, &span)));
        let span = &otlp::decode(&bytes).unwrap().spans[0];
        let kept = [
            span.attributes.0.capacity() * size_of::<(model::Text, model::Value)>(),
            span.events.capacity() * size_of::<model::Event>(),
            span.links.capacity() * size_of::<model::Link>(),
        ];
        assert!(kept.iter().sum::<usize>() < 80 * bytes.len(), "{kept:?} of {}", bytes.len());
    }
    let spans = [0x12, 0].repeat(10_000);
    let decoded = otlp::decode(&wrap(0x0a, &wrap(0x12, &spans))).unwrap();
    assert_eq!((decoded.spans.capacity(), decoded.rejected), (0, 10_000));
    assert!(otlp::decode(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f").is_err());
}

#[test]
fn deep_nesting_is_refused() {
    all_read(&b"[".repeat(100_000));
    all_read(&b"{\"data\":[".repeat(100_000));
    all_read(&b"{\"a\":[\n".repeat(20_000));
    let values = "{\"arrayValue\":{\"values\":[".repeat(10_000);
    let text = format!(
        "{{\"resourceSpans\":[{{\"resource\":{{\"attributes\":[{{\"key\":\"a\",\"value\":{values}"
    );
    all_read(text.as_bytes());
}
