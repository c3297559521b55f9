select /* taut */ t.oid::int8,
  pg_catalog.pg_stat_get_numscans(t.oid), pg_catalog.pg_stat_get_tuples_returned(t.oid),
  pg_catalog.pg_stat_get_tuples_fetched(t.oid),
  pg_catalog.pg_stat_get_tuples_inserted(t.oid), pg_catalog.pg_stat_get_tuples_updated(t.oid),
  pg_catalog.pg_stat_get_tuples_hot_updated(t.oid), pg_catalog.pg_stat_get_tuples_deleted(t.oid),
  pg_catalog.pg_stat_get_blocks_fetched(t.oid), pg_catalog.pg_stat_get_blocks_hit(t.oid),
  pg_catalog.pg_stat_get_live_tuples(t.oid), pg_catalog.pg_stat_get_dead_tuples(t.oid),
  pg_catalog.pg_stat_get_mod_since_analyze(t.oid),
  (extract(epoch from greatest(pg_catalog.pg_stat_get_last_vacuum_time(t.oid),
    pg_catalog.pg_stat_get_last_autovacuum_time(t.oid))) * 1000000)::int8,
  (extract(epoch from greatest(pg_catalog.pg_stat_get_last_analyze_time(t.oid),
    pg_catalog.pg_stat_get_last_autoanalyze_time(t.oid))) * 1000000)::int8,
  (extract(epoch from pg_catalog.pg_stat_get_lastscan(t.oid)) * 1000000)::int8
from pg_catalog.unnest($1::oid[]) as t(oid)
