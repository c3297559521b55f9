import { describe, expect, test } from 'vitest';

import type { Heatmap } from '../api/types';
import { boxOf, boxText, cellAt, firstBox, lies, movedBox, wholeCells, within } from './box';

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

describe('a box that keys move', () => {
  const all = { from: 0, to: 2000, low: 1, high: 10_000 };

  test('begins as the upper quarter', () => {
    expect(firstBox(all)).toEqual({ from: 0, to: 2000, low: 1000, high: 10_000 });
  });

  test('moves by a twentieth, and keeps its size', () => {
    const box = { from: 500, to: 700, low: 10, high: 100 };
    expect(movedBox(box, all, 1, 0, false)).toEqual({ ...box, from: 600, to: 800 });
    const up = movedBox(box, all, 0, 1, false);
    expect(up.low).toBeCloseTo(10 * 10 ** 0.2);
    expect(up.high).toBeCloseTo(100 * 10 ** 0.2);
    expect(movedBox(box, all, -1, 0, true)).toEqual({ ...box, to: 600 });
    expect(movedBox({ ...box, to: 550 }, all, -1, 0, true).to).toBe(550);
  });

  test('never leaves the picture', () => {
    let box = { from: 500, to: 700, low: 10, high: 100 };
    for (let times = 0; times < 50; times += 1) box = movedBox(box, all, 1, 1, false);
    expect(box.from).toBe(1800);
    expect(box.to).toBe(2000);
    expect(box.low).toBeCloseTo(1000);
    expect(box.high).toBeCloseTo(10_000);
    for (let times = 0; times < 50; times += 1) box = movedBox(box, all, -1, -1, false);
    expect(box.from).toBe(0);
    expect(box.low).toBeCloseTo(1);
    for (let times = 0; times < 50; times += 1) box = movedBox(box, all, 1, 1, true);
    expect(box.to).toBe(2000);
    expect(box.high).toBeCloseTo(10_000);
  });

  test('that time has left behind is known to be outside', () => {
    const box = { from: 500, to: 700, low: 10, high: 100 };
    expect(lies(box, { from_unix_ms: 600, to_unix_ms: 1600 })).toBe(true);
    expect(lies(box, { from_unix_ms: 700, to_unix_ms: 1700 })).toBe(false);
  });
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
