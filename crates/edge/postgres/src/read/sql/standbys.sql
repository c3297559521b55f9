select /* taut */ r.application_name, r.client_addr::text, r.state, r.sync_state,
  pg_catalog.pg_wal_lsn_diff(
    case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_receive_lsn()
      else pg_catalog.pg_current_wal_lsn() end, r.replay_lsn)::int8,
  (extract(epoch from r.replay_lag) * 1000000)::int8
from pg_catalog.pg_stat_replication r
order by 1, 2, r.pid
limit 100
