/** Releases and remedies: thin lines on an axis of time, told in full below their chart and on pointing at them. */
import { useState } from 'react';

import { path, useApi } from '../api/use';
import type { Mark, Marks } from '../api/types';
import { together } from '../lib/axis';
import { clock, plural } from '../lib/format';
import { to } from '../lib/route';
import { useRange } from '../lib/time';
import { Link } from './Link';

interface Props {
  marks: Mark[];
  x: (unixMs: number) => number;
  top: number;
  bottom: number;
  left: number;
  right: number;
}

export function MarkLines({ marks, x, top, bottom, left, right }: Props) {
  const placed = marks.map((mark) => ({ x: x(mark.unix_ms), of: mark }));
  const inside = placed.filter((one) => one.x >= left && one.x <= right);
  return together(inside).map((group) => (
    <g key={group.x} className={`mark-line ${group.of[0]?.kind ?? ''}`}>
      <title>{group.of.map(words).join('\n')}</title>
      <line x1={group.x} x2={group.x} y1={top} y2={bottom} />
      <path d={shape(group.of[0], group.x, top)} />
      {/* Wide enough to be pointed at. */}
      <rect x={group.x - 6} y={top - 8} width={12} height={bottom - top + 8} fill="transparent" />
    </g>
  ));
}

/** Those of the stretch of time that the page looks at. */
export function useMarks(): Mark[] {
  const { data } = useApi<Marks>(path('marks', { ...useRange() }));
  return data?.marks ?? [];
}

/** The same over any chart of it. */
export function MarksHere(place: Omit<Props, 'marks'>) {
  const { data, problem } = useApi<Marks>(path('marks', { ...useRange() }));
  if (problem === undefined) return <MarkLines marks={data?.marks ?? []} {...place} />;
  return (
    <text className="tick" x={place.right} y={place.top} textAnchor="end">
      releases and remedies are not known
    </text>
  );
}

/** A shape for each kind, so that it is told without its colour. */
function shape(mark: Mark | undefined, x: number, y: number): string {
  if (mark?.kind === 'release') return `M${x - 4} ${y - 8}h8l-4 7z`;
  if (mark?.kind === 'reverted') return `M${x - 4} ${y - 8}l8 7m0 -7l-8 7`;
  return `M${x - 4} ${y - 4}l4 -4l4 4l-4 4z`;
}

const KINDS = { release: 'release', applied: 'applied', reverted: 'taken back' };

function words(mark: Mark): string {
  return `${clock(mark.unix_ms)} ${KINDS[mark.kind]}: ${mark.words}`;
}

/** Marks that are told below their chart, the latest; older ones on request. */
const TOLD = 8;

/** The same as a list. */
export function MarkList({ marks }: { marks: Mark[] }) {
  const [all, setAll] = useState(false);
  if (marks.length === 0) return null;
  const older = all ? 0 : Math.max(0, marks.length - TOLD);
  return (
    <ul className="marks" aria-label="Releases and remedies">
      {older > 0 && (
        <li>
          <button type="button" className="link" onClick={() => setAll(true)}>
            {plural(older, 'older one')}
          </button>
        </li>
      )}
      {marks.slice(older).map((mark) => (
        <li key={`${mark.unix_ms} ${mark.kind} ${mark.words}`} className={mark.kind}>
          <svg width="10" height="10" viewBox="-5 -9 10 10" aria-hidden="true">
            <path d={shape(mark, 0, 0)} />
          </svg>
          <time dateTime={new Date(mark.unix_ms).toISOString()}>{clock(mark.unix_ms)}</time>{' '}
          {KINDS[mark.kind]}{' '}
          {mark.finding == null ? (
            <strong>{mark.words}</strong>
          ) : (
            <Link to={to(`/findings/${mark.finding}`)}>
              {mark.words === '' ? mark.finding : mark.words}
            </Link>
          )}
        </li>
      ))}
    </ul>
  );
}
