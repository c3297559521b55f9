/** One watched database: what takes its time, who waits for whom, and what to change. */
import { path, useAlongside, useApi } from '../../api/use';
import type { DatabaseDetail } from '../../api/types';
import { ago, bytes, clock, digits, percent, plural, sentence } from '../../lib/format';
import { to, useQuery } from '../../lib/route';
import { useRange } from '../../lib/time';
import { Fresh, Problem, Waiting } from '../../ui/Empty';
import { Link } from '../../ui/Link';
import { Num } from '../../ui/Num';
import { Tabs } from '../../ui/Tabs';
import { FindingTable } from '../../ui/FindingTable';
import { Activity } from './Activity';
import { Connections } from './Connections';
import { Indexes } from './Indexes';
import { Load } from './Load';
import { Locks } from './Locks';
import { Proposal } from './Proposal';
import { Statements, statementsUrl } from './Statements';
import { Tables } from './Tables';

export function DatabasePage({ id }: { id: string }) {
  const range = useRange();
  const query = useQuery();
  const tab = query.get('tab') ?? 'statements';
  const { data, problem, stale } = useApi<DatabaseDetail>(path(`databases/${id}`, { ...range }));
  useAlongside(tab === 'statements' ? statementsUrl(id, query) : undefined);
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  const proposed = data.proposal?.create.length ?? 0;
  const tabs = [
    { name: 'statements', words: 'Statements' },
    { name: 'findings', words: `Findings (${data.findings.length})` },
    { name: 'proposal', words: `Proposed indexes (${proposed})` },
    { name: 'locks', words: `Locks (${waiting(data)})` },
    { name: 'activity', words: 'Over time' },
    { name: 'connections', words: 'Connections' },
    { name: 'tables', words: 'Tables' },
    { name: 'indexes', words: 'Indexes' },
  ];
  return (
    <Fresh stale={stale}>
      <div className="database-page">
        <Claim data={data} />
        <State data={data} />
        <Load points={data.load} window={data.window} />
        <Tabs label="What of the database" tabs={tabs} tab={tab} first="statements">
          {tab === 'findings' ? (
            <Found data={data} />
          ) : tab === 'proposal' ? (
            <Proposal set={data.proposal ?? undefined} database={id} />
          ) : tab === 'locks' ? (
            <Locks data={data} />
          ) : tab === 'activity' ? (
            <Activity data={data} />
          ) : tab === 'connections' ? (
            <Connections data={data} />
          ) : tab === 'tables' ? (
            <Tables id={id} />
          ) : tab === 'indexes' ? (
            <Indexes id={id} />
          ) : (
            <Statements id={id} />
          )}
        </Tabs>
      </div>
    </Fresh>
  );
}

function waiting(data: DatabaseDetail): number {
  return data.locks.filter((node) => node.waits_for !== '').length;
}

function Claim({ data }: { data: DatabaseDetail }) {
  const { database } = data;
  const blocked = waiting(data);
  const running = digits(database.average_running, 2);
  return (
    <div className="claim">
      <p className="over">
        <Link to={to('/database')}>Database</Link>{' '}
        <span className="dim">
          {database.shown}
          {database.version !== '' && ` · PostgreSQL ${database.version}`}
          {database.standby && ' · standby'}
        </span>
      </p>
      <h1>{headline(data)}</h1>
      <p>
        <strong>{running}</strong> {running === '1' ? 'statement runs' : 'statements run'} at a time
        on average
        {data.counted != null && ` since ${clock(data.counted.from_unix_ms)}`}
        {blocked > 0 && (
          <>
            , <strong className="broken">{plural(blocked, 'session')} blocked</strong> right now
          </>
        )}
        ; <Num of={bytes(database.bytes)} />.{' '}
        <span className="dim">
          Watching takes {share(database.own_share)} of its time
          {database.polled_unix_ms != null && `; read ${ago(database.polled_unix_ms)}`}.
        </span>
      </p>
    </div>
  );
}

function headline(data: DatabaseDetail): string {
  const [first] = data.findings;
  if (data.database.state === 'connecting') return 'Waiting for its first answer';
  if (first !== undefined) return sentence(first.claim);
  return data.database.state === 'failed' ? 'It does not answer' : 'Nothing to fix so far';
}

function share(of: number): string {
  const { value, unit } = percent(of);
  return `${value} ${unit}`;
}

/** What keeps it from being seen whole. */
function State({ data }: { data: DatabaseDetail }) {
  const { error, hint, state } = data.database;
  return (
    <>
      {state === 'failed' && (
        <p className="broken" role="alert">
          {error}: {hint}. It is tried again and again.
        </p>
      )}
      {data.missing.length > 0 && (
        <details className="missing">
          <summary>{plural(data.missing.length, 'thing')} cannot be seen here</summary>
          <dl className="facts">
            {data.missing.map((one) => (
              <div key={one.what}>
                <dt>{one.what}</dt>
                <dd>
                  {one.costs}. <code>{one.hint}</code>
                </dd>
              </div>
            ))}
          </dl>
        </details>
      )}
      {data.notes.length > 0 && (
        <ul className="notes" aria-label="What was odd">
          {data.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function Found({ data }: { data: DatabaseDetail }) {
  if (data.findings.length === 0) {
    const since = data.since_reset ? 'since its statistics were reset' : 'so far';
    return <p className="nothing">Nothing wrong was found in it {since}.</p>;
  }
  return (
    <>
      <p className="dim">
        {plural(data.findings.length, 'finding')}, what to fix first comes first.
      </p>
      <FindingTable findings={data.findings} here={undefined} point={() => undefined} />
    </>
  );
}
