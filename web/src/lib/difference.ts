/** Before and after of a merged tree: what is new, what is gone, what became more or less, each for one request. */
import type { CallTree } from './calltree';
import { mergedBoxes, type Boxes } from './flame';

export interface Change {
  before: number;
  after: number;
}

export interface FrameChange {
  frame: number;
  count: Change;
  own: Change;
  state: 'new' | 'gone' | 'same';
}

/** How often each side was taken: amounts are divided by it. */
export type Per = [before: number, after: number];

/** What changed by name, wherever it is called from; the largest change of own time first. */
export function frameChanges(tree: CallTree, per: Per): FrameChange[] {
  const rows = new Map<number, FrameChange>();
  tree.frame.forEach((frame, place) => {
    const row = rows.get(frame) ?? {
      frame,
      count: { before: 0, after: 0 },
      own: { before: 0, after: 0 },
      state: 'same',
    };
    rows.set(frame, row);
    row.count.before += part(tree, 0, 'count', place) / per[0];
    row.count.after += part(tree, 1, 'count', place) / per[1];
    row.own.before += part(tree, 0, 'own', place) / per[0];
    row.own.after += part(tree, 1, 'own', place) / per[1];
  });
  for (const row of rows.values()) {
    if (row.count.before === 0 && row.own.before === 0) row.state = 'new';
    else if (row.count.after === 0 && row.own.after === 0) row.state = 'gone';
  }
  const size = (row: FrameChange) => Math.abs(row.own.after - row.own.before);
  return [...rows.values()].toSorted(
    (left, right) => size(right) - size(left) || left.frame - right.frame,
  );
}

/** What a node took with all below it, for one request. */
export function totals(tree: CallTree, per: Per, place: number): Change {
  return {
    before: part(tree, 0, 'total', place) / per[0],
    after: part(tree, 1, 'total', place) / per[1],
  };
}

/** Boxes of both together: each has room for what is larger, so that what is gone is still to be seen. */
export function differenceBoxes(tree: CallTree, per: Per): Boxes {
  const width = tree.frame.map((_, place) =>
    Math.max(part(tree, 0, 'own', place) / per[0], part(tree, 1, 'own', place) / per[1]),
  );
  for (let place = width.length - 1; place >= 0; place -= 1) {
    const parent = tree.parent[place] ?? -1;
    if (parent >= 0) width[parent] = (width[parent] ?? 0) + (width[place] ?? 0);
  }
  return mergedBoxes(tree, (place) => width[place] ?? 0);
}

/** −1 for what is gone, 1 for what is new or twice as long or more, 0 for what stayed. */
export function relative({ before, after }: Change): number {
  if (before === after) return 0;
  if (before === 0) return 1;
  return Math.min(1, (after - before) / before);
}

export function relativeText(change: Change): string {
  if (change.before === change.after) return '±0 %';
  if (change.before === 0) return 'new';
  if (change.after === 0) return 'gone';
  const share = (change.after - change.before) / change.before;
  const percent = Math.abs(share) * 100;
  const text = percent >= 9.95 ? Math.round(percent).toString() : percent.toFixed(1);
  return `${share < 0 ? '−' : '+'}${text} %`;
}

function part(
  tree: CallTree,
  side: 0 | 1,
  column: 'count' | 'own' | 'total',
  place: number,
): number {
  return tree.sides[side]?.[column][place] ?? 0;
}
