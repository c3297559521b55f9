/** The bars of all rows in view, on one canvas: what is off the screen, or within the same pixel, costs nothing. */
import { useLayoutEffect, useRef } from 'react';

import type { Kind, Trace } from '../../api/types';
import { kindColours } from '../../lib/colours';
import type { View } from '../../lib/held';
import { drawn, type Mark, type Marks } from '../../lib/marks';
import { useWidth } from '../../lib/size';
import { pathOf } from '../../lib/criticalpath';
import { gapsOf, inView, membersOf, waitedOf } from '../../lib/stretches';
import { useTheme } from '../../lib/theme';
import type { Row } from '../../lib/waterfall';

interface Props {
  trace: Trace;
  marks: Marks;
  rows: Row[];
  from: number;
  until: number;
  top: number;
  height: number;
  rowHeight: number;
  /** Bars stand below the names, from the left edge on. */
  narrow: boolean;
  view: View;
}

/** As in the style sheet: share of the width for names, and pixels for durations. */
const NAME_SHARE = 0.38;
const TOOK = 84;

export function Bars(props: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [measure, width] = useWidth();
  const theme = useTheme();
  useLayoutEffect(() => {
    if (canvas.current !== null) draw(canvas.current, props, width);
    // The theme changes the colours that are read from the style sheet.
  }, [props, width, theme]);
  return (
    <div ref={measure} className="bars-layer" role="presentation">
      <canvas ref={canvas} style={{ height: props.height }} aria-hidden="true" />
    </div>
  );
}

interface Pen {
  context: CanvasRenderingContext2D;
  colours: Record<Kind, string>;
  ink: string;
  broken: string;
  line: string;
  x: (micros: number) => number;
  left: number;
  right: number;
  view: View;
  /** Microseconds of a pixel. */
  unit: number;
}

function draw(canvas: HTMLCanvasElement, props: Props, width: number) {
  const ratio = devicePixelRatio || 1;
  const [wide, tall] = [Math.round(width * ratio), Math.round(props.height * ratio)];
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== tall) canvas.height = tall;
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, props.height);
  const style = getComputedStyle(canvas);
  const left = props.narrow ? 0 : width * NAME_SHARE;
  const right = props.narrow ? width : width - TOOK;
  const scale = (right - left) / (props.view.to - props.view.from || 1);
  const pen: Pen = {
    context,
    colours: kindColours(canvas),
    ink: style.getPropertyValue('--ink').trim(),
    broken: style.getPropertyValue('--broken').trim(),
    line: style.getPropertyValue('--line-strong').trim(),
    x: (micros) => Math.min(right, Math.max(left, left + (micros - props.view.from) * scale)),
    left,
    right,
    view: props.view,
    unit: 1 / scale,
  };
  for (let place = props.from; place < props.until; place += 1) {
    const row = props.rows[place];
    if (row === undefined) continue;
    const y = place * props.rowHeight - props.top + (props.narrow ? 24 : 4);
    if (row.type === 'fold') fold(pen, props.trace, row, y);
    else span(pen, props.trace, row.node, y);
    const { folds, spans } = props.marks;
    const marks =
      row.type === 'span' ? spans.get(row.node) : row.open ? undefined : folds.get(row.fold);
    if (marks !== undefined) tips(pen, marks, y);
  }
  context.globalAlpha = 1;
}

function span(pen: Pen, trace: Trace, place: number, y: number) {
  const node = trace.nodes[place];
  if (node === undefined) return;
  const end = node.offset_micros + node.duration_micros;
  if (end < pen.view.from || node.offset_micros > pen.view.to) return;
  const leaf = node.subtree_end === place + 1;
  const colour = pen.colours[node.kind];
  bar(pen, node.offset_micros, end, y, { colour, alpha: leaf ? 1 : 0.3 });
  if (!leaf) {
    pen.context.globalAlpha = 1;
    pen.context.fillStyle = hatched(pen.context, colour);
    inView(gapsOf(trace, place), [pen.view.from, pen.view.to], pen.unit, (from, to) => {
      pen.context.fillRect(pen.x(from), y, Math.max(1, pen.x(to) - pen.x(from)), HEIGHT);
    });
  }
  const path = pathOf(trace);
  edge(pen, path.from[place] ?? 0, path.to[place] ?? 0, y);
}

const HEIGHT = 12;
/** How wide a tip is, so that two never cover each other. */
const TIP = 7;

function fold(pen: Pen, trace: Trace, row: Row & { type: 'fold' }, y: number) {
  const fold = trace.folds[row.fold];
  if (fold === undefined) return;
  const stretches = membersOf(trace, row.fold, row.members);
  const from = stretches[0] ?? 0;
  const to = stretches.at(-1) ?? from;
  if (to < pen.view.from || from > pen.view.to) return;
  pen.context.globalAlpha = 1;
  pen.context.fillStyle = pen.line;
  pen.context.fillRect(pen.x(from), y + 5, Math.max(2, pen.x(to) - pen.x(from)), 2);
  pen.context.fillStyle = pen.colours[fold.kind];
  inView(stretches, [pen.view.from, pen.view.to], pen.unit, (begin, end) => {
    pen.context.fillRect(pen.x(begin), y, Math.max(1, pen.x(end) - pen.x(begin)), HEIGHT);
  });
  const waited = waitedOf(trace, row.fold, row.members);
  inView(waited, [pen.view.from, pen.view.to], pen.unit, (begin, end) => edge(pen, begin, end, y));
}

function bar(
  pen: Pen,
  from: number,
  to: number,
  y: number,
  { colour, alpha }: { colour: string; alpha: number },
) {
  pen.context.globalAlpha = alpha;
  pen.context.fillStyle = colour;
  pen.context.fillRect(pen.x(from), y, Math.max(2, pen.x(to) - pen.x(from)), HEIGHT);
}

/** Tips that point down on a bar: what happened there; what is bad is longer, and red. */
function tips(pen: Pen, marks: Mark[], y: number) {
  pen.context.globalAlpha = 1;
  const inView = marks.filter(({ micros }) => micros >= pen.view.from && micros <= pen.view.to);
  for (const { micros, bad } of drawn(inView, TIP * pen.unit)) {
    const x = pen.x(micros);
    pen.context.fillStyle = bad ? pen.broken : pen.ink;
    pen.context.beginPath();
    pen.context.moveTo(x - TIP / 2, y - 3);
    pen.context.lineTo(x + TIP / 2, y - 3);
    pen.context.lineTo(x, y + (bad ? HEIGHT - 2 : 4));
    pen.context.fill();
  }
}

/** The thick edge below a bar: there the answer waited for it. */
function edge(pen: Pen, from: number, to: number, y: number) {
  if (to <= from || to < pen.view.from || from > pen.view.to) return;
  pen.context.globalAlpha = 1;
  pen.context.fillStyle = pen.ink;
  pen.context.fillRect(pen.x(from), y + HEIGHT + 1, Math.max(2, pen.x(to) - pen.x(from)), 3);
}

const patterns = new Map<string, CanvasPattern>();

/** Slanting lines: a span's own time, told apart from what ran within it without colour. */
function hatched(context: CanvasRenderingContext2D, colour: string): CanvasPattern | string {
  const known = patterns.get(colour);
  if (known !== undefined) return known;
  const tile = document.createElement('canvas');
  tile.width = tile.height = 8;
  const pen = tile.getContext('2d');
  if (pen === null) return colour;
  pen.globalAlpha = 0.4;
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 8, 8);
  pen.globalAlpha = 1;
  pen.strokeStyle = colour;
  pen.lineWidth = 2.6;
  for (const shift of [-8, 0, 8]) {
    pen.beginPath();
    pen.moveTo(shift, 8);
    pen.lineTo(shift + 8, 0);
    pen.stroke();
  }
  const pattern = context.createPattern(tile, 'repeat');
  if (pattern === null) return colour;
  patterns.set(colour, pattern);
  return pattern;
}
