import { expect, test } from 'vitest';

import { nextStates, STATES, stateWords } from './progress';

test('every state leads on, to states that there are, and none to itself', () => {
  const known = STATES.map((one) => one.state);
  for (const state of known) {
    const next = nextStates(state);
    expect(next.length).toBeGreaterThan(0);
    expect(known).toEqual(expect.arrayContaining(next));
    expect(next).not.toContain(state);
  }
  expect(stateWords('in-work')).toBe('in work');
});
