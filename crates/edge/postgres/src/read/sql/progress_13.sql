select /* taut */ p.pid::int8, p.command, p.phase, coalesce(n.nspname::text, ''), coalesce(c.relname::text, ''), p.done, p.total
from (
  select p.pid, p.datid, p.relid, p.command, p.phase,
    case when p.blocks_total > 0 then p.blocks_done else p.tuples_done end as done,
    case when p.blocks_total > 0 then p.blocks_total else p.tuples_total end as total
  from pg_catalog.pg_stat_progress_create_index p
  union all
  select p.pid, p.datid, p.relid, 'VACUUM', p.phase, p.heap_blks_scanned, p.heap_blks_total
  from pg_catalog.pg_stat_progress_vacuum p
  union all
  select p.pid, p.datid, p.relid, 'ANALYZE', p.phase, p.sample_blks_scanned, p.sample_blks_total
  from pg_catalog.pg_stat_progress_analyze p
  union all
  select p.pid, p.datid, p.relid, p.command, p.phase, p.heap_blks_scanned, p.heap_blks_total
  from pg_catalog.pg_stat_progress_cluster p
) p
left join pg_catalog.pg_class c on c.oid = p.relid
left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where p.datid = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
order by 1
limit 100
