select /* taut */ c.system_identifier::text from pg_catalog.pg_control_system() c
