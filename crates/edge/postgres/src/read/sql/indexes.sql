with /* taut */ locked as materialized (
  select distinct l.relation from pg_catalog.pg_locks l
  where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
    and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
)
select i.indexrelid::int8, i.indrelid::int8, c.relname::text, m.amname::text,
  i.indnkeyatts::int8, i.indkey::int2[], i.indoption::int2[],
  (select pg_catalog.array_agg(case when o.opcdefault then '' else o.opcname::text end order by k.place)
    from pg_catalog.unnest(i.indclass::oid[]) with ordinality as k(class, place)
    join pg_catalog.pg_opclass o on o.oid = k.class),
  (select pg_catalog.array_agg(case when k.coll = 0 or k.coll = a.attcollation
      or (a.attcollation is null and k.coll = 100) then '' else o.collname::text end order by k.place)
    from rows from (pg_catalog.unnest(i.indcollation::oid[]), pg_catalog.unnest(i.indkey::int2[]))
      with ordinality as k(coll, number, place)
    left join pg_catalog.pg_collation o on o.oid = k.coll
    left join pg_catalog.pg_attribute a
      on a.attrelid = i.indrelid and a.attnum = k.number and k.number > 0
    where k.place <= i.indnkeyatts),
  case when i.indexprs is not null and held.relation is null then
    (select pg_catalog.array_agg(case when k.number = 0
        then pg_catalog.pg_get_indexdef(i.indexrelid, k.place::int4, true) else '' end order by k.place)
      from pg_catalog.unnest(i.indkey::int2[]) with ordinality as k(number, place)
      where k.place <= i.indnkeyatts) end,
  case when i.indpred is not null and held.relation is null
    then pg_catalog.pg_get_expr(i.indpred, i.indrelid) end,
  i.indisunique, i.indisprimary,
  exists (select 1 from pg_catalog.pg_constraint k where k.conindid = i.indexrelid),
  i.indisreplident or i.indisclustered, i.indisvalid,
  (select h.inhparent::int8 from pg_catalog.pg_inherits h
    where h.inhrelid = i.indexrelid and c.relispartition limit 1),
  case when $2 and c.relkind = 'i' and held_index.relation is null
    then pg_catalog.pg_relation_size(i.indexrelid)::int8 end,
  c.relpages::int8, c.reltuples::float8,
  case when held.relation is null then pg_catalog.pg_get_indexdef(i.indexrelid) end
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indexrelid
join pg_catalog.pg_am m on m.oid = c.relam
left join locked held on held.relation = i.indrelid
left join locked held_index on held_index.relation = i.indexrelid
where i.indrelid = any ($1::oid[]) and i.indislive
order by i.indrelid, c.relname
