import { expect, test } from 'vitest';

import { offsetMs, onSteps, timeAt, timeTicks, timeX, together } from './axis';

const hour = { from: Date.UTC(2026, 0, 1, 10), to: Date.UTC(2026, 0, 1, 11), left: 50, right: 650 };

test('a moment lies where it is read again', () => {
  const x = timeX(hour);
  expect(x(hour.from)).toBe(50);
  expect(x(hour.to)).toBe(650);
  expect(timeAt(hour, 350)).toBe(hour.from + 1800e3);
  expect(timeAt(hour, 9999)).toBe(hour.to);
});

test('ticks are round moments with room for their words', () => {
  const minutes = timeTicks(hour).map((at) => new Date(at).getUTCMinutes());
  expect(minutes).toEqual([0, 10, 20, 30, 40, 50, 0]);
  expect(timeTicks({ ...hour, right: 130 })).toHaveLength(2);
});

test('days begin where the zone begins them', () => {
  const week = { ...hour, from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 8) };
  const offset = offsetMs(week.from, 'Asia/Kathmandu');
  expect(offset).toBe((5 * 60 + 45) * 60_000);
  const [first] = timeTicks(week, 84, offset);
  expect(new Date(first ?? 0).toISOString()).toBe('2026-01-01T18:15:00.000Z');
  expect(offsetMs(week.from, 'UTC')).toBe(0);
});

test('points lie on the steps of their window, with gaps where there was none', () => {
  // Steps of a thirtieth: 3.333 s, whose begins are told in whole milliseconds.
  const window = { from_unix_ms: 1000, to_unix_ms: 101_000 };
  const begin = (step: number) => ({ from_unix_ms: 1000 + Math.floor((step * 100_000) / 30) });
  const all = Array.from({ length: 30 }, (_, step) => begin(step));
  expect(onSteps(all, window)).toEqual(all);
  const gaps = onSteps([begin(0), begin(1), begin(29)], window);
  expect(gaps).toHaveLength(30);
  expect([gaps[0], gaps[1], gaps[2], gaps[29]]).toEqual([begin(0), begin(1), undefined, begin(29)]);
  expect(onSteps([begin(15)], window).filter(Boolean)).toEqual([begin(15)]);
  expect(onSteps([], window).filter(Boolean)).toEqual([]);
  // What is looked at less often than there are steps has longer ones, and no gaps.
  const rare = [0, 8, 16, 24].map(begin);
  expect(onSteps(rare, window)).toEqual(rare);
  const uneven = [0, 23, 46, 69, 92].map((second) => ({ from_unix_ms: 1000 + second * 1000 }));
  expect(onSteps(uneven, window)).toEqual(uneven);
});

test('marks that would overlap are told together', () => {
  const all = [10, 12, 40].map((x) => ({ x, of: x }));
  expect(together(all).map((group) => group.of)).toEqual([[10, 12], [40]]);
});
