import { expect, test } from 'vitest';

import { apart, spaced } from './apart';

test('dots at one place stand beside each other, at their height', () => {
  const at = { x: 50, y: 20 };
  expect(apart([at, at, at], 12, 0, 100)).toEqual([at, { x: 62, y: 20 }, { x: 38, y: 20 }]);
  // Nothing is moved out of the picture.
  expect(apart([at, at], 12, 40, 55)[1]).toEqual(at);
  expect(apart([at, { x: 50, y: 40 }], 12, 0, 100)[1]).toEqual({ x: 50, y: 40 });
});

test('a tick without room for its words is left out', () => {
  expect(spaced([1, 2, 3, 4], (tick) => tick * 10, 20)).toEqual([1, 3]);
});
