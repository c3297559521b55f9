/** One row of the waterfall: a span, or similar siblings folded into one. Its bars are on the canvas beside it. */
import { memo } from 'react';

import type { Trace, TraceNode } from '../../api/types';
import { durationText, grouped } from '../../lib/format';
import type { FoldRow, Row } from '../../lib/waterfall';
import { Duration } from '../../ui/Num';

/** Deeper rows are not moved further to the right: their names would have no room. */
const INDENT_MAX = 14;

interface Props {
  trace: Trace;
  row: Row;
  place: number;
  top: number;
  active: boolean;
  selected: boolean;
  /** Whether it is what somebody looks for, or hides it. */
  found: 'is' | 'within' | undefined;
  /** Whoever handles them gets the place, so that they never change and rows are not made anew. */
  toggle: (place: number) => void;
  choose: (place: number) => void;
}

export const RowView = memo(function RowView(props: Props) {
  const { trace, row, place, top, active, selected, found, toggle, choose } = props;
  const node = trace.nodes[row.type === 'span' ? row.node : (row.members[0] ?? -1)];
  if (node === undefined) return null;
  const took =
    row.type === 'span' ? node.duration_micros : (trace.folds[row.fold]?.total_micros ?? 0);
  const classes = [
    'row',
    row.type,
    active && 'active',
    selected && 'selected',
    node.double && 'double',
    found === 'is' && 'found',
  ];
  return (
    <div
      id={`row-${place}`}
      role="row"
      aria-rowindex={place + 1}
      aria-level={row.depth + 1}
      aria-expanded={row.open}
      aria-selected={selected}
      className={classes.filter(Boolean).join(' ')}
      style={{ top }}
      onClick={() => choose(place)}
    >
      <div
        role="gridcell"
        className="label"
        style={{ paddingLeft: `${Math.min(row.depth, INDENT_MAX) * 12}px` }}
      >
        <span
          className={row.open === undefined ? 'twist none' : 'twist'}
          aria-hidden="true"
          onClick={(event) => {
            event.stopPropagation();
            toggle(place);
          }}
        >
          {row.open === undefined ? '' : row.open ? '▾' : '▸'}
        </span>
        {row.type === 'fold' ? (
          <FoldLabel trace={trace} row={row} />
        ) : (
          <SpanLabel trace={trace} node={node} />
        )}
        {found === 'within' && <small className="within">found within</small>}
      </div>
      <div role="gridcell" className="bars" />
      <div role="gridcell" className="took">
        <Duration micros={took} />
      </div>
    </div>
  );
});

function SpanLabel({ trace, node }: { trace: Trace; node: TraceNode }) {
  const parent = node.parent == null ? undefined : trace.nodes[node.parent];
  const other = parent?.service !== node.service;
  return (
    <>
      <span className={node.failed ? 'text broken' : 'text'} title={node.label}>
        {node.label}
      </span>
      {node.count > 1 && <span className="times">×{`\u2009${grouped(node.count)}`}</span>}
      {other && <span className="dim service">{trace.services[node.service]}</span>}
      {node.failed && <span className="broken">failed</span>}
    </>
  );
}

function FoldLabel({ trace, row }: { trace: Trace; row: FoldRow }) {
  const fold = trace.folds[row.fold];
  if (fold === undefined) return null;
  return (
    <>
      <span className="text" title={fold.label}>
        {fold.label}
      </span>
      <span className="times">
        ×{`\u2009${grouped(fold.count)}`} similar
        <span className="p2">, {durationText(fold.total_micros)} in all</span>
      </span>
    </>
  );
}
