/**
 * Where the critical path runs: each span lies on it in one stretch, as long as the API says (`critical_micros`). From the
 * end backwards, as it was found: of the children that somebody waited for, the one that ended last ends the stretch.
 */
import type { Trace } from '../api/types';
import { childrenOf } from './waterfall';

/** Begin and end for each span; equal for those that nobody waited for. */
export interface PathStretches {
  from: Float64Array;
  to: Float64Array;
}

const kept = new WeakMap<Trace, PathStretches>();

/** Worked out once for a trace. */
export function pathOf(trace: Trace): PathStretches {
  const known = kept.get(trace);
  if (known !== undefined) return known;
  const { roots, of } = childrenOf(trace);
  const [from, to] = [new Float64Array(trace.nodes.length), new Float64Array(trace.nodes.length)];
  const end = (place: number) => {
    const node = trace.nodes[place];
    return (node?.offset_micros ?? 0) + (node?.duration_micros ?? 0);
  };
  const waited = (place: number) => trace.nodes[place]?.critical_micros ?? 0;
  for (const root of roots) {
    to[root] = end(root);
    from[root] = end(root) - waited(root);
  }
  // Parents stand before their children.
  for (const [parent, children] of [...of].toSorted(([left], [right]) => left - right)) {
    let cursor = to[parent] ?? 0;
    const last = children
      .filter((child) => waited(child) > 0)
      .toSorted((left, right) => end(right) - end(left));
    for (const child of last) {
      to[child] = Math.min(end(child), cursor);
      cursor = from[child] = Math.max((to[child] ?? 0) - waited(child), from[parent] ?? 0);
    }
  }
  const path = { from, to };
  kept.set(trace, path);
  return path;
}
