/** How many requests took how long, on an axis on which each step is so many times as long as the one before. */
import { asText, digits, durationText, percent, tickText } from '../../lib/format';
import type { Bin } from '../../lib/proof';
import { placeAmong } from '../../lib/run';
import { logTicks, spaced, ticksOver } from '../../lib/scale';
import { useWidth } from '../../lib/size';

const HEIGHT = 170;
const BOTTOM = 22;
const TOP = 12;
const LEFT = 58;
/** Of the words of a tick. */
const TICK_WIDTH = 56;
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
  const levels = ticksOver(Math.max(...bins.flat().map((bin) => bin.count), 0), 4);
  const box = (width - LEFT) / Math.max(1, first.length);
  const y = (count: number) => (count / (levels.at(-1) ?? 1)) * (HEIGHT - BOTTOM - TOP);
  const x = (micros: number) => LEFT + placeAmong(first, micros) * box;
  const least = first.find((bin) => bin.from > 0)?.from;
  const longest = first.at(-1)?.to ?? 0;
  const marks = least === undefined || !(longest > least) ? [] : logTicks(least, longest);
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
        {levels.map((level) => (
          <g key={level}>
            <line
              className="grid"
              x1={LEFT}
              x2={width}
              y1={HEIGHT - BOTTOM - y(level)}
              y2={HEIGHT - BOTTOM - y(level)}
            />
            <text className="tick" x={LEFT - 8} y={HEIGHT - BOTTOM - y(level) + 4} textAnchor="end">
              {shares ? asText(percent(level)) : digits(level)}
            </text>
          </g>
        ))}
        {bins.map((side, place) => (
          <g key={place} className={`${COLOURS[place] ?? 'line'} spread`}>
            <path d={steps(side, box, y)} />
          </g>
        ))}
        {spaced(marks, x, TICK_WIDTH).map((tick) => (
          <text
            key={tick}
            className="tick"
            x={Math.min(width - 22, x(tick))}
            y={HEIGHT - 6}
            textAnchor="middle"
          >
            {tickText(tick)}
          </text>
        ))}
      </svg>
      <figcaption className="readout line-legend wraps">
        <span>{shares ? 'share of requests' : 'requests'} by how long they took</span>
        {bins.length > 1 &&
          names.map((name, place) => (
            <span key={place} className={`key ${COLOURS[place] ?? ''}`}>
              <i aria-hidden="true" /> {name}
            </span>
          ))}
      </figcaption>
    </figure>
  );
}

/** The outline of the boxes. */
function steps(bins: Bin[], box: number, y: (count: number) => number): string {
  const bottom = HEIGHT - BOTTOM;
  const at = (place: number) => (LEFT + place * box).toFixed(1);
  const tops = bins.map(
    (bin, place) => `L${at(place)} ${(bottom - y(bin.count)).toFixed(1)}H${at(place + 1)}`,
  );
  return `M${LEFT} ${bottom}${tops.join('')}V${bottom}`;
}
