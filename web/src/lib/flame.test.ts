import { describe, expect, test } from 'vitest';

import { fromFlame, mergeTrace, parents } from './calltree';
import type { FullTrace, SpanNode } from './columns';
import { differenceBoxes, frameChanges, relativeText } from './difference';
import { boxAt, mergedBoxes, rowCount, stepFrom, timeBoxes, type Boxes } from './flame';
import { wedges } from './sunburst';

/** Parent, begin, end, own time on the critical path, label. */
type Told = [parent: number | null, from: number, to: number, own: number, label: string];

function trace(told: Told[]): FullTrace {
  const nodes = told.map(([parent, from, to, own, label], place): SpanNode => ({
    span_id: `${place}`,
    parent,
    depth: 0,
    subtree_end: place + 1,
    entry: 0,
    service: 0,
    host: 0,
    kind: 'own',
    label,
    offset_micros: from,
    duration_micros: to - from,
    critical_own_micros: own,
    critical_micros: own,
    failed: false,
    double: false,
    missing: false,
    count: 1,
    fold: null,
  }));
  return {
    nodes,
    services: ['shop'],
    hosts: [''],
    duration_micros: 100,
  } as unknown as FullTrace;
}

function told(boxes: Boxes): string[] {
  return [...boxes.id].map(
    (id, box) => `${id} in ${boxes.row[box] ?? 0}: ${boxes.from[box] ?? 0}-${boxes.to[box] ?? 0}`,
  );
}

describe('a trace in time', () => {
  test('siblings that follow each other share a row, those that overlap do not', () => {
    const boxes = timeBoxes(
      trace([
        [null, 0, 100, 0, 'root'],
        [0, 0, 40, 0, 'first'],
        [0, 20, 60, 0, 'beside'],
        [2, 20, 30, 0, 'below'],
        [0, 60, 90, 0, 'later'],
      ]),
    );
    expect(told(boxes)).toEqual([
      '0 in 0: 0-100',
      '1 in 1: 0-40',
      '4 in 1: 60-90',
      '2 in 2: 20-60',
      '3 in 3: 20-30',
    ]);
    expect(rowCount(boxes)).toBe(4);
  });

  test('what outlives its parent covers nobody else', () => {
    const boxes = timeBoxes(
      trace([
        [null, 0, 100, 0, 'root'],
        [0, 0, 20, 0, 'short'],
        [1, 10, 80, 0, 'long below it'],
        [0, 30, 60, 0, 'next'],
        [3, 30, 60, 0, 'below next'],
      ]),
    );
    for (let row = 0; row < rowCount(boxes); row += 1) {
      for (let box = boxes.rowStart[row] ?? 0; box + 1 < (boxes.rowStart[row + 1] ?? 0); box += 1)
        expect(boxes.to[box] ?? 0).toBeLessThanOrEqual(boxes.from[box + 1] ?? 0);
    }
  });

  test('a place leads to its box, and arrows from box to box', () => {
    const boxes = timeBoxes(
      trace([
        [null, 0, 100, 0, 'root'],
        [0, 0, 40, 0, 'first'],
        [0, 60, 90, 0, 'second'],
      ]),
    );
    expect(boxAt(boxes, 1, 70, 0)).toBe(2);
    expect(boxAt(boxes, 1, 50, 0)).toBe(-1);
    expect(boxAt(boxes, 1, 41, 2)).toBe(1);
    expect(boxAt(boxes, 9, 41, 2)).toBe(-1);
    expect(stepFrom(boxes, 0, 'ArrowDown')).toBe(1);
    expect(stepFrom(boxes, 1, 'ArrowRight')).toBe(2);
    expect(stepFrom(boxes, 2, 'ArrowUp')).toBe(0);
    expect(stepFrom(boxes, 2, 'ArrowRight')).toBe(-1);
  });
});

describe('merged trees', () => {
  test('equal calls of a trace are one, and widths are what somebody waited for', () => {
    const tree = mergeTrace(
      trace([
        [null, 0, 100, 50, 'GET /'],
        [0, 0, 20, 20, 'SELECT 1'],
        [0, 20, 50, 30, 'SELECT 2'],
        [0, 20, 50, 0, 'beside'],
      ]),
    );
    const [side] = tree.sides;
    expect(tree.frame.map((frame) => tree.frames[frame]?.name)).toEqual([
      'GET /',
      'SELECT #',
      'beside',
    ]);
    expect(side?.count).toEqual([1, 2, 1]);
    expect(side?.total).toEqual([100_000, 50_000, 0]);
    expect(told(mergedBoxes(tree, (place) => side?.total[place] ?? 0))).toEqual([
      '0 in 0: 0-100000',
      '1 in 1: 0-50000',
    ]);
  });

  test('of merged calls it is known which failed', () => {
    const one = trace([
      [null, 0, 100, 50, 'GET /'],
      [0, 0, 20, 20, 'SELECT 1'],
      [0, 20, 50, 30, 'SELECT 2'],
      [0, 50, 60, 10, 'charge'],
    ]);
    const failed = one.nodes.map((node, place) => ({ ...node, failed: place === 2 }));
    const tree = mergeTrace({ ...one, nodes: failed });
    const names = tree.frame.map((frame) => tree.frames[frame]?.name);
    expect(names.map((name, place) => [name, tree.failed?.[place]])).toEqual([
      ['GET /', 0],
      ['SELECT #', 1],
      ['charge', 0],
    ]);
  });

  const compared = fromFlame({
    unit: 'nanos',
    frames: [
      { name: 'main', group: '' },
      { name: 'tax', group: '' },
      { name: 'log', group: '' },
    ],
    depth: [0, 1, 1],
    frame: [0, 1, 2],
    amounts: [
      { count: [2, 80, 0], own: [20, 80, 0] },
      { count: [1, 4, 1], own: [10, 4, 6] },
    ],
    left_out: 0,
  });

  test('a difference has room for what is larger, for one request each', () => {
    expect(told(differenceBoxes(compared, [2, 1]))).toEqual([
      '0 in 0: 0-56',
      '1 in 1: 0-40',
      '2 in 1: 40-46',
    ]);
  });

  test('what changed most comes first, and what is new says so', () => {
    const rows = frameChanges(compared, [2, 1]);
    expect(rows.map((row) => [row.frame, row.own.before, row.own.after, row.state])).toEqual([
      [1, 40, 4, 'same'],
      [2, 0, 6, 'new'],
      [0, 10, 10, 'same'],
    ]);
    expect(rows.map((row) => relativeText(row.own))).toEqual(['−90 %', 'new', '±0 %']);
    expect(rows[0]?.count).toEqual({ before: 40, after: 4 });
  });

  test('parents follow from depths', () => {
    expect(parents([0, 1, 2, 1, 0])).toEqual([-1, 0, 1, 0, -1]);
  });

  test('rings of a sunburst fill their parent', () => {
    expect(
      wedges(compared, 0, undefined, 4).map((one) => [one.place, one.ring, one.from, one.to]),
    ).toEqual([
      [0, 0, 0, 1],
      [1, 1, 0, 0.8],
    ]);
    expect(wedges(compared, 0, 1, 4).map((one) => one.place)).toEqual([1]);
  });
});
