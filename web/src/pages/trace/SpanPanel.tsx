/** All that is known of one span, beside the waterfall. */
import { useEffect } from 'react';

import type { KeyValue, Log, SpanDetail, TraceNode } from '../../api/types';
import type { Posted } from '../../lib/opened';
import { durationText, full, percent } from '../../lib/format';
import { message, offset } from '../../lib/logs';
import { alike } from '../../lib/question';
import { to } from '../../lib/route';
import { rangeAround, useRange } from '../../lib/time';
import { CopyButton } from '../../ui/Copy';
import { Link } from '../../ui/Link';
import { useMore } from '../../ui/More';
import { Duration } from '../../ui/Num';
import { Severity } from '../../ui/Severity';
import { Sql } from '../../ui/Sql';
import { PairList, Pairs, Part, type Alike } from './SpanPairs';

interface Props {
  /** All that is known of it, as soon as that is there. */
  answer: Posted<SpanDetail>;
  node: TraceNode;
  /** Log records that were written during it. */
  logs: Log[];
  /** It is in the store, so that others like it can be asked for. */
  kept: boolean;
  close: () => void;
}

/** Events and log records that are drawn at once, each with all that it carries. */
const DRAWN = 50;

/** Keys whose text is shown as a statement above the attributes. */
const STATEMENT_KEYS = new Set(['db.statement', 'db.query.text']);

/** Where in the code, line by line. */
const STACK_KEY = 'code.stacktrace';

export function SpanPanel({ answer, node, logs, kept, close }: Props) {
  const { data, problem } = answer;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && document.querySelector('dialog[open]') === null) close();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [close]);
  return (
    <aside className="span-panel" aria-label="Span">
      <header>
        <h2>{node.label}</h2>
        <button type="button" className="quiet" onClick={close} title="Close (Escape)">
          <span aria-hidden="true">×</span>
          <span className="hidden">Close the span</span>
        </button>
      </header>
      <Times node={node} />
      {node.double && <p className="dim">It tells the same as its parent and is counted once.</p>}
      {problem !== undefined && <p>{node.missing ? 'It never came.' : problem.detail}</p>}
      {data !== undefined && <Detail span={data} kept={kept} />}
      <SpanLogs logs={logs} start={data?.start_unix_micros} />
    </aside>
  );
}

function Times({ node }: { node: TraceNode }) {
  const share = node.duration_micros > 0 ? node.critical_micros / node.duration_micros : 0;
  return (
    <dl className="facts">
      <dt>took</dt>
      <dd>
        <Duration micros={node.duration_micros} />{' '}
        <span className="dim">after {durationText(node.offset_micros)}</span>
      </dd>
      <dt>waited for</dt>
      <dd>
        <Duration micros={node.critical_micros} />{' '}
        <span className="dim">
          {percent(share).value}
          {'\u2009%'}
        </span>
      </dd>
      <dt>in itself</dt>
      <dd>
        <Duration micros={node.critical_own_micros} />
      </dd>
    </dl>
  );
}

function Detail({ span, kept }: { span: SpanDetail; kept: boolean }) {
  const around = rangeAround(useRange(), span.start_unix_micros / 1000);
  const like = (of: 'attributes' | 'resource'): Alike | undefined =>
    !kept
      ? undefined
      : (pair) => {
          const where = alike(span.service, of, pair);
          return where && to('/explore', { ...around, where, tab: 'rows' });
        };
  const literal = span.attributes.find((pair) => STATEMENT_KEYS.has(pair.key))?.value;
  const statement = literal ?? span.statement ?? undefined;
  const stack = span.attributes.find((pair) => pair.key === STACK_KEY)?.value;
  const rest = span.attributes.filter(
    (pair) => !STATEMENT_KEYS.has(pair.key) && pair.key !== STACK_KEY,
  );
  return (
    <>
      {span.status === 'error' && (
        <p className="broken">
          Failed{span.status_message === '' ? '' : `: ${span.status_message}`}
        </p>
      )}
      {statement !== undefined && <Sql text={statement} label="statement" />}
      {span.code != null && (
        <p className="code-place">
          <code>
            {span.code.file}
            {span.code.line > 0 ? `:${span.code.line}` : ''} {span.code.function}
          </code>
        </p>
      )}
      {stack !== undefined && (
        <Part title="Stack" open>
          <pre className="excerpt" tabIndex={0} aria-label="stack">
            {stack}
          </pre>
        </Part>
      )}
      <Pairs
        title="Attributes"
        pairs={rest}
        dropped={span.dropped_attributes_count}
        alike={like('attributes')}
        open
      />
      <Events span={span} />
      <Links span={span} />
      <Pairs title="Process" pairs={span.resource} alike={like('resource')} />
      <Pairs title="Span" pairs={identity(span)} />
    </>
  );
}

function identity(span: SpanDetail): KeyValue[] {
  const pairs = [
    { key: 'name', value: span.name },
    { key: 'kind', value: span.kind },
    { key: 'began', value: full(span.start_unix_micros / 1000) },
    { key: 'span id', value: span.span_id },
    { key: 'parent id', value: span.parent_id ?? '' },
    { key: 'status', value: span.status },
    { key: 'scope', value: `${span.scope.name} ${span.scope.version}`.trim() },
    { key: 'trace state', value: span.trace_state },
    { key: 'flags', value: span.flags === 0 ? '' : `0x${span.flags.toString(16)}` },
    ...span.scope.attributes,
  ];
  return pairs.filter((pair) => pair.value !== '');
}

function Events({ span }: { span: SpanDetail }) {
  const { shown, more } = useMore(span.events.length, DRAWN);
  if (span.events.length === 0 && span.dropped_events_count === 0) return null;
  return (
    <Part title={`Events (${span.events.length})`} open>
      {span.events.slice(0, shown).map((event, place) => {
        const stack = event.attributes.find((pair) => pair.key === 'exception.stacktrace');
        return (
          <div key={`${event.name} ${place}`} className="event">
            <p>
              <strong>{event.name}</strong>{' '}
              <span className="dim">after {durationText(event.offset_micros)}</span>
            </p>
            <PairList pairs={event.attributes.filter((pair) => pair !== stack)} />
            {stack !== undefined && (
              <pre className="excerpt" tabIndex={0} aria-label="stack trace">
                {stack.value}
              </pre>
            )}
          </div>
        );
      })}
      {more}
      {span.dropped_events_count > 0 && (
        <p className="dim">The exporter dropped {span.dropped_events_count} more.</p>
      )}
    </Part>
  );
}

function SpanLogs({ logs, start }: { logs: Log[]; start: number | undefined }) {
  const { shown, more } = useMore(logs.length, DRAWN);
  if (logs.length === 0) return null;
  return (
    <Part title={`Logs (${logs.length})`} open>
      <ul className="span-logs">
        {logs.slice(0, shown).map((log, place) => (
          <li key={`${log.unix_micros} ${place}`}>
            <p>
              <Severity log={log} />{' '}
              <span className="dim">
                {start === undefined ? '' : `${offset(log, start)} into the span`}
              </span>
            </p>
            <p className="message">{message(log)}</p>
            <PairList pairs={log.attributes} />
          </li>
        ))}
      </ul>
      {more}
    </Part>
  );
}

function Links({ span }: { span: SpanDetail }) {
  if (span.links.length === 0 && span.dropped_links_count === 0) return null;
  return (
    <Part title={`Links (${span.links.length})`} open>
      {span.links.map((link) => (
        <div key={link.trace_id + link.span_id} className="event">
          <p>
            <Link to={to(`/traces/${link.trace_id}`, { span: link.span_id })}>
              <code>{link.trace_id}</code>
            </Link>
            <CopyButton text={link.trace_id} what="Copy id" />
          </p>
          <PairList pairs={link.attributes} />
        </div>
      ))}
      {span.dropped_links_count > 0 && (
        <p className="dim">The exporter dropped {span.dropped_links_count} more.</p>
      )}
    </Part>
  );
}
