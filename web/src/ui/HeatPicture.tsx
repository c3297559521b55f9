/** The picture of a heatmap: cells on a canvas; over them axes, marks, and a box that is drawn by mouse and keys. */
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';

import type { Heatmap, Mark } from '../api/types';
import { timeAt, timeX, type TimeAxis } from '../lib/axis';
import { boxText, cellAt, firstBox, movedBox, wholeCells, type Box } from '../lib/box';
import { clock, durationText, grouped, plural, tickText } from '../lib/format';
import { logScale, logTicks } from '../lib/scale';
import { useWidth } from '../lib/size';
import { useTheme } from '../lib/theme';
import { MarkLines } from './Marks';
import { TimeTicks } from './TimeChart';

/** Higher beside what is told of a box, which needs the room anyway. */
const HEIGHTS = { alone: 250, boxed: 400 };
const TOP = 12;
const BOTTOM = 22;
const LEFT = 58;

/** Pixels that a pointer moves before it draws a box. */
const DRAG_MIN = 5;

interface Props {
  map: Heatmap;
  what: string;
  marks: Mark[];
  target: number | undefined;
  box: Box | undefined;
  /** A box as the address has it; nothing where it is taken away. */
  change: (box: string) => void;
}

export function HeatPicture({ map, what, marks, target, box, change }: Props) {
  const [measure, width] = useWidth();
  const [drag, setDrag] = useState<{ from: [number, number]; to: [number, number] }>();
  const [here, setHere] = useState<[number, number]>();
  const height = HEIGHTS[box === undefined ? 'alone' : 'boxed'];
  const low = map.edges[0] ?? 1;
  const high = map.edges.at(-1) ?? 10;
  const { from_unix_ms: from, to_unix_ms: to } = map.window;
  const axis: TimeAxis = { from, to, left: LEFT, right: width };
  const x = timeX(axis);
  const y = logScale(low, high, height - BOTTOM, TOP);
  const microsAt = (place: number) => {
    const part = (height - BOTTOM - place) / (height - BOTTOM - TOP);
    return low * (high / low) ** Math.min(1, Math.max(0, part));
  };
  const place = (event: PointerEvent<SVGSVGElement>): [number, number] => {
    const bounds = event.currentTarget.getBoundingClientRect();
    return [event.clientX - bounds.left, event.clientY - bounds.top];
  };
  const boxed = (one: [number, number], other: [number, number]): Box => ({
    from: Math.floor(timeAt(axis, Math.min(one[0], other[0]))),
    to: Math.ceil(timeAt(axis, Math.max(one[0], other[0]))),
    low: microsAt(Math.max(one[1], other[1])),
    high: microsAt(Math.min(one[1], other[1])),
  });
  const up = (event: PointerEvent<SVGSVGElement>) => {
    if (drag === undefined) return;
    const end = place(event);
    setDrag(undefined);
    const moved = Math.hypot(end[0] - drag.from[0], end[1] - drag.from[1]) >= DRAG_MIN;
    change(moved ? boxText(wholeCells(map, boxed(drag.from, end))) : '');
  };
  const drawn = drag === undefined ? box : boxed(drag.from, drag.to);
  const cell = here && cellAt(map, timeAt(axis, here[0]), microsAt(here[1]));
  return (
    <figure className="chart heatmap">
      <div className="layers" style={{ height }}>
        <Cells map={map} what={what} width={width} height={height} />
        <svg
          ref={measure}
          height={height}
          role="application"
          tabIndex={0}
          aria-label="Durations over time. Space draws a box over the upper quarter; arrow keys move it, with Shift they resize it; Escape takes it away."
          onPointerDown={(event) => {
            if (event.button !== 0) return;
            event.currentTarget.setPointerCapture(event.pointerId);
            const at = place(event);
            setDrag({ from: at, to: at });
          }}
          onPointerMove={(event) => {
            const at = place(event);
            setHere(at);
            if (drag !== undefined) setDrag({ ...drag, to: at });
          }}
          onPointerUp={up}
          onPointerCancel={() => setDrag(undefined)}
          onPointerLeave={() => setHere(undefined)}
          onKeyDown={(event) => {
            const next = pressed(event, box, { from, to, low, high });
            if (next === undefined) return;
            event.preventDefault();
            change(next);
          }}
        >
          {logTicks(low, high).map((tick) => (
            <text key={tick} className="tick" x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {tickText(tick)}
            </text>
          ))}
          <TimeTicks axis={axis} y={height - 6} />
          {target !== undefined && target > low && target < high && (
            <line className="target" x1={LEFT} x2={width} y1={y(target)} y2={y(target)} />
          )}
          <MarkLines
            marks={marks}
            x={x}
            top={TOP}
            bottom={height - BOTTOM}
            left={LEFT}
            right={width}
          />
          {drawn !== undefined && drawn.from < to && drawn.to > from && (
            <rect
              className="box"
              x={Math.max(LEFT, x(drawn.from))}
              y={Math.max(TOP, y(drawn.high))}
              width={Math.max(2, Math.min(width, x(drawn.to)) - Math.max(LEFT, x(drawn.from)))}
              height={Math.max(
                2,
                Math.min(height - BOTTOM, y(drawn.low)) - Math.max(TOP, y(drawn.high)),
              )}
            />
          )}
        </svg>
      </div>
      <figcaption className="readout">
        {cell === undefined
          ? `${clock(from)} to ${clock(to)}: drag a box around what is odd, and its attributes and traces are shown.`
          : `${clock(cell.from)}: ${plural(cell.count, what)} of ${durationText(cell.low)} to ${durationText(cell.high)}`}
      </figcaption>
    </figure>
  );
}

interface CellsProps {
  map: Heatmap;
  what: string;
  width: number;
  height: number;
}

/** The cells, on a canvas: some thousand rectangles are one picture. */
function Cells({ map, what, width, height }: CellsProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (element === null || context == null) return;
    const scale = window.devicePixelRatio || 1;
    element.width = Math.round(width * scale);
    element.height = Math.round(height * scale);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.fillStyle = getComputedStyle(element).color;
    const { from_unix_ms: from, to_unix_ms: to } = map.window;
    const x = timeX({ from, to, left: LEFT, right: width });
    const y = logScale(map.edges[0] ?? 1, map.edges.at(-1) ?? 10, height - BOTTOM, TOP);
    const most = Math.max(1, ...map.columns.flatMap((column) => column.counts));
    for (const column of map.columns) {
      const [left, right] = [x(column.from_unix_ms), x(column.to_unix_ms)];
      column.counts.forEach((count, place) => {
        const [bottom, top] = [map.edges[place], map.edges[place + 1]];
        if (count === 0 || bottom === undefined || top === undefined) return;
        // One of many is still seen.
        context.globalAlpha = 0.14 + 0.86 * (Math.log1p(count) / Math.log1p(most));
        const tall = Math.max(1, y(bottom) - y(top) - 0.5);
        context.fillRect(left, y(top), Math.max(1, right - left - 0.5), tall);
      });
    }
  }, [map, width, height, theme]);
  const most = Math.max(0, ...map.columns.flatMap((column) => column.counts));
  return (
    <canvas
      ref={canvas}
      className="cells"
      style={{ width, height }}
      role="img"
      aria-label={`durations over time, up to ${grouped(most)} ${what}s in a cell`}
    />
  );
}

/** The box after a key, as the address has it; undefined where the key means nothing here. */
function pressed(event: KeyboardEvent, box: Box | undefined, all: Box): string | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
  if (event.key === ' ') return boxText(box ?? firstBox(all));
  if (box === undefined) return undefined;
  if (event.key === 'Escape') return '';
  const [right, up] = [
    { ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? 0,
    { ArrowUp: 1, ArrowDown: -1 }[event.key] ?? 0,
  ];
  if (right === 0 && up === 0) return undefined;
  return boxText(movedBox(box, all, right, up, event.shiftKey));
}
