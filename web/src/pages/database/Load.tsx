/** Average active sessions over time, stacked by what they wait for. */
import { useState } from 'react';

import type { LoadPoint } from '../../api/types';
import { clock, clockShort, digits } from '../../lib/format';
import { ticks } from '../../lib/scale';
import { useWidth } from '../../lib/size';
import { events, layers, type Layer } from '../../lib/waits';
import { MarksHere } from '../../ui/Marks';

const HEIGHT = 180;
const BOTTOM = 22;
const TOP = 10;
const LEFT = 34;

interface Props {
  points: LoadPoint[];
  window: { from_unix_ms: number; to_unix_ms: number };
}

export function Load({ points, window }: Props) {
  const [measure, width] = useWidth();
  const [here, setHere] = useState<number>();
  if (points.length === 0) {
    return <p className="nothing">Its load shows here within a minute of watching.</p>;
  }
  const stack = layers(points);
  const sums = points.map((_, place) =>
    stack.reduce((sum, layer) => sum + (layer.values[place] ?? 0), 0),
  );
  const top = Math.max(...sums, 1);
  const length = window.to_unix_ms - window.from_unix_ms;
  const x = (ms: number) => LEFT + ((ms - window.from_unix_ms) / length) * (width - LEFT);
  const y = (sessions: number) => HEIGHT - BOTTOM - (sessions / top) * (HEIGHT - BOTTOM - TOP);
  const step = stepOf(points, length);
  const bar = Math.max(1, (step / length) * (width - LEFT) - 1);
  const point = here === undefined ? undefined : points[here];
  return (
    <figure className="chart load">
      <svg
        ref={measure}
        height={HEIGHT}
        role="img"
        aria-label={`average active sessions over time: ${stack
          .map((layer) => `${layer.name} ${digits(layer.mean, 2)}`)
          .join(', ')}`}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const ms =
            window.from_unix_ms + ((event.clientX - box.left - LEFT) / (box.width - LEFT)) * length;
          const place = points.findIndex(
            (one) => one.from_unix_ms <= ms && ms < one.from_unix_ms + step,
          );
          setHere(place === -1 ? undefined : place);
        }}
        onPointerLeave={() => setHere(undefined)}
      >
        {ticks(top, 3).map((tick) => (
          <g key={tick}>
            <line className="grid" x1={LEFT} x2={width} y1={y(tick)} y2={y(tick)} />
            <text className="tick" x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {digits(tick, 2)}
            </text>
          </g>
        ))}
        {[0, 0.25, 0.5, 0.75].map((part) => (
          <text
            key={part}
            className="tick"
            x={LEFT + part * (width - LEFT)}
            y={HEIGHT - 6}
            textAnchor="start"
          >
            {clockShort(window.from_unix_ms + part * length, length)}
          </text>
        ))}
        {points.map((one, place) => (
          <Bar
            key={one.from_unix_ms}
            stack={stack}
            place={place}
            x={x(one.from_unix_ms)}
            width={bar}
            y={y}
          />
        ))}
        <MarksHere x={x} top={TOP} bottom={HEIGHT - BOTTOM} left={LEFT} right={width} />
        {point !== undefined && (
          <line
            className="cursor"
            x1={x(point.from_unix_ms) + bar / 2}
            x2={x(point.from_unix_ms) + bar / 2}
            y1={TOP}
            y2={HEIGHT - BOTTOM}
          />
        )}
      </svg>
      <figcaption className="readout">
        {point === undefined ? (
          <Legend stack={stack} />
        ) : (
          <>
            {clock(point.from_unix_ms)}:{' '}
            {events([point])
              .slice(0, 4)
              .map(
                (one) =>
                  `${digits(one.mean, 2)} ${one.event === '' ? one.type : `${one.type}: ${one.event}`}`,
              )
              .join(', ') || 'idle'}
          </>
        )}
      </figcaption>
    </figure>
  );
}

function Bar({
  stack,
  place,
  x,
  width,
  y,
}: {
  stack: Layer[];
  place: number;
  x: number;
  width: number;
  y: (sessions: number) => number;
}) {
  let below = 0;
  return stack.map((layer) => {
    const value = layer.values[place] ?? 0;
    const from = below;
    below += value;
    if (value === 0) return null;
    return (
      <rect
        key={layer.type}
        className={`wait wait-${layer.type}`}
        x={x}
        width={width}
        y={y(below)}
        height={Math.max(0.5, y(from) - y(below))}
      />
    );
  });
}

function Legend({ stack }: { stack: Layer[] }) {
  return (
    <span className="line-legend wraps">
      <span>average active sessions:</span>
      {stack.map((layer) => (
        <span key={layer.type}>
          <i className={`swatch wait-${layer.type}`} aria-hidden="true" />
          {layer.name} {digits(layer.mean, 2)}
        </span>
      ))}
    </span>
  );
}

/** The shortest distance of two steps: gaps are steps without a poll. */
function stepOf(points: LoadPoint[], length: number): number {
  let step = length / 20;
  points.forEach((point, place) => {
    const next = points[place + 1];
    if (next !== undefined) step = Math.min(step, next.from_unix_ms - point.from_unix_ms);
  });
  return Math.max(1, step);
}
