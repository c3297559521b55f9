import { expect, test } from 'vitest';

import { fromFlame, type CallTree } from './calltree';
import { callees, callers } from './sandwich';

/** `main` calls `a` and `b`; both call `sum`, which calls `map`; below `b` it calls itself. */
const TREE = fromFlame({
  unit: 'nanos',
  frames: ['main', 'a', 'b', 'sum', 'map'].map((name) => ({ name, group: '' })),
  depth: [0, 1, 2, 3, 1, 2, 3],
  frame: [0, 1, 3, 4, 2, 3, 3],
  amounts: [{ count: [1, 1, 2, 2, 1, 3, 1], own: [1, 2, 4, 8, 16, 32, 64] }],
  left_out: 0,
});

function told(tree: CallTree): string[] {
  return tree.frame.map(
    (frame, place) =>
      `${' '.repeat(tree.depth[place] ?? 0)}${tree.frames[frame]?.name ?? ''} ${tree.sides[0]?.total[place] ?? 0}`,
  );
}

test('all that a function called is one tree, wherever it was called from', () => {
  expect(told(callees(TREE, 3))).toEqual(['sum 108', ' sum 64', ' map 8']);
});

test('all that called a function is one tree up to the roots', () => {
  expect(told(callers(TREE, 3))).toEqual(['sum 108', ' b 96', '  main 96', ' a 12', '  main 12']);
});
