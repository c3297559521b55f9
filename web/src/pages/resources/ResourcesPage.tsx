/** Hosts, processes, pools and queues: what of each is used, what waits for it, what fails. */
import { path, useApi } from '../../api/use';
import type { Resources, ResourceSeries } from '../../api/types';
import { grouped, plural } from '../../lib/format';
import { is, resourceFigure } from '../../lib/question';
import { byInstance, latest, TIGHT, tightest, type Instance } from '../../lib/resources';
import { to, useParam } from '../../lib/route';
import { useRange } from '../../lib/time';
import { Empty, Fresh, Problem, Waiting } from '../../ui/Empty';
import { Link } from '../../ui/Link';
import { MetricSetup } from '../../ui/LogSetup';
import { Num } from '../../ui/Num';
import { Spark } from '../../ui/Spark';
import { CoverageNote } from '../../ui/CoverageNote';

const ASPECTS = [
  { aspect: 'utilisation', words: 'in use' },
  { aspect: 'saturation', words: 'waits' },
  { aspect: 'errors', words: 'fails' },
] as const;

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
        <Claim series={data.series} />
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
        <Table instances={instances} />
      )}
      {data.metrics.length > 0 && (
        <details>
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

function Claim({ series }: { series: ResourceSeries[] }) {
  const one = tightest(series);
  const value = one === undefined ? undefined : latest(one);
  if (one === undefined || value === undefined) return null;
  const figure = resourceFigure(value, one.unit);
  return (
    <p>
      The fullest is <strong>{one.instance}</strong>: {one.words}, <Num of={figure} />.
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

/** Rows are pointed at by links to where a figure is from. */
function intoView(row: HTMLTableRowElement | null) {
  row?.scrollIntoView({ block: 'center' });
}

function Table({ instances }: { instances: Instance[] }) {
  const [instance] = useParam('instance');
  const [metric] = useParam('metric');
  const isMeant = (one: Instance) =>
    one.instance === instance && one.series.some((series) => series.metric === metric);
  return (
    <table className="rows resources">
      <thead>
        <tr>
          <th scope="col">resource</th>
          {ASPECTS.map(({ aspect, words }) => (
            <th key={aspect} scope="col">
              {words}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {instances.map((one) => (
          <tr
            key={`${one.of} ${one.instance} ${one.resource}`}
            {...(isMeant(one) && { className: 'here', 'aria-current': true, ref: intoView })}
          >
            <td className="what">
              <span className="op">{one.resource}</span>{' '}
              <span className="dim service">
                {one.of} {one.instance}
              </span>
            </td>
            {ASPECTS.map(({ aspect }) => (
              <td key={aspect}>
                {one.series
                  .filter((series) => series.aspect === aspect)
                  .map((series) => (
                    <Cell key={series.metric} series={series} />
                  ))}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell({ series }: { series: ResourceSeries }) {
  const value = latest(series);
  if (value === undefined) return null;
  const tight =
    (series.unit === 'share' && value >= TIGHT) || (series.aspect === 'errors' && value > 0);
  return (
    <div className="used">
      <span className={tight ? 'over strong' : 'strong'} title={series.metric}>
        <Num of={resourceFigure(value, series.unit)} />
      </span>{' '}
      <span className="dim">
        {series.words}
        {tight && series.unit === 'share' && ', tight'}
      </span>
      <Spark
        values={series.values}
        label={`${series.words} of ${series.instance} over time`}
        {...(series.unit === 'share' ? { target: TIGHT } : {})}
      />
    </div>
  );
}
