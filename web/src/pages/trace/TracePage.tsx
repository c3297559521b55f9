/** One trace: where its time went, as waterfall, flame graph, list of spans and list of statements. */
import { useCallback, useMemo } from 'react';

import { path, useApi } from '../../api/use';
import type { SpanDetail, TraceColumns, TraceLogs } from '../../api/types';
import { unpack } from '../../lib/columns';
import { openTraceFile } from '../../lib/opened';
import { to, useQuery } from '../../lib/route';
import { DropFile } from '../../ui/DropFile';
import { Problem, Waiting } from '../../ui/Empty';
import { Link } from '../../ui/Link';
import { TraceView } from './TraceView';

export function TracePage({ id }: { id: string }) {
  const { data, problem } = useApi<TraceColumns>(path(`traces/${id}/columns`), false);
  // Without log records the trace is shown all the same.
  const { data: logs } = useApi<TraceLogs>(path(`traces/${id}/logs`), false);
  const trace = useMemo(() => (data === undefined ? undefined : unpack(data)), [data]);
  const span = useQuery().get('span') ?? '';
  const detail = useApi<SpanDetail>(
    span === '' ? undefined : path(`traces/${id}/spans/${span}`),
    false,
  );
  const open = useCallback((files: File[]) => openTraceFile(files), []);
  if (problem !== undefined) return <Problem problem={problem} />;
  if (trace === undefined) return <Waiting />;
  const mine = detail.data?.span_id === span ? detail : { ...detail, data: undefined };
  return (
    <TraceView
      trace={trace}
      logs={logs}
      detail={{
        ...(mine.data === undefined ? {} : { data: mine.data }),
        ...(mine.problem === undefined ? {} : { problem: mine.problem }),
      }}
      over={<Link to={to('/traces')}>Traces</Link>}
      actions={
        <>
          <a href={path(`traces/${trace.id}/otlp.json`)} download>
            Download OTLP JSON
          </a>
          <Link to={to('/compare', { after_trace: trace.id })}>Compare</Link>
          <Link to={to('/flame', { service: trace.service, operation: trace.operation })}>
            Flame graph of many
          </Link>
          <DropFile words="Open a file" open={open} />
        </>
      }
    />
  );
}
