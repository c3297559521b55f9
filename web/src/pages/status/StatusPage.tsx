/** What comes, what is kept and what is lost; the process behind the pages; what it can find. */
import { path, useApi } from '../../api/use';
import type { Detectors, Status } from '../../api/types';
import { plain, sections } from '../../lib/doc';
import { ago, bytes, clock, digits, duration, full, grouped, plural } from '../../lib/format';
import { useParam } from '../../lib/route';
import { Fresh, Problem, Told, Waiting } from '../../ui/Empty';
import { Num } from '../../ui/Num';
import { Setup } from '../../ui/Setup';
import { Spark } from '../../ui/Spark';
import { claimOf, roomLeft } from './claim';

export function StatusPage() {
  const { data, problem, stale } = useApi<Status>(path('status'));
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  const claim = claimOf(data);
  return (
    <Fresh stale={stale}>
      <div className="claim">
        <h1 className={claim.level}>{claim.title}</h1>
        <p>
          Version {data.version}, running since{' '}
          <span title={full(data.process.started_unix_ms)}>
            {clock(data.process.started_unix_ms)}
          </span>
          {data.catching_up && '; it still looks at what came before that'}.
        </p>
      </div>
      {data.problem != null && (
        <p className="broken" role="alert">
          {data.problem}
        </p>
      )}
      <Flows status={data} />
      <Losses status={data} />
      <Kept status={data} />
      <Process status={data} />
      <section>
        <h2>Send traces here</h2>
        <Setup />
      </section>
      <Faults />
    </Fresh>
  );
}

const FLOWS = ['received', 'kept', 'refused', 'dropped'] as const;

const FLOW_WORDS = {
  received: 'came',
  kept: 'kept',
  refused: 'refused, their senders asked to try again',
  dropped: 'dropped',
};

function Flows({ status }: { status: Status }) {
  return (
    <section>
      <h2>Spans</h2>
      <table className="rows flows">
        <thead>
          <tr>
            <th>what became of them</th>
            <th className="n">last {status.lately_minutes} min</th>
            <th className="n">since the start</th>
            <th className="p2">last hour</th>
          </tr>
        </thead>
        <tbody>
          {FLOWS.map((name) => (
            <tr key={name}>
              <td>{FLOW_WORDS[name]}</td>
              <td className={`n ${levelOf(name, status.lately[name])}`}>
                {grouped(status.lately[name])}
              </td>
              <td className="n">{grouped(status.since_start[name])}</td>
              <td className="p2">
                <Spark
                  values={status.steps.map((step) => step[name])}
                  label={`spans ${FLOW_WORDS[name]} in the last hour, every ten seconds`}
                  text={grouped}
                  width={160}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {status.log_records + status.data_points > 0 && (
        <p className="dim">
          {plural(status.log_records, 'log record')} and {plural(status.data_points, 'data point')}{' '}
          of metrics were kept since the start, too.
        </p>
      )}
    </section>
  );
}

function levelOf(name: (typeof FLOWS)[number], count: number): string {
  if (count === 0 || name === 'received' || name === 'kept') return '';
  return name === 'dropped' ? 'broken' : 'over';
}

function Losses({ status }: { status: Status }) {
  if (status.losses.length === 0) return null;
  return (
    <section>
      <h2>What did not get through</h2>
      <ul className="losses">
        {status.losses.map((loss) => (
          <li key={`${loss.reason} ${loss.unit}`}>
            <p>
              <strong className={loss.lately === 0 ? '' : loss.gone ? 'broken' : 'over'}>
                {plural(loss.since_start, loss.unit.replace(/s$/, ''), loss.unit)}
              </strong>{' '}
              {loss.since_start === 1 ? loss.words.replace(/^were /, 'was ') : loss.words}
              {loss.lately === 0 ? (
                <span className="dim"> (none in the last {status.lately_minutes} min)</span>
              ) : (
                `, ${grouped(loss.lately)} of them in the last ${status.lately_minutes} min`
              )}
              .
            </p>
            <p className="dim">
              <Told text={loss.hint} />
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Kept({ status: { store } }: { status: Status }) {
  if (store == null) return null;
  const room = roomLeft(store);
  const rows: [string, number, string][] = [
    [
      'in blocks, all of it',
      store.block_bytes - store.thinned_bytes,
      plural(store.blocks, 'block'),
    ],
    [
      'of old spans: slow, failed, in a finding, and a fair sample',
      store.thinned_bytes,
      plural(store.thinned_spans, 'span'),
    ],
    ['what each minute was like', store.minute_bytes, plural(store.minute_rows, 'row')],
    ['spans in the log, as they came', store.log_bytes, plural(store.segments, 'segment')],
    ['requests', store.request_bytes, grouped(store.requests)],
    ['set aside as damaged', store.damaged_bytes, ''],
    ['all else', store.other_bytes, ''],
  ];
  return (
    <section>
      <h2>What is kept</h2>
      <p>
        <Num of={bytes(store.bytes)} /> of at most <Num of={bytes(store.bytes_max)} /> in{' '}
        <code>{store.folder}</code>
        {store.oldest_unix_ms != null && (
          <>
            , the oldest from{' '}
            <span title={full(store.oldest_unix_ms)}>{ago(store.oldest_unix_ms)}</span>
          </>
        )}
        .{' '}
        {store.free_bytes != null && (
          <>
            <Num of={bytes(store.free_bytes)} /> are free on its disk.
          </>
        )}
      </p>
      {room !== undefined && <p className="over">{room}</p>}
      <dl className="facts wide">
        {rows.map(([name, size, count]) =>
          size === 0 ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                {count !== '' && <span className="dim">{count}, </span>}
                <Num of={bytes(size)} />
              </dd>
            </div>
          ),
        )}
        {store.sync_micros != null && (
          <div>
            <dt>the disk confirms a write within</dt>
            <dd>
              <Num of={duration(store.sync_micros)} />
            </dd>
          </div>
        )}
        {store.dropped_bytes > 0 && (
          <div>
            <dt>dropped for their age or for room</dt>
            <dd>
              <Num of={bytes(store.dropped_bytes)} />
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}

function Process({ status }: { status: Status }) {
  const { process } = status;
  const seconds = Math.max(1, (status.since_start.unix_ms - process.started_unix_ms) / 1000);
  const rows: [string, string | undefined | null][] = [
    ['OTLP over HTTP', status.otlp_http],
    ['OTLP over gRPC', status.otlp_grpc],
    ['spans of traces not complete yet', grouped(status.spans_in_flight)],
    ['open files', process.open_files == null ? null : grouped(process.open_files)],
    ['cores in use', process.cpu_secs == null ? null : digits(process.cpu_secs / seconds, 2)],
  ];
  return (
    <section>
      <h2>The process</h2>
      <dl className="facts wide">
        {process.resident_bytes != null && (
          <div>
            <dt>memory</dt>
            <dd>
              <Num of={bytes(process.resident_bytes)} />
            </dd>
          </div>
        )}
        {rows.map(([name, value]) =>
          value == null ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
        )}
        <div>
          <dt>figures for Prometheus</dt>
          <dd>
            <a href="/metrics">/metrics</a>
          </dd>
        </div>
        <div>
          <dt>API</dt>
          <dd>
            <a href="/api/v1/openapi.json">openapi.json</a>
          </dd>
        </div>
      </dl>
    </section>
  );
}

function Faults() {
  const { data } = useApi<Detectors>(path('detectors'), false);
  const [open, setOpen] = useParam('detector');
  if (data === undefined || data.detectors.length === 0) return null;
  return (
    <section>
      <h2>What it can find</h2>
      <ul className="faults">
        {data.detectors.map((detector) => (
          <li key={detector.code}>
            <button
              type="button"
              aria-expanded={open === detector.name}
              onClick={() => setOpen(open === detector.name ? '' : detector.name)}
            >
              <span className="dim">{detector.code}</span>
              <span className="tag">{detector.name}</span>
              <span>{detector.title}</span>
            </button>
            {open === detector.name && <Page doc={detector.doc} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Page({ doc }: { doc: string }) {
  return (
    <div className="page prose">
      {sections(doc)
        .filter((part) => part.text !== '')
        .map((part) => (
          <div key={part.title}>
            <h3>{part.title}</h3>
            {part.text.split(/\n\s*\n/).map((paragraph) => (
              <p key={paragraph}>{plain(paragraph)}</p>
            ))}
          </div>
        ))}
    </div>
  );
}
