/** Throughput against requests at work at once: the steps that held, and the scalability law through them. */
import { digits } from '../../lib/format';
import { lawRate, type Law, type Step } from '../../lib/limit';
import { ticks } from '../../lib/scale';
import { useWidth } from '../../lib/size';

const HEIGHT = 220;
const LEFT = 58;
const BOTTOM = 36;
const TOP = 12;
const PARTS = 100;

export function LawChart({ law, steps }: { law: Law; steps: Step[] }) {
  const [measure, width] = useWidth();
  const held = steps.filter((step) => step.fate === 'held' && step.atOnce > 0);
  const seen = Math.max(...held.map((step) => step.atOnce), 0);
  const widest = seen * 1.5;
  const curve = Array.from({ length: PARTS + 1 }, (_, part) => (widest * part) / PARTS).map(
    (atOnce) => ({ atOnce, rate: Math.max(0, lawRate(law, atOnce)) }),
  );
  const highest =
    Math.max(...curve.map((one) => one.rate), ...held.map((step) => step.answered)) * 1.05;
  if (!(widest > 0 && highest > 0 && Number.isFinite(highest))) return null;
  const x = (atOnce: number) => LEFT + (atOnce / widest) * (width - LEFT - 8);
  const y = (rate: number) => HEIGHT - BOTTOM - (rate / highest) * (HEIGHT - BOTTOM - TOP);
  const path = (points: { atOnce: number; rate: number }[]) =>
    points
      .map(
        ({ atOnce, rate }, place) =>
          `${place === 0 ? 'M' : 'L'}${x(atOnce).toFixed(1)} ${y(rate).toFixed(1)}`,
      )
      .join('');
  const peak = law.peakAt !== undefined && law.peakAt <= widest ? law.peakAt : undefined;
  return (
    <figure className="chart">
      <svg
        ref={measure}
        height={HEIGHT}
        role="img"
        aria-label={`throughput against requests at work at once: ${held
          .map((step) => `${digits(step.answered)} a second with ${digits(step.atOnce)}`)
          .join('; ')}`}
      >
        {ticks(highest, 4).map((tick) => (
          <g key={tick}>
            <line className="grid" x1={LEFT} x2={width} y1={y(tick)} y2={y(tick)} />
            <text className="tick" x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {digits(tick)}/s
            </text>
          </g>
        ))}
        {ticks(widest, 5).map((tick) => (
          <text key={tick} className="tick" x={x(tick)} y={HEIGHT - 20} textAnchor="middle">
            {digits(tick)}
          </text>
        ))}
        <text className="tick" x={width} y={HEIGHT - 4} textAnchor="end">
          requests at work at once
        </text>
        {peak !== undefined && (
          <g className="mark">
            <line x1={x(peak)} x2={x(peak)} y1={TOP} y2={HEIGHT - BOTTOM} strokeDasharray="2 3" />
            <text x={x(peak) - 4} y={HEIGHT - BOTTOM - 6} textAnchor="end">
              predicted peak
            </text>
          </g>
        )}
        <g className="line p95">
          <path d={path(curve.filter((one) => one.atOnce <= seen))} />
          {held.map((step, place) => (
            <circle key={place} cx={x(step.atOnce)} cy={y(step.answered)} r={4} />
          ))}
        </g>
        <g className="line p95 then">
          <path d={path(curve.filter((one) => one.atOnce >= seen))} />
        </g>
      </svg>
      <figcaption className="readout">
        dots are steps that held, the line is the law; beyond the last dot it is a guess
      </figcaption>
    </figure>
  );
}
