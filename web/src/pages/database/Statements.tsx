/** Statements as the server counts them, by what is asked for. */
import { path, useApi } from '../../api/use';
import type { DatabaseStatement, DatabaseStatements } from '../../api/types';
import { clock, digits, grouped, plural } from '../../lib/format';
import { openRow, setParams, to, useQuery } from '../../lib/route';
import { Fresh, Problem, Waiting } from '../../ui/Empty';
import { Search } from '../../ui/Filter';
import { Link } from '../../ui/Link';
import { Duration, Percent } from '../../ui/Num';
import { SqlLine } from '../../ui/Sql';

const ORDERS = [
  { sort: 'time', words: 'total time' },
  { sort: 'calls', words: 'calls' },
  { sort: 'mean', words: 'mean time' },
  { sort: 'rows', words: 'blocks for each row' },
  { sort: 'blocks', words: 'blocks' },
  { sort: 'temp', words: 'temporary files' },
];

/** What it asks for; the page does so before it is there. */
export function statementsUrl(id: string, query: URLSearchParams): string {
  const q = query.get('q') ?? undefined;
  return path(`databases/${id}/statements`, { sort: query.get('sort') ?? 'time', q });
}

export function Statements({ id }: { id: string }) {
  const query = useQuery();
  const sort = query.get('sort') ?? 'time';
  const q = query.get('q') ?? undefined;
  const { data, problem, stale } = useApi<DatabaseStatements>(statementsUrl(id, query));
  if (problem !== undefined) return <Problem part problem={problem} />;
  if (data === undefined) return <Waiting />;
  return (
    <Fresh stale={stale}>
      <div className="filters" role="search" aria-label="Filter the statements">
        <label className="filter">
          <span className="hidden">Sort by</span>
          <select
            value={sort}
            onChange={(event) => {
              const next = event.target.value;
              setParams({ sort: next === 'time' ? '' : next });
            }}
          >
            {ORDERS.map((order) => (
              <option key={order.sort} value={order.sort}>
                by {order.words}
              </option>
            ))}
          </select>
        </label>
        <Search label="search" />
        {data.counted != null && (
          <span className="dim">counted since {clock(data.counted.from_unix_ms)}</span>
        )}
      </div>
      {data.statements.length === 0 ? (
        <p className="nothing">
          {q === undefined
            ? 'No statement was counted: is pg_stat_statements there? What cannot be seen says how to get it.'
            : 'No statement holds that.'}
        </p>
      ) : (
        <StatementTable id={id} statements={data.statements} />
      )}
      <p className="dim">
        {data.left_out > 0 && `${plural(data.left_out, 'more statement')}: search for them. `}
        {data.evicted > 0 &&
          `The server forgot ${plural(data.evicted, 'statement')} meanwhile: raise pg_stat_statements.max.`}
      </p>
    </Fresh>
  );
}

function StatementTable({ id, statements }: { id: string; statements: DatabaseStatement[] }) {
  const most = Math.max(...statements.map((one) => one.share), 1e-9);
  return (
    <table className="rows groups">
      <thead>
        <tr>
          <th scope="col">statement</th>
          <th scope="col" className="n">
            share
          </th>
          <th scope="col" className="n p2">
            calls
          </th>
          <th scope="col" className="n">
            mean
          </th>
          <th scope="col" className="n p3">
            rows
          </th>
          <th scope="col" className="n p3" title="blocks touched for each row returned or changed">
            blocks/row
          </th>
          <th scope="col" className="n p4">
            hits
          </th>
          <th scope="col" className="p4">
            run by
          </th>
          <th scope="col" className="p3 impact">
            <span className="hidden">share of the largest</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {statements.map((one) => (
          <Row key={one.query_id} id={id} one={one} most={most} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ id, one, most }: { id: string; one: DatabaseStatement; most: number }) {
  const href = to(`/database/${id}/statements/${one.query_id}`);
  const [route] = one.routes;
  return (
    <tr onClick={(event) => openRow(event.target, href)}>
      <td className="what mono" title={one.statement.text}>
        <Link to={href} data-row>
          <SqlLine text={one.statement.text} />
        </Link>
      </td>
      <td className="n strong">
        <Percent share={one.share} />
      </td>
      <td className="n p2">{grouped(one.calls)}</td>
      <td className="n">
        <Duration micros={one.mean_micros} />
      </td>
      <td className="n p3">{digits(one.rows / Math.max(1, one.calls))}</td>
      <td className="n p3">{digits(one.blocks_per_row)}</td>
      <td className="n p4">
        {one.hit_share == null ? <span className="dim">–</span> : <Percent share={one.hit_share} />}
      </td>
      <td className="p4 dim by" title={one.routes.map((by) => by.operation).join(', ')}>
        {route === undefined ? (one.applications[0] ?? one.users[0] ?? '') : route.operation}
        {one.routes.length > 1 && ` +${one.routes.length - 1}`}
      </td>
      <td className="p3 impact" aria-hidden="true">
        <span className="meter">
          <span
            className="kind-database"
            style={{ width: `${Math.max(1, (one.share / most) * 100)}%` }}
          />
        </span>
      </td>
    </tr>
  );
}
