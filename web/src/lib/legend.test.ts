import { expect, test } from 'vitest';

import { fromFlame } from './calltree';
import { LEGEND_MAX, partsOf, shares, told } from './legend';

test('colours are told by their share of the time in themselves, the largest first', () => {
  const tree = fromFlame({
    unit: 'nanos',
    frames: [
      { name: 'main', group: 'app.py', kind: 'own' },
      { name: 'SELECT', group: 'app.py', kind: 'database' },
      { name: 'idle', group: 'loop.py', kind: 'own' },
    ],
    depth: [0, 1, 1, 1],
    frame: [0, 1, 2, 1],
    amounts: [{ count: [1, 2, 1, 1], own: [10, 50, 0, 40] }],
    left_out: 0,
  });
  expect(partsOf(tree, 0, 'kind')).toEqual([
    { key: 'database', amount: 90, share: 0.9 },
    { key: 'own', amount: 10, share: 0.1 },
  ]);
  expect(partsOf(tree, 0, 'group')).toEqual([{ key: 'app.py', amount: 100, share: 1 }]);
  expect(partsOf(tree, 0, 'name').map((part) => part.key)).toEqual(['SELECT', 'main']);
});

test('what finds no room in the legend is told together, and all of it is the whole', () => {
  const sums = new Map(Array.from({ length: 40 }, (_, place) => [`service ${place}`, 1 + place]));
  const all = [...sums.values()].reduce((sum, one) => sum + one, 0);
  const { shown, others, rest } = told(shares(sums, all));
  expect(shown).toHaveLength(LEGEND_MAX);
  expect(others).toHaveLength(40 - LEGEND_MAX);
  expect(shown[0]?.share).toBeCloseTo(40 / all);
  expect(shown.reduce((sum, part) => sum + part.share, rest)).toBeCloseTo(1);
  expect(told(shares(new Map([['one', 3]]), 3)).others).toEqual([]);
});
