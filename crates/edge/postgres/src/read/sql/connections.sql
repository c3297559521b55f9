select /* taut */ coalesce(a.datname, '')::text, coalesce(a.usename, '')::text, coalesce(a.application_name, ''),
  coalesce(a.state, ''), count(*)
from pg_catalog.pg_stat_activity a
where a.backend_type = 'client backend' or (a.backend_type is null and a.usename is not null)
group by 1, 2, 3, 4
order by 5 desc, 1, 2, 3, 4
limit 500
