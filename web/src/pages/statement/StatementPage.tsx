/** One statement of a database: how it went, who runs it, its plans, and what would help it. */
import { path, useApi } from '../../api/use';
import type { DatabaseStatementDetail, PlanSeen } from '../../api/types';
import { ago, bytes, digits, durationText, full, grouped, percent } from '../../lib/format';
import { to } from '../../lib/route';
import { useRange } from '../../lib/time';
import { CreateIndex } from '../../ui/CreateIndex';
import { Problem, Waiting } from '../../ui/Empty';
import { Heads } from '../../ui/Heads';
import { Link } from '../../ui/Link';
import { Duration, Num, Percent } from '../../ui/Num';
import { PlanView } from '../../ui/PlanView';
import { Sql } from '../../ui/Sql';
import { FindingTable } from '../../ui/FindingTable';
import { TimeFigures, type TimeFigure } from '../../ui/TimeFigures';

type StatementPoint = DatabaseStatementDetail['history'][number];

export function StatementPage({ id, queryId }: { id: string; queryId: string }) {
  const range = useRange();
  const { data, problem, stale } = useApi<DatabaseStatementDetail>(
    path(`databases/${id}/statements/${queryId}`, { ...range }),
  );
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  return (
    <article className={stale ? 'stale' : ''} aria-busy={stale}>
      <Claim data={data} id={id} />
      <Figures data={data} />
      <section>
        <h2 className="apart">The statement</h2>
        <Sql text={data.generic} />
      </section>
      <Routes data={data} />
      {data.findings.length > 0 && (
        <section>
          <h2 className="apart">What is wrong with it</h2>
          <FindingTable findings={data.findings} here={undefined} point={() => undefined} />
        </section>
      )}
      {data.proposals.length > 0 && (
        <section>
          <h2 className="apart">What would help</h2>
          {data.proposals.map((one) => (
            <CreateIndex key={one.name} one={one} database={id} />
          ))}
        </section>
      )}
      <Plans plans={data.plans} />
    </article>
  );
}

function Claim({ data, id }: { data: DatabaseStatementDetail; id: string }) {
  const { statement: one } = data;
  const tables = one.statement.tables.join(', ');
  return (
    <div className="claim">
      <p className="over">
        <Link to={to(`/database/${id}`)}>Database</Link>{' '}
        <span className="dim">
          {data.database.shown} · statement <code>{one.query_id}</code>
        </span>
      </p>
      <h1>
        {one.statement.kind.toUpperCase()}
        {tables !== '' && ` ${tables}`} takes {share(one.share)} of database time
      </h1>
      <p>
        <strong>{grouped(one.calls)}</strong> runs of{' '}
        <strong>
          <Duration micros={one.mean_micros} />
        </strong>{' '}
        each, <Duration micros={one.total_micros} /> in all.
      </p>
    </div>
  );
}

function share(of: number): string {
  const { value, unit } = percent(of);
  return `${value} ${unit}`;
}

function Figures({ data }: { data: DatabaseStatementDetail }) {
  const { statement: one, history, window } = data;
  const aRun = (pick: (point: StatementPoint) => number) => (point: StatementPoint) =>
    point.calls > 0 ? pick(point) / point.calls : undefined;
  const figures: TimeFigure<StatementPoint>[] = [
    {
      name: 'mean',
      all: <Duration micros={one.mean_micros} />,
      step: (point) => (point.calls > 0 ? point.mean_micros : undefined),
      text: durationText,
    },
    { name: 'longest', all: <Duration micros={one.max_micros} /> },
    { name: 'deviation', all: <Duration micros={one.stddev_micros} /> },
    { name: 'calls', all: digits(one.calls), step: (point) => point.calls },
    {
      name: 'rows a run',
      all: digits(one.rows / Math.max(1, one.calls)),
      step: aRun((point) => point.rows),
    },
    { name: 'blocks for each row', all: digits(one.blocks_per_row) },
    {
      name: 'blocks a run',
      all: digits(one.blocks / Math.max(1, one.calls)),
      step: aRun((point) => point.blocks),
    },
  ];
  if (one.hit_share != null)
    figures.push({ name: 'found in buffers', all: <Percent share={one.hit_share} /> });
  if (one.temp_blocks > 0) {
    const size = <Num of={bytes(one.temp_blocks * 8192)} />;
    figures.push({ name: 'temporary files', all: <span className="over">{size}</span> });
  }
  if (one.wal_bytes > 0) figures.push({ name: 'WAL', all: <Num of={bytes(one.wal_bytes)} /> });
  return <TimeFigures points={history} window={window} figures={figures} />;
}

function Routes({ data }: { data: DatabaseStatementDetail }) {
  const { routes, applications, users } = data.statement;
  if (routes.length === 0) {
    const by = [...applications, ...users].join(', ');
    return (
      <p className="dim">No span that was received runs it{by !== '' && `; it is run by ${by}`}.</p>
    );
  }
  return (
    <section>
      <h2 className="apart">Who runs it</h2>
      <table className="rows">
        <Heads columns={[['endpoint'], ['runs', 'n'], ['share of its time', 'n']]} />
        <tbody>
          {routes.map((route) => (
            <tr key={`${route.service} ${route.operation}`}>
              <td className="what">
                <Link to={to('/endpoint', { service: route.service, operation: route.operation })}>
                  <span className="op">{route.operation}</span>
                </Link>
                <span className="dim service">{route.service}</span>
              </td>
              <td className="n">{grouped(route.calls)}</td>
              <td className="n strong">
                <Percent share={route.share} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Plans({ plans }: { plans: PlanSeen[] }) {
  return (
    <section>
      <h2 className="apart">Plans that it was seen with</h2>
      {plans.length === 0 && (
        <p className="nothing">
          None so far: auto_explain writes them to the log, and Taut reads that where it is told to
          (<code>observe.postgres.log</code>). Any plan can be{' '}
          <Link to={to('/plan')}>read here</Link>.
        </p>
      )}
      {plans.map((plan) => (
        <details key={`${plan.time_unix_ms} ${plan.source}`}>
          <summary>
            <time title={full(plan.time_unix_ms)}>{ago(plan.time_unix_ms)}</time>, {plan.source}
            {plan.micros != null && `, ${durationText(plan.micros)}`}
            {plan.runs > 1 && `, seen ${grouped(plan.runs)} times`}
          </summary>
          <PlanView text={plan.text} />
        </details>
      ))}
    </section>
  );
}
