/** What the server did over time: transactions, reads and writes, checkpoints, and what its log told. */
import type { ActivityPoint, DatabaseDetail, DatabaseLog } from '../../api/types';
import { onSteps } from '../../lib/axis';
import {
  asText,
  bytes,
  clock,
  durationText,
  grouped,
  percent,
  plural,
  rate,
} from '../../lib/format';
import { Heads } from '../../ui/Heads';
import { Num } from '../../ui/Num';
import { Spark } from '../../ui/Spark';
import { SqlLine } from '../../ui/Sql';
import { TimeFigures, type TimeFigure } from '../../ui/TimeFigures';

type LogPoint = NonNullable<ActivityPoint['log']>;

const BLOCK_BYTES = 8192;

export function Activity({ data }: { data: DatabaseDetail }) {
  const { activity: points, window } = data;
  const [first] = points;
  if (first === undefined) {
    return <p className="nothing">What it does shows here within a minute of watching.</p>;
  }
  return (
    <>
      <p className="dim lead">
        Sums and means from {clock(first.from_unix_ms)} to {clock(window.to_unix_ms)}; a line opens
        as a chart.
      </p>
      <Figures points={points} window={window} />
      <Io points={points} window={window} />
      <Log log={data.log ?? undefined} points={points} window={window} />
    </>
  );
}

interface Watched {
  points: ActivityPoint[];
  /** The stretch that they are of. */
  window: DatabaseDetail['window'];
}

const bytesText = (count: number) => asText(bytes(count));
const rateText = (perSecond: number) => asText(rate(perSecond));

type Pick = (point: ActivityPoint) => number;

function sum(points: ActivityPoint[], pick: Pick): number {
  return points.reduce((all, point) => all + pick(point), 0);
}

/** A rate for each step; steps that stand for no time have none. */
function perSecond(pick: Pick): (point: ActivityPoint) => number | undefined {
  return (point) => (point.seconds > 0 ? pick(point) / point.seconds : undefined);
}

function Figures({ points, window }: Watched) {
  const seconds = Math.max(
    1,
    sum(points, (point) => point.seconds),
  );
  const blocks = sum(points, (point) => point.blocks_hit + point.blocks_read);
  const hits = blocks === 0 ? undefined : sum(points, (point) => point.blocks_hit) / blocks;
  const forced = sum(points, (point) => point.checkpoints_requested);
  const transactions: Pick = (point) => point.commits + point.rollbacks;
  const read: Pick = (point) => point.blocks_read * BLOCK_BYTES;
  const checkpoints: Pick = (point) => point.checkpoints_timed + point.checkpoints_requested;
  const figures: TimeFigure<ActivityPoint>[] = [
    {
      name: 'transactions',
      all: <Num of={rate(sum(points, transactions) / seconds)} />,
      step: perSecond(transactions),
      text: rateText,
    },
    {
      name: 'rolled back',
      all: grouped(sum(points, (point) => point.rollbacks)),
      step: perSecond((point) => point.rollbacks),
      text: rateText,
    },
    {
      name: 'read from disk or the system',
      all: <Num of={bytes(sum(points, read))} />,
      note: hits === undefined ? undefined : `${asText(percent(hits))} found in buffers`,
      step: perSecond(read),
      text: (perSecond) => `${bytesText(perSecond)}/s`,
    },
    {
      name: 'temporary files',
      all: <Num of={bytes(sum(points, (point) => point.temp_bytes))} />,
      step: (point) => point.temp_bytes,
      text: bytesText,
    },
    {
      name: 'checkpoints',
      all: grouped(sum(points, checkpoints)),
      note: forced > 0 ? `${grouped(forced)} before their time` : undefined,
      step: checkpoints,
    },
    {
      name: 'deadlocks',
      all: grouped(sum(points, (point) => point.deadlocks)),
      step: (point) => point.deadlocks,
    },
  ];
  return <TimeFigures points={points} window={window} figures={figures} />;
}

/** Reads and writes by who did them and why. */
function Io({ points, window }: Watched) {
  const kinds = new Map<string, { read: number; written: number; series: (number | null)[] }>();
  const steps = onSteps(points, window);
  steps.forEach((point, place) => {
    for (const one of point?.io ?? []) {
      const name = [one.backend, one.object, one.context].join(' · ');
      const known = kinds.get(name) ?? {
        read: 0,
        written: 0,
        series: steps.map((step) => (step !== undefined && step.io.length > 0 ? 0 : null)),
      };
      known.read += one.read_bytes;
      known.written += one.written_bytes;
      known.series[place] = (known.series[place] ?? 0) + one.read_bytes + one.written_bytes;
      kinds.set(name, known);
    }
  });
  const rows = [...kinds]
    .filter(([, one]) => one.read + one.written > 0)
    .toSorted(([, left], [, right]) => right.read + right.written - left.read - left.written);
  if (rows.length === 0) return null;
  return (
    <>
      <h2 className="apart">Reads and writes of the server</h2>
      <table className="rows">
        <Heads
          columns={[
            ['who, what, why'],
            ['read', 'n'],
            ['written', 'n'],
            [<span className="hidden">over time</span>, 'p2'],
          ]}
        />
        <tbody>
          {rows.slice(0, 12).map(([name, one]) => (
            <tr key={name}>
              <td>{name}</td>
              <td className="n">
                <Num of={bytes(one.read)} />
              </td>
              <td className="n">
                <Num of={bytes(one.written)} />
              </td>
              <td className="p2">
                <Spark values={one.series} label={`${name}: bytes over time`} text={bytesText} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** What the log tells of, in the order in which it is shown. */
const TOLD: { name: string; of: (point: LogPoint) => number }[] = [
  { name: 'lock waits', of: (point) => point.lock_waits },
  { name: 'files written', of: (point) => point.temp_files },
  { name: 'deadlocks in the log', of: (point) => point.deadlocks },
  { name: 'cancelled statements', of: (point) => point.cancelled },
  { name: 'errors', of: (point) => point.errors },
  { name: 'autovacuum runs', of: (point) => point.autovacuums },
  { name: 'checkpoints too often', of: (point) => point.checkpoints_too_often },
  { name: 'plans', of: (point) => point.plans },
];

function Log({ log, points, window }: Watched & { log: DatabaseLog | undefined }) {
  if (log === undefined) {
    return (
      <>
        <h2 className="apart">What its log tells</h2>
        <p className="nothing">
          No log is followed. Name it in <code>observe.postgres.log</code>: it tells of lock waits,
          temporary files, cancelled statements and plans.
        </p>
      </>
    );
  }
  const figures = TOLD.map(({ name, of }) => ({
    name,
    all: grouped(sum(points, (point) => (point.log == null ? 0 : of(point.log)))),
    step: (point: ActivityPoint) => (point.log == null ? undefined : of(point.log)),
  }));
  return (
    <>
      <h2 className="apart">What its log tells</h2>
      <TimeFigures points={points} window={window} figures={figures} />
      <Waits log={log} />
      <Files log={log} />
    </>
  );
}

function Waits({ log }: { log: DatabaseLog }) {
  if (log.lock_waits.length === 0) return null;
  return (
    <>
      <h3 className="apart">Who waited for whom since {clock(log.since_unix_ms)}</h3>
      <table className="rows logged">
        <Heads
          columns={[['waited'], ['held'], ['waits', 'n'], ['in all', 'n'], ['longest', 'n p2']]}
        />
        <tbody>
          {log.lock_waits.map((one) => (
            <tr key={`${one.waiter} ${one.holder} ${one.lock}`}>
              <td className="mono" title={one.lock}>
                {one.waiter === '' ? (
                  <span className="dim">not told</span>
                ) : (
                  <SqlLine text={one.waiter} />
                )}
              </td>
              <td className="mono" title={one.holder_session}>
                {one.holder === '' ? (
                  <span className="dim">not seen</span>
                ) : (
                  <SqlLine text={one.holder} />
                )}
              </td>
              <td className="n">{grouped(one.waits)}</td>
              <td className="n strong">{durationText(one.total_ms * 1e3)}</td>
              <td className="n p2">{durationText(one.max_ms * 1e3)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Files({ log }: { log: DatabaseLog }) {
  if (log.temp_files.length === 0) return null;
  return (
    <>
      <h3 className="apart">
        {plural(log.counts.temp_files, 'temporary file')} since {clock(log.since_unix_ms)}
      </h3>
      <table className="rows logged">
        <Heads columns={[['statement'], ['files', 'n'], ['in all', 'n'], ['largest', 'n p2']]} />
        <tbody>
          {log.temp_files.map((one) => (
            <tr key={one.statement}>
              <td className="mono">
                {one.statement === '' ? (
                  <span className="dim">not told</span>
                ) : (
                  <SqlLine text={one.statement} />
                )}
              </td>
              <td className="n">{grouped(one.files)}</td>
              <td className="n strong">
                <Num of={bytes(one.bytes)} />
              </td>
              <td className="n p2">
                <Num of={bytes(one.largest_bytes)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
