select /* taut */ b.checkpoints_timed, b.checkpoints_req, b.checkpoint_write_time, b.checkpoint_sync_time,
  b.buffers_checkpoint
from pg_catalog.pg_stat_bgwriter b
