/** One function by itself: all that called it as one tree, and all that it called as another. */
import { parents, type CallTree, type Side } from './calltree';

/** Recursion counts once: below itself a function is part of the box above. */
export function callees(tree: CallTree, frame: number): CallTree {
  const grown = new Grown(tree);
  const places = new Map<number, number>();
  tree.frame.forEach((here, place) => {
    const parent = tree.parent[place] ?? -1;
    const above = parent < 0 ? undefined : places.get(parent);
    if (above === undefined && here !== frame) return;
    const node = grown.child(above ?? -1, here);
    places.set(place, node);
    grown.add(node, place);
  });
  return grown.finish();
}

/** From the function up to the roots: each box as wide as what the function took on its behalf. */
export function callers(tree: CallTree, frame: number): CallTree {
  const grown = new Grown(tree);
  tree.frame.forEach((here, place) => {
    if (here !== frame || isWithin(tree, place, frame)) return;
    let node = grown.child(-1, here);
    const path = [node];
    for (let up = tree.parent[place] ?? -1; up >= 0; up = tree.parent[up] ?? -1) {
      node = grown.child(node, tree.frame[up] ?? 0);
      path.push(node);
    }
    // The time stands at the end of the path, so that every box on it is as wide.
    grown.addTotal(node, path, place);
  });
  return grown.finish();
}

function isWithin(tree: CallTree, place: number, frame: number): boolean {
  for (let up = tree.parent[place] ?? -1; up >= 0; up = tree.parent[up] ?? -1)
    if (tree.frame[up] === frame) return true;
  return false;
}

class Grown {
  private readonly frame: number[] = [];
  private readonly parent: number[] = [];
  private readonly count: number[][];
  private readonly own: number[][];
  private readonly known = new Map<string, number>();

  constructor(private readonly tree: CallTree) {
    this.count = tree.sides.map(() => []);
    this.own = tree.sides.map(() => []);
  }

  child(parent: number, frame: number): number {
    const key = `${parent} ${frame}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const node = this.frame.length;
    this.known.set(key, node);
    this.frame.push(frame);
    this.parent.push(parent);
    for (const column of [...this.count, ...this.own]) column.push(0);
    return node;
  }

  add(node: number, place: number) {
    this.tree.sides.forEach((side, which) => {
      bump(this.count[which], node, side.count[place]);
      bump(this.own[which], node, side.own[place]);
    });
  }

  addTotal(node: number, path: number[], place: number) {
    this.tree.sides.forEach((side, which) => {
      for (const step of path) bump(this.count[which], step, side.count[place]);
      bump(this.own[which], node, side.total[place]);
    });
  }

  /** Parents before children, the largest sibling first. */
  finish(): CallTree {
    const total = this.own.map((column) => [...column]);
    for (let node = this.frame.length - 1; node >= 0; node -= 1) {
      const parent = this.parent[node] ?? -1;
      if (parent >= 0) for (const column of total) bump(column, parent, column[node]);
    }
    const size = (node: number) => total.reduce((sum, column) => sum + (column[node] ?? 0), 0);
    const below = new Map<number, number[]>();
    this.parent.forEach((parent, node) => {
      const siblings = below.get(parent);
      if (siblings === undefined) below.set(parent, [node]);
      else siblings.push(node);
    });
    for (const siblings of below.values())
      siblings.sort((left, right) => size(left) - size(right) || right - left);
    const [order, depth]: [number[], number[]] = [[], []];
    const pending = (below.get(-1) ?? []).map((node): [number, number] => [node, 0]);
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const [node, level] = next;
      order.push(node);
      depth.push(level);
      for (const child of below.get(node) ?? []) pending.push([child, level + 1]);
    }
    const pick = (column: number[] | undefined) => order.map((node) => column?.[node] ?? 0);
    return {
      ...this.tree,
      depth,
      frame: pick(this.frame),
      parent: parents(depth),
      sides: this.tree.sides.map((_, which): Side => ({
        count: pick(this.count[which]),
        own: pick(this.own[which]),
        total: pick(total[which]),
        all: (below.get(-1) ?? []).reduce((sum, node) => sum + (total[which]?.[node] ?? 0), 0),
      })),
    };
  }
}

function bump(column: number[] | undefined, place: number, by: number | undefined) {
  if (column !== undefined) column[place] = (column[place] ?? 0) + (by ?? 0);
}
