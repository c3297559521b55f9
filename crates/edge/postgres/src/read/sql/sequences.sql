with /* taut */ bounded as materialized (
  select c.oid, n.nspname, c.relname, f.attrelid, f.attname,
    least(s.seqmax, case f.atttypid when 21 then 32767 when 23 then 2147483647
      else 9223372036854775807 end) as max,
    pg_catalog.has_schema_privilege(n.oid, 'usage')
      and pg_catalog.has_sequence_privilege(c.oid, 'select, usage') as readable
  from pg_catalog.pg_sequence s
  join pg_catalog.pg_class c on c.oid = s.seqrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join lateral (
    select a.attrelid, a.attname, a.atttypid
    from pg_catalog.pg_depend d
    join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
      and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjsubid > 0
      and d.deptype in ('a', 'i')
    limit 1
  ) f on true
  where c.relpersistence = 'p' and s.seqincrement > 0 and not s.seqcycle
  order by 6, c.oid
  limit $1
), valued as materialized (
  select b.*, case when b.readable then pg_catalog.pg_sequence_last_value(b.oid::regclass) end as last
  from bounded b
)
select v.nspname::text, v.relname::text, v.last::int8, v.max::int8,
  case when v.attrelid is not null then
    (select case when n.nspname = 'public' then '' else n.nspname || '.' end || c.relname || '.' || v.attname
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.oid = v.attrelid) end,
  v.readable
from valued v
order by coalesce(v.last, 0)::float8 / v.max::float8 desc, 1, 2
