select /* taut */ p.gid, p.owner::text, p.database::text, (extract(epoch from p.prepared) * 1000000)::int8
from pg_catalog.pg_prepared_xacts p
order by p.prepared, p.gid
limit 100
