//! Bodies that were packed on their way are unpacked: nobody can look into them otherwise, and what must not be kept would be.

use std::io::{self, Read};

use model::{BodySeen, Exchange, Kept};

/// The exchange with its bodies unpacked, each at most so long.
pub(super) fn unpack(mut exchange: Exchange, bytes_max: usize) -> Exchange {
    let coding = exchange.request.header("content-encoding").map(str::to_owned);
    body(&mut exchange.request.body, coding.as_deref(), bytes_max);
    if let Some(answer) = &mut exchange.answer {
        let coding = answer.header("content-encoding").map(str::to_owned);
        body(&mut answer.body, coding.as_deref(), bytes_max);
    }
    exchange
}

fn body(body: &mut BodySeen, coding: Option<&str>, bytes_max: usize) {
    let Some(coding) =
        coding.map(str::trim).filter(|coding| !coding.is_empty() && *coding != "identity")
    else {
        return;
    };
    if body.bytes.is_empty() {
        return;
    }
    let packed = body.bytes.as_slice();
    let unpacked = match coding.to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => Some(some(flate2::read::MultiGzDecoder::new(packed), bytes_max)),
        "deflate" => Some(some(flate2::read::ZlibDecoder::new(packed), bytes_max)),
        "br" => Some(some(brotli::Decompressor::new(packed, 4_096), bytes_max)),
        "zstd" => {
            zstd::stream::read::Decoder::new(packed).ok().map(|reader| some(reader, bytes_max))
        }
        _ => None,
    };
    let Some((bytes, is_whole)) = unpacked else {
        (body.bytes, body.kept) = (Vec::new(), Kept::LeftOut);
        return;
    };
    body.bytes = bytes;
    coding.clone_into(&mut body.unpacked);
    if !is_whole {
        body.kept = Kept::Cut;
    }
}

/// What can be read, up to a bound; whether that is all.
fn some(reader: impl Read, bytes_max: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let mut reader = reader.take(bytes_max as u64 + 1);
    let read: io::Result<usize> = reader.read_to_end(&mut bytes);
    let is_whole = read.is_ok() && bytes.len() <= bytes_max;
    bytes.truncate(bytes_max);
    (bytes, is_whole)
}
