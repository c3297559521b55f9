/** Latency against the requests a second that were asked for, with the goals, the knee, today's peak and the stretch in which it breaks. */
import { digits, durationText, tickText } from '../../lib/format';
import type { Limit, Step } from '../../lib/limit';
import { logScale, logTicks, ticks } from '../../lib/scale';
import { useWidth } from '../../lib/size';

const HEIGHT = 260;
const LEFT = 58;
const BOTTOM = 22;
const TOP = 30;

const LINES: [name: string, place: 0 | 1 | 2][] = [
  ['p99', 2],
  ['p50', 0],
  ['p95', 1],
];

export function LimitChart({ limit }: { limit: Limit }) {
  const [measure, width] = useWidth();
  const { steps, goals } = limit;
  const seen = [
    ...steps.flatMap((step) => step.quantiles),
    ...goals.flatMap((goal) => goal.micros ?? []),
  ].filter((micros) => micros > 0);
  const most = Math.max(...steps.map((step) => step.requests), limit.today ?? 0) * 1.02;
  if (seen.length === 0 || !(most > 0)) return <p className="nothing">No step has a latency.</p>;
  // Whole powers of ten, so that a step beyond the limit, which takes a hundred times as long, has room.
  const low = 10 ** Math.floor(Math.log10(Math.min(...seen)));
  const high = Math.max(10 ** Math.ceil(Math.log10(Math.max(...seen))), low * 10);
  const x = (rate: number) => LEFT + (rate / most) * (width - LEFT - 8);
  const y = logScale(low, high, HEIGHT - BOTTOM, TOP);
  return (
    <figure className="chart">
      <svg ref={measure} height={HEIGHT} role="img" aria-label={words(limit)}>
        {logTicks(low, high).map((tick) => (
          <g key={tick}>
            <line className="grid" x1={LEFT} x2={width} y1={y(tick)} y2={y(tick)} />
            <text className="tick" x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {tickText(tick)}
            </text>
          </g>
        ))}
        {ticks(most, 5).map((tick) => (
          <text key={tick} className="tick" x={x(tick)} y={HEIGHT - 6} textAnchor="middle">
            {digits(tick)}/s
          </text>
        ))}
        {limit.broke !== undefined && (
          <rect
            className="breaks"
            x={x(limit.held?.requests ?? 0)}
            y={TOP}
            width={Math.max(0, x(limit.broke.requests) - x(limit.held?.requests ?? 0))}
            height={HEIGHT - BOTTOM - TOP}
          />
        )}
        {goals.map(
          (goal, place) =>
            goal.micros !== undefined &&
            goal.micros > 0 && (
              <g key={place}>
                <line
                  className="target"
                  x1={LEFT}
                  x2={width}
                  y1={y(goal.micros)}
                  y2={y(goal.micros)}
                />
                <text className="tick" x={LEFT + 6} y={y(goal.micros) - 4}>
                  {goal.words}
                </text>
              </g>
            ),
        )}
        <Mark name="knee" at={limit.knee} x={x} height={TOP - 18} />
        <Mark name="today’s peak" at={limit.today} x={x} height={TOP - 4} />
        {LINES.map(([name, place]) => (
          <g key={name} className={`line ${name}`}>
            <path d={path(steps, (step) => step.quantiles[place], x, y)} />
          </g>
        ))}
        <g className="line p95">
          {steps
            .filter((step) => step.quantiles[1] > 0)
            .map((step, place) => (
              <circle
                key={place}
                cx={x(step.requests)}
                cy={y(step.quantiles[1])}
                r={step.fate === 'held' ? 3 : 5}
                className={step.fate}
              />
            ))}
        </g>
      </svg>
      <figcaption className="readout line-legend wraps">
        {['p50', 'p95', 'p99'].map((name) => (
          <span key={name} className={`key ${name}`}>
            <i aria-hidden="true" /> {name}
          </span>
        ))}
        <span>by requests a second that were asked for; large dots missed a goal</span>
      </figcaption>
    </figure>
  );
}

interface MarkProps {
  name: string;
  at: number | undefined;
  x: (rate: number) => number;
  /** Where its name stands: two of them may be near each other. */
  height: number;
}

function Mark({ name, at, x, height }: MarkProps) {
  if (at === undefined) return null;
  // A name at the left edge would leave the chart.
  const anchor = x(at) < LEFT + 70 ? 'start' : 'end';
  return (
    <g className="mark">
      <line x1={x(at)} x2={x(at)} y1={height + 2} y2={HEIGHT - BOTTOM} strokeDasharray="2 3" />
      <text x={x(at) + (anchor === 'start' ? 4 : -4)} y={height + 8} textAnchor={anchor}>
        {name}
      </text>
    </g>
  );
}

function path(
  steps: Step[],
  figure: (step: Step) => number,
  x: (rate: number) => number,
  y: (micros: number) => number,
): string {
  return steps
    .filter((step) => figure(step) > 0)
    .map(
      (step, place) =>
        `${place === 0 ? 'M' : 'L'}${x(step.requests).toFixed(1)} ${y(figure(step)).toFixed(1)}`,
    )
    .join('');
}

function words(limit: Limit): string {
  const steps = limit.steps.map(
    (step) => `${digits(step.requests)} a second ${durationText(step.quantiles[1])}`,
  );
  const marks = [
    ...limit.goals.map((goal) => `goal ${goal.words}`),
    ...(limit.knee === undefined ? [] : [`knee at ${digits(limit.knee)}`]),
    ...(limit.today === undefined ? [] : [`today’s peak ${digits(limit.today)}`]),
  ];
  return `p95 against requests a second: ${[...steps, ...marks].join('; ')}`;
}
