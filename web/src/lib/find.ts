/** Spans of a trace that somebody looks for, and the rows within which they are hidden. */
import type { Trace } from '../api/types';

export interface Found {
  /** Spans whose name or service contains what is looked for, in tree order. */
  nodes: number[];
  is: ReadonlySet<number>;
  /** Spans below which there is one. */
  above: ReadonlySet<number>;
  /** Folds that have one among their members, or below these. */
  folds: ReadonlySet<number>;
}

export function find(trace: Trace, text: string): Found {
  const above = new Set<number>();
  const folds = new Set<number>();
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return { nodes: [], is: above, above, folds };
  const services = trace.services.map((name) => name.toLowerCase().includes(wanted));
  // Most spans of a large trace are called like others.
  const names = new Map<string, boolean>();
  const nodes: number[] = [];
  trace.nodes.forEach((node, place) => {
    let named = names.get(node.label);
    if (named === undefined) {
      named = node.label.toLowerCase().includes(wanted);
      names.set(node.label, named);
    }
    if (named || services[node.service] === true) nodes.push(place);
  });
  for (const found of nodes) {
    let here = trace.nodes[found];
    // Whoever was passed before, all above it were as well.
    while (here !== undefined) {
      if (here.fold != null) folds.add(here.fold);
      const parent = here.parent;
      if (parent == null || above.has(parent)) break;
      above.add(parent);
      here = trace.nodes[parent];
    }
  }
  return { nodes, is: new Set(nodes), above, folds };
}

/** The one found that comes after a place, or before it, and round again; none where none was found. */
export function nextFound(nodes: number[], here: number, step: 1 | -1): number | undefined {
  if (step === 1) return nodes.find((node) => node > here) ?? nodes[0];
  return nodes.findLast((node) => node < here) ?? nodes.at(-1);
}
