/** One trace: where its time went, span by span and statement by statement. */
import { useMemo } from 'react';

import { path, useApi } from '../../api/use';
import type { Trace, TraceLogs } from '../../api/types';
import { durationText, full, grouped, plural } from '../../lib/format';
import { setParams, to, useParam, useQuery } from '../../lib/route';
import { KINDS } from '../../lib/words';
import { CopyButton } from '../../ui/Copy';
import { Problem, Waiting } from '../../ui/Empty';
import { KindBar, KindLegend } from '../../ui/Kinds';
import { Link } from '../../ui/Link';
import { Tabs } from '../../ui/Tabs';
import { Logs } from './Logs';
import { SpanPanel } from './SpanPanel';
import { Statements } from './Statements';
import { Waterfall } from './Waterfall';

export function TracePage({ id }: { id: string }) {
  const { data, problem } = useApi<Trace>(path(`traces/${id}`), false);
  // Without log records the trace is shown all the same.
  const { data: logs } = useApi<TraceLogs>(path(`traces/${id}/logs`), false);
  const [span, setSpan] = useParam('span');
  const tab = useQuery().get('tab') ?? 'waterfall';
  const selected = useMemo(
    () => data?.nodes.findIndex((node) => node.span_id === span) ?? -1,
    [data, span],
  );
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  const node = data.nodes[selected];
  return (
    <>
      <Header trace={data} />
      <Tabs
        label="Views of the trace"
        tabs={[
          { name: 'waterfall', words: `Waterfall (${grouped(data.nodes.length)})` },
          { name: 'statements', words: `Statements (${grouped(data.statements.length)})` },
          { name: 'logs', words: logs === undefined ? 'Logs' : `Logs (${grouped(count(logs))})` },
        ]}
        tab={tab}
        first="waterfall"
        panel={tab !== 'waterfall' ? '' : node === undefined ? 'split' : 'split with-detail'}
      >
        {tab === 'statements' ? (
          <Statements trace={data} />
        ) : tab === 'logs' ? (
          logs !== undefined && (
            <Logs
              trace={data}
              logs={logs}
              select={(spanId) => setParams({ span: spanId, tab: '' })}
            />
          )
        ) : (
          <>
            <Waterfall
              trace={data}
              selected={selected}
              select={(place) => setSpan(data.nodes[place]?.span_id ?? '')}
            />
            {node !== undefined && (
              <SpanPanel
                key={node.span_id}
                trace={data}
                node={node}
                logs={logs?.logs.filter((log) => log.span_id === node.span_id) ?? []}
                close={() => setSpan('')}
              />
            )}
          </>
        )}
      </Tabs>
    </>
  );
}

function count(logs: TraceLogs): number {
  return logs.logs.length + logs.left_out;
}

function Header({ trace }: { trace: Trace }) {
  const start = trace.start_unix_micros / 1000;
  return (
    <>
      <div className="claim">
        <p className="over">
          <Link to={to('/traces')}>Traces</Link>{' '}
          <code className="dim trace-id" title={trace.id}>
            {trace.id}
          </code>
          <CopyButton text={trace.id} what="Copy id" />
        </p>
        <h1 className="op">{trace.operation}</h1>
        <p>
          <strong>{durationText(trace.duration_micros)}</strong>, <Most trace={trace} />
          {plural(trace.statements_count, 'query', 'queries')}
          {trace.failed > 0 && (
            <>
              , <strong className="broken">{plural(trace.failed, 'span')} failed</strong>
            </>
          )}{' '}
          <span className="dim">
            {trace.services.join(', ')} · {full(start)} ·{' '}
            <a href={path(`traces/${trace.id}/otlp.json`)} download>
              OTLP JSON
            </a>
          </span>
        </p>
      </div>
      <div className="wide-bar">
        <KindBar breakdown={trace.breakdown} />
      </div>
      <KindLegend breakdown={trace.breakdown} />
      {trace.notes.length > 0 && (
        <ul className="notes" aria-label="What was odd about this trace">
          {trace.notes.map((note) => (
            <li key={note}>{note.charAt(0).toUpperCase() + note.slice(1)}.</li>
          ))}
        </ul>
      )}
    </>
  );
}

/** `1.02 s of it database,`: the kind that took most. */
function Most({ trace }: { trace: Trace }) {
  const parts = KINDS.map(({ name, of }) => ({ name, micros: of(trace.breakdown) }));
  const most = parts.toSorted((left, right) => right.micros - left.micros)[0];
  if (most === undefined || most.micros === 0) return null;
  return (
    <>
      {durationText(most.micros)} of it {most.name};{' '}
    </>
  );
}
