select /* taut */ s.name, coalesce(current_setting(s.name, true), s.setting), s.setting, s.unit, s.boot_val, s.source,
  s.context, s.pending_restart
from pg_catalog.pg_settings s
where s.name not in ('primary_conninfo', 'ssl_passphrase_command', 'krb_server_keyfile')
  and (s.name !~ '[.]' or s.name ~ '^(pg_stat_statements|auto_explain|pg_prewarm|hypopg|pg_hint_plan|plpgsql)[.]')
