/** Merged call trees: what was done below what, how often and how long, of one side or of before and after. */
import type { FlameTree, Kind } from '../api/types';
import type { FullTrace } from './columns';

export interface Frame {
  name: string;
  /** Service, or file. */
  group: string;
  kind?: Kind | undefined;
  line?: number | undefined;
}

/** Columns: a place is a node, parents before children, the largest sibling first. */
export interface CallTree {
  frames: Frame[];
  unit: FlameTree['unit'];
  depth: number[];
  frame: number[];
  /** -1 for roots. */
  parent: number[];
  sides: Side[];
  /** How many calls failed, where that is known. */
  failed?: number[];
  left_out: number;
}

export interface Side {
  count: number[];
  own: number[];
  /** In itself and below. */
  total: number[];
  /** All roots together. */
  all: number;
}

export function fromFlame(tree: FlameTree): CallTree {
  const parent = parents(tree.depth);
  return {
    frames: tree.frames.map((frame) => ({ ...frame, kind: frame.kind ?? undefined })),
    unit: tree.unit,
    depth: tree.depth,
    frame: tree.frame,
    parent,
    sides: tree.amounts.map(({ count, own }) => side(parent, count, own)),
    left_out: tree.left_out,
  } as CallTree;
}

/** The spans of one trace with equal paths merged; widths are what somebody waited for. */
export function mergeTrace(trace: FullTrace): CallTree {
  const frames: Frame[] = [];
  const numbers = new Map<string, number>();
  const grown: Grown = { depth: [], frame: [], parent: [], count: [], own: [], failed: [] };
  const places = new Map<string, number>();
  const nodeOf: number[] = [];
  trace.nodes.forEach((node, place) => {
    const above = node.parent == null ? -1 : (nodeOf[node.parent] ?? -1);
    const own = node.critical_own_micros * 1000;
    const failed = node.failed ? node.count : 0;
    if (node.double && above >= 0) {
      nodeOf[place] = above;
      grown.own[above] = (grown.own[above] ?? 0) + own;
      grown.failed[above] = Math.max(grown.failed[above] ?? 0, failed);
      return;
    }
    const group = trace.services[node.service] ?? '';
    const name = node.label.replace(/\d+/g, '#');
    const frame = numbered(numbers, `${group}\n${node.kind}\n${name}`, () => {
      frames.push({ name, group, kind: node.kind });
    });
    const known = numbered(places, `${above} ${frame}`, () => {
      grown.depth.push(above < 0 ? 0 : (grown.depth[above] ?? 0) + 1);
      grown.frame.push(frame);
      grown.parent.push(above);
      grown.count.push(0);
      grown.own.push(0);
      grown.failed.push(0);
    });
    nodeOf[place] = known;
    grown.count[known] = (grown.count[known] ?? 0) + node.count;
    grown.own[known] = (grown.own[known] ?? 0) + own;
    grown.failed[known] = (grown.failed[known] ?? 0) + failed;
  });
  return ordered(frames, grown);
}

interface Grown {
  depth: number[];
  frame: number[];
  parent: number[];
  count: number[];
  own: number[];
  failed: number[];
}

function numbered(known: Map<string, number>, key: string, make: () => void): number {
  const number = known.get(key);
  if (number !== undefined) return number;
  const next = known.size;
  known.set(key, next);
  make();
  return next;
}

/** Parents before children, the largest sibling first; without recursion. */
function ordered(frames: Frame[], grown: Grown): CallTree {
  const { total } = side(grown.parent, grown.count, grown.own);
  const below = new Map<number, number[]>();
  grown.parent.forEach((parent, place) => {
    const siblings = below.get(parent);
    if (siblings === undefined) below.set(parent, [place]);
    else siblings.push(place);
  });
  for (const siblings of below.values())
    siblings.sort((left, right) => (total[left] ?? 0) - (total[right] ?? 0) || right - left);
  const order: number[] = [];
  const pending = [...(below.get(-1) ?? [])];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    order.push(next);
    for (const child of below.get(next) ?? []) pending.push(child);
  }
  const pick = (column: number[]) => order.map((place) => column[place] ?? 0);
  const depth = pick(grown.depth);
  const parent = parents(depth);
  const [count, own] = [pick(grown.count), pick(grown.own)];
  return {
    frames,
    unit: 'nanos',
    depth,
    frame: pick(grown.frame),
    parent,
    sides: [side(parent, count, own)],
    failed: pick(grown.failed),
    left_out: 0,
  };
}

/** The parent of each node, from depths in tree order. */
export function parents(depth: number[]): number[] {
  const path: number[] = [];
  return depth.map((steps, place) => {
    path.length = Math.min(steps, path.length);
    const parent = path.at(-1) ?? -1;
    path.push(place);
    return parent;
  });
}

function side(parent: number[], count: number[], own: number[]): Side {
  const total = [...own];
  let all = 0;
  for (let place = total.length - 1; place >= 0; place -= 1) {
    const above = parent[place] ?? -1;
    const here = total[place] ?? 0;
    if (above < 0) all += here;
    else total[above] = (total[above] ?? 0) + here;
  }
  return { count, own, total, all };
}
