select /* taut */
  current_setting('server_version_num')::int8,
  current_setting('server_version'),
  (extract(epoch from pg_catalog.pg_postmaster_start_time()) * 1000000)::int8,
  (extract(epoch from pg_catalog.clock_timestamp()) * 1000000)::int8,
  pg_catalog.pg_is_in_recovery(),
  current_database()::text,
  current_user::text,
  coalesce((select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user), false),
  pg_catalog.pg_has_role(current_user, 'pg_monitor', 'usage'),
  pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'usage'),
  pg_catalog.pg_has_role(current_user, 'pg_read_all_settings', 'usage'),
  (select pg_catalog.age(d.datfrozenxid)::int8 from pg_catalog.pg_database d
    where d.datname = current_database()),
  current_setting('block_size')::int8,
  current_setting('server_encoding')
