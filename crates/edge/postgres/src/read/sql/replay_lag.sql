select /* taut */ case when pg_catalog.pg_is_in_recovery()
    and pg_catalog.pg_last_wal_receive_lsn() is distinct from pg_catalog.pg_last_wal_replay_lsn()
  then (extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp())
    * 1000000)::int8 end
