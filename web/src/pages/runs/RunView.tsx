/** A run of load: percentiles over time, how latencies are spread, routes; or two of them, one over the other. */
import { digits, durationText, percent, plural } from '../../lib/format';
import type { Quantiles } from '../../lib/fields';
import { distribution, latency, spreads, TOLD, type Run, type RunTold } from '../../lib/run';
import { Breaks } from '../../ui/Breaks';
import { Heads } from '../../ui/Heads';
import { Duration, Percent } from '../../ui/Num';
import { TimeChart, type ChartLine } from '../../ui/TimeChart';
import { Distribution } from './Distribution';

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
      {run.told !== undefined && <Goals told={run.told} />}
      <h2>Over time</h2>
      <OverTime run={run} />
      <h2>How long answers took</h2>
      {run.told === undefined ? (
        <>
          <Distribution bins={[distribution(run.took, 48)]} names={['requests']} />
          <Spread runs={[run]} names={['latency']} />
        </>
      ) : (
        <BothWays told={run.told} />
      )}
      {run.routes.length > 1 && <Routes run={run} />}
      {run.failures.length > 0 && <Failures run={run} />}
      {run.told !== undefined && <Generator run={run} told={run.told} />}
    </>
  );
}

export function TwoRuns({ runs, names }: { runs: Run[]; names: string[] }) {
  const [before, after] = runs;
  if (before === undefined || after === undefined) return null;
  const [was, now] = runs.map((run) => latency(run, 'p95') ?? NaN);
  return (
    <>
      <div className="claim">
        <h1>
          p95 {durationText(was ?? NaN)} → {durationText(now ?? NaN)}
        </h1>
        <p>
          What is seen here may be chance: <code>taut prove</code> says how surely it differs.
        </p>
      </div>
      <h2>How long answers took</h2>
      <Distribution bins={spreads(runs, 48)} names={names} />
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
  const rate = digits(run.rate);
  const at = (name: string) => durationText(latency(run, name) ?? NaN);
  if (latency(run, 'p50') === undefined) return `${rate} answers a second, and each of them failed`;
  return `${rate} answers a second, p50 ${at('p50')}, p95 ${at('p95')}, p99 ${at('p99')}`;
}

function Notes({ run }: { run: Run }) {
  const share = percent(run.failed / Math.max(1, run.started));
  const notes = [
    ...(run.failed > 0
      ? [`${plural(run.failed, 'request')} failed (${share.value} ${share.unit}).`]
      : []),
    ...(run.told?.notes ?? ownNotes(run)),
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

/** Of a file that does not keep what the terminal said. */
function ownNotes(run: Run): string[] {
  return [
    ...(run.interrupted ? ['Ended early: figures are of what was done by then.'] : []),
    ...(run.open
      ? []
      : [
          'Closed model: users who wait ask less when the server is slow, so that it looks better than it is.',
        ]),
    'The file has single requests alone: without figures as sent, and without whether the generator kept up. `taut load --out` of this version writes both.',
  ];
}

function Goals({ told }: { told: RunTold }) {
  if (told.goals.length === 0) return null;
  return (
    <>
      <h2>Goals</h2>
      <table className="rows">
        <Heads columns={[['goal'], ['seen', 'n'], ['']]} />
        <tbody>
          {told.goals.map((one, place) => (
            <tr key={place}>
              <td className="what">
                <Breaks text={one.goal} />
              </td>
              <td className="n">{one.seen}</td>
              <td>{one.met ? 'met' : <b className="broken">missed</b>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** Latencies from the intended start, which is what users meet, beside those from sending, which is what is told without a correction. */
function BothWays({ told }: { told: RunTold }) {
  return (
    <>
      <Distribution
        bins={[told.spread.uncorrected, told.spread.corrected]}
        names={['as sent', 'from the intended start']}
      />
      <table className="rows">
        <Heads columns={[['percentile'], ['from intended', 'n'], ['as sent', 'n']]} />
        <tbody>
          {told.figures.map((one) => (
            <tr key={one.name}>
              <td>{one.name}</td>
              <td className="n strong">
                <Duration micros={one.corrected} />
              </td>
              <td className="n">
                <Duration micros={one.uncorrected} />
              </td>
            </tr>
          ))}
          <tr>
            <td>requests with a latency, with those that waited until their time was up</td>
            <td className="n">{digits(told.timed)}</td>
            <td className="n" />
          </tr>
        </tbody>
      </table>
    </>
  );
}

function Failures({ run }: { run: Run }) {
  return (
    <>
      <h2>What failed</h2>
      <table className="rows">
        <Heads columns={[['kind'], ['requests', 'n'], ['of all', 'n']]} />
        <tbody>
          {run.failures.map((one, place) => (
            <tr key={place}>
              <td className="what">
                <Breaks text={one.what} />
              </td>
              <td className="n">{digits(one.count)}</td>
              <td className="n">
                <Percent share={one.count / Math.max(1, run.started)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** Whether figures are those of the server, or of the machine that asked. */
function Generator({ run, told }: { run: Run; told: RunTold }) {
  const { each, busy, lateP99, lateMax, bottleneck } = told.generator;
  const share = percent(busy);
  return (
    <p className={bottleneck ? 'broken' : 'dim'}>
      {bottleneck ? 'The generator was the bottleneck: ' : 'The generator kept up: '}
      {durationText(each)} of processor a request, {share.value} {share.unit} busy,{' '}
      {run.open ? 'starts' : 'wakes'} {durationText(lateP99)} late at p99 and{' '}
      {durationText(lateMax)} at most.
    </p>
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
        {TOLD.map(([name]) => (
          <tr key={name}>
            <td>{name}</td>
            {runs.map((run, place) => (
              <td key={place} className="n">
                <Duration micros={latency(run, name) ?? NaN} />
              </td>
            ))}
          </tr>
        ))}
        <tr>
          <td>requests with a latency</td>
          {runs.map((run, place) => (
            <td key={place} className="n">
              {digits(run.told?.timed ?? run.took.length)}
              {run.told === undefined && run.every > 1 && (
                <span className="dim">, one in {digits(run.every)}</span>
              )}
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
