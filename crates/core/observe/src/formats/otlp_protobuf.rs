//! OTLP protobuf.

use super::Format;
use crate::{
    otlp,
    reading::{ReadError, is_text},
};

pub(super) static FORMAT: Format = Format {
    name: "otlp-protobuf",
    title: "OTLP protobuf",
    doc: "The body of a request as SDKs and collectors send it with `grpc` (without the frame) or \
          `http/protobuf`; requests written one after the other are read as one.",
    sniff,
    read: |bytes| otlp::decode(bytes).map_err(ReadError::Protobuf),
};

/// `resource_spans`, and in it a resource, scopes or a schema. A text file that begins with an empty
/// line looks alike, so text is refused; ids are not text.
fn sniff(bytes: &[u8]) -> bool {
    let [0x0a, length @ ..] = bytes else { return false };
    let length_bytes = 1 + length.iter().take(9).take_while(|byte| 0x80 <= **byte).count();
    matches!(length.get(length_bytes), None | Some(0x0a | 0x12 | 0x1a)) && !is_text(bytes)
}
