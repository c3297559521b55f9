/** Long lists: the first rows are drawn, and more of them on request, so that thousands hold up nothing. */
import { useState, type ReactNode } from 'react';

import { grouped } from '../lib/format';
import { ROWS_MAX } from './Sorted';

/** How many of `count` rows are drawn, and what stands below them. */
export function useMore(count: number, step = ROWS_MAX): { shown: number; more: ReactNode } {
  const [shown, setShown] = useState(step);
  const left = count - shown;
  const more = left > 0 && (
    <p className="more">
      <button type="button" className="copy" onClick={() => setShown(shown + step)}>
        Show {grouped(Math.min(step, left))} more
      </button>{' '}
      <span className="dim">
        {grouped(shown)} of {grouped(count)} are shown
      </span>
    </p>
  );
  return { shown, more };
}
