select /* taut */ a.pid::int8, a.usename::text, a.datname::text, a.application_name, a.client_addr::text,
  a.backend_type, a.state, a.wait_event_type, a.wait_event,
  (extract(epoch from a.xact_start) * 1000000)::int8,
  (extract(epoch from a.query_start) * 1000000)::int8,
  (extract(epoch from a.state_change) * 1000000)::int8,
  a.query, a.query_id
from pg_catalog.pg_stat_activity a
where a.pid <> pg_catalog.pg_backend_pid()
  and (a.state <> 'idle' or a.backend_type in ('autovacuum worker', 'parallel worker', 'logical replication worker')
    or a.query = '<insufficient privilege>')
order by a.xact_start nulls last, a.pid
limit $1
