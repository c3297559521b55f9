select /* taut */ i.backend_type, i.object, i.context,
  coalesce(i.reads * i.op_bytes, 0)::int8, coalesce(i.writes * i.op_bytes, 0)::int8,
  coalesce(i.extends * i.op_bytes, 0)::int8,
  i.hits, i.evictions, i.read_time, i.write_time
from pg_catalog.pg_stat_io i
where coalesce(i.reads, 0) + coalesce(i.writes, 0) + coalesce(i.extends, 0) + coalesce(i.hits, 0) > 0
order by 1, 2, 3
