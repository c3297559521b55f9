/** How durations are distributed, on a logarithmic axis, with quantiles, the target, and humps that are told apart. */
import { useState } from 'react';

import { path, useApi } from '../../api/use';
import type {
  Attribute,
  Bucket,
  ComparisonAnswer,
  OperationDetail,
  Percentiles,
} from '../../api/types';
import { durationText, percent, plural, tickText } from '../../lib/format';
import { modes, type Mode } from '../../lib/modes';
import { ofEndpoint } from '../../lib/question';
import { logTicks, spaced } from '../../lib/scale';
import { useWidth } from '../../lib/size';
import { steady } from '../../lib/time';
import type { At } from './EndpointPage';

const HEIGHT = 190;
const BOTTOM = 22;
const TOP = 30;
/** Room above for what tells two humps apart. */
const HUMPS = 26;
const TICK_WIDTH = 54;
/** A longer value of an attribute is told by pointing at it. */
const WORDS_MAX = 40;
const LETTER_WIDTH = 7;

/** A value that tells two humps apart is that much more frequent in one of them. */
const APART_MIN = 0.3;

interface Props {
  at: At;
  data: OperationDetail;
  before: OperationDetail | undefined;
}

export function Distribution({ at, data, before }: Props) {
  const { distribution: buckets, targets } = data;
  const found = modes(buckets.map((one) => one.count));
  const last = found.length > 1 ? found.at(-1) : undefined;
  const split = last === undefined ? undefined : buckets[last.from]?.from_micros;
  const humps = data.findings.find((finding) => finding.fault === 'bimodal-latency');
  const known = humps?.evidence.attribute ?? undefined;
  // What tells humps apart does not change from one step of the window to the next, and a day's takes long to find.
  const [asked, setAsked] = useState(data.window);
  const window = steady(data.window, asked);
  if (window !== asked) setAsked(window);
  const { data: compared } = useApi<ComparisonAnswer>(
    split === undefined || known !== undefined
      ? undefined
      : path('compare', {
          from: String(window.from_unix_ms),
          to: String(window.to_unix_ms),
          where: ofEndpoint(at),
          selection: `duration >= ${Math.floor(split)}us`,
        }),
    false,
  );
  const apart = known ?? telling(split === undefined ? undefined : compared);
  return (
    <Picture
      buckets={buckets}
      duration={data.operation.duration}
      target={targets.p95_micros}
      found={found}
      apart={apart}
      before={before?.distribution ?? []}
    />
  );
}

/** What most of the slow hump has and few of the others have. */
function telling(answer: ComparisonAnswer | undefined): Attribute | undefined {
  for (const field of answer?.fields ?? []) {
    const [value] = field.values;
    if (value?.value == null || field.field === 'duration') continue;
    if (value.selected_share - value.others_share >= APART_MIN) {
      return { key: field.field, value: value.value };
    }
  }
  return undefined;
}

interface PictureProps {
  buckets: Bucket[];
  duration: Percentiles;
  target: number;
  found: Mode[];
  /** What the slow hump has and the others have not. */
  apart: Attribute | undefined;
  before: Bucket[];
}

function Picture({ buckets, duration, target, found, apart, before }: PictureProps) {
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
  const top = found.length < 2 ? 0 : HUMPS;
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
        {spaced(logTicks(first.from_micros, last.to_micros), x, TICK_WIDTH).map((tick) => (
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
        <Then buckets={before} now={buckets} x={x} height={HEIGHT - BOTTOM - TOP} />
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
        {found.length > 1 && (
          <Humps buckets={buckets} found={found} apart={apart} x={x} width={width} />
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

/** Over each hump its share, and over the slowest what its requests have that the others have not. */
function Humps({
  buckets,
  found,
  apart,
  x,
  width,
}: {
  buckets: Bucket[];
  found: Mode[];
  apart: Attribute | undefined;
  x: (micros: number) => number;
  width: number;
}) {
  const all = found.reduce((sum, mode) => sum + mode.count, 0);
  return found.map((mode, place) => {
    const filled = buckets.slice(mode.from, mode.to).filter((one) => one.count > 0);
    const [from, to] = [x(filled[0]?.from_micros ?? 1), x(filled.at(-1)?.to_micros ?? 1)];
    const { value, unit } = percent(mode.count / Math.max(1, all));
    const slowest = place === found.length - 1;
    const said = slowest
      ? apart && `${apart.key} = ${apart.value}`
      : apart && place === 0
        ? 'the others'
        : undefined;
    const words = said === undefined ? `${value} ${unit}` : `${said}, ${value} ${unit}`;
    const shown = words.length > WORDS_MAX ? `${words.slice(0, WORDS_MAX)}…` : words;
    const half = (shown.length * LETTER_WIDTH) / 2;
    return (
      <g key={mode.from} className="hump">
        <title>{words}</title>
        <path d={`M${from} ${-2}v-5H${to}v5`} />
        <text x={edge((from + to) / 2, width, half)} y={-12} textAnchor="middle">
          {shown}
        </text>
      </g>
    );
  });
}

/** The outline of the window that is compared, as high as if it had as many requests. */
function Then({
  buckets,
  now,
  x,
  height,
}: {
  buckets: Bucket[];
  now: Bucket[];
  x: (micros: number) => number;
  height: number;
}) {
  const sum = (all: Bucket[]) => all.reduce((count, one) => count + one.count, 0);
  const times = sum(now) / Math.max(1, sum(buckets));
  const most = Math.max(...now.map((one) => one.count), 1);
  const [first, last] = [now[0]?.from_micros ?? 0, now.at(-1)?.to_micros ?? 0];
  // Buckets of the two need not be equally wide.
  const wide = (one: Bucket | undefined) =>
    one === undefined ? 1 : Math.log(one.to_micros / one.from_micros);
  const shown = buckets.filter((one) => one.from_micros >= first && one.to_micros <= last);
  const density = times * (wide(now[0]) / Math.max(1e-9, wide(buckets[0])));
  const y = (count: number) => HEIGHT - BOTTOM - Math.min(1, (count * density) / most) * height;
  const d = shown
    .map(
      (one, place) =>
        `${place === 0 ? 'M' : 'L'}${x(one.from_micros).toFixed(1)} ${y(one.count).toFixed(1)}` +
        `H${x(one.to_micros).toFixed(1)}`,
    )
    .join('');
  return d === '' ? null : <path className="then-outline" d={d} />;
}

function edge(x: number, width: number, margin = 22): number {
  return Math.min(width - margin, Math.max(margin, x));
}
