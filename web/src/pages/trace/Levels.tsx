/** Opens and closes many rows of the waterfall at once, by buttons and by keys. */
import type { KeyboardEvent } from 'react';

import type { Trace } from '../../api/types';
import { allOf, levelOf, type Opened, type Row } from '../../lib/waterfall';

interface Props {
  trace: Trace;
  all: Row[];
  opened: Opened;
  change: (next: Opened) => void;
}

export function Levels({ trace, all, opened, change }: Props) {
  const buttons: [words: string, key: string, next: () => Opened][] = [
    ['Open all', ']', () => allOf(trace, true)],
    ['Close all', '[', () => allOf(trace, false)],
    ['One level more', 'Shift →', () => levelOf(all, opened, true)],
    ['One level less', 'Shift ←', () => levelOf(all, opened, false)],
  ];
  return (
    <div className="levels" role="group" aria-label="Rows">
      {buttons.map(([words, key, next]) => (
        <button
          key={words}
          type="button"
          className="copy"
          title={`Key: ${key}`}
          onClick={() => change(next())}
        >
          {words}
        </button>
      ))}
    </div>
  );
}

/** What is open after a key that opens or closes many rows; undefined after any other. */
export function levelsBy(
  event: KeyboardEvent,
  trace: Trace,
  all: Row[],
  opened: Opened,
): Opened | undefined {
  if (event.key === ']' || event.key === '[') return allOf(trace, event.key === ']');
  if (event.shiftKey && event.key === 'ArrowRight') return levelOf(all, opened, true);
  if (event.shiftKey && event.key === 'ArrowLeft') return levelOf(all, opened, false);
  return undefined;
}
