/**
 * Impact against effort, beside the list on wide screens. It shows nothing that the rows do not say, so it
 * is one picture to those who cannot see it, and the keyboard reaches its dots through the rows.
 */
import type { Finding, Level } from '../../api/types';
import { days, digits, hoursPerDay, type Figure } from '../../lib/format';
import { ofDatabase, wasted } from '../../lib/impact';
import { navigate, to } from '../../lib/route';
import { logScale } from '../../lib/scale';
import { LEVELS } from '../../lib/words';
import { apart, spaced } from './apart';

const WIDTH = 380;
const HEIGHT = 440;
const LEFT = 58;
const RIGHT = 12;
const TOP = 26;
const BOTTOM = 40;

const EFFORTS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20];
/** Room for the words of a tick. */
const EFFORT_WIDTH = 40;
/** How far dots are apart at least: as wide as one. */
const DOT_WIDTH = 13;
/** Ten seconds, a minute, ten minutes and so on, in hours a day. */
const IMPACTS = [10 / 3600, 1 / 60, 1 / 6, 1, 10, 100, 1000];

interface Props {
  findings: Finding[];
  here: string | undefined;
  point: (id: string | undefined) => void;
}

export function Plane({ findings, here, point }: Props) {
  const dots = findings.filter((one) => one.effort_days > 0 && wasted(one) > 0);
  const [first] = dots;
  if (first === undefined) return null;
  const efforts = dots.map((one) => one.effort_days);
  const impacts = dots.map(wasted);
  const x = logScale(Math.min(...efforts) / 1.5, Math.max(...efforts) * 1.5, LEFT, WIDTH - RIGHT);
  const y = logScale(Math.min(...impacts) / 1.5, Math.max(...impacts) * 1.5, HEIGHT - BOTTOM, TOP);
  const spots = apart(
    dots.map((one) => ({ x: x(one.effort_days), y: y(wasted(one)) })),
    DOT_WIDTH,
    LEFT + 6,
    WIDTH - RIGHT,
  );
  const placed = dots.map((one, place) => ({ one, at: spots[place] ?? { x: LEFT, y: TOP } }));
  const marked = EFFORTS.filter((tick) => inside(x(tick), LEFT, WIDTH - RIGHT));
  const database = dots.some(ofDatabase);
  const pointed = findings.find((one) => one.id === here);
  return (
    <figure className="chart plane">
      <svg
        width={WIDTH}
        height={HEIGHT}
        role="img"
        aria-label={`impact against effort of ${dots.length} findings; the first is ${words(first)}`}
        onPointerLeave={() => point(undefined)}
      >
        {IMPACTS.filter((tick) => inside(y(tick), TOP, HEIGHT - BOTTOM)).map((tick) => (
          <g key={tick}>
            <line className="grid" x1={LEFT} x2={WIDTH - RIGHT} y1={y(tick)} y2={y(tick)} />
            <text x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {told(hoursPerDay(tick))}
            </text>
          </g>
        ))}
        {spaced(marked, x, EFFORT_WIDTH).map((tick) => (
          <text key={tick} x={x(tick)} y={HEIGHT - BOTTOM + 18} textAnchor="middle">
            {told(days(tick))}
          </text>
        ))}
        <line
          className="axis"
          x1={LEFT}
          x2={WIDTH - RIGHT}
          y1={HEIGHT - BOTTOM}
          y2={HEIGHT - BOTTOM}
        />
        <text x={LEFT} y={12}>
          {database ? '○ users wait, ◇ the database works in vain' : 'users wait'}
        </text>
        <text x={WIDTH - RIGHT} y={HEIGHT - 4} textAnchor="end">
          effort
        </text>
        {placed
          .toSorted((left, right) => Number(left.one.id === here) - Number(right.one.id === here))
          .map(({ one, at }) => (
            <path
              key={one.id}
              className={`dot ${one.level}${one.id === here ? ' here' : ''}`}
              d={shape(one, at.x, at.y, one.id === here ? 8 : 6)}
              onPointerEnter={() => point(one.id)}
              onClick={() => navigate(to(`/findings/${one.id}`))}
            />
          ))}
      </svg>
      <Fills levels={LEVELS.filter((level) => dots.some((one) => one.level === level))} />
      <figcaption className="readout">
        {pointed === undefined
          ? 'Up and to the left: much for little work. Dots of one place stand side by side.'
          : words(pointed)}
      </figcaption>
    </figure>
  );
}

/** What the fill of a dot says. */
function Fills({ levels }: { levels: Level[] }) {
  return (
    <ul className="legend" aria-label="Levels">
      {levels.map((level) => (
        <li key={level}>
          <svg width={14} height={14} aria-hidden="true">
            <path className={`dot ${level}`} d={round(1, 7, 6)} />
          </svg>{' '}
          {level}
        </li>
      ))}
    </ul>
  );
}

/** Round where users wait, a diamond where the database alone works in vain: other hours, on the same axis. */
function shape(finding: Finding, x: number, y: number, size: number): string {
  if (ofDatabase(finding))
    return `M${x - size} ${y}l${size} ${-size} ${size} ${size} ${-size} ${size}z`;
  return round(x - size, y, size);
}

/** A circle from its leftmost point. */
function round(x: number, y: number, size: number): string {
  return `M${x} ${y}a${size} ${size} 0 1 1 ${2 * size} 0a${size} ${size} 0 1 1 ${-2 * size} 0z`;
}

function words(finding: Finding): string {
  const { operation, claim, effort_days: effort } = finding;
  return `${operation}: ${claim}; ${told(hoursPerDay(wasted(finding)))} for ${digits(effort, 2)} d`;
}

function told({ value, unit }: Figure): string {
  return `${value.replace(/\.0+$/, '')}\u2009${unit}`;
}

function inside(value: number, low: number, high: number): boolean {
  return value >= low - 0.5 && value <= high + 0.5;
}
