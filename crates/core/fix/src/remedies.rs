//! Every remedy. A new one is a file in `remedies/`, a `mod` line and a table line, all here.

use crate::Remedy;

mod batch_calls;
mod batch_write;
mod bound_tail;
mod cache_result;
mod count_roughly;
mod defer;
mod eager_load;
mod index_statement;
mod keep_connections;
mod lean_serializer;
mod memoise;
mod name_columns;
mod page_by_key;
mod retry_with_budget;
mod run_together;
mod snippets;
mod split_paths;
mod trim_response;

pub(crate) use eager_load::statements as statements_of_eager_load;

/// For each fault, the better remedy comes first.
pub static REMEDIES: &[&Remedy] = &[
    &eager_load::EAGER_LOAD,
    &batch_write::BATCH_WRITE,
    &memoise::MEMOISE,
    &run_together::RUN_TOGETHER,
    &batch_calls::BATCH_CALLS,
    &defer::DEFER,
    &index_statement::INDEX_STATEMENT,
    &lean_serializer::LEAN_SERIALIZER,
    &name_columns::NAME_COLUMNS,
    &page_by_key::PAGE_BY_KEY,
    &count_roughly::COUNT_ROUGHLY,
    &keep_connections::KEEP_CONNECTIONS,
    &trim_response::TRIM_RESPONSE,
    &retry_with_budget::RETRY_WITH_BUDGET,
    &split_paths::SPLIT_PATHS,
    &bound_tail::BOUND_TAIL,
    &cache_result::CACHE_RESULT,
];
