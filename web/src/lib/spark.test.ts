import { expect, test } from 'vitest';

import { durationText } from './format';
import { sparkWords } from './spark';

test('a line tells its least, its most and its last value', () => {
  const text = (value: number) => `${value} q`;
  expect(sparkWords([3, 1, 2], text)).toBe('1 q to 3 q, last 2 q');
  expect(sparkWords([4, 4], text)).toBe('4 q all the time');
  expect(sparkWords([], text)).toBe('nothing');
  expect(sparkWords([2000, 4000], durationText, 500_000)).toBe(
    '2.00 ms to 4.00 ms, last 4.00 ms; target 500 ms',
  );
});
