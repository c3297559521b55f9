select /* taut */ count(*) from pg_catalog.pg_locks l where not l.granted
