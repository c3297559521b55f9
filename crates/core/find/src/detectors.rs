//! Every detector. A new one is two files in `detectors/` (code and page), a `mod` line and a table
//! line, all here, and two cases in `specs/`.

use crate::Detector;

mod apart;
mod bimodal_latency;
mod bloated_index;
mod blocking_call;
mod chatty_service;
mod connection_churn;
mod connection_exhaustion;
mod costly_plan;
mod dead_table;
mod deep_offset;
mod duplicate_index;
mod duplicate_statement;
mod endpoints;
mod exact_count;
mod figures;
mod heavy_serialization;
mod idle_in_transaction;
mod indexes;
mod invalid_index;
mod large_response;
mod lock_wait;
mod long_tail;
mod low_buffer_hits;
mod misestimate;
mod missing_index;
mod n_plus_one;
mod n_plus_one_calls;
mod names;
mod planned;
mod related;
mod repeated_aggregate;
mod replica_lag;
mod retry_storm;
mod rows_scanned_vs_returned;
mod sequence_exhaustion;
mod sequential_scan;
mod serial_calls;
mod served;
mod slow_statement;
mod spill;
mod stale_statistics;
mod subquery_shape;
mod transaction_wraparound;
mod uncached_work;
mod unfit_setting;
mod unindexed_foreign_key;
mod unkept_asset;
mod unused_index;
mod unused_replica;
mod wide_select;
mod words;

pub(crate) use planned::show as show_plans;

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
    &missing_index::MISSING_INDEX,
    &sequential_scan::SEQUENTIAL_SCAN,
    &rows_scanned_vs_returned::ROWS_SCANNED_VS_RETURNED,
    &unindexed_foreign_key::UNINDEXED_FOREIGN_KEY,
    &unused_index::UNUSED_INDEX,
    &duplicate_index::DUPLICATE_INDEX,
    &invalid_index::INVALID_INDEX,
    &bloated_index::BLOATED_INDEX,
    &repeated_aggregate::REPEATED_AGGREGATE,
    &subquery_shape::SUBQUERY_SHAPE,
    &spill::SPILL,
    &stale_statistics::STALE_STATISTICS,
    &misestimate::MISESTIMATE,
    &low_buffer_hits::LOW_BUFFER_HITS,
    &lock_wait::LOCK_WAIT,
    &idle_in_transaction::IDLE_IN_TRANSACTION,
    &connection_exhaustion::CONNECTION_EXHAUSTION,
    &replica_lag::REPLICA_LAG,
    &unused_replica::UNUSED_REPLICA,
    &dead_table::DEAD_TABLE,
    &sequence_exhaustion::SEQUENCE_EXHAUSTION,
    &transaction_wraparound::TRANSACTION_WRAPAROUND,
    &unfit_setting::UNFIT_SETTING,
    &costly_plan::COSTLY_PLAN,
    &unkept_asset::UNKEPT_ASSET,
];
