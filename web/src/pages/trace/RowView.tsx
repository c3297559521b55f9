/** One row of the waterfall: a span, or similar siblings folded into one. */
import { memo } from 'react';

import type { Trace, TraceNode } from '../../api/types';
import { durationText, grouped } from '../../lib/format';
import { union } from '../../lib/scale';
import { gaps, type FoldRow, type Row } from '../../lib/waterfall';
import { Duration } from '../../ui/Num';
import type { View } from './MiniMap';

/** Deeper rows are not moved further to the right: their names would have no room. */
const INDENT_MAX = 14;

interface Props {
  trace: Trace;
  row: Row;
  place: number;
  top: number;
  view: View;
  active: boolean;
  selected: boolean;
  toggle: () => void;
  choose: () => void;
}

export const RowView = memo(function RowView(props: Props) {
  const { trace, row, place, top, view, active, selected, toggle, choose } = props;
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
      onClick={choose}
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
            toggle();
          }}
        >
          {row.open === undefined ? '' : row.open ? '▾' : '▸'}
        </span>
        {row.type === 'fold' ? (
          <FoldLabel trace={trace} row={row} />
        ) : (
          <SpanLabel trace={trace} node={node} />
        )}
      </div>
      <div role="gridcell" className="bars">
        {row.type === 'fold' ? (
          <FoldBars trace={trace} row={row} view={view} />
        ) : (
          <SpanBar trace={trace} node={node} place={row.node} view={view} />
        )}
      </div>
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

function SpanBar({
  trace,
  node,
  place,
  view,
}: {
  trace: Trace;
  node: TraceNode;
  place: number;
  view: View;
}) {
  const end = node.offset_micros + node.duration_micros;
  const leaf = node.subtree_end === place + 1;
  const critical = node.duration_micros > 0 ? node.critical_micros / node.duration_micros : 0;
  return (
    <>
      <span
        className={`bar kind-${node.kind} ${leaf ? 'leaf' : 'parent'}`}
        style={stretch(node.offset_micros, end, view)}
      />
      {!leaf &&
        visible(gaps(trace, place), view).map(([from, to]) => (
          <span key={from} className={`gap kind-${node.kind}`} style={stretch(from, to, view)} />
        ))}
      {critical > 0 && (
        <span
          className={critical > 0.5 ? 'critical' : 'critical partly'}
          style={stretch(node.offset_micros, end, view)}
        />
      )}
    </>
  );
}

function FoldBars({ trace, row, view }: { trace: Trace; row: FoldRow; view: View }) {
  const fold = trace.folds[row.fold];
  const members = row.members.flatMap((place) => trace.nodes[place] ?? []);
  const stretches = members.map((node): [number, number] => [
    node.offset_micros,
    node.offset_micros + node.duration_micros,
  ]);
  const from = Math.min(...stretches.map((one) => one[0]));
  const to = Math.max(...stretches.map((one) => one[1]));
  if (fold === undefined) return null;
  return (
    <>
      <span className="reach" style={stretch(from, to, view)} />
      {visible(stretches, view).map(([start, end]) => (
        <span
          key={start}
          className={`bar leaf kind-${fold.kind}`}
          style={stretch(start, end, view)}
        />
      ))}
      {fold.critical_micros > 0 && <span className="critical" style={stretch(from, to, view)} />}
    </>
  );
}

function stretch(from: number, to: number, view: View) {
  const length = view.to - view.from;
  const left = Math.max(0, (from - view.from) / length);
  const right = Math.min(1, (to - view.from) / length);
  return {
    left: `${left * 100}%`,
    width: `${Math.max(0, right - left) * 100}%`,
    ...(to < view.from || from > view.to ? { display: 'none' } : {}),
  };
}

/** What lies in view, merged where less than a pixel would be between. */
function visible(stretches: [number, number][], view: View): [number, number][] {
  const inside = stretches.filter(([from, to]) => to >= view.from && from <= view.to);
  return union(inside, (view.to - view.from) / 900);
}
