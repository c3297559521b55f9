import { expect, test } from 'vitest';

import { fromFlame } from './calltree';
import { partsOf } from './legend';

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
    { key: 'database', share: 0.9 },
    { key: 'own', share: 0.1 },
  ]);
  expect(partsOf(tree, 0, 'group')).toEqual([{ key: 'app.py', share: 1 }]);
  expect(partsOf(tree, 0, 'name').map((part) => part.key)).toEqual(['SELECT', 'main']);
});
