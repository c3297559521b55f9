/** Hosts, processes, pools and queues: what of each is used, what waits for it, what fails. */
import { path, useApi } from '../../api/use';
import type { Resources } from '../../api/types';
import { clock, grouped, plural } from '../../lib/format';
import { is, resourceFigure } from '../../lib/question';
import { byInstance, latest, peak, stepMs, tightest } from '../../lib/resources';
import { to, useParam } from '../../lib/route';
import { useRange } from '../../lib/time';
import { Empty, Fresh, Problem, Waiting } from '../../ui/Empty';
import { Link } from '../../ui/Link';
import { MetricSetup } from '../../ui/LogSetup';
import { Num } from '../../ui/Num';
import { CoverageNote } from '../../ui/CoverageNote';
import { Table } from './Table';

export function ResourcesPage() {
  const range = useRange();
  const [service] = useParam('service');
  const { data, problem, stale } = useApi<Resources>(
    path('resources', { ...range, service }),
    false,
  );
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  const instances = byInstance(data.series);
  return (
    <Fresh stale={stale}>
      <div className="claim">
        <h1>What runs short{service !== '' && ` of ${service}`}</h1>
        <Claim data={data} />
        {service !== '' && (
          <p>
            Only what {service} tells of itself is here; look at{' '}
            <Link to={to('/resources')}>all</Link>.
          </p>
        )}
      </div>
      {instances.length === 0 ? (
        <NoMetrics resources={data} last={range.last} />
      ) : (
        <Table instances={instances} data={data} />
      )}
      {data.metrics.length > 0 && (
        <details className="all-metrics">
          <summary>All {plural(data.metrics.length, 'metric')} that came</summary>
          <ul className="metric-names">
            {data.metrics.map((metric) => (
              <li key={metric.name}>
                <Link
                  to={to('/explore', {
                    of: 'metrics',
                    where: is('name', metric.name),
                    group: 'service.name',
                  })}
                >
                  <code>{metric.name}</code>
                </Link>{' '}
                <span className="dim">
                  {grouped(metric.points)}
                  {data.known.includes(metric.name) ? ', shown above' : ''}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
      <p className="dim">
        <CoverageNote coverage={data.coverage} />
      </p>
    </Fresh>
  );
}

function Claim({ data }: { data: Resources }) {
  const one = tightest(data.series);
  const most = one === undefined ? undefined : peak(one);
  const last = one === undefined ? undefined : latest(one);
  if (one === undefined || most === undefined || last === undefined) return null;
  return (
    <p>
      The fullest was <strong>{one.instance}</strong>: {one.words}, up to{' '}
      <Num of={resourceFigure(most.value, one.unit)} /> at{' '}
      {clock(data.window.from_unix_ms + most.step * stepMs(data, one))};{' '}
      <Num of={resourceFigure(last, one.unit)} /> last.
    </p>
  );
}

function NoMetrics({ resources, last }: { resources: Resources; last: string | undefined }) {
  return (
    <Empty
      part
      title={
        resources.metrics.length === 0
          ? 'No metrics came in this window'
          : 'None of the metrics that came are of hosts, processes or pools'
      }
    >
      {last !== '30d' && (
        <p>
          Look <Link to={to('/resources', { last: '30d' })}>at the last 30 days</Link>, or send
          some.
        </p>
      )}
      <MetricSetup />
    </Empty>
  );
}
