/** Where findings stand, in words. */
import type { FindingProgress, FindingState } from '../api/types';

export const STATES: { state: FindingState; words: string; does: string }[] = [
  { state: 'new', words: 'new', does: 'Make it new again' },
  { state: 'accepted', words: 'accepted', does: 'Accept it' },
  { state: 'in-work', words: 'in work', does: 'Take it on' },
  { state: 'applied', words: 'applied', does: 'The remedy is in' },
  { state: 'proven', words: 'proven', does: 'It was measured to work' },
  { state: 'reverted', words: 'reverted', does: 'The remedy was taken back' },
  { state: 'dismissed', words: 'dismissed', does: 'Leave it as it is' },
];

export function stateWords(state: FindingState): string {
  return STATES.find((known) => known.state === state)?.words ?? state;
}

/** What usually comes next, first; the rest can be chosen too. */
export function nextStates(state: FindingState): FindingState[] {
  switch (state) {
    case 'new':
      return ['accepted', 'in-work', 'dismissed'];
    case 'accepted':
      return ['in-work', 'applied', 'dismissed'];
    case 'in-work':
      return ['applied', 'accepted', 'dismissed'];
    case 'applied':
      return ['proven', 'reverted'];
    case 'proven':
      return ['reverted'];
    case 'reverted':
      return ['accepted', 'in-work', 'dismissed'];
    case 'dismissed':
      return ['new'];
  }
}

/** Where a finding stands of a list; new as long as nobody has said anything. */
export function progressOf(all: FindingProgress[], id: string): FindingProgress | undefined {
  return all.find((one) => one.id === id);
}
