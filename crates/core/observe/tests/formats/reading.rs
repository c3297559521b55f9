//! Finding out what an input is.

use std::{collections::BTreeSet, io::Write as _, path::Path};

use observe::{
    Compression, DecompressedMax, FORMATS, ReadError,
    otlp::{encode, encode_json},
    read,
};
use proptest::prelude::*;
use testkit::arbitrary;

const MAX: DecompressedMax = DecompressedMax { bytes: 1 << 20 };

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Error and hint.
fn refusal(bytes: &[u8]) -> String {
    let error = read(bytes, MAX).unwrap_err();
    let cause = std::error::Error::source(&error).map_or_else(String::new, |it| format!(": {it}"));
    format!("{error}{cause} ({})", error.hint())
}

#[test]
fn the_table_names_every_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/formats");
    let files: BTreeSet<String> = folder
        .read_dir()
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().replace('_', "-"))
        .collect();
    let table: BTreeSet<String> = FORMATS.iter().map(|format| format.name.to_owned()).collect();
    assert_eq!(files, table);
    assert!(FORMATS.is_sorted_by_key(|format| format.name));
}

#[test]
fn each_input_is_of_one_format() {
    let of_otlp = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01","spanId":"02",
        "attributes":[{"key":"traceID","value":{"stringValue":"processes"}}]}]}]}]}"#;
    let of_zipkin = br#"[{"traceId":"01","id":"02","tags":{"traceID":"1","resourceSpans":"2"}}]"#;
    let inputs: [(&str, &[u8]); 4] = [
        ("otlp-json", of_otlp),
        ("zipkin-json", of_zipkin),
        ("jaeger-json", include_bytes!("../data/jaeger.json")),
        ("zipkin-json", include_bytes!("../data/zipkin.json")),
    ];
    for (name, bytes) in inputs {
        let matching: Vec<&str> = FORMATS
            .iter()
            .filter(|format| (format.sniff)(bytes))
            .map(|format| format.name)
            .collect();
        assert_eq!(matching, [name]);
    }
}

proptest! {
    #[test]
    fn compressed_input_is_read_as_if_it_were_not(spans in arbitrary::spans()) {
        prop_assume!(!spans.is_empty());
        for (name, plain) in
            [("otlp-protobuf", encode(&spans)), ("otlp-json", encode_json(&spans).into_bytes())]
        {
            let forms = [
                (None, plain.clone()),
                (Some(Compression::Gzip), gzip(&plain)),
                (Some(Compression::Zstd), zstd(&plain)),
                (Some(Compression::Gzip), gzip(&zstd(&plain))),
            ];
            for (compression, bytes) in forms {
                let reading = read(&bytes, MAX).unwrap();
                prop_assert_eq!(&reading.decoded.spans, &spans);
                prop_assert_eq!((reading.format.name, reading.compression), (name, compression));
            }
        }
    }
}

#[test]
fn members_and_frames_are_joined() {
    let line =
        br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01","spanId":"02"}]}]}]}"#;
    for compress in [gzip, zstd] {
        let bytes = [compress(line), compress(b"\n"), compress(line)].concat();
        assert_eq!(read(&bytes, MAX).unwrap().decoded.spans.len(), 2);
    }
}

#[test]
fn what_becomes_too_large_is_refused() {
    let zeros = vec![0; MAX.bytes + 1];
    for bytes in [gzip(&zeros), zstd(&zeros), gzip(&gzip(&zeros)), zeros.clone()] {
        assert_eq!(read(&bytes, MAX).unwrap_err(), ReadError::TooLarge { max: MAX });
    }
    insta::assert_snapshot!(refusal(&zeros), @"the input is larger than 1048576 bytes once it is decompressed (split it, or raise the limit)");
}

#[test]
fn what_was_cut_is_refused_with_its_place() {
    let json = include_bytes!("../data/jaeger.json");
    let packed = gzip(json);
    insta::assert_snapshot!(refusal(&packed[..packed.len() - 20]), @"failed to decompress gzip after 1847 bytes: it was cut (check that it was copied to its end)");
    let packed = zstd(json);
    insta::assert_snapshot!(refusal(&packed[..packed.len() - 20]), @"failed to decompress zstd after 0 bytes: it was cut (check that it was copied to its end)");
    insta::assert_snapshot!(refusal(&json[..1000]), @"malformed Jaeger JSON at byte 1000: the input ends within a JSON value: it was cut (check that it was written to its end and not changed since)");
    insta::assert_snapshot!(refusal(b"\x0a\x7f\x12\x10\x0a\x00"), @"failed to read OTLP protobuf: malformed protobuf at byte 2: a field reaches beyond the end (check that it was written to its end and not changed since)");
}

#[test]
fn what_is_unknown_is_named() {
    let inputs: [&[u8]; 16] = [
        b"",
        b" \n",
        b"<!DOCTYPE html><html>",
        b"<?xml version='1.0'?>",
        b"{\"resourceMetrics\":[]}",
        b"{\"traceEvents\":[]}",
        b"{\"shared\":{\"frames\":[]},\"profiles\":[]}",
        b"[1, 2]",
        b"\n\nplain words",
        b"\x0a\x04\x08\x01\x10\x02\x0a\x04",
        b"PK\x03\x04",
        b"BZh91AY",
        b"PAR1\x15",
        b"\xff\xfeh\x00i\x00",
        b"\x7fELF\x02\x01",
        "caf\u{e9}".as_bytes(),
    ];
    let told: Vec<String> = inputs.iter().map(|bytes| refusal(bytes)).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    the input is empty (check that whatever wrote it was given the time to flush its spans)
    the input is empty (check that whatever wrote it was given the time to flush its spans)
    the input looks like an HTML page; known formats are Jaeger JSON, OTLP JSON, OTLP protobuf, Zipkin v2 JSON (fetch the trace from the API instead of saving the page: Jaeger has `/api/traces/ID`, Zipkin `/api/v2/trace/ID`)
    the input looks like XML; known formats are Jaeger JSON, OTLP JSON, OTLP protobuf, Zipkin v2 JSON (export the spans as OTLP JSON instead)
    the input looks like OTLP metrics or logs; known formats are Jaeger JSON, OTLP JSON, OTLP protobuf, Zipkin v2 JSON (export traces: what Taut finds, it finds in spans)
    the input looks like a trace of Chrome; known formats are Jaeger JSON, OTLP JSON, OTLP protobuf, Zipkin v2 JSON (export spans with OpenTelemetry instead)
    the input looks like a speedscope profile; known formats are Jaeger JSON, OTLP JSON, OTLP protobuf, Zipkin v2 JSON (export traces: profiles are not read yet)
    the input looks like JSON without spans; known formats are Jaeger JSON, OTLP JSON, OTLP protobuf, Zipkin v2 JSON (export the spans as OTLP JSON, as Jaeger JSON or as Zipkin v2 JSON)
    the input looks like plain text; known formats are Jaeger JSON, OTLP JSON, OTLP protobuf, Zipkin v2 JSON (export the spans as OTLP JSON, as Jaeger JSON or as Zipkin v2 JSON)
    the input looks like a pprof profile; known formats are Jaeger JSON, OTLP JSON, OTLP protobuf, Zipkin v2 JSON (export traces: profiles are not read yet)
    the input looks like a zip archive; known formats are Jaeger JSON, OTLP JSON, OTLP protobuf, Zipkin v2 JSON (unpack it first)
    the input looks like compressed with bzip2, xz or lz4; known formats are Jaeger JSON, OTLP JSON, OTLP protobuf, Zipkin v2 JSON (decompress it first, or use gzip or zstd, which are read as they are)
    the input looks like a Parquet file; known formats are Jaeger JSON, OTLP JSON, OTLP protobuf, Zipkin v2 JSON (export the spans as OTLP JSON instead)
    the input looks like text in UTF-16; known formats are Jaeger JSON, OTLP JSON, OTLP protobuf, Zipkin v2 JSON (convert it to UTF-8)
    the input looks like binary data; known formats are Jaeger JSON, OTLP JSON, OTLP protobuf, Zipkin v2 JSON (export the spans as OTLP JSON or OTLP protobuf)
    the input looks like plain text; known formats are Jaeger JSON, OTLP JSON, OTLP protobuf, Zipkin v2 JSON (export the spans as OTLP JSON, as Jaeger JSON or as Zipkin v2 JSON)
    ");
}
