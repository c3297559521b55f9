/** What requests do: statements and remote calls by their total time. */
import type { Group } from '../../api/types';
import { digits, grouped, percent } from '../../lib/format';
import { Heads } from '../../ui/Heads';
import { Duration, Percent } from '../../ui/Num';
import { SqlLine } from '../../ui/Sql';

export function Groups({ groups }: { groups: Group[] }) {
  if (groups.length === 0)
    return <p className="nothing">No statement and no remote call was seen.</p>;
  const most = Math.max(...groups.map((group) => group.share), 1e-9);
  return (
    <table className="rows groups">
      <Heads
        columns={[
          ['what'],
          ['a request', 'n'],
          ['each', 'n p2'],
          ['share', 'n'],
          ['in all', 'n p3'],
          [<span className="hidden">share of the largest</span>, 'p3 impact'],
        ]}
      />
      <tbody>
        {groups.map((group) => (
          <tr key={`${group.kind} ${group.name}`}>
            <td className="what mono" title={group.name}>
              <i className={`swatch kind-${group.kind}`} title={group.kind} />
              {group.kind === 'database' ? <SqlLine text={group.name} /> : group.name}
              {group.failed > 0 && <span className="broken"> {grouped(group.failed)} failed</span>}
            </td>
            <td className="n strong">
              {digits(group.count_per_request)}
              <small>{'\u2009×'}</small>
            </td>
            <td className="n p2">
              <Duration micros={group.mean_micros} />
            </td>
            <td className="n" title={`${percent(group.share).value} % of the time of its requests`}>
              <Percent share={group.share} />
            </td>
            <td className="n p3 dim">
              <Duration micros={group.total_micros} />
            </td>
            <td className="p3 impact" aria-hidden="true">
              <span className="meter">
                <span
                  className={`kind-${group.kind}`}
                  style={{ width: `${Math.max(1, (group.share / most) * 100)}%` }}
                />
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
