/** Where a finding stands: a word, and a mark that says the same without its colour. */
import type { FindingState } from '../api/types';
import { stateWords } from '../lib/progress';

const MARKS: Record<FindingState, string> = {
  new: '○',
  accepted: '◔',
  'in-work': '◑',
  applied: '◕',
  proven: '●',
  reverted: '↺',
  dismissed: '–',
};

export function State({ state }: { state: FindingState }) {
  return (
    <span className={`state ${state}`}>
      <i aria-hidden="true">{MARKS[state]}</i> {stateWords(state)}
    </span>
  );
}
