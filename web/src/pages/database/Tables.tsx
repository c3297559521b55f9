/** Tables, largest first: how they are read, written and kept. */
import { path, useApi } from '../../api/use';
import type { DatabaseTable, DatabaseTables } from '../../api/types';
import { ago, bytes, digits, full, grouped, plural } from '../../lib/format';
import { to, useQuery } from '../../lib/route';
import { Problem, Waiting } from '../../ui/Empty';
import { Search } from '../../ui/Filter';
import { Link } from '../../ui/Link';
import { Num, Percent } from '../../ui/Num';

export function Tables({ id }: { id: string }) {
  const q = useQuery().get('q') ?? undefined;
  const { data, problem } = useApi<DatabaseTables>(path(`databases/${id}/tables`, { q }));
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  return (
    <>
      <div className="filters" role="search" aria-label="Filter the tables">
        <Search label="search" />
      </div>
      {data.tables.length === 0 ? (
        <p className="nothing">No table is like that.</p>
      ) : (
        <table className="rows">
          <thead>
            <tr>
              <th scope="col">table</th>
              <th scope="col" className="n">
                rows
              </th>
              <th scope="col" className="n">
                size
              </th>
              <th scope="col" className="n p2">
                indexes
              </th>
              <th scope="col" className="n p2" title="rows read by sequential scans">
                read in sequence
              </th>
              <th scope="col" className="n p3">
                index scans
              </th>
              <th scope="col" className="n p3">
                written
              </th>
              <th scope="col" className="n p4" title="updates that touched no index">
                HOT
              </th>
              <th scope="col" className="n p3">
                dead
              </th>
              <th scope="col" className="n p4">
                hits
              </th>
              <th scope="col" className="n p4">
                analysed
              </th>
            </tr>
          </thead>
          <tbody>
            {data.tables.map((one) => (
              <Row key={one.name} id={id} one={one} />
            ))}
          </tbody>
        </table>
      )}
      {data.left_out > 0 && (
        <p className="dim">{plural(data.left_out, 'smaller table')}: search for them.</p>
      )}
    </>
  );
}

function Row({ id, one }: { id: string; one: DatabaseTable }) {
  return (
    <tr>
      <td className="what">
        <span className="op">{one.name}</span>
        {one.kind !== 'ordinary' && <span className="dim service">{one.kind}</span>}
      </td>
      <td className="n">{one.rows == null ? <span className="dim">–</span> : digits(one.rows)}</td>
      <td className="n strong">
        <Num of={bytes(one.bytes + one.toast_bytes)} />
      </td>
      <td className="n p2">
        <Link to={to(`/database/${id}`, { tab: 'indexes', q: one.name })}>{one.indexes}</Link>{' '}
        <span className="dim">
          <Num of={bytes(one.index_bytes)} />
        </span>
      </td>
      <td className="n p2" title={plural(one.sequential_scans, 'sequential scan')}>
        {digits(one.sequential_rows)}
      </td>
      <td className="n p3">{grouped(one.index_scans)}</td>
      <td className="n p3">{digits(one.written_rows)}</td>
      <td className="n p4">{one.hot_share == null ? '–' : <Percent share={one.hot_share} />}</td>
      <td className={`n p3 ${one.dead_share > 0.2 ? 'over' : ''}`}>
        <Percent share={one.dead_share} />
      </td>
      <td className="n p4">{one.hit_share == null ? '–' : <Percent share={one.hit_share} />}</td>
      <td className="n p4 dim">
        {one.analyzed_unix_ms == null ? (
          'never'
        ) : (
          <time title={full(one.analyzed_unix_ms)}>{ago(one.analyzed_unix_ms)}</time>
        )}
      </td>
    </tr>
  );
}
