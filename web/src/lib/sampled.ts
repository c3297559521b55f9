/** Of how many requests merged calls are, and how those were chosen. */
import type { FlameAnswer } from '../api/types';
import { clock, plural } from './format';

export function sampled(side: FlameAnswer['sides'][number]): string {
  const of =
    side.traces_in_all > side.requests
      ? `, a fair sample of ${plural(side.traces_in_all, 'trace')}`
      : '';
  const since =
    side.held_since_unix_ms == null ? '' : `, of what came since ${clock(side.held_since_unix_ms)}`;
  const cut = side.cut ? ', without those that were too large or took too long to be read' : '';
  return `${plural(side.requests, 'request')}${of}${since}${cut}`;
}
