with /* taut */ locked as materialized (
  select distinct l.relation from pg_catalog.pg_locks l
  where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
    and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
), largest as materialized (
  select c.oid, n.nspname, c.relname, c.relkind, c.relispartition, c.reltuples, c.relpages,
    c.relallvisible, c.reltoastrelid, c.reloptions, c.relrowsecurity, c.relfrozenxid,
    count(*) over () as all_of_them
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'm', 'f') and c.relpersistence <> 't'
    and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
  order by greatest(c.relpages::float8, pg_catalog.pg_stat_get_live_tuples(c.oid) / 100.0) desc, c.oid
  limit $1
)
select t.all_of_them, t.oid::int8, t.nspname::text, t.relname::text, t.relkind::text,
  (select i.inhparent::int8 from pg_catalog.pg_inherits i
    where i.inhrelid = t.oid and t.relispartition limit 1),
  t.reltuples::float8, t.relpages::int8, t.relallvisible::int8,
  case when $2 and t.relkind in ('r', 'm') and locked.relation is null
    then pg_catalog.pg_relation_size(t.oid)::int8 end,
  case when t.reltoastrelid = 0 then 0
    when $2 and locked.relation is null and locked_toast.relation is null
    then pg_catalog.pg_total_relation_size(t.reltoastrelid)::int8 end,
  (select o.relpages::int8 from pg_catalog.pg_class o where o.oid = t.reltoastrelid),
  locked.relation is not null,
  coalesce(t.reloptions, '{}')::text[],
  t.relrowsecurity,
  case when t.relfrozenxid::text <> '0' then pg_catalog.age(t.relfrozenxid)::int8 end
from largest t
left join locked on locked.relation = t.oid
left join locked locked_toast on locked_toast.relation = t.reltoastrelid and t.reltoastrelid <> 0
order by 3, 4, 2
