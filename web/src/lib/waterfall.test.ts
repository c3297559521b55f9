import { describe, expect, test } from 'vitest';

import type { Trace, TraceNode } from '../api/types';
import {
  allOf,
  closedAtFirst,
  gaps,
  levelOf,
  openedFor,
  openedText,
  placeOf,
  readOpened,
  rows,
  type Opened,
} from './waterfall';

/** Parent, begin, end, and fold of each span, in tree order. */
type Told = [
  parent: number | undefined,
  from: number,
  to: number,
  fold?: number | undefined,
  double?: boolean,
];

function trace(told: Told[]): Trace {
  const nodes = told.map(([parent, from, to, fold, double], place): TraceNode => {
    let end = place + 1;
    const below = (node: number): boolean => {
      const up = told[node]?.[0];
      return up !== undefined && (up === place || below(up));
    };
    while (end < told.length && below(end)) end += 1;
    return {
      span_id: `${place}`,
      parent: parent ?? null,
      depth: 0,
      subtree_end: end,
      entry: 0,
      service: 0,
      kind: 'own',
      label: `span ${place}`,
      offset_micros: from,
      duration_micros: to - from,
      critical_own_micros: 0,
      critical_micros: 0,
      failed: false,
      double: double ?? false,
      missing: false,
      count: 1,
      fold: fold ?? null,
    };
  });
  return { nodes } as unknown as Trace;
}

const NOTHING: Opened = { folds: new Set(), closed: new Set() };

function told(trace: Trace, opened: Opened = NOTHING): string[] {
  return rows(trace, opened).map((row) => {
    const name =
      row.type === 'span' ? `${row.node}` : `fold ${row.fold} of ${row.members.join(' ')}`;
    return '  '.repeat(row.depth) + name;
  });
}

describe('rows', () => {
  const mixed = trace([
    [undefined, 0, 100],
    [0, 0, 5],
    [0, 10, 20, 0],
    [0, 20, 30, 1],
    [0, 30, 40, 0],
    [4, 31, 32],
    [0, 40, 50, 1],
    [0, 60, 70],
  ]);

  test('similar siblings are one row where the first of them stands', () => {
    expect(told(mixed)).toEqual(['0', '  1', '  fold 0 of 2 4', '  fold 1 of 3 6', '  7']);
  });

  test('an opened fold shows its members with what is below them', () => {
    const opened = { folds: new Set([0]), closed: new Set<number>() };
    expect(told(mixed, opened)).toEqual([
      '0',
      '  1',
      '  fold 0 of 2 4',
      '    2',
      '    4',
      '      5',
      '  fold 1 of 3 6',
      '  7',
    ]);
  });

  test('a closed span hides what is below it', () => {
    expect(told(mixed, { folds: new Set(), closed: new Set([0]) })).toEqual(['0']);
  });

  test('a span is found again behind folds and closed parents', () => {
    const opened = openedFor(mixed, { folds: new Set(), closed: new Set([0]) }, 5);
    expect(told(mixed, opened)).toContain('      5');
  });

  test('a trace as deep as it has spans does not exhaust the stack', () => {
    const deep = trace([]);
    const node = trace([[undefined, 0, 1]]).nodes[0];
    if (node === undefined) throw new Error('there is one');
    for (let place = 0; place < 10_000; place += 1) {
      deep.nodes.push({ ...node, parent: place === 0 ? null : place - 1, subtree_end: 10_000 });
    }
    expect(rows(deep, NOTHING)).toHaveLength(10_000);
  });

  test("a driver's spans below the ORM's start closed", () => {
    const orm = trace([
      [undefined, 0, 10],
      [0, 1, 5],
      [1, 2, 4, undefined, true],
    ]);
    expect([...closedAtFirst(orm)]).toEqual([1]);
  });
});

describe('many rows at once', () => {
  const deep = {
    ...trace([
      [undefined, 0, 100],
      [0, 0, 40],
      [1, 0, 10, 0],
      [2, 0, 5],
      [1, 10, 20, 0],
      [0, 50, 60],
    ]),
    folds: [{}],
  } as unknown as Trace;
  const step = (opened: Opened, open: boolean) => levelOf(rows(deep, opened), opened, open);

  test('are all open, or the roots alone', () => {
    expect(told(deep, allOf(deep, true))).toHaveLength(deep.nodes.length + 1);
    expect(told(deep, allOf(deep, false))).toEqual(['0']);
  });

  test('are opened a level at a time from the root, and closed from the other end', () => {
    const none = allOf(deep, false);
    const one = step(none, true);
    expect(told(deep, one)).toEqual(['0', '  1', '  5']);
    const two = step(one, true);
    expect(told(deep, two)).toEqual(['0', '  1', '    fold 0 of 2 4', '  5']);
    const four = step(step(two, true), true);
    expect(told(deep, four)).toEqual(told(deep, allOf(deep, true)));
    expect(step(four, true)).toEqual(four);
    expect(told(deep, step(two, false))).toEqual(told(deep, one));
    expect(told(deep, step(step(one, false), false))).toEqual(['0']);
  });

  test('leave what was looked at, or what hides it', () => {
    const place = (opened: Opened) => placeOf(rows(deep, opened), deep, 3);
    expect(place(allOf(deep, true))).toBe(4);
    expect(place(NOTHING)).toBe(2);
    expect(place(allOf(deep, false))).toBe(0);
  });
});

describe('gaps', () => {
  test('own time is where no child ran', () => {
    const one = trace([
      [undefined, 0, 100],
      [0, 10, 30],
      [0, 20, 40],
      [0, 90, 130],
    ]);
    expect(gaps(one, 0)).toEqual([
      [0, 10],
      [40, 90],
    ]);
  });

  test('a span without children is its own', () => {
    expect(gaps(trace([[undefined, 5, 9]]), 0)).toEqual([[5, 9]]);
  });
});

describe('the address', () => {
  const nested = {
    ...trace([
      [undefined, 0, 100],
      [0, 0, 50],
      [1, 0, 40, undefined, true],
      [0, 50, 60, 0],
      [0, 60, 70, 0],
    ]),
    folds: [{}],
  } as unknown as Trace;
  const first = closedAtFirst(nested);

  test('holds the rows that were opened and closed, and nothing of what is so at first', () => {
    expect(first).toEqual(new Set([1]));
    expect(openedText({ folds: new Set(), closed: first }, nested, first)).toBe('');
    const opened = { folds: new Set([0]), closed: new Set([0]) };
    expect(openedText(opened, nested, first)).toBe('f0_c0_o1');
    expect(readOpened('f0_c0_o1', nested, first)).toEqual(opened);
    expect(readOpened('', nested, first)).toEqual({ folds: new Set(), closed: first });
  });

  test('has a word for all rows and for none', () => {
    for (const [open, text] of [
      [true, 'all'],
      [false, 'none'],
    ] as const) {
      const opened = allOf(nested, open);
      expect(openedText(opened, nested, first)).toBe(text);
      expect(readOpened(text, nested, first)).toEqual(opened);
    }
    const plain = { ...trace([[undefined, 0, 1]]), folds: [] };
    expect(openedText(allOf(plain, true), plain, closedAtFirst(plain))).toBe('');
  });

  test('that tells of other rows, or of none, changes nothing', () => {
    const asFirst = { folds: new Set(), closed: first };
    for (const text of ['f9_c99', 'x0_y1', '___', 'f-1_c1.5', '<script>', '_'.repeat(1e5)])
      expect(readOpened(text, nested, first), text).toEqual(asFirst);
  });
});
