/** A trace, wherever it is from: its claim, where its time went, and its views. */
import { useCallback, useMemo, type ReactNode } from 'react';

import type { SpanDetail, TraceLogs } from '../../api/types';
import type { FullTrace } from '../../lib/columns';
import { durationText, full, grouped, plural } from '../../lib/format';
import { marksOf } from '../../lib/marks';
import type { Posted } from '../../lib/opened';
import { setParams, useParam, useQuery } from '../../lib/route';
import { KINDS } from '../../lib/words';
import { CopyButton } from '../../ui/Copy';
import { KindBar, KindLegend } from '../../ui/Kinds';
import { Tabs } from '../../ui/Tabs';
import { FlameTab } from './FlameTab';
import { Logs } from './Logs';
import { SpanList } from './SpanList';
import { SpanPanel } from './SpanPanel';
import { Statements } from './Statements';
import { Waterfall } from './Waterfall';

interface Props {
  trace: FullTrace;
  logs: TraceLogs | undefined;
  detail: Posted<SpanDetail>;
  /** It is in the store, and not of a file. */
  kept?: boolean;
  /** What stands above the claim, before the id. */
  over: ReactNode;
  /** What can be done with the trace. */
  actions: ReactNode;
  /** What stands between the claim and the views. */
  children?: ReactNode;
}

export function TraceView(props: Props) {
  const { trace, logs, detail, kept = true, over, actions, children } = props;
  const [span, setSpan] = useParam('span');
  const tab = useQuery().get('tab') ?? 'waterfall';
  const selected = useMemo(
    () => (span === '' ? -1 : trace.nodes.findIndex((node) => node.span_id === span)),
    [trace, span],
  );
  const select = useCallback(
    (place: number | undefined) =>
      setParams({ span: place === undefined ? '' : (trace.nodes[place]?.span_id ?? '') }),
    [trace],
  );
  const marks = useMemo(() => marksOf(trace, logs), [trace, logs]);
  const node = trace.nodes[selected];
  const pictured = tab === 'waterfall' || tab === 'flame';
  return (
    <>
      <Header trace={trace} over={over} actions={actions} />
      {children}
      <Tabs
        label="Views of the trace"
        tabs={[
          { name: 'waterfall', words: `Waterfall (${grouped(trace.nodes.length)})` },
          { name: 'flame', words: 'Flame graph' },
          { name: 'spans', words: 'Span list' },
          { name: 'statements', words: `Statements (${grouped(trace.statements.length)})` },
          { name: 'logs', words: logs === undefined ? 'Logs' : `Logs (${grouped(count(logs))})` },
        ]}
        tab={tab}
        first="waterfall"
        panel={!pictured ? '' : node === undefined ? 'split' : 'split with-detail'}
      >
        {tab === 'statements' ? (
          <Statements trace={trace} />
        ) : tab === 'spans' ? (
          <SpanList trace={trace} />
        ) : tab === 'logs' ? (
          logs !== undefined && (
            <Logs
              trace={trace}
              logs={logs}
              select={(spanId) => setParams({ span: spanId, tab: '' })}
            />
          )
        ) : (
          <>
            {tab === 'flame' ? (
              <FlameTab trace={trace} selected={selected} select={select} />
            ) : (
              <Waterfall
                key={trace.id}
                trace={trace}
                marks={marks}
                selected={selected}
                select={select}
              />
            )}
            {node !== undefined && (
              <SpanPanel
                key={node.span_id}
                answer={detail}
                node={node}
                logs={logs?.logs.filter((log) => log.span_id === node.span_id) ?? []}
                kept={kept}
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

function Header({
  trace,
  over,
  actions,
}: {
  trace: FullTrace;
  over: ReactNode;
  actions: ReactNode;
}) {
  const start = trace.start_unix_micros / 1000;
  return (
    <>
      <div className="claim">
        <p className="over">
          {over}{' '}
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
            {trace.services.join(', ')} · {full(start)}
          </span>
        </p>
        <p className="actions">{actions}</p>
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
function Most({ trace }: { trace: FullTrace }) {
  const parts = KINDS.map(({ name, of }) => ({ name, micros: of(trace.breakdown) }));
  const most = parts.toSorted((left, right) => right.micros - left.micros)[0];
  if (most === undefined || most.micros === 0) return null;
  return (
    <>
      {durationText(most.micros)} of it {most.name};{' '}
    </>
  );
}
