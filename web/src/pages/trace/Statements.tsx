/** The statements of a trace by shape, with what is similar and what is duplicated. */
import type { Trace, TraceStatement } from '../../api/types';
import { grouped, percent, plural } from '../../lib/format';
import { setParams, useParam } from '../../lib/route';
import { Heads } from '../../ui/Heads';
import { useMore } from '../../ui/More';
import { Duration, Num } from '../../ui/Num';
import { Sql, SqlLine } from '../../ui/Sql';

export function Statements({ trace }: { trace: Trace }) {
  const [open, setOpen] = useParam('statement');
  const { shown, more } = useMore(trace.statements.length);
  if (trace.statements.length === 0) {
    return <p className="nothing">This trace ran no database statement.</p>;
  }
  const most = Math.max(...trace.statements.map((one) => one.total_micros), 1e-9);
  const total = trace.statements.reduce((sum, one) => sum + one.total_micros, 0);
  const toggle = (one: TraceStatement) => setOpen(open === one.fingerprint ? '' : one.fingerprint);
  return (
    <>
      <p className="prose">
        {plural(trace.statements_count, 'query', 'queries')} of{' '}
        {plural(trace.statements.length, 'shape')}.
      </p>
      <table className="rows statements">
        <Heads
          columns={[
            ['statement'],
            ['runs', 'n'],
            ['in all', 'n'],
            ['each', 'n p2'],
            ['longest', 'n p3'],
            ['share', 'n p3'],
            [<span className="hidden">share of the largest</span>, 'p3 impact'],
          ]}
        />
        {trace.statements.slice(0, shown).map((one) => (
          <tbody key={one.fingerprint}>
            <tr>
              <td className="what mono">
                <button
                  type="button"
                  className="unfold"
                  data-row
                  aria-expanded={open === one.fingerprint}
                  onClick={() => toggle(one)}
                >
                  <SqlLine text={one.text} />
                </button>
                <Badges one={one} />
              </td>
              <td className="n strong">{grouped(one.count)}</td>
              <td className="n strong">
                <Duration micros={one.total_micros} />
              </td>
              <td className="n p2">
                <Duration micros={one.total_micros / Math.max(1, one.count)} />
              </td>
              <td className="n p3">
                <Duration micros={one.max_micros} />
              </td>
              <td className="n p3">
                <Num of={percent(one.total_micros / Math.max(total, 1e-9))} />
              </td>
              <td className="p3 impact" aria-hidden="true">
                <span className="meter">
                  <span
                    className="kind-database"
                    style={{ width: `${Math.max(1, (one.total_micros / most) * 100)}%` }}
                  />
                </span>
              </td>
            </tr>
            {open === one.fingerprint && (
              <tr className="opened">
                <td colSpan={7}>
                  <Sql text={one.text} />
                  <button
                    type="button"
                    className="copy"
                    onClick={() =>
                      setParams({ tab: '', span: trace.nodes[one.first]?.span_id ?? '' }, 'push')
                    }
                  >
                    Show the first in the waterfall
                  </button>
                </td>
              </tr>
            )}
          </tbody>
        ))}
      </table>
      {more}
    </>
  );
}

function Badges({ one }: { one: TraceStatement }) {
  return (
    <>
      {one.count > 1 && <span className="badge">{grouped(one.count)} similar</span>}
      {one.duplicated > 0 && (
        <span className="badge strong" title="with parameters that another run had too">
          {grouped(one.duplicated)} duplicated
        </span>
      )}
      {one.failed > 0 && <span className="badge broken">{grouped(one.failed)} failed</span>}
      {one.returned_rows != null && (
        <span className="dim"> {plural(one.returned_rows, 'row')}</span>
      )}
    </>
  );
}
