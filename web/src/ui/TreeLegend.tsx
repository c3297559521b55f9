/** The legend of a merged tree: each colour with its share of the time. */
import type { CallTree } from '../lib/calltree';
import { colourOf } from '../lib/colours';
import { percent } from '../lib/format';
import { LEGEND_MAX, partsOf, type Part } from '../lib/legend';
import { useTheme } from '../lib/theme';
import { KINDS } from '../lib/words';

interface Props {
  tree: CallTree;
  side: 0 | 1;
  /** What colours tell apart: `kind`, `group` or `name`. */
  by: string;
}

export function TreeLegend({ tree, side, by }: Props) {
  const parts = partsOf(tree, side, by);
  const rest = parts.slice(LEGEND_MAX).reduce((sum, part) => sum + part.share, 0);
  return (
    <ul className="legend flame-legend" tabIndex={0} aria-label="what the colours mean">
      {parts.slice(0, LEGEND_MAX).map((part) => (
        <li key={part.key}>
          <Chip part={part} by={by} /> {words(part, by)}{' '}
          <span className="dim">{shareText(part.share)} of the time</span>
        </li>
      ))}
      {rest > 0 && <li className="dim">others, {shareText(rest)}</li>}
    </ul>
  );
}

function Chip({ part, by }: { part: Part; by: string }) {
  const theme = useTheme();
  if (by === 'kind') return <i className={`swatch kind-${part.key}`} aria-hidden="true" />;
  return (
    <svg className="chip" width="12" height="12" aria-hidden="true">
      <rect width="12" height="12" fill={colourOf(part.key, theme)} />
    </svg>
  );
}

function words({ key }: Part, by: string): string {
  if (by === 'kind') return KINDS.find(({ kind }) => kind === key)?.name ?? key;
  return key === '' ? 'without a name' : key;
}

function shareText(share: number): string {
  const { value, unit } = percent(share);
  return `${value} ${unit}`;
}
