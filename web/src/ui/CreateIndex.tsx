/** An index that is proposed: how to create it, what it takes, and which statements it helps and hurts. */
import type { ProposedIndex, StatementEffect } from '../api/types';
import { bytes, digits, duration, grouped } from '../lib/format';
import { to } from '../lib/route';
import { Told } from './Empty';
import { Heads } from './Heads';
import { Link } from './Link';
import { Change, Num } from './Num';
import { Sql, SqlLine } from './Sql';

interface Props {
  one: ProposedIndex;
  /** Without it its statements cannot be linked to. */
  database: string | undefined;
}

export function CreateIndex({ one, database }: Props) {
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
            <li key={why}>
              <Told text={why} />
            </li>
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
      <Heads columns={[[words], ['calls/day', 'n p2'], ['a run', 'n'], ['cost', 'n p3']]} />
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
