select /* taut */
  (extract(epoch from d.stats_reset) * 1000000)::int8,
  d.xact_commit, d.xact_rollback, d.blks_hit, d.blks_read, d.tup_returned, d.tup_fetched,
  d.temp_files, d.temp_bytes, d.deadlocks, d.conflicts, d.blk_read_time, d.blk_write_time,
  0::float8, 0::float8, 0::int8
from pg_catalog.pg_stat_database d
where d.datname = current_database()
