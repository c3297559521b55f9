/** The first groups over time, by the figure that they are ranked by. */
import { useState } from 'react';

import type { TableAnswer, TableRow } from '../../api/types';
import { clock, clockShort } from '../../lib/format';
import { figureText } from '../../lib/question';
import { useQuery } from '../../lib/route';
import { ticks } from '../../lib/scale';
import { useWidth } from '../../lib/size';
import { MarksHere } from '../../ui/Marks';

const HEIGHT = 200;
const BOTTOM = 22;
const TOP = 10;
const LEFT = 60;

/** Lines that can be told apart: as many as there are hues. */
const LINES_MAX = 5;

/** A figure of a group for each step of the window; none where it was not seen. */
export function series(answer: TableAnswer, row: TableRow, place: number): (number | undefined)[] {
  const step = (answer.step_seconds ?? 0) * 1000;
  if (step === 0) return [];
  const { from_unix_ms: from, to_unix_ms: end } = answer.window;
  // Where nothing came nothing took long, and none is none.
  const none = /^(count|rate|errors)$/.test(answer.columns[place]?.name ?? '') ? 0 : undefined;
  const values = new Array<number | undefined>(Math.ceil((end - from) / step)).fill(none);
  for (const { from_unix_ms: at, figures } of row.steps) {
    const which = Math.round((at - from) / step);
    if (which >= 0 && which < values.length) values[which] = figures[place] ?? undefined;
  }
  return values;
}

export function Chart({ answer }: { answer: TableAnswer }) {
  const [measure, width] = useWidth();
  const [here, setHere] = useState<number>();
  const order = useQuery().get('order');
  const place = Math.max(
    0,
    answer.columns.findIndex((column) => column.name === order),
  );
  const column = answer.columns[place];
  const lines = answer.rows.slice(0, LINES_MAX).map((row) => ({
    name: row.key.map((value) => value ?? '–').join(' · ') || 'all',
    values: series(answer, row, place),
  }));
  const count = lines[0]?.values.length ?? 0;
  if (column === undefined || count < 2) return null;
  const known = lines.flatMap((line) => line.values).filter((value) => value !== undefined);
  const top = Math.max(...known, 0) || 1;
  const x = (step: number) => LEFT + ((step + 0.5) / count) * (width - LEFT);
  const y = (value: number) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - TOP);
  const { from_unix_ms: from, to_unix_ms: end } = answer.window;
  const begin = (step: number) => from + step * (answer.step_seconds ?? 0) * 1000;
  return (
    <figure className="chart asked">
      <svg
        ref={measure}
        height={HEIGHT}
        role="img"
        aria-label={`${column.name} over time`}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const part = (event.clientX - box.left - LEFT) / (box.width - LEFT);
          setHere(part < 0 || part >= 1 ? undefined : Math.floor(part * count));
        }}
        onPointerLeave={() => setHere(undefined)}
      >
        {ticks(top, 4).map((tick) => (
          <g key={tick}>
            <line className="grid" x1={LEFT} x2={width} y1={y(tick)} y2={y(tick)} />
            <text className="tick" x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {figureText(tick, column.unit)}
            </text>
          </g>
        ))}
        {[0, 0.25, 0.5, 0.75].map((part) => (
          <text key={part} className="tick" x={x(part * count)} y={HEIGHT - 6}>
            {clockShort(begin(Math.floor(part * count)), end - from)}
          </text>
        ))}
        {lines.map((line, number) => (
          <g key={line.name} className={`line hue${number}`}>
            <path d={drawn(line.values, x, y)} />
            {line.values.map((value, step) =>
              value !== undefined &&
              line.values[step - 1] === undefined &&
              line.values[step + 1] === undefined ? (
                <circle key={step} cx={x(step)} cy={y(value)} r={2} />
              ) : null,
            )}
          </g>
        ))}
        <MarksHere
          x={(ms) => LEFT + ((ms - from) / (end - from)) * (width - LEFT)}
          top={TOP}
          bottom={HEIGHT - BOTTOM}
          left={LEFT}
          right={width}
        />
        {here !== undefined && (
          <line className="cursor" x1={x(here)} x2={x(here)} y1={TOP} y2={HEIGHT - BOTTOM} />
        )}
      </svg>
      <figcaption className="readout line-legend">
        <span>{here === undefined ? column.name : clock(begin(here))}</span>
        {lines.map((line, number) => (
          <span key={line.name} className={`hue${number}`}>
            <i aria-hidden="true" /> {line.name}
            {here !== undefined && ` ${figureText(line.values[here], column.unit)}`}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

function drawn(
  values: (number | undefined)[],
  x: (step: number) => number,
  y: (value: number) => number,
): string {
  let d = '';
  values.forEach((value, step) => {
    if (value === undefined) return;
    const joins = step > 0 && values[step - 1] !== undefined;
    d += `${joins ? 'L' : 'M'}${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
  });
  return d;
}
