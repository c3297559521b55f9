/** A run of load: percentiles over time, how latencies are spread, routes; or two of them, one over the other. */
import { digits, durationText, percent, plural } from '../../lib/format';
import { distribution, latency, quantile, type Quantiles, type Run } from '../../lib/proof';
import { Breaks } from '../../ui/Breaks';
import { Heads } from '../../ui/Heads';
import { Duration, Percent } from '../../ui/Num';
import { TimeChart, type ChartLine } from '../../ui/TimeChart';
import { Distribution } from './Distribution';

const TOLD: [name: string, q: number][] = [
  ['p50', 0.5],
  ['p75', 0.75],
  ['p90', 0.9],
  ['p95', 0.95],
  ['p99', 0.99],
  ['p99.9', 0.999],
  ['most', 1],
];

export function RunView({ run }: { run: Run }) {
  return (
    <>
      <div className="claim">
        <h1>{claim(run)}</h1>
        <p>
          <Breaks text={run.target} /> <span className="dim">{run.load}</span>
        </p>
      </div>
      <Notes run={run} />
      <h2>Over time</h2>
      <OverTime run={run} />
      <h2>How long answers took</h2>
      <Distribution bins={[distribution(run.took, 48)]} names={['requests']} />
      <Spread runs={[run]} names={['latency']} />
      {run.routes.length > 1 && <Routes run={run} />}
    </>
  );
}

export function TwoRuns({ runs, names }: { runs: Run[]; names: string[] }) {
  const [before, after] = runs;
  if (before === undefined || after === undefined) return null;
  const [was, now] = runs.map((run) => quantile(run.took, 0.95) ?? 0);
  // Boxes have to be the same to be laid one over the other.
  const all = [...before.took, ...after.took].sort((left, right) => left - right);
  const bins = distribution(all, 48);
  const counts = runs.map((run) =>
    bins.map((bin, place) => ({
      ...bin,
      count: run.took.filter(
        (value) =>
          (place === 0 || value >= bin.from) && (place === bins.length - 1 || value < bin.to),
      ).length,
    })),
  );
  return (
    <>
      <div className="claim">
        <h1>
          p95 {durationText(was ?? 0)} → {durationText(now ?? 0)}
        </h1>
        <p>
          What is seen here may be chance: <code>taut prove</code> says how surely it differs.
        </p>
      </div>
      <h2>How long answers took</h2>
      <Distribution bins={counts} names={names} />
      <Spread runs={runs} names={names} />
      {runs.map((run, place) => (
        <section key={place}>
          <h2>
            <Breaks text={names[place] ?? ''} /> over time
          </h2>
          <OverTime run={run} />
        </section>
      ))}
    </>
  );
}

function claim(run: Run): string {
  if (run.answered === 0) return `No answer to ${plural(run.started, 'request')}`;
  const rate = digits(run.answered / Math.max(run.seconds, 1e-9));
  const at = (q: number) => durationText(latency(run, q) ?? 0);
  if (run.took.length === 0) return `${rate} answers a second, and each of them failed`;
  return `${rate} answers a second, p50 ${at(0.5)}, p95 ${at(0.95)}`;
}

function Notes({ run }: { run: Run }) {
  const share = percent(run.failed / Math.max(1, run.started));
  const notes = [
    ...(run.interrupted ? ['Ended early: figures are of what was done by then.'] : []),
    ...(run.failed > 0
      ? [`${plural(run.failed, 'request')} failed (${share.value} ${share.unit}).`]
      : []),
    ...run.troubles.map((one) => `${one.what}: ${plural(one.count, 'request')}.`),
    ...(run.open
      ? []
      : [
          'Closed model: users who wait ask less when the server is slow, so that it looks better than it is.',
        ]),
  ];
  if (notes.length === 0) return null;
  return (
    <ul className="notes" aria-label="What to know about this run">
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  );
}

const LINES: [name: string, place: keyof Quantiles & number][] = [
  ['p99', 2],
  ['p95', 1],
  ['p50', 0],
];

function OverTime({ run }: { run: Run }) {
  const lines: ChartLine[] = LINES.map(([name, place]) => ({
    name,
    className: name,
    values: run.intervals.map((one) => one.quantiles?.[place]),
  }));
  const length = run.intervals.length * run.intervalSeconds * 1000;
  return (
    <TimeChart
      label="latency from the intended start"
      from={run.beganMs}
      to={run.beganMs + Math.max(length, 1)}
      lines={lines}
      text={durationText}
      beside={(step) => {
        const one = run.intervals[step];
        if (one === undefined) return null;
        return ` ${plural(one.answered, 'answer')}${one.failed > 0 ? `, ${digits(one.failed)} failed` : ''}`;
      }}
    />
  );
}

function Spread({ runs, names }: { runs: Run[]; names: string[] }) {
  return (
    <table className="rows">
      <Heads columns={[['percentile'], ...names.map((name): [string, string] => [name, 'n'])]} />
      <tbody>
        {TOLD.map(([name, q]) => (
          <tr key={name}>
            <td>{name}</td>
            {runs.map((run, place) => (
              <td key={place} className="n">
                <Duration micros={latency(run, q) ?? NaN} />
              </td>
            ))}
          </tr>
        ))}
        <tr>
          <td>requests that are shown, without those that failed</td>
          {runs.map((run, place) => (
            <td key={place} className="n">
              {digits(run.took.length)}
              {run.every > 1 && <span className="dim">, one in {digits(run.every)}</span>}
            </td>
          ))}
        </tr>
      </tbody>
    </table>
  );
}

function Routes({ run }: { run: Run }) {
  return (
    <>
      <h2>Routes</h2>
      <table className="rows">
        <Heads
          columns={[
            ['route'],
            ['requests', 'n'],
            ['failed', 'n p2'],
            ['p50', 'n p3'],
            ['p95', 'n'],
            ['p99', 'n p3'],
          ]}
        />
        <tbody>
          {run.routes.map((route) => (
            <tr key={route.name}>
              <td className="what">
                <Breaks text={route.name} />
              </td>
              <td className="n">{digits(route.count)}</td>
              <td className="n p2">
                <Percent share={route.failed / Math.max(1, route.count)} />
              </td>
              <td className="n p3">
                <Duration micros={route.quantiles[0]} />
              </td>
              <td className="n strong">
                <Duration micros={route.quantiles[1]} />
              </td>
              <td className="n p3">
                <Duration micros={route.quantiles[2]} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
