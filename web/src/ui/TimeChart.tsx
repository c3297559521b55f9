/** Lines or stacked areas over time, with an axis, marks, a cursor that tells exact figures, and least and most in words for those who cannot see it. */
import { useState, type ReactNode } from 'react';

import type { Mark } from '../api/types';
import { offsetMs, timeAt, timeTicks, timeX, type TimeAxis } from '../lib/axis';
import { clock, clockShort, zone } from '../lib/format';
import { ticksOver } from '../lib/scale';
import { useWidth } from '../lib/size';
import { MarkLines } from './Marks';

export interface ChartLine {
  name: string;
  /** Classes that give the line its colour: `line p95`, `kind-database`. */
  className: string;
  /** One for each step; none where there was nothing. */
  values: (number | undefined)[];
  /** What is told beside its name while no step is pointed at. */
  rest?: string;
}

interface Props {
  /** What is told, in a few words. */
  label: string;
  from: number;
  to: number;
  lines: ChartLine[];
  /** The same over the window that is compared, in as many steps. */
  before?: ChartLine[];
  /** Areas one above the other instead of lines. */
  stacked?: boolean;
  /** A figure with its unit. */
  text: (value: number) => string;
  target?: number | undefined;
  /** What the target is called. */
  aim?: string;
  /** What the axis reaches at least: the whole of a share. */
  reach?: number | undefined;
  marks?: Mark[];
  height?: number;
  /** What is told of a step beside its figures. */
  beside?: (step: number) => ReactNode;
}

const TOP = 12;
const BOTTOM = 22;
const LEFT = 58;
/** Below this height there is room for few ticks. */
const LOW = 120;

export function TimeChart(props: Props) {
  const { label, from, to, lines, before = [], stacked = false, text, target, marks = [] } = props;
  const height = props.height ?? 170;
  const [measure, width] = useWidth();
  const [here, setHere] = useState<number>();
  const count = lines[0]?.values.length ?? 0;
  const axis: TimeAxis = { from, to, left: LEFT, right: width };
  const at = timeX(axis);
  const x = (step: number) => LEFT + ((step + 0.5) / Math.max(1, count)) * (width - LEFT);
  const most = Math.max(highest(lines, before, stacked, target), props.reach ?? 0);
  const levels = ticksOver(most, height < LOW ? 3 : 5);
  const top = levels.at(-1) ?? 1;
  const bottom = height - BOTTOM;
  const y = (value: number) => bottom - (value / top) * (bottom - TOP);
  // A single line is what the chart is called.
  const alone = lines.length === 1 && lines[0]?.name === label;
  const begin = (step: number) => from + (step / Math.max(1, count)) * (to - from);
  return (
    <figure className="chart over-time">
      <svg
        ref={measure}
        height={height}
        role="img"
        aria-label={`${label} over time: ${lines.map((line) => summary(line, text)).join('; ')}`}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const inside = event.clientX - box.left;
          const step = Math.floor(((timeAt(axis, inside) - from) / (to - from)) * count);
          setHere(inside < LEFT ? undefined : Math.min(count - 1, step));
        }}
        onPointerLeave={() => setHere(undefined)}
      >
        {levels.map((tick) => (
          <g key={tick}>
            <line className="grid" x1={LEFT} x2={width} y1={y(tick)} y2={y(tick)} />
            <text className="tick" x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {text(tick)}
            </text>
          </g>
        ))}
        <TimeTicks axis={axis} y={height - 6} />
        {target !== undefined && target <= top && (
          <line className="target" x1={LEFT} x2={width} y1={y(target)} y2={y(target)} />
        )}
        {stacked && <Areas lines={lines} x={x} y={y} />}
        {before.map((line) => (
          <Line key={line.name} line={line} x={x} y={y} then />
        ))}
        {!stacked && lines.map((line) => <Line key={line.name} line={line} x={x} y={y} />)}
        <MarkLines marks={marks} x={at} top={TOP} bottom={bottom} left={LEFT} right={width} />
        {here !== undefined && (
          <line className="cursor" x1={x(here)} x2={x(here)} y1={TOP} y2={bottom} />
        )}
      </svg>
      <figcaption className="readout line-legend">
        <span className="at">
          {here === undefined ? label : clock(begin(here))}
          {here !== undefined && props.beside?.(here)}
          {here !== undefined && alone && `: ${told(lines[0]?.values[here], text)}`}
        </span>
        {(stacked ? lines.toReversed() : alone ? [] : lines).map((line) => (
          <span key={line.name} className={`key ${line.className}`}>
            <i aria-hidden="true" /> {line.name}
            {here !== undefined
              ? ` ${told(line.values[here], text)}`
              : line.rest !== undefined && ` ${line.rest}`}
          </span>
        ))}
        {before.length > 0 && (
          <span className="key then">
            <i aria-hidden="true" /> {lines.length > 1 && before[0]?.name} before
            {here !== undefined && ` ${told(before[0]?.values[here], text)}`}
          </span>
        )}
        {target !== undefined && (
          <span className="key target">
            <i aria-hidden="true" /> {props.aim ?? 'target'} {text(target)}
          </span>
        )}
      </figcaption>
    </figure>
  );
}

/** The words of an axis of time. */
export function TimeTicks({ axis, y }: { axis: TimeAxis; y: number }) {
  const at = timeX(axis);
  return timeTicks(axis, 84, offsetMs(axis.from, zone())).map((tick) => (
    <text
      key={tick}
      className="tick"
      x={Math.min(axis.right - 18, Math.max(axis.left + 12, at(tick)))}
      y={y}
      textAnchor="middle"
    >
      {clockShort(tick, axis.to - axis.from)}
    </text>
  ));
}

function highest(
  lines: ChartLine[],
  before: ChartLine[],
  stacked: boolean,
  target: number | undefined,
): number {
  const known = (all: ChartLine[]) =>
    all.flatMap((line) => line.values).filter((value) => value !== undefined);
  const then = Math.max(...known(before), 0);
  if (!stacked) return Math.max(...known(lines), then, target ?? 0, 0);
  const steps = lines[0]?.values.map((_, step) =>
    lines.reduce((sum, line) => sum + (line.values[step] ?? 0), 0),
  );
  return Math.max(...(steps ?? []), then);
}

function Line({
  line,
  x,
  y,
  then = false,
}: {
  line: ChartLine;
  x: (step: number) => number;
  y: (value: number) => number;
  then?: boolean;
}) {
  let d = '';
  line.values.forEach((value, step) => {
    if (value === undefined) return;
    const joins = step > 0 && line.values[step - 1] !== undefined;
    d += `${joins ? 'L' : 'M'}${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
  });
  const alone = line.values.flatMap((value, step) =>
    value !== undefined &&
    line.values[step - 1] === undefined &&
    line.values[step + 1] === undefined
      ? [{ step, value }]
      : [],
  );
  return (
    <g className={`${line.className} line${then ? ' then' : ''}`}>
      <path d={d} />
      {alone.map(({ step, value }) => (
        <circle key={step} cx={x(step)} cy={y(value)} r={2} />
      ))}
    </g>
  );
}

/** Each on top of the one before; a step without a figure has no height. */
function Areas({
  lines,
  x,
  y,
}: {
  lines: ChartLine[];
  x: (step: number) => number;
  y: (value: number) => number;
}) {
  const count = lines[0]?.values.length ?? 0;
  const half = count > 1 ? (x(1) - x(0)) / 2 : 0;
  const floors: number[][] = [];
  let floor = new Array<number>(count).fill(0);
  for (const line of lines) {
    floors.push(floor);
    floor = floor.map((below, step) => below + (line.values[step] ?? 0));
  }
  return lines.map((line, place) => {
    const below = floors[place] ?? [];
    // Steps, not slopes: each is a sum over its time.
    const rects = line.values.map((value, step) =>
      value === undefined || value === 0
        ? ''
        : `M${(x(step) - half).toFixed(1)} ${y((below[step] ?? 0) + value).toFixed(1)}` +
          `H${(x(step) + half).toFixed(1)}V${y(below[step] ?? 0).toFixed(1)}` +
          `H${(x(step) - half).toFixed(1)}z`,
    );
    return <path key={line.name} className={`area ${line.className}`} d={rects.join('')} />;
  });
}

function told(value: number | undefined, text: (value: number) => string): string {
  return value === undefined ? '–' : text(value);
}

/** From the least to the most, for those who cannot see the line. */
function summary(line: ChartLine, text: (value: number) => string): string {
  const known = line.values.filter((value) => value !== undefined);
  if (known.length === 0) return `${line.name} none`;
  return `${line.name} ${text(Math.min(...known))} to ${text(Math.max(...known))}`;
}
