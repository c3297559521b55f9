/** Indexes that were chosen together for the whole workload, and those that go with them. */
import type { IndexSet, ProposedIndex, StatementEffect } from '../../api/types';
import { bytes, digits, duration, grouped, percent, plural } from '../../lib/format';
import { to } from '../../lib/route';
import { Link } from '../../ui/Link';
import { Change, Num } from '../../ui/Num';
import { Sql, SqlLine } from '../../ui/Sql';

const BASIS: Record<string, string> = {
  'what-if': 'by the planner’s own costs with hypothetical indexes (HypoPG)',
  rehearsed: 'as measured on a copy',
  model: 'by a model over the statistics, since HypoPG is not there: rehearse it first',
};

export function Proposal({ set, database }: { set: IndexSet | undefined; database: string }) {
  if (set === undefined || (set.create.length === 0 && set.drop.length === 0)) {
    return (
      <>
        <p className="nothing">
          {set === undefined
            ? 'Indexes are chosen once statements were counted for some minutes.'
            : 'No index would help what runs here by enough to pay for its size and its writes.'}
        </p>
        <Notes notes={set?.notes ?? []} />
      </>
    );
  }
  const size = set.create.reduce((sum, one) => sum + one.bytes, 0);
  const freed = set.drop.reduce((sum, one) => sum + one.bytes, 0);
  const left = percent(set.cost_share);
  return (
    <>
      <h2 className="hidden">Proposed indexes</h2>
      <p className="prose">
        Together they bring the cost of all statements to{' '}
        <strong>
          {left.value} {left.unit}
        </strong>{' '}
        of what it is, {BASIS[set.basis] ?? set.basis}, and take <Num of={bytes(size)} />
        {freed > 0 && (
          <>
            {' '}
            while <Num of={bytes(freed)} /> are freed
          </>
        )}
        . <span className="dim">{plural(set.plans_asked, 'plan')} asked for.</span>
      </p>
      {set.create.map((one) => (
        <Create key={one.name} one={one} database={database} />
      ))}
      {set.drop.length > 0 && <h2 className="apart">No longer needed</h2>}
      {set.drop.map((one) => (
        <section key={`${one.table} ${one.name}`}>
          <p>
            <strong>{one.name}</strong> <span className="dim">on {one.table}</span>,{' '}
            <Num of={bytes(one.bytes)} />: {one.why}
          </p>
          <Sql text={one.ddl} />
        </section>
      ))}
      <Notes notes={set.notes} />
    </>
  );
}

function Notes({ notes }: { notes: string[] }) {
  if (notes.length === 0) return null;
  return (
    <ul className="notes" aria-label="What to know about this choice">
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  );
}

/** Without a `database` its statements cannot be linked to. */
export function Create({ one, database }: { one: ProposedIndex; database: string | undefined }) {
  return (
    <section className="proposed">
      <h3>
        {one.table} <span className="dim">{one.name}</span>
      </h3>
      <Sql text={one.ddl} />
      <p className="dim">
        <Num of={bytes(one.bytes)} /> fresh, up to <Num of={bytes(one.bytes_grown)} /> once it has
        grown; {digits(one.write_cpu_micros_per_row, 2)} µs and{' '}
        {digits(one.write_wal_bytes_per_row, 2)} B of WAL for each row written,{' '}
        {digits(one.written_rows_per_day, 2)} of them a day
        {one.hot_updates_lost_per_day > 0 && (
          <>
            ;{' '}
            <span className="over">
              {digits(one.hot_updates_lost_per_day, 2)} HOT updates a day lost
            </span>
          </>
        )}
        ; about <Num of={duration(one.build_seconds * 1e6)} /> to build.
      </p>
      {one.why.length > 0 && (
        <ul className="notes">
          {one.why.map((why) => (
            <li key={why}>{why}</li>
          ))}
        </ul>
      )}
      <Effects effects={one.helped} words="helps" database={database} />
      {one.hurt.length > 0 && <Effects effects={one.hurt} words="hurts" database={database} />}
    </section>
  );
}

function Effects({
  effects,
  words,
  database,
}: {
  effects: StatementEffect[];
  words: string;
  database: string | undefined;
}) {
  if (effects.length === 0) return null;
  return (
    <table className="rows groups">
      <thead>
        <tr>
          <th scope="col">{words}</th>
          <th scope="col" className="n p2">
            calls/day
          </th>
          <th scope="col" className="n">
            a run
          </th>
          <th scope="col" className="n p3">
            cost
          </th>
        </tr>
      </thead>
      <tbody>
        {effects.map((effect) => (
          <tr key={`${effect.query_id} ${effect.statement.fingerprint}`}>
            <td className="what mono" title={effect.statement.text}>
              {effect.query_id === '' || database === undefined ? (
                <SqlLine text={effect.statement.text} />
              ) : (
                <Link to={to(`/database/${database}/statements/${effect.query_id}`)}>
                  <SqlLine text={effect.statement.text} />
                </Link>
              )}
            </td>
            <td className="n p2">{grouped(effect.calls_per_day)}</td>
            <td className="n strong">
              <Change now={duration(effect.micros_now)} after={duration(effect.micros_then)} />
            </td>
            <td className="n p3">
              <Change
                now={{ value: digits(effect.cost_now), unit: '' }}
                after={{ value: digits(effect.cost_then), unit: '' }}
              />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
