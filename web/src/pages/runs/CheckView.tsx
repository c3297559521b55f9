/** A test run that was held against budgets and a baseline: what broke, where, and what to do about it. */
import type { Checked, CheckedOne } from '../../lib/checked';
import { plural } from '../../lib/format';
import { Breaks } from '../../ui/Breaks';
import { Heads } from '../../ui/Heads';

export function CheckView({ checked }: { checked: Checked }) {
  const broken = checked.checks.filter((one) => one.broke);
  const held = checked.checks.filter((one) => !one.broke);
  return (
    <>
      <div className="claim">
        <h1>{checked.claim}</h1>
        <p className="dim">
          {plural(checked.requests, 'request')} of {plural(checked.endpoints, 'endpoint')}
          {checked.baseline !== undefined && <>, against {checked.baseline}</>}
        </p>
      </div>
      {checked.notes.length > 0 && (
        <ul className="notes" aria-label="What to know about this check">
          {checked.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {broken.length > 0 && <Checks checks={broken} />}
      {held.length > 0 && (
        <details>
          <summary>{plural(held.length, 'check')} held</summary>
          <Checks checks={held} />
        </details>
      )}
    </>
  );
}

function Checks({ checks }: { checks: CheckedOne[] }) {
  return (
    <table className="rows">
      <Heads columns={[['endpoint'], ['what', 'p2'], ['measured']]} />
      <tbody>
        {checks.map((one, place) => (
          <tr key={place}>
            <td className="what">
              <span className="op">
                <Breaks text={one.endpoint} />
              </span>{' '}
              <span className="dim service">{one.service}</span>
            </td>
            <td className="p2">{one.what}</td>
            <td className="told">
              {one.sentence}
              {one.code !== undefined && (
                <div>
                  <code>
                    <Breaks text={one.code} />
                  </code>
                </div>
              )}
              {one.remedy !== undefined && <div className="dim">{one.remedy}</div>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
