/** Indexes, largest first: what they are for, what they take, who uses them. */
import { path, useApi } from '../../api/use';
import type { DatabaseIndex, DatabaseIndexDetail, DatabaseIndexes } from '../../api/types';
import { bytes, digits, grouped, plural } from '../../lib/format';
import { useParam, useQuery } from '../../lib/route';
import { useRange } from '../../lib/time';
import { Fresh, Problem, Waiting } from '../../ui/Empty';
import { Search } from '../../ui/Filter';
import { Num } from '../../ui/Num';
import { Spark } from '../../ui/Spark';
import { Sql } from '../../ui/Sql';
import { SeriesList } from './SeriesList';

export function Indexes({ id }: { id: string }) {
  const q = useQuery().get('q') ?? undefined;
  const range = useRange();
  const { data, problem, stale } = useApi<DatabaseIndexes>(
    path(`databases/${id}/indexes`, { q, ...range }),
  );
  const [open, setOpen] = useParam('index');
  if (problem !== undefined) return <Problem part problem={problem} />;
  if (data === undefined) return <Waiting />;
  return (
    <Fresh stale={stale}>
      <div className="filters" role="search" aria-label="Filter the indexes">
        <Search label="search" />
      </div>
      {data.indexes.length === 0 ? (
        <p className="nothing">No index is like that.</p>
      ) : (
        <table className="rows">
          <thead>
            <tr>
              <th scope="col">index</th>
              <th scope="col" className="n">
                size
              </th>
              <th scope="col" className="n">
                scans
              </th>
              <th scope="col" className="p3">
                <span className="hidden">scans over time</span>
              </th>
              <th scope="col" className="n p3">
                entries read
              </th>
              <th scope="col" className="n p3" title="rows written to its table that may touch it">
                writes
              </th>
              <th scope="col" className="n p4" title="what a rebuild would give back">
                bloat
              </th>
              <th scope="col" className="p2">
                there for
              </th>
            </tr>
          </thead>
          <tbody>
            {data.indexes.map((one) => {
              const key = `${one.table} ${one.name}`;
              return (
                <Row
                  key={key}
                  id={id}
                  one={one}
                  open={open === key}
                  toggle={() => setOpen(open === key ? '' : key)}
                />
              );
            })}
          </tbody>
        </table>
      )}
      {data.left_out > 0 && (
        <p className="dim">{plural(data.left_out, 'smaller index', 'smaller indexes')}.</p>
      )}
    </Fresh>
  );
}

interface RowProps {
  id: string;
  one: DatabaseIndex;
  open: boolean;
  toggle: () => void;
}

function Row({ id, one, open, toggle }: RowProps) {
  const idle = one.role === '' && one.scans + (one.standby_scans ?? 0) === 0;
  const bloat = one.fresh_bytes == null ? undefined : Math.max(0, one.bytes - one.fresh_bytes);
  return (
    <>
      <tr>
        <td className="what">
          <button type="button" className="unfold" aria-expanded={open} onClick={toggle} data-row>
            <span className="op">{one.name}</span> <span className="dim">{one.table}</span>
            {!one.valid && <span className="badge broken">invalid</span>}
          </button>
        </td>
        <td className="n strong">
          <Num of={bytes(one.bytes)} />
        </td>
        <td className={idle ? 'n over' : 'n'} title={standby(one)}>
          {grouped(one.scans + (one.standby_scans ?? 0))}
        </td>
        <td className="p3">
          <Spark values={one.scan_series} label={`scans of ${one.name} over time`} text={digits} />
        </td>
        <td className="n p3">{digits(one.entries_read)}</td>
        <td className="n p3">{digits(one.written_rows)}</td>
        <td className="n p4">{bloat === undefined ? '–' : <Num of={bytes(bloat)} />}</td>
        <td className="p2 dim">{one.role === '' ? one.method : one.role}</td>
      </tr>
      {open && (
        <tr className="opened">
          <td colSpan={8}>
            <Sql text={one.definition} />
            <IndexHistory id={id} oid={one.oid} />
          </td>
        </tr>
      )}
    </>
  );
}

function standby(one: DatabaseIndex): string {
  if (one.standby_scans == null) return `${grouped(one.scans)} scans here; standbys were not asked`;
  return `${grouped(one.scans)} here, ${grouped(one.standby_scans)} on standbys`;
}

type Point = DatabaseIndexDetail['history'][number];

/** What was done with an index over time. */
function IndexHistory({ id, oid }: { id: string; oid: number }) {
  const range = useRange();
  const { data, problem } = useApi<DatabaseIndexDetail>(
    path(`databases/${id}/indexes/${oid}`, { ...range }),
  );
  if (problem !== undefined) return <Problem part problem={problem} />;
  if (data === undefined) return <Waiting />;
  const { history } = data;
  if (history.length === 0) {
    return <p className="nothing">Nothing much was done with it in this time.</p>;
  }
  const series = [
    { name: 'scans', of: (point: Point) => point.scans },
    { name: 'entries read', of: (point: Point) => point.entries_read },
    { name: 'blocks found', of: (point: Point) => point.blocks_hit },
    { name: 'blocks read', of: (point: Point) => point.blocks_read },
  ];
  return <SeriesList of={data.index.name} points={history} window={data.window} series={series} />;
}
