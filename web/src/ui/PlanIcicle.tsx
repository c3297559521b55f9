/** A plan as an icicle: each node as wide as it and what is below it took. */
import type { Plan, PlanNode } from '../api/types';
import { percent } from '../lib/format';
import { place, type Box } from '../lib/icicle';
import { useWidth } from '../lib/size';
import { Num } from './Num';
import { amount } from './PlanView';

const ROW = 30;
/** Narrower boxes have no room for letters. */
const WORDS_MIN = 40;
const LETTER = 6.6;

interface Props {
  plan: Plan;
  here: number | undefined;
  select: (node: number | undefined) => void;
}

export function Icicle({ plan, here, select }: Props) {
  const [measure, width] = useWidth();
  const boxes = place(plan.nodes);
  const depth = Math.max(...boxes.map((box) => box.depth), 0) + 1;
  const node = here === undefined ? undefined : plan.nodes[here];
  return (
    <figure className="chart icicle">
      <svg
        ref={measure}
        height={depth * ROW}
        role="img"
        aria-label="nodes of the plan, as wide as their share"
      >
        {boxes.map((box) => (
          <Part
            key={box.node}
            box={box}
            node={plan.nodes[box.node]}
            width={width}
            chosen={here === box.node}
            select={() => select(here === box.node ? undefined : box.node)}
          />
        ))}
      </svg>
      <figcaption className="readout">
        {node === undefined ? (
          'Each box is as wide as the node and all below it took; what no box stands under is its own.'
        ) : (
          <>
            {node.name}: own <Num of={amount(plan, node.own)} />, with all below{' '}
            <Num of={amount(plan, node.whole)} />
          </>
        )}
      </figcaption>
    </figure>
  );
}

function Part({
  box,
  node,
  width,
  chosen,
  select,
}: {
  box: Box;
  node: PlanNode | undefined;
  width: number;
  chosen: boolean;
  select: () => void;
}) {
  if (node === undefined) return null;
  const [x, wide] = [box.from * width, Math.max(1, (box.to - box.from) * width - 1)];
  const letters = Math.floor((wide - 10) / LETTER);
  const share = percent(node.own_share);
  return (
    <g onClick={select} className="part">
      <title>{`${node.name}: own ${share.value} ${share.unit}`}</title>
      <rect
        className={chosen ? 'here' : ''}
        x={x}
        width={wide}
        y={box.depth * ROW}
        height={ROW - 2}
        style={{ fillOpacity: 0.15 + 0.85 * node.own_share }}
      />
      {wide > WORDS_MIN && (
        <text x={x + 6} y={box.depth * ROW + 18}>
          {node.name.length > letters
            ? `${node.name.slice(0, Math.max(1, letters - 1))}…`
            : node.name}
        </text>
      )}
    </g>
  );
}
