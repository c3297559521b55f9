/** Looking for spans of a trace, wherever they are folded or closed. */
import { expect, test } from 'vitest';

import type { Trace } from '../api/types';
import { find, nextFound } from './find';

/** Parent, name, service and fold of each span. */
const SPANS: [number | null, string, number, number | null][] = [
  [null, 'GET /orders', 0, null],
  [0, 'SELECT customer', 0, 0],
  [1, 'connect', 0, null],
  [0, 'SELECT customer', 0, 0],
  [0, 'GET stock', 1, null],
  [4, 'SELECT Item', 1, null],
];
const TRACE = {
  services: ['shop', 'stock'],
  nodes: SPANS.map(([parent, label, service, fold]) => ({ parent, label, service, fold })),
} as unknown as Trace;

test('names and services are looked through, whatever their case', () => {
  expect(find(TRACE, 'select').nodes).toEqual([1, 3, 5]);
  expect(find(TRACE, ' ITEM ').nodes).toEqual([5]);
  expect(find(TRACE, 'stock').nodes).toEqual([4, 5]);
  expect(find(TRACE, '  ').nodes).toEqual([]);
  expect(find(TRACE, '.*').nodes).toEqual([]);
});

test('rows are known within which one is hidden', () => {
  const { above, folds, is } = find(TRACE, 'connect');
  expect([...above].toSorted()).toEqual([0, 1]);
  expect([...folds]).toEqual([0]);
  expect([...is]).toEqual([2]);
  expect(find(TRACE, 'item').folds.size).toBe(0);
});

test('the next one follows the row that somebody is at, and the first the last', () => {
  expect([0, 1, 2, 3, 5].map((here) => nextFound([1, 3], here, 1))).toEqual([1, 3, 3, 1, 1]);
  expect([0, 1, 2, 3, 5].map((here) => nextFound([1, 3], here, -1))).toEqual([3, 3, 1, 1, 3]);
  expect(nextFound([], 2, 1)).toBeUndefined();
});
