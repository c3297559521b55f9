select /* taut */ i.oid::int8,
  pg_catalog.pg_stat_get_numscans(i.oid), pg_catalog.pg_stat_get_tuples_returned(i.oid),
  pg_catalog.pg_stat_get_tuples_fetched(i.oid),
  pg_catalog.pg_stat_get_blocks_fetched(i.oid), pg_catalog.pg_stat_get_blocks_hit(i.oid),
  null::int8
from pg_catalog.unnest($1::oid[]) as i(oid)
