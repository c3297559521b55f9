/** Latency over time as a heatmap on a canvas. Drag a box, or move it with the keyboard, and see what is special in it. */
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';

import { path, useApi } from '../../api/use';
import type { Heatmap, Mark } from '../../api/types';
import { timeAt, timeX, type TimeAxis } from '../../lib/axis';
import { boxOf, boxText, cellAt, wholeCells, type Box } from '../../lib/box';
import { clock, durationText, grouped, plural, tickText } from '../../lib/format';
import { is, joined } from '../../lib/question';
import { setParams, useQuery } from '../../lib/route';
import { logScale, logTicks } from '../../lib/scale';
import { useWidth } from '../../lib/size';
import { useTheme } from '../../lib/theme';
import { Problem, Waiting } from '../../ui/Empty';
import { MarkLines } from '../../ui/Marks';
import { TimeTicks } from '../../ui/TimeChart';
import type { At } from './EndpointPage';
import { Selected } from './Selected';

/** Higher beside what is told of a box, which needs the room anyway. */
const HEIGHTS = { alone: 250, boxed: 400 };
const TOP = 12;
const BOTTOM = 22;
const LEFT = 58;

/** Pixels that a pointer moves before it draws a box. */
const DRAG_MIN = 5;

/** The filter that the requests of an endpoint pass. */
export function whereOf({ service, operation }: At): string {
  return joined(is('service.name', service), is('operation', operation));
}

interface Props {
  at: At;
  marks: Mark[];
  target: number;
}

export function Heat({ at, marks, target }: Props) {
  const { data, problem } = useApi<Heatmap>(
    path('heatmap', { ...at.range, where: whereOf(at), columns: '160' }),
    false,
  );
  const box = boxOf(useQuery().get('box'));
  if (problem !== undefined) return <Problem part problem={problem} />;
  if (data === undefined) return <Waiting />;
  if (data.columns.length === 0) {
    return (
      <p className="nothing">
        The spans of this time are no longer kept, so that there is nothing to draw. Choose a later
        time.
      </p>
    );
  }
  return (
    <div className={box === undefined ? 'heat' : 'heat with-selection'}>
      <Picture map={data} marks={marks} target={target} box={box} />
      {box !== undefined && <Selected at={at} box={box} window={data.window} />}
    </div>
  );
}

interface PictureProps {
  map: Heatmap;
  marks: Mark[];
  target: number;
  box: Box | undefined;
}

function Picture({ map, marks, target, box }: PictureProps) {
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
    setParams({ box: moved ? boxText(wholeCells(map, boxed(drag.from, end))) : '' });
  };
  const drawn = drag === undefined ? box : boxed(drag.from, drag.to);
  const cell = here && cellAt(map, timeAt(axis, here[0]), microsAt(here[1]));
  return (
    <figure className="chart heatmap">
      <div className="layers" style={{ height }}>
        <Cells map={map} width={width} height={height} />
        <svg
          ref={measure}
          height={height}
          role="application"
          tabIndex={0}
          aria-label="Durations over time. Space draws a box around the slowest tenth; arrow keys move it, with Shift they resize it; Escape takes it away."
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
          onKeyDown={(event) => moveBox(event, box, { from, to, low, high })}
        >
          {logTicks(low, high).map((tick) => (
            <text key={tick} className="tick" x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {tickText(tick)}
            </text>
          ))}
          <TimeTicks axis={axis} y={height - 6} />
          {target > low && target < high && (
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
          {drawn !== undefined && (
            <rect
              className="box"
              x={Math.max(LEFT, x(drawn.from))}
              y={Math.max(TOP, y(drawn.high))}
              width={Math.max(2, x(drawn.to) - Math.max(LEFT, x(drawn.from)))}
              height={Math.max(2, y(drawn.low) - Math.max(TOP, y(drawn.high)))}
            />
          )}
        </svg>
      </div>
      <figcaption className="readout">
        {cell === undefined
          ? 'Drag a box around what is odd: its attributes and traces are shown beside it.'
          : `${clock(cell.from)}: ${plural(cell.count, 'request')} of ${durationText(cell.low)} to ${durationText(cell.high)}`}
      </figcaption>
    </figure>
  );
}

/** The cells, on a canvas: some thousand rectangles are one picture. */
function Cells({ map, width, height }: { map: Heatmap; width: number; height: number }) {
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
      aria-label={`durations over time, up to ${grouped(most)} requests in a cell`}
    />
  );
}

/** The box from the keyboard: a tenth of the picture at a step. */
function moveBox(event: KeyboardEvent, box: Box | undefined, all: Box) {
  if (event.key === 'Escape' && box !== undefined) {
    setParams({ box: '' });
    return;
  }
  const time = (all.to - all.from) / 20;
  const factor = (all.high / all.low) ** (1 / 20);
  if (event.key === ' ') {
    event.preventDefault();
    const low = all.high / (all.high / all.low) ** 0.25;
    setParams({ box: boxText(box ?? { ...all, low }) });
    return;
  }
  if (box === undefined || !event.key.startsWith('Arrow')) return;
  event.preventDefault();
  const next = { ...box };
  const [right, up] = [
    { ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? 0,
    { ArrowUp: 1, ArrowDown: -1 }[event.key] ?? 0,
  ];
  if (!event.shiftKey) {
    next.from += right * time;
    next.low *= factor ** up;
  }
  next.to += right * time;
  next.high *= factor ** up;
  if (next.from < next.to && next.low < next.high) setParams({ box: boxText(next) });
}
