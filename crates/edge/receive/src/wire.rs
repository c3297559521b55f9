//! What OTLP answers with, in protobuf and JSON: `ExportTraceServiceResponse` and its siblings, and
//! `google.rpc.Status` with `RetryInfo`. Small messages, written out by hand.

use std::time::Duration;

use serde_json::json;

use crate::{fault::Fault, signal::Signal};

/// How a request is written, and therefore its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Protobuf,
    Json,
}

impl Format {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// What became of a request that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    /// What it carried.
    pub(crate) signal: Signal,
    /// Spans, log records or data points that were left out.
    pub(crate) rejected: u64,
    /// Why; empty if none were.
    pub(crate) message: String,
}

impl Taken {
    /// The answer. `partial_success` is unset if everything was taken, as the specification demands.
    pub(crate) fn encode(&self, format: Format) -> Vec<u8> {
        match format {
            Format::Json if self.rejected == 0 => b"{}".to_vec(),
            // 64-bit numbers are texts in protobuf's JSON.
            Format::Json => json!({ "partialSuccess": {
                self.signal.rejected(): self.rejected.to_string(),
                "errorMessage": self.message,
            }})
            .to_string()
            .into_bytes(),
            Format::Protobuf if self.rejected == 0 => Vec::new(),
            Format::Protobuf => {
                let mut partial = Vec::new();
                put_number(&mut partial, 1, self.rejected);
                put_bytes(&mut partial, 2, self.message.as_bytes());
                let mut response = Vec::new();
                put_bytes(&mut response, 1, &partial);
                response
            }
        }
    }
}

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

impl Fault {
    /// The fault as `google.rpc.Status`.
    pub(crate) fn encode(&self, format: Format) -> Vec<u8> {
        match format {
            Format::Protobuf => self.encode_protobuf(),
            Format::Json => self.encode_json(),
        }
    }

    fn encode_protobuf(&self) -> Vec<u8> {
        let mut status = Vec::new();
        put_number(&mut status, 1, u64::from(self.kind.grpc()));
        put_bytes(&mut status, 2, self.message.as_bytes());
        if let Some(wait) = self.retry_after {
            let mut duration = Vec::new();
            put_number(&mut duration, 1, wait.as_secs());
            put_number(&mut duration, 2, u64::from(wait.subsec_nanos()));
            let mut retry_info = Vec::new();
            put_bytes(&mut retry_info, 1, &duration);
            let mut any = Vec::new();
            put_bytes(&mut any, 1, RETRY_INFO.as_bytes());
            put_bytes(&mut any, 2, &retry_info);
            put_bytes(&mut status, 3, &any);
        }
        status
    }

    fn encode_json(&self) -> Vec<u8> {
        let mut status = json!({ "code": self.kind.grpc(), "message": self.message });
        if let (Some(wait), Some(fields)) = (self.retry_after, status.as_object_mut()) {
            let delay = format!("{}s", wait.as_secs_f64());
            let details = json!([{ "@type": RETRY_INFO, "retryDelay": delay }]);
            fields.insert("details".to_owned(), details);
        }
        status.to_string().into_bytes()
    }

    /// The wait as `Retry-After` has it: whole seconds, rounded up, at least one.
    pub(crate) fn retry_after_secs(&self) -> Option<u64> {
        let wait = self.retry_after?;
        Some((wait + Duration::from_nanos(999_999_999)).as_secs().max(1))
    }
}

/// A number; zero is what an absent field means.
fn put_number(into: &mut Vec<u8>, field: u8, number: u64) {
    if number != 0 {
        into.push(field << 3);
        put_varint(into, number);
    }
}

fn put_bytes(into: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    into.push(field << 3 | 2);
    put_varint(into, bytes.len() as u64);
    into.extend_from_slice(bytes);
}

fn put_varint(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    into.push(number.to_le_bytes()[0]);
}

/// Base64 without padding, as gRPC writes binary headers.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let part = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let bits = part(0) << 16 | part(1) << 8 | part(2);
        for digit in 0..=chunk.len() {
            let place = bits >> (18 - 6 * digit) & 0x3f;
            text.push(char::from(DIGITS[place as usize]));
        }
    }
    text
}

/// A text as `grpc-message` carries it: printable ASCII, the rest as `%XX` of its UTF-8.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for nibble in [byte >> 4, byte & 0x0f] {
                encoded.extend(
                    char::from_digit(u32::from(nibble), 16).map(|c| c.to_ascii_uppercase()),
                );
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fault::Kind;

    #[test]
    fn base64_is_that_of_rfc_4648_without_padding() {
        let cases = ["", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"];
        for (length, expected) in cases.into_iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), expected);
        }
    }

    #[test]
    fn a_message_stays_within_printable_ascii() {
        assert_eq!(percent_encode("50 % of “x”\n"), "50 %25 of %E2%80%9Cx%E2%80%9D%0A");
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        let wait = |millis| Fault::busy("spans", Duration::from_millis(millis)).retry_after_secs();
        assert_eq!(
            (wait(0), wait(1), wait(1000), wait(1001)),
            (Some(1), Some(1), Some(1), Some(2))
        );
        assert_eq!(Fault::new(Kind::Bug, "").retry_after_secs(), None);
    }

    #[test]
    fn json_writes_64_bit_numbers_as_text() {
        let message = "no \"id\"".to_owned();
        let taken = Taken { signal: Signal::Traces, rejected: u64::MAX, message };
        insta::assert_snapshot!(
            String::from_utf8(taken.encode(Format::Json)).unwrap(),
            @r#"{"partialSuccess":{"errorMessage":"no \"id\"","rejectedSpans":"18446744073709551615"}}"#
        );
        let fault = Fault::busy("spans", Duration::from_millis(1500));
        insta::assert_snapshot!(
            String::from_utf8(fault.encode(Format::Json)).unwrap(),
            @r#"{"code":14,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}],"message":"too many spans in flight; try again later"}"#
        );
    }

    proptest! {
        #[test]
        fn a_protobuf_answer_is_read_by_others(rejected in 1..i64::MAX, message: String) {
            use opentelemetry_proto::tonic::collector::{
                logs::v1::ExportLogsServiceResponse, metrics::v1::ExportMetricsServiceResponse,
                trace::v1::ExportTraceServiceResponse,
            };
            use prost::Message as _;
            let taken = |signal| Taken {
                signal, rejected: rejected.unsigned_abs(), message: message.clone(),
            }.encode(Format::Protobuf);
            let expected = (rejected, message.clone());
            let read = ExportTraceServiceResponse::decode(&*taken(Signal::Traces)).unwrap();
            let partial = read.partial_success.unwrap();
            prop_assert_eq!(&(partial.rejected_spans, partial.error_message), &expected);
            let read = ExportLogsServiceResponse::decode(&*taken(Signal::Logs)).unwrap();
            let partial = read.partial_success.unwrap();
            prop_assert_eq!(&(partial.rejected_log_records, partial.error_message), &expected);
            let read = ExportMetricsServiceResponse::decode(&*taken(Signal::Metrics)).unwrap();
            let partial = read.partial_success.unwrap();
            prop_assert_eq!(&(partial.rejected_data_points, partial.error_message), &expected);
        }
    }
}
