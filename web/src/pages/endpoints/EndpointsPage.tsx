/** Every endpoint by its share of all time, or by what is asked for. */
import { path, useApi } from '../../api/use';
import type { Operation, Operations, Targets } from '../../api/types';
import { digits, durationText, grouped, plural } from '../../lib/format';
import { openRow, to, useQuery } from '../../lib/route';
import { useRange } from '../../lib/time';
import { Breaks } from '../../ui/Breaks';
import { Fresh, Problem, Waiting } from '../../ui/Empty';
import { FilterSelect, Search } from '../../ui/Filter';
import { KindBar, KindKey } from '../../ui/Kinds';
import { Link } from '../../ui/Link';
import { Duration, Percent, Rate } from '../../ui/Num';
import { Quiet } from '../../ui/Quiet';
import { SortHeads, useSort, type PlainColumn, type SortColumn } from '../../ui/Sorted';
import { Spark } from '../../ui/Spark';

/** As the API names them: where there are many endpoints, it is asked for the first by this. */
type Order =
  'share' | 'rate' | 'p50' | 'p75' | 'p90' | 'p95' | 'p99' | 'p999' | 'errors' | 'queries';

const COLUMNS: (SortColumn<Order> | PlainColumn)[] = [
  { words: 'endpoint', className: '' },
  { key: 'share', words: 'share', className: 'n' },
  { key: 'rate', words: 'rate', className: 'n p2' },
  { key: 'p50', words: 'p50', className: 'n p3' },
  { key: 'p75', words: 'p75', className: 'n p4' },
  { key: 'p90', words: 'p90', className: 'n p4' },
  { key: 'p95', words: 'p95', className: 'n' },
  { key: 'p99', words: 'p99', className: 'n p2' },
  { key: 'p999', words: 'p99.9', className: 'n p4' },
  { key: 'errors', words: 'errors', className: 'n p3' },
  { key: 'queries', words: 'queries', className: 'n p2' },
  { words: 'time by kind', className: 'p3 by-kind' },
  { words: 'p95 over time', className: 'p4' },
];

export function EndpointsPage() {
  const query = useQuery();
  const range = useRange();
  const service = query.get('service') ?? undefined;
  const q = query.get('q') ?? undefined;
  const by = useSort(COLUMNS, 'share');
  const sort = by === 'share' ? undefined : by;
  const asked = { ...range, service, q, sort };
  const { data, problem, stale } = useApi<Operations>(path('operations', asked));
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  const services = data.services.map((value) => ({ value, count: 0 }));
  return (
    <Fresh stale={stale}>
      <div className="claim">
        <h1>Where the time goes</h1>
        <Claim data={data} by={by} />
      </div>
      <div className="filters" role="search" aria-label="Filter the endpoints">
        <FilterSelect name="service" label="Service" all="every service" facets={services} />
        <Search label="search" />
      </div>
      {data.operations.length === 0 ? (
        <Quiet filtered={service !== undefined || q !== undefined} what="request" />
      ) : (
        <EndpointTable data={data} by={by} />
      )}
      {data.left_out > 0 && (
        <p className="dim">
          {plural(data.left_out, 'more endpoint')} below these: search for them, or sort by another
          figure.
        </p>
      )}
    </Fresh>
  );
}

function Claim({ data: { operations, left_out: more }, by }: { data: Operations; by: Order }) {
  const [first] = operations.toSorted((one, other) => other.share - one.share);
  // Sorted otherwise, the one with most time may be among those that are left out.
  if (first === undefined || (more > 0 && by !== 'share')) return null;
  const all = operations.length + more;
  return (
    <p>
      <strong>{first.operation}</strong> takes{' '}
      <strong>
        <Percent share={first.share} />
      </strong>{' '}
      of the time of {all === 1 ? 'the only endpoint' : `all ${grouped(all)} endpoints`}.
    </p>
  );
}

function EndpointTable({ data, by }: { data: Operations; by: Order }) {
  return (
    <>
      <KindKey of={data.operations.map((one) => one.breakdown)} className="p3" />
      <table className="rows endpoints">
        <thead>
          <tr>
            <SortHeads columns={COLUMNS} by={by} first="share" />
          </tr>
        </thead>
        <tbody>
          {data.operations.map((one) => (
            <Row key={`${one.service} ${one.operation}`} one={one} targets={data.targets} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function Row({ one, targets }: { one: Operation; targets: Targets }) {
  const href = to('/endpoint', { service: one.service, operation: one.operation });
  return (
    <tr onClick={(event) => openRow(event.target, href)}>
      <td className="what">
        <Link to={href} data-row>
          <span className="op">
            <Breaks text={one.operation} />
          </span>
        </Link>
        <span className="dim service">{one.service}</span>
        {one.findings > 0 && one.worst != null && (
          <span className={`count ${one.worst}`}>{plural(one.findings, 'finding')}</span>
        )}
      </td>
      <td className="n strong">
        <Percent share={one.share} />
      </td>
      <td className="n p2" title={plural(one.count, 'request')}>
        <Rate perSecond={one.rate_per_second} />
      </td>
      <td className="n p3">
        <Duration micros={one.duration.p50_micros} />
      </td>
      <td className="n p4">
        <Duration micros={one.duration.p75_micros} />
      </td>
      <td className="n p4">
        <Duration micros={one.duration.p90_micros} />
      </td>
      <td className={`n ${one.duration.p95_micros > targets.p95_micros ? 'over' : ''}`}>
        <Duration
          micros={one.duration.p95_micros}
          title={over(one.duration.p95_micros, targets.p95_micros)}
        />
      </td>
      <td className={`n p2 ${one.duration.p99_micros > targets.p99_micros ? 'over' : ''}`}>
        <Duration
          micros={one.duration.p99_micros}
          title={over(one.duration.p99_micros, targets.p99_micros)}
        />
      </td>
      <td className="n p4">
        <Duration micros={one.duration.p99_9_micros} />
      </td>
      <td
        className={`n p3 ${one.failed > 0 ? 'broken' : 'dim'}`}
        title={`${grouped(one.failed)} failed`}
      >
        <Percent share={one.failed / Math.max(1, one.count)} />
      </td>
      <td className="n p2">{digits(one.statements_per_request)}</td>
      <td className="p3">
        <KindBar breakdown={one.breakdown} />
      </td>
      <td className="p4">
        <Spark
          values={one.spark.map((step) => step.p95_micros)}
          target={targets.p95_micros}
          label={`p95 of ${one.operation} over time`}
          text={durationText}
        />
      </td>
    </tr>
  );
}

export function over(micros: number, target: number): string {
  const times = micros / target;
  return times > 1 ? `${digits(times, 2)} times the target` : 'within the target';
}
