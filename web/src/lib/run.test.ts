import { expect, test } from 'vitest';

import { placeAmong } from './run';

test('a latency lies among boxes of equal ratio where its logarithm does', () => {
  const bins = [1, 10, 100].map((from) => ({ from, to: from * 10, count: 0 }));
  expect([1, 10, 100].map((micros) => placeAmong(bins, micros))).toEqual([0, 1, 2]);
  expect(placeAmong(bins, Math.sqrt(1000))).toBeCloseTo(1.5);
  expect([0.5, 1000, 5000].map((micros) => placeAmong(bins, micros))).toEqual([0, 3, 3]);
  // What a file says is not trusted.
  expect(placeAmong([{ from: 0, to: 10, count: 1 }], 5)).toBe(0);
});
