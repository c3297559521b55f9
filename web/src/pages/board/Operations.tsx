/** What operations did before and after, as a case study prints it: metric, before, after, change. */
import type { BoardRow } from '../../api/types';
import { changeText, figureText, standsOn, sureText } from '../../lib/board';
import { Breaks } from '../../ui/Breaks';
import { Heads } from '../../ui/Heads';

export function Operations({ rows }: { rows: BoardRow[] }) {
  if (rows.length === 0) {
    return (
      <section>
        <h2>By operation</h2>
        <p>No operation was requested in both windows. Choose longer ones, or another before.</p>
      </section>
    );
  }
  return (
    <section>
      <h2>By operation</h2>
      <table className="rows operations">
        <Heads
          columns={[['operation'], ['metric'], ['before', 'n p2'], ['after', 'n'], ['change', 'n']]}
        />
        <tbody>
          {rows.map((row, place) => (
            <Row
              key={`${row.service} ${row.operation} ${row.name}`}
              row={row}
              above={rows[place - 1]}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ row, above }: { row: BoardRow; above: BoardRow | undefined }) {
  const first = above?.operation !== row.operation || above.service !== row.service;
  const worse = row.sure === true && row.after.value > row.before.value;
  return (
    <tr>
      <td className="what">
        {first && (
          <>
            <span className="op">
              <Breaks text={row.operation} />
            </span>{' '}
            <span className="dim">{row.service}</span>
          </>
        )}
      </td>
      <td>{row.name}</td>
      <td className="n p2">
        {figureText(row, row.before.value)}
        <small className="stands-on">{standsOn(row, row.before)}</small>
      </td>
      <td className="n strong">
        {figureText(row, row.after.value)}
        <small className="stands-on">{standsOn(row, row.after)}</small>
      </td>
      <td className={`n ${worse ? 'over' : ''}`}>
        {changeText(row.before.value, row.after.value)}
        <small className="stands-on">{sureText(row)}</small>
      </td>
    </tr>
  );
}
