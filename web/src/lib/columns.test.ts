import { expect, test } from 'vitest';

import type { TraceColumns } from '../api/types';
import { unpack } from './columns';
import { sortedBy, spanGroups } from './spanlist';
import { inView } from './stretches';

const COLUMNS = {
  id: 'a',
  services: ['shop', 'stock'],
  hosts: ['', 'web-1'],
  labels: ['GET /', 'SELECT item 7', 'SELECT item 8'],
  kinds: ['own', 'database'],
  folds: [],
  statements: [],
  spans: {
    ids: '000000000000000a000000000000000b000000000000000c',
    depth: [0, 1, 1],
    service: [0, 0, 0],
    host: [1, 1, 1],
    kind: [0, 1, 1],
    label: [0, 1, 2],
    offset_nanos: [0, 1000, 5000],
    duration_nanos: [10_000, 3000, 4000],
    critical_own_nanos: [3000, 3000, 4000],
    flags: [0, 1, 0],
    count: [1, 1, 1],
    fold: [-1, -1, -1],
  },
} as unknown as TraceColumns;

test('spans of a trace come out of its columns, with what follows from them', () => {
  const trace = unpack(COLUMNS);
  expect(trace.nodes.map((node) => [node.span_id, node.parent, node.subtree_end])).toEqual([
    ['000000000000000a', null, 3],
    ['000000000000000b', 0, 2],
    ['000000000000000c', 0, 3],
  ]);
  expect(trace.nodes.map((node) => node.critical_micros)).toEqual([10, 3, 4]);
  expect(trace.nodes[1]).toMatchObject({ failed: true, kind: 'database', host: 1, fold: null });
});

test('spans that did the same are one row, and the one with the most is first', () => {
  const rows = sortedBy(spanGroups(unpack(COLUMNS)), 'count');
  expect(rows.map((row) => [row.label, row.count, row.execution_micros, row.failed])).toEqual([
    ['SELECT item #', 2, 7, 1],
    ['GET /', 1, 3, 0],
  ]);
});

test('stretches that touch on the screen are given once', () => {
  const shown = (from: number, to: number, unit: number) => {
    const found: [number, number][] = [];
    const all = Float64Array.from([0, 1, 2, 3, 4, 5, 50, 60, 80, 90]);
    inView(all, [from, to], unit, (begin, end) => found.push([begin, end]));
    return found;
  };
  expect(shown(0, 100, 0.5)).toEqual([
    [0, 1],
    [2, 3],
    [4, 5],
    [50, 60],
    [80, 90],
  ]);
  expect(shown(0, 100, 2)).toEqual([
    [0, 5],
    [50, 60],
    [80, 90],
  ]);
  expect(shown(55, 70, 1)).toEqual([[50, 60]]);
});
