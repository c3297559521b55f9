/** Many requests for one endpoint as one flame graph: where the time of an average request goes. */
import { useMemo } from 'react';

import { path, useApi } from '../../api/use';
import type { FlameAnswer } from '../../api/types';
import { amountText, shareText } from '../../lib/amount';
import { fromFlame, type CallTree } from '../../lib/calltree';
import { type Per } from '../../lib/difference';
import { clock, digits, plural } from '../../lib/format';
import { to, useParam, useQuery } from '../../lib/route';
import { sampled } from '../../lib/sampled';
import { useRange } from '../../lib/time';
import { Empty, Fresh, Problem, Waiting } from '../../ui/Empty';
import { FlameBar } from '../../ui/FlameBar';
import { Link } from '../../ui/Link';
import { matches, TreeFlame } from '../../ui/TreeFlame';
import { TreeLegend } from '../../ui/TreeLegend';

export function FlamePage() {
  const query = useQuery();
  const range = useRange();
  const service = query.get('service') ?? '';
  const operation = query.get('operation') ?? '';
  const { data, problem, stale } = useApi<FlameAnswer>(
    operation === '' ? undefined : path('flame', { ...range, service, operation }),
    false,
  );
  if (operation === '') {
    return (
      <Empty title="Which endpoint?">
        <p>
          Choose one of the <Link to={to('/endpoints')}>endpoints</Link>; its page leads here.
        </p>
      </Empty>
    );
  }
  return (
    <Fresh stale={stale && data !== undefined}>
      <div className="claim">
        <p className="over">
          <Link to={to('/endpoint', { service, operation })}>{service}</Link>
        </p>
        <h1 className="op">{operation}</h1>
      </div>
      {problem !== undefined && <Problem part problem={problem} />}
      {problem === undefined && data === undefined && <Waiting />}
      {problem === undefined && data !== undefined && <Merged answer={data} />}
    </Fresh>
  );
}

function Merged({ answer }: { answer: FlameAnswer }) {
  const tree = useMemo(() => fromFlame(answer.tree), [answer]);
  const [colour] = useParam('colour');
  const [text] = useParam('find');
  const [side] = answer.sides;
  const requests = Math.max(1, side?.requests ?? 0);
  const per = useMemo<Per>(() => [requests, requests], [requests]);
  const all = tree.sides[0]?.all ?? 0;
  if (side === undefined || side.requests === 0) {
    return (
      <Empty part title="No request came in this window">
        <p>
          Look <Link to={to('/flame', { ...endpoint(), last: '7d' })}>at the last 7 days</Link>.
        </p>
      </Empty>
    );
  }
  return (
    <>
      <p className="claim-line">
        <strong>{amountText(all / requests, 'nanos')}</strong> a request on average{' '}
        <span className="dim">
          over {sampled(side)}
          {side.window != null &&
            `; ${clock(side.window.from_unix_ms)} to ${clock(side.window.to_unix_ms)}`}
        </span>{' '}
        <Link to={to('/compare', { ...endpoint(), compare: 'previous' })}>
          Compare with the time before
        </Link>
      </p>
      <FlameBar
        colours={[
          { name: 'kind', words: 'kind' },
          { name: 'group', words: 'service' },
        ]}
        search="name"
        found={found(tree, text.toLowerCase())}
      />
      <TreeLegend tree={tree} side={0} by={colour || 'kind'} />
      <TreeFlame
        tree={tree}
        side={0}
        per={per}
        by={colour || 'kind'}
        search={text}
        label={`flame graph of ${plural(side.requests, 'request')}`}
        hint="Each box is as wide as somebody waited for it and all below it, on average. Double-click one to look closer."
      />
      {tree.left_out > 0 && (
        <p className="dim">
          {digits(tree.left_out)} more places found no room; their time counts where they were
          called from.
        </p>
      )}
    </>
  );
}

function endpoint(): Record<string, string> {
  const query = new URLSearchParams(location.search);
  return { service: query.get('service') ?? '', operation: query.get('operation') ?? '' };
}

function found(tree: CallTree, wanted: string): { count: number; share: string } | undefined {
  if (wanted === '') return undefined;
  let [count, own] = [0, 0];
  tree.frame.forEach((frame, place) => {
    if (!matches(tree, frame, wanted)) return;
    count += 1;
    own += tree.sides[0]?.own[place] ?? 0;
  });
  return { count, share: `${shareText(own, tree.sides[0]?.all ?? 0)} of the time in themselves` };
}
