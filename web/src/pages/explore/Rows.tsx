/** The rows themselves: the slowest spans, or the latest log records. */
import { path, useApi } from '../../api/use';
import type { Logs, SpanList, SpanSummary } from '../../api/types';
import { clock, full } from '../../lib/format';
import { message } from '../../lib/logs';
import { openRow, setParams, to, useQuery } from '../../lib/route';
import { logsCsv, spansCsv } from '../../lib/rows';
import { CoverageNote } from '../../ui/CoverageNote';
import { Breaks } from '../../ui/Breaks';
import { Fresh, Problem, Waiting } from '../../ui/Empty';
import { Heads } from '../../ui/Heads';
import { Link } from '../../ui/Link';
import { Duration } from '../../ui/Num';
import { Severity } from '../../ui/Severity';
import { download } from './download';
import type { Question } from './ExplorePage';
import { Nothing } from './Notes';

export function Rows({ question }: { question: Question }) {
  return question.of === 'logs' ? (
    <LogRows question={question} />
  ) : (
    <SpanRows question={question} />
  );
}

const ORDERS = ['slowest', 'latest', 'sampled'];

function SpanRows({ question }: { question: Question }) {
  const { range, where } = question;
  const order = useQuery().get('rows') ?? 'slowest';
  // A sample of a file's size is none.
  const filed = order === 'slowest' ? 'slowest' : 'latest';
  const url = path('spans', { ...range, where, order, limit: '100' });
  const { data, problem, stale } = useApi<SpanList>(url, false);
  if (problem !== undefined) return <Problem part problem={problem} />;
  if (data === undefined) return <Waiting />;
  if (data.spans.length === 0) return <Nothing question={question} />;
  return (
    <Fresh stale={stale}>
      <p className="choices" role="group" aria-label="Which spans">
        {ORDERS.map((one) => (
          <button
            key={one}
            type="button"
            className="copy"
            aria-pressed={one === order}
            onClick={() => setParams({ rows: one === 'slowest' ? '' : one })}
          >
            {one}
          </button>
        ))}
        <a
          className="copy"
          href={path('spans.parquet', { ...range, where, order: filed })}
          download="taut-spans.parquet"
          title={`The ${filed} 10,000 at most, with all their attributes`}
        >
          {order === filed ? 'Download Parquet' : `Download the ${filed} as Parquet`}
        </a>
        <button
          type="button"
          className="copy"
          title="Those that are shown, in this order"
          onClick={() => download('spans', spansCsv(data.spans))}
        >
          Download CSV
        </button>
      </p>
      <SpanTable spans={data.spans} />
      <p className="dim">
        <CoverageNote coverage={data.coverage} />
      </p>
    </Fresh>
  );
}

export function SpanTable({ spans }: { spans: SpanSummary[] }) {
  return (
    <table className="rows requests">
      <Heads columns={[['span'], ['time', 'n'], ['kind', 'p2'], ['when', 'p3']]} />
      <tbody>
        {spans.map((span) => {
          const href = to(`/traces/${span.trace_id}`, { span: span.span_id });
          return (
            <tr key={span.trace_id + span.span_id} onClick={(event) => openRow(event.target, href)}>
              <td className="what">
                <Link to={href} data-row>
                  <span className="op">
                    <Breaks text={span.name} />
                  </span>
                </Link>
                <span className="dim service">{span.service}</span>
                {span.failed && <span className="broken">failed</span>}
              </td>
              <td className="n strong">
                <Duration micros={span.duration_micros} />
              </td>
              <td className="p2 dim">{span.kind}</td>
              <td className="p3 dim">
                <time title={full(span.start_unix_ms)}>{clock(span.start_unix_ms)}</time>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function LogRows({ question }: { question: Question }) {
  const { range, where } = question;
  const { data, problem, stale } = useApi<Logs>(
    path('logs', { ...range, where, limit: '200' }),
    false,
  );
  if (problem !== undefined) return <Problem part problem={problem} />;
  if (data === undefined) return <Waiting />;
  if (data.logs.length === 0) return <Nothing question={question} />;
  return (
    <Fresh stale={stale}>
      <p className="downloads">
        <a
          className="copy"
          href={path('logs.parquet', { ...range, where })}
          download="taut-logs.parquet"
          title="The latest 10,000 at most, with all their attributes"
        >
          Download Parquet
        </a>{' '}
        <button
          type="button"
          className="copy"
          title="Those that are shown"
          onClick={() => download('logs', logsCsv(data.logs))}
        >
          Download CSV
        </button>
      </p>
      <table className="rows logs">
        <Heads
          columns={[['when'], ['severity'], ['what it says'], ['service', 'p2'], ['trace', 'p2']]}
        />
        <tbody>
          {data.logs.map((log, place) => (
            <tr key={`${log.unix_micros} ${place}`}>
              <td className="when">
                <time title={full(log.unix_micros / 1000)}>{clock(log.unix_micros / 1000)}</time>
              </td>
              <td>
                <Severity log={log} />
              </td>
              <td className="message">{message(log)}</td>
              <td className="p2 dim">{log.service}</td>
              <td className="p2">
                {log.trace_id == null ? (
                  <span className="dim">–</span>
                ) : (
                  <Link
                    to={to(`/traces/${log.trace_id}`, { tab: 'logs' })}
                    aria-label={`trace ${log.trace_id}`}
                    data-row
                  >
                    <code>{log.trace_id.slice(0, 8)}</code>
                  </Link>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="dim">
        The latest {data.logs.length}. <CoverageNote coverage={data.coverage} />
      </p>
    </Fresh>
  );
}
