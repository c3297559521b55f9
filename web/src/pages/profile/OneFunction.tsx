/** One function: who called it, above; what it called, below. */
import { useMemo } from 'react';

import { amountText, shareText } from '../../lib/amount';
import type { CallTree } from '../../lib/calltree';
import type { Per } from '../../lib/difference';
import { callees, callers } from '../../lib/sandwich';
import { setParams } from '../../lib/route';
import { TreeFlame } from '../../ui/TreeFlame';

interface Props {
  tree: CallTree;
  frame: number;
  by: string;
  search: string;
}

const ONE: Per = [1, 1];

export function OneFunction({ tree, frame, by, search }: Props) {
  const above = useMemo(() => callers(tree, frame), [tree, frame]);
  const below = useMemo(() => callees(tree, frame), [tree, frame]);
  const name = tree.frames[frame]?.name ?? '';
  const total = below.sides[0]?.all ?? 0;
  return (
    <>
      <p>
        <strong>{name}</strong> took {amountText(total, tree.unit)} with all that it called,{' '}
        {shareText(total, tree.sides[0]?.all ?? 0)} of all.{' '}
        <button
          type="button"
          className="link"
          onClick={() => setParams({ function: '', zoom0: '', tab: '' })}
        >
          Back to all functions
        </button>
      </p>
      <h2 className="side-name">Who called it</h2>
      <TreeFlame
        tree={above}
        side={0}
        per={ONE}
        by={by}
        search={search}
        zoomName="zoomCallers"
        label={`callers of ${name}`}
        hint="From the function down to the roots: each box as wide as the function took on its behalf."
      />
      <h2 className="side-name">What it called</h2>
      <TreeFlame
        tree={below}
        side={0}
        per={ONE}
        by={by}
        search={search}
        label={`what ${name} called`}
        hint="From the function down to what it called."
      />
    </>
  );
}
