/** What the server did over time: transactions, reads and writes, checkpoints, and what its log told. */
import type { ActivityPoint, DatabaseDetail, DatabaseLog } from '../../api/types';
import { bytes, clock, durationText, grouped, percent, plural, rate } from '../../lib/format';
import { Heads } from '../../ui/Heads';
import { Num } from '../../ui/Num';
import { Spark } from '../../ui/Spark';
import { SqlLine } from '../../ui/Sql';

export function Activity({ data }: { data: DatabaseDetail }) {
  const points = data.activity;
  if (points.length === 0) {
    return <p className="nothing">What it does shows here within a minute of watching.</p>;
  }
  return (
    <>
      <Figures points={points} />
      <Io points={points} />
      <Log log={data.log ?? undefined} points={points} />
    </>
  );
}

function percentText(share: number): string {
  const { value, unit } = percent(share);
  return `${value} ${unit}`;
}

type Pick = (point: ActivityPoint) => number;

function sum(points: ActivityPoint[], pick: Pick): number {
  return points.reduce((all, point) => all + pick(point), 0);
}

/** A rate for each step; steps that stand for no time have none. */
function rates(points: ActivityPoint[], pick: Pick): (number | null)[] {
  return points.map((point) => (point.seconds > 0 ? pick(point) / point.seconds : null));
}

function Figures({ points }: { points: ActivityPoint[] }) {
  const seconds = Math.max(
    1,
    sum(points, (point) => point.seconds),
  );
  const blocks = sum(points, (point) => point.blocks_hit + point.blocks_read);
  const hits = blocks === 0 ? undefined : sum(points, (point) => point.blocks_hit) / blocks;
  const forced = sum(points, (point) => point.checkpoints_requested);
  return (
    <dl className="figures">
      <Item name="transactions" values={rates(points, (point) => point.commits + point.rollbacks)}>
        <Num of={rate(sum(points, (point) => point.commits + point.rollbacks) / seconds)} />
      </Item>
      <Item name="rolled back" values={rates(points, (point) => point.rollbacks)}>
        {grouped(sum(points, (point) => point.rollbacks))}
      </Item>
      <Item
        name="read from disk or the system"
        values={rates(points, (point) => point.blocks_read * 8192)}
        note={hits === undefined ? undefined : `${percentText(hits)} found in buffers`}
      >
        <Num of={bytes(sum(points, (point) => point.blocks_read) * 8192)} />
      </Item>
      <Item name="temporary files" values={points.map((point) => point.temp_bytes)}>
        <Num of={bytes(sum(points, (point) => point.temp_bytes))} />
      </Item>
      <Item
        name="checkpoints"
        values={points.map((point) => point.checkpoints_timed + point.checkpoints_requested)}
        note={forced > 0 ? `${grouped(forced)} before their time` : undefined}
      >
        {grouped(sum(points, (point) => point.checkpoints_timed + point.checkpoints_requested))}
      </Item>
      <Item name="deadlocks" values={points.map((point) => point.deadlocks)}>
        {grouped(sum(points, (point) => point.deadlocks))}
      </Item>
    </dl>
  );
}

function Item({
  name,
  values,
  note,
  children,
}: {
  name: string;
  values: (number | null)[];
  note?: string | undefined;
  children: React.ReactNode;
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <span className="big">{children}</span>
        {note !== undefined && <span className="dim">{note}</span>}
        <Spark values={values} label={`${name} over time`} />
      </dd>
    </div>
  );
}

/** Reads and writes by who did them and why. */
function Io({ points }: { points: ActivityPoint[] }) {
  const kinds = new Map<string, { read: number; written: number; series: (number | null)[] }>();
  points.forEach((point, place) => {
    for (const one of point.io) {
      const name = [one.backend, one.object, one.context].join(' · ');
      const known = kinds.get(name) ?? {
        read: 0,
        written: 0,
        series: points.map((step) => (step.io.length > 0 ? 0 : null)),
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
                <Spark values={one.series} label={`${name}: bytes over time`} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Log({ log, points }: { log: DatabaseLog | undefined; points: ActivityPoint[] }) {
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
  const told = (pick: (point: NonNullable<ActivityPoint['log']>) => number) =>
    points.map((point) => (point.log == null ? null : pick(point.log)));
  const all = (values: (number | null)[]) =>
    values.reduce((total: number, value) => total + (value ?? 0), 0);
  const counts = [
    { name: 'lock waits', values: told((point) => point.lock_waits) },
    { name: 'files written', values: told((point) => point.temp_files) },
    { name: 'deadlocks in the log', values: told((point) => point.deadlocks) },
    { name: 'cancelled statements', values: told((point) => point.cancelled) },
    { name: 'errors', values: told((point) => point.errors) },
    { name: 'autovacuum runs', values: told((point) => point.autovacuums) },
    { name: 'checkpoints too often', values: told((point) => point.checkpoints_too_often) },
    { name: 'plans', values: told((point) => point.plans) },
  ];
  return (
    <>
      <h2 className="apart">What its log tells</h2>
      <dl className="figures">
        {counts.map(({ name, values }) => (
          <Item key={name} name={name} values={values}>
            {grouped(all(values))}
          </Item>
        ))}
      </dl>
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
