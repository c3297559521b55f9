select /* taut */ a.attrelid::int8, a.attnum::int8, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
  a.atttypid::int8, a.attlen::int8, a.attalign::text, t.typcategory::text, a.attnotnull,
  coalesce(nullif(t.typbasetype, 0), t.oid) not in (1700, 700, 701, 3802)
    and t.typcategory not in ('A', 'C', 'R') and coalesce(o.collisdeterministic, true)
from pg_catalog.pg_attribute a
join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_collation o on o.oid = a.attcollation
where a.attrelid = any ($1::oid[]) and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum
