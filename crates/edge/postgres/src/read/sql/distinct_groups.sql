select /* taut */ c.oid::int8, s.n_distinct::text
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_stats_ext s on s.schemaname = n.nspname and s.tablename = c.relname
where c.oid = any ($1::oid[]) and s.n_distinct is not null
order by 1, 2
