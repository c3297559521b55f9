/** How many requests took how long, on an axis on which each step is so many times as long as the one before. */
import { digits, durationText, tickText } from '../../lib/format';
import type { Bin } from '../../lib/proof';
import { useWidth } from '../../lib/size';

const HEIGHT = 170;
const BOTTOM = 22;
const COLOURS = ['line p50', 'line p95'];

interface Props {
  bins: Bin[][];
  names: string[];
  /** Counts are shares of all. */
  shares?: boolean;
}

export function Distribution({ bins, names, shares = false }: Props) {
  const [measure, width] = useWidth();
  const first = bins[0] ?? [];
  const most = Math.max(...bins.flat().map((bin) => bin.count), 0) || 1;
  const box = width / Math.max(1, first.length);
  const y = (count: number) => (count / most) * (HEIGHT - BOTTOM - 12);
  const every = Math.max(1, Math.ceil(90 / Math.max(box, 1)));
  const told = bins.map((side, place) => {
    const top = side.reduce((best, bin) => (bin.count > best.count ? bin : best), {
      from: 0,
      to: 0,
      count: 0,
    });
    return `${names[place] ?? ''}: most of them, ${shares ? `${Math.round(top.count * 100)} %` : digits(top.count)}, between ${durationText(top.from)} and ${durationText(top.to)}`;
  });
  if (first.length === 0) return <p className="nothing">No request has a latency.</p>;
  return (
    <figure className="chart">
      <svg ref={measure} height={HEIGHT} role="img" aria-label={told.join('; ')}>
        {bins.map((side, place) => (
          <g key={place} className={`${COLOURS[place] ?? 'line'} spread`}>
            <path d={steps(side, box, y)} />
          </g>
        ))}
        {first
          .map((bin, place) => ({ bin, place }))
          .filter(({ place }) => place % every === 0 && place + every / 2 < first.length)
          .map(({ bin, place }) => (
            <text key={place} className="tick" x={place * box + 2} y={HEIGHT - 6}>
              {tickText(Number(bin.from.toPrecision(2)))}
            </text>
          ))}
      </svg>
      {bins.length > 1 && (
        <figcaption className="readout line-legend">
          {names.map((name, place) => (
            <span key={place} className={`key ${COLOURS[place] ?? ''}`}>
              <i aria-hidden="true" /> {name}
            </span>
          ))}
        </figcaption>
      )}
    </figure>
  );
}

/** The outline of the boxes. */
function steps(bins: Bin[], box: number, y: (count: number) => number): string {
  const bottom = HEIGHT - BOTTOM;
  const tops = bins.map(
    (bin, place) =>
      `L${(place * box).toFixed(1)} ${(bottom - y(bin.count)).toFixed(1)}H${((place + 1) * box).toFixed(1)}`,
  );
  return `M0 ${bottom}${tops.join('')}V${bottom}`;
}
