select /* taut */ e.extname::text, e.extversion::text, pg_catalog.quote_ident(n.nspname)
from pg_catalog.pg_extension e
join pg_catalog.pg_namespace n on n.oid = e.extnamespace
order by 1
