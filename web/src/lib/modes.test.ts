import { expect, test } from 'vitest';

import { modes } from './modes';

/** So many requests around a bucket. */
function hump(counts: number[], at: number, count: number, spread = 2) {
  let left = count;
  for (let step = 0; left > 0 && step <= spread * 3; step += 1) {
    for (const place of step === 0 ? [at] : [at - step, at + step]) {
      const share = Math.min(
        left,
        Math.ceil(count * Math.exp((-step * step) / spread / spread / 2) * 0.2),
      );
      counts[place] = (counts[place] ?? 0) + share;
      left -= share;
    }
  }
  return counts;
}

const empty = () => new Array<number>(64).fill(0);

test('one hump is one', () => {
  expect(modes(hump(empty(), 30, 500))).toHaveLength(1);
});

test('two humps are told with their peaks, and no request is in neither', () => {
  const found = modes(hump(hump(empty(), 15, 300), 45, 200));
  expect(found.map((mode) => mode.peak)).toEqual([15, 45]);
  expect(found.reduce((sum, mode) => sum + mode.count, 0)).toBe(500);
  expect(found[0]?.to).toBe(found[1]?.from);
});

test('a tail of a few slow ones is no hump', () => {
  expect(modes(hump(hump(empty(), 15, 500), 50, 10))).toHaveLength(1);
});

test('a dozen requests have no humps', () => {
  expect(modes(hump(hump(empty(), 15, 8), 45, 8))).toHaveLength(1);
  expect(modes(empty())).toEqual([]);
});

test('three are told too', () => {
  const counts = hump(hump(hump(empty(), 10, 300), 32, 200), 55, 100);
  expect(modes(counts).map((mode) => mode.peak)).toEqual([10, 32, 55]);
});
