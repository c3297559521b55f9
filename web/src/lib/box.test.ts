import { expect, test } from 'vitest';

import type { Heatmap } from '../api/types';
import { boxOf, boxText, cellAt, wholeCells, within } from './box';

test('a box is in the address as it is drawn', () => {
  const box = { from: 1000, to: 2000, low: 10, high: 500 };
  expect(boxOf(boxText(box))).toEqual(box);
  expect(boxText({ from: 1000.4, to: 1000.5, low: 9.9, high: 9.95 })).toBe('1000-1001-9-10');
  for (const text of [null, '', '1-2-3', '2-1-3-4', '1-2-4-3', 'a-b-c-d']) {
    expect(boxOf(text)).toBeUndefined();
  }
  expect(within(box)).toBe('duration >= 10us and duration <= 500us');
});

test('a cell is found where it is drawn, and an empty one is none', () => {
  const map = {
    edges: [1, 10, 100],
    columns: [{ from_unix_ms: 0, to_unix_ms: 60, counts: [0, 7] }],
  } as unknown as Heatmap;
  expect(cellAt(map, 30, 50)).toEqual({ from: 0, low: 10, high: 100, count: 7 });
  expect(cellAt(map, 30, 5)).toBeUndefined();
  expect(cellAt(map, 99, 50)).toBeUndefined();
});

test('a box that is drawn takes the cells at its edges whole', () => {
  const map = {
    edges: [1, 10, 100],
    columns: [0, 60, 120].map((from) => ({ from_unix_ms: from, to_unix_ms: from + 60 })),
  } as unknown as Heatmap;
  expect(wholeCells(map, { from: 70, to: 125, low: 12, high: 60 })).toEqual({
    from: 60,
    to: 180,
    low: 10,
    high: 100,
  });
  // Beyond the picture there are no cells.
  const beyond = { from: 500, to: 600, low: 0.5, high: 2000 };
  expect(wholeCells(map, beyond)).toEqual(beyond);
});
