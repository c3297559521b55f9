import { expect, test } from 'vitest';

import { fromFlame } from './calltree';
import { wedges } from './sunburst';

const tree = fromFlame({
  unit: 'nanos',
  frames: ['main', 'query', 'read', 'idle'].map((name) => ({ name, group: 'app.py' })),
  depth: [0, 1, 2, 1],
  frame: [0, 1, 2, 3],
  amounts: [{ count: [1, 1, 1, 1], own: [39, 20, 40, 1] }],
  left_out: 0,
});
const places = (rings: number, least?: number, root?: number) =>
  wedges(tree, 0, root, rings, least).map((wedge) => wedge.place);

test('rings go as deep as they are asked to, and leave out what is narrower than that', () => {
  expect(places(8)).toEqual([0, 1, 2, 3]);
  expect(places(2)).toEqual([0, 1, 3]);
  expect(places(8, 0.02)).toEqual([0, 1, 2]);
  expect(places(8, 0.5)).toEqual([0, 1]);
});

test('the middle is the whole circle of what is below it', () => {
  expect(places(8, 0.5, 1)).toEqual([1, 2]);
  expect(wedges(tree, 0, 1, 8)[1]?.to).toBeCloseTo(40 / 60);
});
