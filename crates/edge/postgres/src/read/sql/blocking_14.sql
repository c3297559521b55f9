with /* taut */ waiting as materialized (
  select l.pid, l.locktype, l.mode, l.relation, l.database, l.waitstart as since
  from pg_catalog.pg_locks l
  where not l.granted and l.pid is not null
  order by 6, l.pid
  limit $1
)
select w.pid::int8, pg_catalog.pg_blocking_pids(w.pid)::int8[], w.locktype, w.mode,
  n.nspname::text, c.relname::text,
  (extract(epoch from pg_catalog.clock_timestamp() - coalesce(w.since, a.query_start)) * 1000000)::int8
from waiting w
left join pg_catalog.pg_stat_activity a on a.pid = w.pid
left join pg_catalog.pg_class c on c.oid = w.relation
  and w.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
order by w.pid
