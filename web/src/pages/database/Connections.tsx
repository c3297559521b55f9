/** Connections against the limit: over time, and who has them. */
import type { DatabaseDetail } from '../../api/types';
import { bytes, grouped, percent } from '../../lib/format';
import { Heads } from '../../ui/Heads';
import { Num } from '../../ui/Num';
import { Spark } from '../../ui/Spark';

export function Connections({ data }: { data: DatabaseDetail }) {
  const used = data.sessions.reduce((sum, one) => sum + one.count, 0);
  const share = percent(data.sessions_max > 0 ? used / data.sessions_max : 0);
  const most = Math.max(...data.sessions.map((one) => one.count), 1);
  const sorted = data.sessions.toSorted((left, right) => right.count - left.count);
  return (
    <>
      <dl className="figures">
        <div>
          <dt>connections</dt>
          <dd>
            <span className={used > 0.8 * data.sessions_max ? 'over big' : 'big'}>
              {grouped(used)}
            </span>
            <span className="dim">
              of {grouped(data.sessions_max)}, {share.value} {share.unit}
            </span>
            <Spark
              values={data.connections.map((point) => point.used)}
              label="connections over time"
              width={220}
              height={36}
            />
          </dd>
        </div>
      </dl>
      {sorted.length === 0 ? (
        <p className="nothing">No session is to be seen.</p>
      ) : (
        <table className="rows">
          <Heads
            columns={[
              ['application'],
              ['user'],
              ['database', 'p2'],
              ['state'],
              ['sessions', 'n'],
              [<span className="hidden">share of the largest</span>, 'p3 impact'],
            ]}
          />
          <tbody>
            {sorted.map((one) => (
              <tr key={`${one.database} ${one.user} ${one.application} ${one.state}`}>
                <td>
                  {one.application === '' ? <span className="dim">unnamed</span> : one.application}
                </td>
                <td>{one.user}</td>
                <td className="p2">{one.database}</td>
                <td className={one.state.startsWith('idle in') ? 'over' : 'dim'}>{one.state}</td>
                <td className="n strong">{grouped(one.count)}</td>
                <td className="p3 impact" aria-hidden="true">
                  <span className="meter">
                    <span style={{ width: `${(one.count / most) * 100}%` }} />
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {data.standbys.length > 0 && (
        <>
          <h2 className="apart">Standbys</h2>
          <table className="rows">
            <tbody>
              {data.standbys.map((one) => (
                <tr key={`${one.application} ${one.client}`}>
                  <td>
                    <strong>{one.application}</strong> <span className="dim">{one.client}</span>
                  </td>
                  <td>{one.state}</td>
                  <td className="n">
                    {one.replay_lag_ms == null ? 'no lag' : `${grouped(one.replay_lag_ms)} ms`}
                  </td>
                  <td className="n p2">
                    <Num of={bytes(one.replay_lag_bytes)} /> <span className="dim">behind</span>
                  </td>
                  <td className="p2">
                    <Spark
                      values={lagOf(data, one)}
                      label={`lag of ${one.application} over time`}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </>
  );
}

type Standby = DatabaseDetail['standbys'][number];

/** Bytes that a standby was behind, over time; series know one by its name, or by name and address. */
function lagOf(data: DatabaseDetail, one: Standby): (number | null)[] {
  const names = [one.application, `${one.application} ${one.client}`];
  return data.activity.map(
    (point) => point.standbys.find((known) => names.includes(known.name))?.lag_bytes ?? null,
  );
}
