/** One bar that splits time by kind, and what its colours mean. */
import type { Breakdown } from '../api/types';
import { durationText, percent } from '../lib/format';
import { KINDS } from '../lib/words';
import { Duration } from './Num';

export function KindBar({ breakdown, label }: { breakdown: Breakdown; label?: string }) {
  const parts = KINDS.map(({ kind, name, of }) => ({ kind, name, micros: of(breakdown) }));
  const whole = parts.reduce((sum, part) => sum + part.micros, 0);
  const shown = parts.filter((part) => part.micros > 0);
  const words = shown.map((part) => `${part.name} ${text(part.micros, whole)}`).join(', ');
  return (
    <span className="kindbar" role="img" aria-label={`${label ?? 'where time goes'}: ${words}`}>
      {shown.map((part) => (
        <span
          key={part.kind}
          className={`kind-${part.kind}`}
          style={{ flexGrow: part.micros / whole }}
          title={`${part.name}: ${durationText(part.micros)}, ${text(part.micros, whole)}`}
        />
      ))}
    </span>
  );
}

/** The kinds with time in them, as a legend with figures. */
export function KindLegend({ breakdown, per = 1 }: { breakdown: Breakdown; per?: number }) {
  const parts = KINDS.map(({ kind, name, of }) => ({ kind, name, micros: of(breakdown) }));
  const whole = parts.reduce((sum, part) => sum + part.micros, 0);
  return (
    <ul className="legend">
      {parts
        .filter((part) => part.micros > 0)
        .map((part) => (
          <li key={part.kind}>
            <i className={`swatch kind-${part.kind}`} aria-hidden="true" />
            {part.name} <Duration micros={part.micros / per} />
            <span className="dim">{text(part.micros, whole)}</span>
          </li>
        ))}
    </ul>
  );
}

/** What the colours of a column of bars mean: the kinds that occur in it. `className` says when the column goes. */
export function KindKey({ of: all, className }: { of: Breakdown[]; className: string }) {
  const shown = KINDS.filter(({ of }) => all.some((one) => of(one) > 0));
  return (
    <ul className={`legend kind-key ${className}`} aria-label="Kinds of time">
      {shown.map(({ kind, name }) => (
        <li key={kind}>
          <i className={`swatch kind-${kind}`} aria-hidden="true" />
          {name}
        </li>
      ))}
    </ul>
  );
}

function text(part: number, whole: number): string {
  const { value, unit } = percent(whole > 0 ? part / whole : 0);
  return `${value}\u2009${unit}`;
}
