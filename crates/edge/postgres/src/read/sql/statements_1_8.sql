select /* taut */ s.queryid, s.userid::int8, true, s.query, pg_catalog.pg_get_userbyid(s.userid)::text,
  s.calls, s.total_exec_time, s.min_exec_time, s.max_exec_time, s.stddev_exec_time, s.total_plan_time,
  s.rows, s.shared_blks_hit, s.shared_blks_read, s.shared_blks_dirtied, s.shared_blks_written,
  s.temp_blks_read, s.temp_blks_written, s.blk_read_time, s.blk_write_time, s.wal_bytes::int8,
  0::float8, null::int8
from {schema}.pg_stat_statements($2) s
where s.dbid = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
order by s.total_exec_time desc
limit $1
