import { expect, test } from 'vitest';

import type { Trace } from '../api/types';
import { pathOf } from './criticalpath';
import { waitedOf } from './stretches';

/** Parent, begin, end, and how long somebody waited for it and all below. */
type Told = [parent: number | null, from: number, to: number, critical: number];

function trace(told: Told[]): Trace {
  const nodes = told.map(([parent, from, to, critical]) => ({
    parent,
    offset_micros: from,
    duration_micros: to - from,
    critical_micros: critical,
  }));
  return { nodes } as unknown as Trace;
}

test('the path runs through what was waited for, where it was, and through nothing else', () => {
  const told = trace([
    [null, 0, 100, 100],
    [0, 0, 60, 50],
    // It outlives its parent, which nobody waited for.
    [1, 50, 500, 0],
    [0, 10, 40, 0],
    [0, 50, 90, 40],
    [4, 55, 60, 5],
    [4, 80, 95, 10],
  ]);
  const { from, to } = pathOf(told);
  const stretch = (place: number) => [from[place], to[place]];
  expect(stretch(0)).toEqual([0, 100]);
  expect(stretch(1)).toEqual([0, 50]);
  expect(stretch(2)).toEqual([0, 0]);
  expect(stretch(3)).toEqual([0, 0]);
  expect(stretch(4)).toEqual([50, 90]);
  expect(stretch(5)).toEqual([55, 60]);
  // It ended after its parent: what was waited for ended with it.
  expect(stretch(6)).toEqual([80, 90]);
});

test('of a fold the path runs through its members, not through the gaps between them', () => {
  const told = trace([
    [null, 0, 900, 900],
    [0, 100, 110, 10],
    [0, 300, 320, 20],
    [0, 315, 318, 0],
    [0, 800, 805, 5],
  ]);
  expect([...waitedOf(told, 0, [1, 2, 3, 4])]).toEqual([100, 110, 300, 320, 800, 805]);
});
