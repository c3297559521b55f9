//! Every detector. A new one is two files in `detectors/` (code and page), a `mod` line and a table
//! line, all here, and two cases in `specs/`.

use crate::Detector;

mod apart;
mod bimodal_latency;
mod blocking_call;
mod chatty_service;
mod connection_churn;
mod deep_offset;
mod duplicate_statement;
mod endpoints;
mod exact_count;
mod heavy_serialization;
mod large_response;
mod long_tail;
mod n_plus_one;
mod n_plus_one_calls;
mod names;
mod related;
mod retry_storm;
mod serial_calls;
mod slow_statement;
mod uncached_work;
mod wide_select;
mod words;

/// In the order of their codes, which is the order of the manual.
pub static DETECTORS: &[&Detector] = &[
    &n_plus_one::N_PLUS_ONE,
    &duplicate_statement::DUPLICATE_STATEMENT,
    &serial_calls::SERIAL_CALLS,
    &n_plus_one_calls::N_PLUS_ONE_CALLS,
    &chatty_service::CHATTY_SERVICE,
    &blocking_call::BLOCKING_CALL,
    &slow_statement::SLOW_STATEMENT,
    &heavy_serialization::HEAVY_SERIALIZATION,
    &wide_select::WIDE_SELECT,
    &deep_offset::DEEP_OFFSET,
    &exact_count::EXACT_COUNT,
    &connection_churn::CONNECTION_CHURN,
    &large_response::LARGE_RESPONSE,
    &retry_storm::RETRY_STORM,
    &bimodal_latency::BIMODAL_LATENCY,
    &long_tail::LONG_TAIL,
    &uncached_work::UNCACHED_WORK,
];
