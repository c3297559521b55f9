select /* taut */ c.num_timed, c.num_requested, c.write_time, c.sync_time, c.buffers_written
from pg_catalog.pg_stat_checkpointer c
