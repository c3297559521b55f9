/** p50, p95 and p99 over time, with the target. */
import { useState } from 'react';

import type { Point } from '../../api/types';
import { clock, clockShort, durationText, plural, tickText } from '../../lib/format';
import { ticks } from '../../lib/scale';
import { useWidth } from '../../lib/size';

const HEIGHT = 190;
const BOTTOM = 22;
const TOP = 10;
const LEFT = 52;

const LINES = ['p99', 'p95', 'p50'] as const;
type Line = (typeof LINES)[number];

function value(point: Point, line: Line): number | undefined {
  return point.duration?.[`${line}_micros`];
}

export function Series({ points, target }: { points: Point[]; target: number }) {
  const [measure, width] = useWidth();
  const [here, setHere] = useState<number>();
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return null;
  const top = Math.max(...points.map((point) => value(point, 'p99') ?? 0), target * 1.1);
  const x = (place: number) => LEFT + ((place + 0.5) / points.length) * (width - LEFT);
  const y = (micros: number) => HEIGHT - BOTTOM - (micros / top) * (HEIGHT - BOTTOM - TOP);
  const point = here === undefined ? undefined : points[here];
  const length = last.to_unix_ms - first.from_unix_ms;
  const labels = [0, 0.25, 0.5, 0.75].map((part) => Math.floor(part * points.length));
  return (
    <figure className="chart">
      <svg
        ref={measure}
        height={HEIGHT}
        role="img"
        aria-label="p50, p95 and p99 over time"
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const part = (event.clientX - box.left - LEFT) / (box.width - LEFT);
          setHere(part < 0 ? undefined : Math.floor(part * points.length));
        }}
        onPointerLeave={() => setHere(undefined)}
      >
        {ticks(top, 4).map((tick) => (
          <g key={tick}>
            <line className="grid" x1={LEFT} x2={width} y1={y(tick)} y2={y(tick)} />
            <text className="tick" x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {tickText(tick)}
            </text>
          </g>
        ))}
        {labels.map((place) => (
          <text key={place} className="tick" x={x(place)} y={HEIGHT - 6} textAnchor="start">
            {clockShort(points[place]?.from_unix_ms ?? 0, length)}
          </text>
        ))}
        <line className="target" x1={LEFT} x2={width} y1={y(target)} y2={y(target)} />
        {LINES.map((line) => (
          <Path key={line} line={line} points={points} x={x} y={y} />
        ))}
        {here !== undefined && (
          <line className="cursor" x1={x(here)} x2={x(here)} y1={TOP} y2={HEIGHT - BOTTOM} />
        )}
      </svg>
      <figcaption className="readout">
        {point === undefined ? (
          <span className="line-legend">
            {LINES.map((line) => (
              <span key={line} className={line}>
                <i aria-hidden="true" /> {line}
              </span>
            ))}
            <span className="target">
              <i aria-hidden="true" /> target {durationText(target)}
            </span>
          </span>
        ) : (
          <>
            {clock(point.from_unix_ms)}: {plural(point.count, 'request')}
            {LINES.toReversed().map((line) => {
              const micros = value(point, line);
              return micros === undefined ? '' : `, ${line} ${durationText(micros)}`;
            })}
          </>
        )}
      </figcaption>
    </figure>
  );
}

/** One line, broken where nothing was requested; a step between two gaps is a dot. */
function Path({
  line,
  points,
  x,
  y,
}: {
  line: Line;
  points: Point[];
  x: (place: number) => number;
  y: (micros: number) => number;
}) {
  const known = points.map((point) => value(point, line));
  let d = '';
  known.forEach((micros, place) => {
    if (micros === undefined) return;
    const joins = place > 0 && known[place - 1] !== undefined;
    d += `${joins ? 'L' : 'M'}${x(place).toFixed(1)} ${y(micros).toFixed(1)}`;
  });
  const alone = known.flatMap((micros, place) =>
    micros !== undefined && known[place - 1] === undefined && known[place + 1] === undefined
      ? [{ place, micros }]
      : [],
  );
  return (
    <g className={`line ${line}`}>
      <path d={d} />
      {alone.map(({ place, micros }) => (
        <circle key={place} cx={x(place)} cy={y(micros)} r={2} />
      ))}
    </g>
  );
}
