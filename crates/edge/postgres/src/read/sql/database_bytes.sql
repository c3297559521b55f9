select /* taut */ pg_catalog.pg_database_size(current_database())::int8
