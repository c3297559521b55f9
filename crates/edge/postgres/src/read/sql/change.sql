select /* taut */ count(*), coalesce(max(c.oid::int8), 0),
  (extract(epoch from pg_catalog.pg_conf_load_time()) * 1000000)::int8
from pg_catalog.pg_class c
where c.relkind in ('r', 'p', 'm', 'f', 'i', 'I', 'S') and c.relpersistence <> 't'
