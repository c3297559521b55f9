/** Where the boxes of an icicle stand: within their parent's, side by side, as wide as their share. */

export interface Placed {
  depth: number;
  whole: number;
}

export interface Box {
  /** Place of the node in the list. */
  node: number;
  depth: number;
  /** From 0 to 1. */
  from: number;
  to: number;
}

/** Nodes in depth-first order. Children that took more than their parent together share its width. */
export function place(nodes: Placed[]): Box[] {
  const boxes: Box[] = [];
  /** For each open depth: its box, how much of it is taken, and what a unit is wide. */
  const open: { box: Box; next: number; scale: number }[] = [];
  nodes.forEach((node, index) => {
    const depth = Math.min(node.depth, open.length);
    open.length = depth;
    const parent = open.at(-1);
    const from = parent?.next ?? 0;
    const wide = parent === undefined ? 1 : node.whole * parent.scale;
    const to = Math.min(parent?.box.to ?? 1, from + wide);
    const box = { node: index, depth, from, to };
    boxes.push(box);
    if (parent !== undefined) parent.next = to;
    const below = childrenOf(nodes, index, depth);
    const all = Math.max(node.whole, below);
    open.push({ box, next: from, scale: all > 0 ? (to - from) / all : 0 });
  });
  return boxes;
}

function childrenOf(nodes: Placed[], index: number, depth: number): number {
  let sum = 0;
  for (const node of nodes.slice(index + 1)) {
    if (node.depth <= depth) break;
    if (node.depth === depth + 1) sum += node.whole;
  }
  return sum;
}
