/** Tables, largest first: how they are read, written and kept, now and over time. */
import { path, useApi } from '../../api/use';
import type { DatabaseTable, DatabaseTableDetail, DatabaseTables } from '../../api/types';
import { ago, bytes, digits, full, grouped, plural } from '../../lib/format';
import { to, useParam, useQuery } from '../../lib/route';
import { useRange } from '../../lib/time';
import { Fresh, Problem, Waiting } from '../../ui/Empty';
import { Search } from '../../ui/Filter';
import { Link } from '../../ui/Link';
import { Spark } from '../../ui/Spark';
import { Num, Percent } from '../../ui/Num';
import { SeriesList } from './SeriesList';

export function Tables({ id }: { id: string }) {
  const q = useQuery().get('q') ?? undefined;
  const range = useRange();
  const { data, problem, stale } = useApi<DatabaseTables>(
    path(`databases/${id}/tables`, { q, ...range }),
  );
  const [open, setOpen] = useParam('table');
  if (problem !== undefined) return <Problem part problem={problem} />;
  if (data === undefined) return <Waiting />;
  return (
    <Fresh stale={stale}>
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
              <th scope="col" className="p3" title="rows read and rows written in each step">
                over time
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
              <Row
                key={one.oid}
                id={id}
                one={one}
                open={open === String(one.oid)}
                toggle={() => setOpen(open === String(one.oid) ? '' : String(one.oid))}
              />
            ))}
          </tbody>
        </table>
      )}
      {data.left_out > 0 && (
        <p className="dim">{plural(data.left_out, 'smaller table')}: search for them.</p>
      )}
    </Fresh>
  );
}

function Row({
  id,
  one,
  open,
  toggle,
}: {
  id: string;
  one: DatabaseTable;
  open: boolean;
  toggle: () => void;
}) {
  return (
    <>
      <tr>
        <td className="what">
          <button type="button" className="unfold" aria-expanded={open} onClick={toggle} data-row>
            <span className="op">{one.name}</span>
          </button>
          {one.kind !== 'ordinary' && <span className="dim service">{one.kind}</span>}
        </td>
        <td className="n">
          {one.rows == null ? <span className="dim">–</span> : digits(one.rows)}
        </td>
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
        <td className="p3">
          <Spark
            values={one.read_series}
            label={`rows of ${one.name} read over time`}
            text={digits}
          />
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
      {open && (
        <tr className="opened">
          <td colSpan={12}>
            <TableHistory id={id} oid={one.oid} />
          </td>
        </tr>
      )}
    </>
  );
}

type Point = DatabaseTableDetail['history'][number];

/** What was done with a table over time. */
function TableHistory({ id, oid }: { id: string; oid: number }) {
  const range = useRange();
  const { data, problem } = useApi<DatabaseTableDetail>(
    path(`databases/${id}/tables/${oid}`, { ...range }),
  );
  if (problem !== undefined) return <Problem part problem={problem} />;
  if (data === undefined) return <Waiting />;
  const { history } = data;
  if (history.length === 0) {
    return <p className="nothing">Nothing much was done with it in this time.</p>;
  }
  const series = [
    { name: 'read in sequence', of: (point: Point) => point.sequential_rows },
    { name: 'fetched by indexes', of: (point: Point) => point.index_rows },
    { name: 'inserted', of: (point: Point) => point.inserted },
    { name: 'updated', of: (point: Point) => point.updated },
    { name: 'deleted', of: (point: Point) => point.deleted },
    { name: 'blocks read', of: (point: Point) => point.blocks_read },
  ];
  return <SeriesList of={data.table.name} points={history} window={data.window} series={series} />;
}
