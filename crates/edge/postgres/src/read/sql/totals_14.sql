select /* taut */
  (extract(epoch from d.stats_reset) * 1000000)::int8,
  d.xact_commit, d.xact_rollback, d.blks_hit, d.blks_read, d.tup_returned, d.tup_fetched,
  d.temp_files, d.temp_bytes, d.deadlocks, d.conflicts, d.blk_read_time, d.blk_write_time,
  d.active_time, d.idle_in_transaction_time, d.sessions
from pg_catalog.pg_stat_database d
where d.datname = current_database()
