import { expect, test } from 'vitest';

import { courseOf, withRate, type Told } from './rates';

const told = (...at: [seconds: number, perSecond: number][]): Told[] =>
  at.map(([seconds, perSecond]) => ({ unixMs: seconds * 1000, perSecond }));

test('what was told lies on steps of two seconds, and a late answer leaves no gap', () => {
  expect(courseOf(told([10, 1], [12, 2], [14.1, 3], [18.2, 4]))).toEqual({
    from: 10_000,
    to: 20_000,
    values: [1, 2, 3, 3, 4],
  });
});

test('a page that was hidden has a gap', () => {
  const course = courseOf(told([0, 1], [2, 1], [20, 5]));
  expect(course?.values).toHaveLength(11);
  expect(course?.values.slice(0, 4)).toEqual([1, 1, 1, undefined]);
  expect(course?.values.at(-1)).toBe(5);
});

test('a moment is no course, and what is old is forgotten', () => {
  expect(courseOf([])).toBeUndefined();
  expect(courseOf(told([1, 5], [3, 5]))).toBeUndefined();
  const kept = withRate(told([0, 1], [200, 2]), 3, 400_000);
  expect(kept).toEqual(told([200, 2], [400, 3]));
});
