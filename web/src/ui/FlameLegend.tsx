/** What the colours of a flame graph mean, each with its share of the time; what finds no room is told together. */
import { shareText } from '../lib/amount';
import { colourOf } from '../lib/colours';
import { told, type Part } from '../lib/legend';
import { useTheme } from '../lib/theme';
import { KINDS } from '../lib/words';

interface Props {
  parts: Part[];
  /** What colours tell apart: `kind`, or names, whose colours are their own. */
  by: string;
  /** What the shares are of. */
  of: string;
  /** What is said where there is no name. */
  unnamed?: string;
  /** An amount with its unit. */
  text?: (amount: number) => string;
}

export function FlameLegend({ parts, by, of, unnamed = 'without a name', text }: Props) {
  const { shown, others, rest } = told(parts);
  return (
    <ul className="legend flame-legend" tabIndex={0} aria-label="what the colours mean">
      {shown.map((part) => (
        <li key={part.key} title={text?.(part.amount)}>
          <Chip name={part.key} by={by} /> {words(part.key, by, unnamed)}{' '}
          <span className="dim">
            {shareText(part.share, 1)} of {of}
          </span>
        </li>
      ))}
      {others.length > 0 && (
        <li className="dim">
          {others.length} others, {shareText(rest, 1)}
        </li>
      )}
    </ul>
  );
}

function Chip({ name, by }: { name: string; by: string }) {
  const theme = useTheme();
  if (by === 'kind') return <i className={`swatch kind-${name}`} aria-hidden="true" />;
  return (
    <svg className="chip" width="12" height="12" aria-hidden="true">
      <rect width="12" height="12" fill={colourOf(name, theme)} />
    </svg>
  );
}

function words(key: string, by: string, unnamed: string): string {
  if (by === 'kind') return KINDS.find(({ kind }) => kind === key)?.name ?? key;
  return key === '' ? unnamed : key;
}
