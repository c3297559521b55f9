select /* taut */ i.dealloc::int8, (extract(epoch from i.stats_reset) * 1000000)::int8
from {schema}.pg_stat_statements_info i
