/**
 * A layered drawing of who calls whom: callers to the left of those they call, as few crossings as some sweeps reach.
 * After Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures" (1981); edges
 * that span several layers are drawn as one curve, so that no dummy nodes are needed.
 */

export interface Arc {
  from: number;
  to: number;
  weight: number;
}

export interface Placed {
  /** Column, from 0. */
  layer: number;
  /** Place from the top, in rows; not whole. */
  row: number;
}

export interface Layout {
  nodes: Placed[];
  layers: number;
  rows: number;
}

/** Sweeps in each direction; more changes next to nothing. */
const SWEEPS = 6;

export function layered(count: number, arcs: Arc[]): Layout {
  const known = arcs.filter(({ from, to }) => from !== to && from < count && to < count);
  const forward = acyclic(count, known);
  const layer = layersOf(count, forward);
  const layers = Math.max(0, ...layer.map((one) => one + 1));
  const columns: number[][] = Array.from({ length: layers }, () => []);
  layer.forEach((one, node) => columns[one]?.push(node));
  const around = neighbours(count, forward);
  const order = ordered(columns, around);
  const row = rowsOf(order, around, count);
  const rows = Math.max(1, ...row.map((one) => one + 1));
  return {
    nodes: layer.map((one, node) => ({ layer: one, row: row[node] ?? 0 })),
    layers,
    rows,
  };
}

/** The arcs without cycles: those that lead back to where the search is are turned around. */
function acyclic(count: number, arcs: Arc[]): Arc[] {
  const out: Arc[][] = Array.from({ length: count }, () => []);
  const into = new Array<number>(count).fill(0);
  for (const arc of arcs) {
    out[arc.from]?.push(arc);
    into[arc.to] = (into[arc.to] ?? 0) + 1;
  }
  out.forEach((all) => all.sort((one, other) => other.weight - one.weight));
  // Those that nobody calls come first, then those that call most.
  const starts = Array.from({ length: count }, (_, node) => node).sort(
    (one, other) =>
      (into[one] ?? 0) - (into[other] ?? 0) ||
      (out[other]?.length ?? 0) - (out[one]?.length ?? 0) ||
      one - other,
  );
  const state = new Array<'open' | 'done' | undefined>(count).fill(undefined);
  const kept: Arc[] = [];
  for (const start of starts) {
    if (state[start] !== undefined) continue;
    const stack: { node: number; next: number }[] = [{ node: start, next: 0 }];
    state[start] = 'open';
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const arc = out[top.node]?.[top.next];
      top.next += 1;
      if (arc === undefined) {
        state[top.node] = 'done';
        stack.pop();
      } else if (state[arc.to] === 'open') {
        kept.push({ ...arc, from: arc.to, to: arc.from });
      } else {
        kept.push(arc);
        if (state[arc.to] === undefined) {
          state[arc.to] = 'open';
          stack.push({ node: arc.to, next: 0 });
        }
      }
    }
  }
  return kept;
}

/** The longest way from a node that nobody calls. */
function layersOf(count: number, arcs: Arc[]): number[] {
  const layer = new Array<number>(count).fill(0);
  const waits = new Array<number>(count).fill(0);
  const out: number[][] = Array.from({ length: count }, () => []);
  for (const { from, to } of arcs) {
    out[from]?.push(to);
    waits[to] = (waits[to] ?? 0) + 1;
  }
  const ready = waits.flatMap((waiting, node) => (waiting === 0 ? [node] : []));
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
    for (const to of out[node] ?? []) {
      layer[to] = Math.max(layer[to] ?? 0, (layer[node] ?? 0) + 1);
      waits[to] = (waits[to] ?? 0) - 1;
      if (waits[to] === 0) ready.push(to);
    }
  }
  return layer;
}

interface Around {
  before: number[][];
  after: number[][];
}

function neighbours(count: number, arcs: Arc[]): Around {
  const before: number[][] = Array.from({ length: count }, () => []);
  const after: number[][] = Array.from({ length: count }, () => []);
  for (const { from, to } of arcs) {
    after[from]?.push(to);
    before[to]?.push(from);
  }
  return { before, after };
}

/** Each column sorted by the mean place of its neighbours, to and fro. */
function ordered(columns: number[][], around: Around): number[][] {
  let order = columns.map((column) => [...column]);
  const place: number[] = [];
  const note = (column: number[]) => {
    column.forEach((node, number) => (place[node] = (number + 0.5) / column.length));
  };
  order.forEach(note);
  for (let sweep = 0; sweep < SWEEPS * 2; sweep += 1) {
    const ways = sweep % 2 === 0 ? around.before : around.after;
    const sorted = order.map((column) => column);
    const numbers = order.map((_, number) => number);
    for (const number of sweep % 2 === 0 ? numbers : numbers.toReversed()) {
      const column = order[number] ?? [];
      const wish = (node: number) => mean(ways[node] ?? [], place) ?? place[node] ?? 0;
      sorted[number] = column.toSorted((one, other) => wish(one) - wish(other) || one - other);
      note(sorted[number]);
    }
    order = sorted;
  }
  return order;
}

/** Rows near those of the neighbours, at least one apart, in the order of the column. */
function rowsOf(order: number[][], around: Around, count: number): number[] {
  const row = new Array<number>(count).fill(0);
  const most = Math.max(0, ...order.map((column) => column.length));
  for (const column of order) {
    column.forEach((node, number) => (row[node] = (most - column.length) / 2 + number));
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const column of sweep % 2 === 0 ? order : order.toReversed()) {
      const wishes = column.map((node) => {
        const all = [...(around.before[node] ?? []), ...(around.after[node] ?? [])];
        return mean(all, row) ?? row[node] ?? 0;
      });
      apart(wishes).forEach((wish, number) => {
        const node = column[number];
        if (node !== undefined) row[node] = wish;
      });
    }
  }
  const least = Math.min(...row, Infinity);
  return row.map((one) => one - (Number.isFinite(least) ? least : 0));
}

/** The nearest places to the wishes that are one apart: neighbours that collide become a block around their mean. */
function apart(wishes: number[]): number[] {
  const blocks: { sum: number; count: number }[] = [];
  wishes.forEach((wish, number) => {
    // A node's wish for the begin of its block, were it in one from the first on.
    blocks.push({ sum: wish - number, count: 1 });
    for (;;) {
      const [one, other] = [blocks.at(-2), blocks.at(-1)];
      if (one === undefined || other === undefined) return;
      if (one.sum / one.count <= other.sum / other.count) return;
      blocks.pop();
      one.sum += other.sum;
      one.count += other.count;
    }
  });
  const begins = blocks.flatMap((block) =>
    new Array<number>(block.count).fill(block.sum / block.count),
  );
  return begins.map((begin, number) => begin + number);
}

function mean(nodes: number[], of: number[]): number | undefined {
  if (nodes.length === 0) return undefined;
  return nodes.reduce((sum, node) => sum + (of[node] ?? 0), 0) / nodes.length;
}
