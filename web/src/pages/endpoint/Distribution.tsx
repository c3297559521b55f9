/** How durations are distributed, on a logarithmic axis, with quantiles and the target marked. */
import { useState } from 'react';

import type { Attribute, Bucket, Percentiles } from '../../api/types';
import { durationText, plural, tickText } from '../../lib/format';
import { logTicks, parting } from '../../lib/scale';
import { useWidth } from '../../lib/size';

const HEIGHT = 190;
const BOTTOM = 22;
const TOP = 30;
/** Room above for what tells two humps apart. */
const HUMPS = 26;
const TICK_WIDTH = 54;
/** A longer value of an attribute is told by pointing at it. */
const WORDS_MAX = 40;
const LETTER_WIDTH = 7;

interface Props {
  buckets: Bucket[];
  duration: Percentiles;
  target: number;
  /** What the slow hump has and the others have not. */
  apart?: Attribute | undefined;
}

export function Distribution({ buckets, duration, target, apart }: Props) {
  const [measure, width] = useWidth();
  const [here, setHere] = useState<number>();
  const first = buckets[0];
  const last = buckets.at(-1);
  if (first === undefined || last === undefined) return null;
  const low = Math.log10(first.from_micros);
  const span = Math.log10(last.to_micros) - low;
  const x = (micros: number) => ((Math.log10(micros) - low) / span) * width;
  const most = Math.max(...buckets.map((bucket) => bucket.count), 1);
  const y = (count: number) => (count / most) * (HEIGHT - BOTTOM - TOP);
  const split = apart && parting(buckets.map((one) => one.count));
  const top = split === undefined ? 0 : HUMPS;
  const bucket = here === undefined ? undefined : buckets[here];
  const words = `p50 ${durationText(duration.p50_micros)}, p95 ${durationText(duration.p95_micros)}, p99 ${durationText(duration.p99_micros)}`;
  return (
    <figure className="chart">
      <svg
        ref={measure}
        height={HEIGHT + top}
        viewBox={`0 ${-top} ${width} ${HEIGHT + top}`}
        role="img"
        aria-label={`distribution of durations: ${words}`}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          setHere(Math.floor(((event.clientX - box.left) / box.width) * buckets.length));
        }}
        onPointerLeave={() => setHere(undefined)}
      >
        <line className="axis" x1={0} x2={width} y1={HEIGHT - BOTTOM} y2={HEIGHT - BOTTOM} />
        {spaced(logTicks(first.from_micros, last.to_micros), x).map((tick) => (
          <text
            key={tick}
            className="tick"
            x={edge(x(tick), width)}
            y={HEIGHT - 6}
            textAnchor="middle"
          >
            {tickText(tick)}
          </text>
        ))}
        {buckets.map((one, place) => (
          <rect
            key={one.from_micros}
            className={place === here ? 'column here' : 'column'}
            x={x(one.from_micros)}
            width={Math.max(1, x(one.to_micros) - x(one.from_micros) - 1)}
            y={HEIGHT - BOTTOM - y(one.count)}
            height={y(one.count)}
          />
        ))}
        {target > first.from_micros && target < last.to_micros && (
          <line
            className="target"
            x1={x(target)}
            x2={x(target)}
            y1={TOP - 6}
            y2={HEIGHT - BOTTOM}
          />
        )}
        <Marks duration={duration} x={x} width={width} />
        {apart !== undefined && split !== undefined && (
          <Humps buckets={buckets} split={split} apart={apart} x={x} width={width} />
        )}
      </svg>
      <figcaption className="readout">
        {bucket === undefined ? (
          <>
            {words}; the target of p95 is {durationText(target)}
          </>
        ) : (
          <>
            {durationText(bucket.from_micros)} to {durationText(bucket.to_micros)}:{' '}
            {plural(bucket.count, 'request')}
          </>
        )}
      </figcaption>
    </figure>
  );
}

/** The quantiles; where two would overlap, the lower one goes without its name. */
function Marks({
  duration,
  x,
  width,
}: {
  duration: Percentiles;
  x: (micros: number) => number;
  width: number;
}) {
  const marks = [
    { name: 'p50', micros: duration.p50_micros },
    { name: 'p95', micros: duration.p95_micros },
    { name: 'p99', micros: duration.p99_micros },
  ];
  return marks.map((mark, place) => {
    const next = marks[place + 1];
    const crowded = next !== undefined && x(next.micros) - x(mark.micros) < 30;
    return (
      <g key={mark.name} className="mark">
        <line x1={x(mark.micros)} x2={x(mark.micros)} y1={TOP - 12} y2={HEIGHT - BOTTOM} />
        {!crowded && (
          <text x={edge(x(mark.micros), width, 14)} y={TOP - 16} textAnchor="middle">
            {mark.name}
          </text>
        )}
      </g>
    );
  });
}

/** Over each hump what its requests have that the others have not. */
function Humps({
  buckets,
  split,
  apart,
  x,
  width,
}: {
  buckets: Bucket[];
  split: number;
  apart: Attribute;
  x: (micros: number) => number;
  width: number;
}) {
  const sides = [
    { words: 'the others', part: buckets.slice(0, split) },
    { words: `${apart.key} = ${apart.value}`, part: buckets.slice(split) },
  ];
  return sides.map(({ words, part }) => {
    const filled = part.filter((one) => one.count > 0);
    const [from, to] = [x(filled[0]?.from_micros ?? 1), x(filled.at(-1)?.to_micros ?? 1)];
    const shown = words.length > WORDS_MAX ? `${words.slice(0, WORDS_MAX)}…` : words;
    const half = (shown.length * LETTER_WIDTH) / 2;
    return (
      <g key={words} className="hump">
        <title>{words}</title>
        <path d={`M${from} ${-2}v-5H${to}v5`} />
        <text x={edge((from + to) / 2, width, half)} y={-12} textAnchor="middle">
          {shown}
        </text>
      </g>
    );
  });
}

/** As many ticks as have room for their words. */
function spaced(ticks: number[], x: (micros: number) => number): number[] {
  let last = -Infinity;
  return ticks.filter((tick) => {
    if (x(tick) - last < TICK_WIDTH) return false;
    last = x(tick);
    return true;
  });
}

function edge(x: number, width: number, margin = 22): number {
  return Math.min(width - margin, Math.max(margin, x));
}
