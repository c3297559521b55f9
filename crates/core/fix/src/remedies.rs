//! Every remedy. A new one is a file in `remedies/`, a `mod` line and a table line, all here.

use model::{Finding, GatewayChange};

use crate::Remedy;

mod analyze_table;
mod archive_table;
mod balance_by_latency;
mod batch_calls;
mod batch_write;
mod bound_route;
mod bound_tail;
mod break_circuit;
mod cache_result;
mod cache_route;
mod change_setting;
mod compress_route;
mod count_roughly;
mod create_index;
mod defer;
mod drop_index;
mod eager_load;
mod freeze_rows;
mod index_statement;
mod keep_assets;
mod keep_connections;
mod keep_result;
mod lean_serializer;
mod limit_client;
mod memoise;
mod name_columns;
mod page_by_key;
mod pool_connections;
mod rebuild_index;
mod reshape_plan;
mod retry_with_budget;
mod rewrite_subquery;
mod route_reads;
mod run_together;
mod shorten_transaction;
mod snippets;
mod split_paths;
mod trim_response;
mod widen_key;

pub(crate) use eager_load::statements as statements_of_eager_load;

/// For each fault, the better remedy comes first.
pub static REMEDIES: &[&Remedy] = &[
    &eager_load::EAGER_LOAD,
    &batch_write::BATCH_WRITE,
    &memoise::MEMOISE,
    &run_together::RUN_TOGETHER,
    &batch_calls::BATCH_CALLS,
    &defer::DEFER,
    &create_index::CREATE_INDEX,
    &drop_index::DROP_INDEX,
    &rebuild_index::REBUILD_INDEX,
    &index_statement::INDEX_STATEMENT,
    &lean_serializer::LEAN_SERIALIZER,
    &name_columns::NAME_COLUMNS,
    &page_by_key::PAGE_BY_KEY,
    &count_roughly::COUNT_ROUGHLY,
    &keep_connections::KEEP_CONNECTIONS,
    &trim_response::TRIM_RESPONSE,
    &compress_route::COMPRESS_ROUTE,
    &retry_with_budget::RETRY_WITH_BUDGET,
    &break_circuit::BREAK_CIRCUIT,
    &split_paths::SPLIT_PATHS,
    &bound_tail::BOUND_TAIL,
    &bound_route::BOUND_ROUTE,
    &balance_by_latency::BALANCE_BY_LATENCY,
    &limit_client::LIMIT_CLIENT,
    &cache_result::CACHE_RESULT,
    &cache_route::CACHE_ROUTE,
    &archive_table::ARCHIVE_TABLE,
    &keep_result::KEEP_RESULT,
    &rewrite_subquery::REWRITE_SUBQUERY,
    &analyze_table::ANALYZE_TABLE,
    &shorten_transaction::SHORTEN_TRANSACTION,
    &change_setting::CHANGE_SETTING,
    &pool_connections::POOL_CONNECTIONS,
    &route_reads::ROUTE_READS,
    &widen_key::WIDEN_KEY,
    &freeze_rows::FREEZE_ROWS,
    &reshape_plan::RESHAPE_PLAN,
    &keep_assets::KEEP_ASSETS,
];

/// What a remedy changes in the gateway's settings.
type Changes = fn(&Finding) -> Option<GatewayChange>;

/// Remedies that the gateway carries out.
static OF_GATEWAY: &[(&Remedy, Changes)] = &[
    (&compress_route::COMPRESS_ROUTE, compress_route::change),
    (&break_circuit::BREAK_CIRCUIT, break_circuit::change),
    (&bound_route::BOUND_ROUTE, bound_route::change),
    (&balance_by_latency::BALANCE_BY_LATENCY, balance_by_latency::change),
    (&limit_client::LIMIT_CLIENT, limit_client::change),
    (&cache_route::CACHE_ROUTE, cache_route::change),
    (&keep_assets::KEEP_ASSETS, keep_assets::change),
];

/// What the gateway can do about a finding, if this remedy is one of its own.
pub(crate) fn gateway_change(remedy: &str, finding: &Finding) -> Option<GatewayChange> {
    let (_, change) = OF_GATEWAY.iter().find(|(known, _)| known.name == remedy)?;
    change(finding)
}
