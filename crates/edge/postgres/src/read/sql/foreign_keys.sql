select /* taut */ k.conname::text, k.conrelid::int8, k.conkey::int2[], k.confrelid::int8, k.confkey::int2[],
  k.confdeltype::text, k.convalidated
from pg_catalog.pg_constraint k
where k.contype = 'f' and k.conrelid = any ($1::oid[])
order by k.conrelid, k.conname, k.oid
