/** Events and log records on the bars of their spans. */
import { expect, test } from 'vitest';

import type { TraceLogs } from '../api/types';
import type { FullTrace } from './columns';
import { drawn, marksOf } from './marks';

const TRACE = {
  start_unix_micros: 1_000_000,
  nodes: [
    { span_id: 'a', fold: null },
    { span_id: 'b', fold: 0 },
    { span_id: 'c', fold: 0 },
  ],
  events: { span: [1, 99], offset_nanos: [7000, 1], exception: [true, false] },
} as unknown as FullTrace;
const LOGS = {
  logs: [
    { span_id: 'b', unix_micros: 1_000_002, severity_number: 9 },
    { span_id: 'c', unix_micros: 1_000_004, severity_number: 17 },
    { span_id: 'c', unix_micros: 0, severity_number: 17 },
    { span_id: null, unix_micros: 1_000_005, severity_number: 17 },
    { span_id: 'gone', unix_micros: 1_000_005, severity_number: 17 },
  ],
} as unknown as TraceLogs;

test('events and records stand at their spans and in their folds, in order of time', () => {
  const marks = marksOf(TRACE, LOGS);
  const b = [
    { micros: 2, bad: false },
    { micros: 7, bad: true },
  ];
  const c = { micros: 4, bad: true };
  expect([...marks.spans]).toEqual([
    [1, b],
    [2, [c]],
  ]);
  expect(marks.folds.get(0)).toEqual([b[0], c, b[1]]);
  expect([...marksOf(TRACE, undefined).spans]).toEqual([[1, [b[1]]]]);
});

test('of marks that are close only one is drawn, the bad one if there is one', () => {
  const at = (micros: number, bad = false) => ({ micros, bad });
  expect(drawn([at(0), at(1), at(2, true), at(3), at(12)], 5)).toEqual([at(2, true), at(12)]);
  expect(drawn([at(0), at(5), at(10)], 5)).toHaveLength(3);
  expect(drawn([], 5)).toEqual([]);
});
