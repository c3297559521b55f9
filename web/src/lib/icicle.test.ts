import { expect, test } from 'vitest';

import { place } from './icicle';

const node = (depth: number, whole: number) => ({ depth, whole });

test('children stand side by side within their parent', () => {
  expect(place([node(0, 100), node(1, 60), node(2, 30), node(1, 20)])).toEqual([
    { node: 0, depth: 0, from: 0, to: 1 },
    { node: 1, depth: 1, from: 0, to: 0.6 },
    { node: 2, depth: 2, from: 0, to: 0.3 },
    { node: 3, depth: 1, from: 0.6, to: 0.8 },
  ]);
});

test('children that took more than their parent do not leave it', () => {
  const boxes = place([node(0, 10), node(1, 15), node(1, 5)]);
  expect(boxes.map((box) => [box.from, box.to])).toEqual([
    [0, 1],
    [0, 0.75],
    [0.75, 1],
  ]);
});

test('a plan that took nothing has boxes all the same', () => {
  expect(place([node(0, 0), node(1, 0)]).map((box) => box.to)).toEqual([1, 0]);
});
