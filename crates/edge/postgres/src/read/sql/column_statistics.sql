with /* taut */ wanted as materialized (
  select c.oid, n.nspname, c.relname
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.oid = any ($1::oid[])
)
select w.oid::int8, s.attname::text, s.null_frac::float8, s.avg_width::int8, s.n_distinct::float8,
  s.correlation::float8, s.most_common_freqs[1:10]::float8[],
  (select sum(f) from pg_catalog.unnest(s.most_common_freqs) as f)::float8,
  case when t.typcategory = 'S' and t.typlen = -1 then
    (select array[min(pg_catalog.octet_length(v)), max(pg_catalog.octet_length(v))]::int8[] from (
      select pg_catalog.unnest(s.histogram_bounds::text::text[])
      union all
      select pg_catalog.unnest(s.most_common_vals::text::text[])
    ) as x(v)) end
from wanted w
join pg_catalog.pg_stats s on s.schemaname = w.nspname and s.tablename = w.relname
join pg_catalog.pg_attribute a on a.attrelid = w.oid and a.attname = s.attname
join pg_catalog.pg_type t on t.oid = a.atttypid
order by w.oid, s.inherited, s.attname
