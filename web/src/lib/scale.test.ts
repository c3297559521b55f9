import { expect, test } from 'vitest';

import { logScale, logTicks, spaced, ticks, ticksOver, union } from './scale';

test('ticks are round and not more than asked for', () => {
  expect(ticks(900, 5)).toEqual([0, 200, 400, 600, 800]);
  expect(ticks(1, 5)).toHaveLength(6);
  expect(ticks(0, 5)).toEqual([0]);
});

test('an axis that tells both its ends has room for the largest value', () => {
  expect(ticksOver(9200, 5)).toEqual([0, 2000, 4000, 6000, 8000, 10_000]);
  expect(ticksOver(10_000, 5)).toEqual([0, 2000, 4000, 6000, 8000, 10_000]);
  expect(ticksOver(0, 5)).toEqual([0, 1]);
  for (const most of [0.07, 0.3, 1, 3, 11, 99.96, 1234, 8e8]) {
    const all = ticksOver(most, 5);
    expect(all.at(-1)).toBeGreaterThanOrEqual(most * 0.999999);
    expect(all.length).toBeLessThanOrEqual(6);
  }
});

test('a logarithmic axis has ticks over many decades and within one', () => {
  expect(logTicks(1, 1e6)).toEqual([1, 10, 100, 1e3, 1e4, 1e5, 1e6]);
  expect(logTicks(10, 100)).toEqual([10, 20, 50, 100]);
  expect(logTicks(850, 950).length).toBeGreaterThan(1);
  for (const tick of logTicks(850, 950)) expect(tick).toBeGreaterThanOrEqual(850);
});

test('ticks that would overlap go without words', () => {
  expect(spaced([1, 2, 5, 10, 20], (tick) => tick * 10, 40)).toEqual([1, 5, 10, 20]);
});

test('stretches that touch become one', () => {
  expect(
    union([
      [5, 6],
      [0, 1],
      [1, 3],
      [2, 4],
    ]),
  ).toEqual([
    [0, 4],
    [5, 6],
  ]);
});

test('a logarithmic axis gives each factor the same room', () => {
  const x = logScale(1, 100, 0, 50);
  expect([1, 10, 100].map(x)).toEqual([0, 25, 50]);
  expect(logScale(5, 5, 0, 50)(5)).toBe(0);
});
