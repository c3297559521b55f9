/** Every watched database; the only one at once. */
import { path, useApi } from '../../api/use';
import type { Databases, DatabaseSummary } from '../../api/types';
import { bytes, digits, plural } from '../../lib/format';
import { openRow, to } from '../../lib/route';
import { Code } from '../../ui/Copy';
import { Empty, Fresh, Problem, Waiting } from '../../ui/Empty';
import { Heads } from '../../ui/Heads';
import { Link } from '../../ui/Link';
import { Num } from '../../ui/Num';
import { DatabasePage } from './DatabasePage';

export function DatabasesPage() {
  const { data, problem, stale } = useApi<Databases>(path('databases'));
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  const [only, second] = data.databases;
  if (only === undefined) return <Nothing />;
  if (second === undefined) return <DatabasePage id={only.id} />;
  return (
    <Fresh stale={stale}>
      <div className="claim">
        <h1>Databases</h1>
        <p>{plural(data.databases.length, 'database is', 'databases are')} being watched.</p>
      </div>
      <table className="rows">
        <Heads
          columns={[
            ['database'],
            ['state'],
            ['running', 'n'],
            ['size', 'n p2'],
            ['findings', 'n'],
            ['PostgreSQL', 'p2'],
          ]}
        />
        <tbody>
          {data.databases.map((one) => (
            <Row key={one.id} one={one} />
          ))}
        </tbody>
      </table>
    </Fresh>
  );
}

function Row({ one }: { one: DatabaseSummary }) {
  const href = to(`/database/${one.id}`);
  return (
    <tr onClick={(event) => openRow(event.target, href)}>
      <td className="what">
        <Link to={href} data-row>
          <span className="op">{one.shown}</span>
        </Link>
        {one.standby && <span className="dim service">standby</span>}
      </td>
      <td className={one.state === 'failed' ? 'broken' : 'dim'} title={one.error ?? ''}>
        {one.state}
      </td>
      <td className="n" title="average running statements">
        {digits(one.average_running, 2)}
      </td>
      <td className="n p2">
        <Num of={bytes(one.bytes)} />
      </td>
      <td className="n strong">{one.findings}</td>
      <td className="p2 dim">{one.version}</td>
    </tr>
  );
}

function Nothing() {
  return (
    <Empty title="No database is being watched">
      <p>
        Say in <code>taut.toml</code> where it is, and start <code>taut up</code> again:
      </p>
      <Code
        label="taut.toml"
        text={'[observe.postgres]\nurl = "postgresql://taut@localhost:5432/shop"'}
      />
      <p>The role needs no more than this:</p>
      <Code
        label="SQL"
        text={
          'create role taut login;\ngrant pg_monitor to taut;\ncreate extension if not exists pg_stat_statements;'
        }
      />
      <p>
        Or look at it once, without watching it:{' '}
        <code>taut find --postgres postgresql://taut@localhost/shop</code>
      </p>
      <p>
        A plan from anywhere can be <Link to={to('/plan')}>read here</Link>.
      </p>
    </Empty>
  );
}
