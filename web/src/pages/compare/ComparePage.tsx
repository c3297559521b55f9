/** Before and after: two traces, or the requests for an endpoint in two windows. */
import { useMemo, useState } from 'react';

import { path, useApi } from '../../api/use';
import type { FlameAnswer } from '../../api/types';
import { amountText } from '../../lib/amount';
import { fromFlame } from '../../lib/calltree';
import { relativeText, type Per } from '../../lib/difference';
import { clock } from '../../lib/format';
import { setParams, to, useQuery } from '../../lib/route';
import { sampled } from '../../lib/sampled';
import { comparedWith, useRange } from '../../lib/time';
import { Comparison } from '../../ui/Comparison';
import { Empty, Fresh, Problem, Waiting } from '../../ui/Empty';
import { Link } from '../../ui/Link';
import { CompareSelect } from '../../ui/CompareSelect';

export function ComparePage() {
  const query = useQuery();
  const range = useRange();
  const traces = [query.get('before_trace') ?? '', query.get('after_trace') ?? ''] as const;
  const service = query.get('service') ?? '';
  const operation = query.get('operation') ?? '';
  const compare = query.get('compare') ?? '';
  const url = useMemo(() => {
    if (traces[0] !== '' && traces[1] !== '')
      return path('flame', { trace: traces[1], before_trace: traces[0] });
    const other = comparedWith(range, compare);
    if (operation === '' || other === undefined) return undefined;
    return path('flame', {
      ...range,
      service,
      operation,
      before_from: other.from,
      before_to: other.to,
    });
    // Windows that end now stay where they were until something is chosen.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [traces[0], traces[1], service, operation, compare, range]);
  const { data, problem, stale } = useApi<FlameAnswer>(url, false);
  if (operation === '' && (traces[0] === '' || traces[1] === '')) return <Choose traces={traces} />;
  return (
    <Fresh stale={stale && url !== undefined && data !== undefined}>
      {operation !== '' && (
        <div className="claim">
          <p className="over">
            <Link to={to('/endpoint', { service, operation })}>{service}</Link>
          </p>
          <h1 className="op">{operation}</h1>
        </div>
      )}
      {operation !== '' && (
        <div className="filters">
          <CompareSelect range={range} problem={undefined} />
        </div>
      )}
      {problem !== undefined && <Problem part={operation !== ''} problem={problem} />}
      {url === undefined && (
        <p className="nothing">Choose above what this window is to be compared with.</p>
      )}
      {url !== undefined && problem === undefined && data === undefined && <Waiting />}
      {url !== undefined && problem === undefined && data !== undefined && (
        <Compared answer={data} />
      )}
    </Fresh>
  );
}

function Compared({ answer }: { answer: FlameAnswer }) {
  const tree = useMemo(() => fromFlame(answer.tree), [answer]);
  const [before, after] = answer.sides;
  const requests = [before?.requests ?? 0, after?.requests ?? 0] as const;
  const per = useMemo<Per>(
    () => [Math.max(1, requests[0]), Math.max(1, requests[1])],
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [requests[0], requests[1]],
  );
  if (before === undefined || after === undefined) return null;
  if (requests[0] === 0 || requests[1] === 0) {
    return (
      <Empty
        part
        title={`No request came in the ${requests[1] === 0 ? 'window' : 'window before'}`}
      >
        <p>Compare with another window, or look at a longer one.</p>
      </Empty>
    );
  }
  const all = {
    before: (tree.sides[0]?.all ?? 0) / per[0],
    after: (tree.sides[1]?.all ?? 0) / per[1],
  };
  const traces = before.trace_id != null && after.trace_id != null;
  return (
    <>
      <div className="claim">
        {traces && (
          <>
            <p className="over">
              <Link to={to('/traces')}>Traces</Link>
            </p>
            <h1 className="op">{after.operation}</h1>
          </>
        )}
        <p>
          <strong>
            {amountText(all.before, 'nanos')} → {amountText(all.after, 'nanos')}
          </strong>{' '}
          a request, {relativeText(all)}{' '}
          <span className="dim">
            {traces ? (
              <>
                <Link to={to(`/traces/${before.trace_id ?? ''}`)}>before</Link> and{' '}
                <Link to={to(`/traces/${after.trace_id ?? ''}`)}>after</Link>
              </>
            ) : (
              <>
                mean of {sampled(before)} and {sampled(after)}
              </>
            )}
          </span>
        </p>
      </div>
      <Comparison
        tree={tree}
        per={per}
        names={[sideName('before', before), sideName('after', after)]}
      />
    </>
  );
}

type Side = FlameAnswer['sides'][number];

function sideName(word: string, side: Side): string {
  if (side.trace_id != null) return `${word}, trace ${side.trace_id.slice(0, 8)}`;
  if (side.window == null) return word;
  return `${word}, ${clock(side.window.from_unix_ms)} to ${clock(side.window.to_unix_ms)}`;
}

/** Two ids are asked for. */
function Choose({ traces }: { traces: readonly [string, string] }) {
  const [before, setBefore] = useState(traces[0]);
  const [after, setAfter] = useState(traces[1]);
  return (
    <section className="empty">
      <h1>Compare two traces</h1>
      <p>
        Paste their ids; each trace shows its own beside its name. Windows of an endpoint are
        compared from the <Link to={to('/endpoints')}>endpoint’s page</Link>.
      </p>
      <form
        className="choose"
        onSubmit={(event) => {
          event.preventDefault();
          setParams({ before_trace: before.trim(), after_trace: after.trim() }, 'push');
        }}
      >
        <label>
          before
          <input
            value={before}
            maxLength={32}
            onChange={(event) => setBefore(event.target.value)}
          />
        </label>
        <label>
          after
          <input value={after} maxLength={32} onChange={(event) => setAfter(event.target.value)} />
        </label>
        <button
          type="submit"
          className="copy"
          disabled={before.trim() === '' || after.trim() === ''}
        >
          Compare
        </button>
      </form>
    </section>
  );
}
