/** Connections against the limit: over time, and who has them. */
import type { DatabaseDetail } from '../../api/types';
import { onSteps } from '../../lib/axis';
import { ago, asText, bytes, grouped, percent } from '../../lib/format';
import { TIGHT } from '../../lib/resources';
import { Heads } from '../../ui/Heads';
import { useMarks } from '../../ui/Marks';
import { Num } from '../../ui/Num';
import { Spark } from '../../ui/Spark';
import { TimeChart } from '../../ui/TimeChart';

export function Connections({ data }: { data: DatabaseDetail }) {
  const used = data.sessions.reduce((sum, one) => sum + one.count, 0);
  const share = percent(data.sessions_max > 0 ? used / data.sessions_max : 0);
  const most = Math.max(...data.sessions.map((one) => one.count), 1);
  const sorted = data.sessions.toSorted((left, right) => right.count - left.count);
  return (
    <>
      <p>
        <strong className={used > TIGHT * data.sessions_max ? 'over' : ''}>{grouped(used)}</strong>{' '}
        of {grouped(data.sessions_max)} connections are used, {share.value} {share.unit}
        {data.database.polled_unix_ms != null && `, ${ago(data.database.polled_unix_ms)}`}.
      </p>
      <Used data={data} />
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
                      text={(lag) => asText(bytes(lag))}
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

/** Used ones over time, against as many as there may be. */
function Used({ data: { connections, window } }: { data: DatabaseDetail }) {
  const marks = useMarks();
  if (connections.length === 0) return null;
  const points = connections.map((one) => ({ ...one, from_unix_ms: one.at_unix_ms }));
  const values = onSteps(points, window).map((point) => point?.used);
  const label = 'connections';
  return (
    <TimeChart
      label={label}
      from={window.from_unix_ms}
      to={window.to_unix_ms}
      lines={[{ name: label, className: 'p95', values }]}
      text={grouped}
      reach={Math.max(...connections.map((one) => one.max))}
      marks={marks}
      height={130}
    />
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
