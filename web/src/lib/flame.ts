/**
 * Where the boxes of a flame graph stand: in rows from the top, within their parent's, each row sorted from left to right
 * so that what is in view is found by halving, whatever the number of boxes.
 */
import type { CallTree } from './calltree';
import type { FullTrace } from './columns';

export interface Boxes {
  /** For each box: the node that it shows. */
  id: Int32Array;
  row: Int32Array;
  /** In the unit of the whole: nanoseconds, bytes, samples; or microseconds of a trace in time. */
  from: Float64Array;
  to: Float64Array;
  /** Box of the parent; -1 for roots. */
  parent: Int32Array;
  /** Where each row begins among the boxes; one more than there are rows. */
  rowStart: Int32Array;
  /** The box of each node; -1 where it has none. */
  boxOf: Int32Array;
  whole: number;
}

/** Rows that are laid out for spans that run beside each other below one parent; more share the last. */
const TRACKS_MAX = 48;

/** A merged tree: each box as wide as its node and all below it took, of one side or of both. */
export function mergedBoxes(tree: CallTree, width: (place: number) => number): Boxes {
  const count = tree.depth.length;
  const from = new Float64Array(count);
  const to = new Float64Array(count);
  const next = new Float64Array(count);
  let root = 0;
  for (let place = 0; place < count; place += 1) {
    const parent = tree.parent[place] ?? -1;
    const begin = parent < 0 ? root : at(next, parent);
    const end = begin + Math.max(0, width(place));
    from[place] = begin;
    to[place] = end;
    next[place] = begin;
    if (parent < 0) root = end;
    else next[parent] = end;
  }
  const row = Int32Array.from(tree.depth);
  return sorted(row, from, to, Int32Array.from(tree.parent), root);
}

/** A trace in time: a span below its parent, side by side with siblings that ended before, below those that had not. */
export function timeBoxes(trace: FullTrace): Boxes {
  const { nodes } = trace;
  const count = nodes.length;
  const from = new Float64Array(count);
  const to = new Float64Array(count);
  // How far a span and all below it reach: what outlives its parent must not cover its parent's sibling.
  const reachFrom = new Float64Array(count);
  const reachTo = new Float64Array(count);
  const parent = new Int32Array(count).fill(-1);
  nodes.forEach((node, place) => {
    from[place] = reachFrom[place] = node.offset_micros;
    to[place] = reachTo[place] = node.offset_micros + node.duration_micros;
    parent[place] = node.parent ?? -1;
  });
  for (let place = count - 1; place >= 0; place -= 1) {
    const above = at(parent, place);
    if (above < 0) continue;
    reachFrom[above] = Math.min(at(reachFrom, above), at(reachFrom, place));
    reachTo[above] = Math.max(at(reachTo, above), at(reachTo, place));
  }
  const row = rowsInTime(parent, reachFrom, reachTo);
  return sorted(row, from, to, parent, Math.max(trace.duration_micros, 0.001));
}

/** From the leaves up: how many rows each span and all below it take, and on which track of its parent it lies. */
function rowsInTime(parent: Int32Array, from: Float64Array, to: Float64Array): Int32Array {
  const count = parent.length;
  const height = new Int32Array(count).fill(1);
  const track = new Int32Array(count);
  const children = new Map<number, number[]>();
  for (let place = 0; place < count; place += 1) {
    const above = at(parent, place);
    const siblings = children.get(above);
    if (siblings === undefined) children.set(above, [place]);
    else siblings.push(place);
  }
  const begins = new Map<number, number[]>();
  for (let place = count - 1; place >= -1; place -= 1) {
    const siblings = children.get(place);
    if (siblings === undefined) continue;
    siblings.sort((left, right) => at(from, left) - at(from, right) || left - right);
    const ends: number[] = [];
    const heights: number[] = [];
    for (const child of siblings) {
      let free = ends.findIndex((end) => end <= at(from, child));
      if (free === -1) free = Math.min(ends.length, TRACKS_MAX - 1);
      ends[free] = Math.max(ends[free] ?? 0, at(to, child));
      heights[free] = Math.max(heights[free] ?? 0, at(height, child));
      track[child] = free;
    }
    const starts: number[] = [];
    let sum = 0;
    for (const tall of heights) {
      starts.push(sum);
      sum += tall;
    }
    begins.set(place, starts);
    if (place >= 0) height[place] = 1 + sum;
  }
  const row = new Int32Array(count);
  for (let place = 0; place < count; place += 1) {
    const above = at(parent, place);
    const base = above < 0 ? 0 : at(row, above) + 1;
    row[place] = base + (begins.get(above)?.[at(track, place)] ?? 0);
  }
  return row;
}

function sorted(
  row: Int32Array,
  from: Float64Array,
  to: Float64Array,
  parent: Int32Array,
  whole: number,
): Boxes {
  const count = row.length;
  const order = Array.from({ length: count }, (_, place) => place).filter(
    (place) => at(to, place) > at(from, place) || at(parent, place) < 0 || whole === 0,
  );
  order.sort(
    (left, right) =>
      at(row, left) - at(row, right) || at(from, left) - at(from, right) || left - right,
  );
  const boxOf = new Int32Array(count).fill(-1);
  order.forEach((place, box) => {
    boxOf[place] = box;
  });
  let deepest = -1;
  for (const place of order) deepest = Math.max(deepest, at(row, place));
  const rowStart = new Int32Array(deepest + 2).fill(order.length);
  for (let box = order.length - 1; box >= 0; box -= 1) rowStart[at(row, order[box] ?? 0)] = box;
  for (let line = deepest; line >= 0; line -= 1)
    rowStart[line] = Math.min(at(rowStart, line), at(rowStart, line + 1));
  return {
    id: Int32Array.from(order),
    row: Int32Array.from(order, (place) => at(row, place)),
    from: Float64Array.from(order, (place) => at(from, place)),
    to: Float64Array.from(order, (place) => at(to, place)),
    parent: Int32Array.from(order, (place) => {
      const above = at(parent, place);
      return above < 0 ? -1 : at(boxOf, above);
    }),
    rowStart,
    boxOf,
    whole,
  };
}

export function rowCount(boxes: Boxes): number {
  return boxes.rowStart.length - 1;
}

/** The first box of a row that ends after `position`; the row's end if none does. */
export function firstAfter(boxes: Boxes, row: number, position: number, begin?: number): number {
  let low = Math.max(begin ?? 0, at(boxes.rowStart, row));
  let high = at(boxes.rowStart, row + 1);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(boxes.to, middle) <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The box at a place, or the one that is nearest within `slack`; -1 for none. */
export function boxAt(boxes: Boxes, row: number, position: number, slack: number): number {
  if (row < 0 || row >= rowCount(boxes)) return -1;
  const found = firstAfter(boxes, row, position - slack);
  if (found >= at(boxes.rowStart, row + 1)) return -1;
  return at(boxes.from, found) <= position + slack ? found : -1;
}

/** Where an arrow key leads from a box; -1 for nowhere. */
export function stepFrom(boxes: Boxes, box: number, key: string): number {
  const row = at(boxes.row, box);
  switch (key) {
    case 'ArrowLeft':
      return box > at(boxes.rowStart, row) ? box - 1 : -1;
    case 'ArrowRight':
      return box + 1 < at(boxes.rowStart, row + 1) ? box + 1 : -1;
    case 'ArrowUp':
      return at(boxes.parent, box);
    case 'ArrowDown':
      return widestChild(boxes, box);
    default:
      return -1;
  }
}

function widestChild(boxes: Boxes, box: number): number {
  let widest = -1;
  for (let row = at(boxes.row, box) + 1; row < rowCount(boxes) && widest === -1; row += 1) {
    for (
      let child = firstAfter(boxes, row, at(boxes.from, box));
      child < at(boxes.rowStart, row + 1) && at(boxes.from, child) < at(boxes.to, box);
      child += 1
    ) {
      const wider =
        widest === -1 ||
        at(boxes.to, child) - at(boxes.from, child) > at(boxes.to, widest) - at(boxes.from, widest);
      if (at(boxes.parent, child) === box && wider) widest = child;
    }
  }
  return widest;
}

function at(column: ArrayLike<number>, place: number): number {
  return column[place] ?? 0;
}
