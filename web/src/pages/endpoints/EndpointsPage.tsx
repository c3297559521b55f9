/** Every endpoint by its share of all time. */
import { path, useApi } from '../../api/use';
import type { Operation, Operations, Targets } from '../../api/types';
import { digits, durationText, grouped, plural } from '../../lib/format';
import { openRow, to, useQuery } from '../../lib/route';
import { useRange } from '../../lib/time';
import { Breaks } from '../../ui/Breaks';
import { Problem, Waiting } from '../../ui/Empty';
import { FilterSelect, Search } from '../../ui/Filter';
import { Heads } from '../../ui/Heads';
import { KindBar } from '../../ui/Kinds';
import { Link } from '../../ui/Link';
import { Duration, Percent, Rate } from '../../ui/Num';
import { Quiet } from '../../ui/Quiet';
import { Spark } from '../../ui/Spark';

export function EndpointsPage() {
  const query = useQuery();
  const range = useRange();
  const service = query.get('service') ?? undefined;
  const q = query.get('q') ?? undefined;
  const { data, problem } = useApi<Operations>(path('operations', { ...range, service, q }));
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  const services = data.services.map((value) => ({ value, count: 0 }));
  return (
    <>
      <div className="claim">
        <h1>Where the time goes</h1>
        <Claim operations={data.operations} />
      </div>
      <div className="filters" role="search" aria-label="Filter the endpoints">
        <FilterSelect name="service" label="Service" all="every service" facets={services} />
        <Search label="search" />
      </div>
      {data.operations.length === 0 ? (
        <Quiet filtered={service !== undefined || q !== undefined} what="request" />
      ) : (
        <EndpointTable data={data} />
      )}
      {data.left_out > 0 && (
        <p className="dim">
          {plural(data.left_out, 'more endpoint')} with less time: search for them.
        </p>
      )}
    </>
  );
}

function Claim({ operations }: { operations: Operation[] }) {
  const [first] = operations;
  if (first === undefined) return null;
  return (
    <p>
      <strong>{first.operation}</strong> takes{' '}
      <strong>
        <Percent share={first.share} />
      </strong>{' '}
      of the time of{' '}
      {operations.length === 1 ? 'the only endpoint' : `all ${operations.length} endpoints`}.
    </p>
  );
}

function EndpointTable({ data }: { data: Operations }) {
  return (
    <table className="rows endpoints">
      <Heads
        columns={[
          ['endpoint'],
          ['share', 'n'],
          ['rate', 'n p2'],
          ['p50', 'n p3'],
          ['p75', 'n p4'],
          ['p90', 'n p4'],
          ['p95', 'n'],
          ['p99', 'n p2'],
          ['p99.9', 'n p4'],
          ['errors', 'n p3'],
          ['queries', 'n p2'],
          ['time by kind', 'p3 by-kind'],
          ['p95 over time', 'p4'],
        ]}
      />
      <tbody>
        {data.operations.map((one) => (
          <Row key={`${one.service} ${one.operation}`} one={one} targets={data.targets} />
        ))}
      </tbody>
    </table>
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
