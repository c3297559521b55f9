/** A trace as the API sends it, in columns, to the spans that pages look at. What follows from the rest is worked out here. */
import type { Trace, TraceColumns, TraceNode } from '../api/types';

export interface SpanNode extends TraceNode {
  /** Place of its host in `hosts`. */
  host: number;
}

export interface FullTrace extends Omit<Trace, 'nodes'> {
  nodes: SpanNode[];
  hosts: string[];
  events: TraceColumns['events'];
}

const ID_DIGITS = 16;
const FAILED = 1;
const DOUBLE = 2;
const MISSING = 4;

export function unpack(columns: TraceColumns): FullTrace {
  const { spans, labels, hosts, kinds, ...rest } = columns;
  const path: number[] = [];
  const nodes = spans.depth.map((depth, place): SpanNode => {
    path.length = Math.min(depth, path.length);
    const parent = path.at(-1) ?? null;
    path.push(place);
    const flags = at(spans.flags, place);
    const fold = at(spans.fold, place);
    return {
      span_id: spans.ids.slice(place * ID_DIGITS, (place + 1) * ID_DIGITS),
      parent,
      depth,
      subtree_end: place + 1,
      entry: 0,
      service: at(spans.service, place),
      host: at(spans.host, place),
      kind: kinds[at(spans.kind, place)] ?? 'own',
      label: labels[at(spans.label, place)] ?? '',
      offset_micros: at(spans.offset_nanos, place) / 1000,
      duration_micros: at(spans.duration_nanos, place) / 1000,
      critical_own_micros: at(spans.critical_own_nanos, place) / 1000,
      critical_micros: 0,
      failed: (flags & FAILED) !== 0,
      double: (flags & DOUBLE) !== 0,
      missing: (flags & MISSING) !== 0,
      count: at(spans.count, place),
      fold: fold < 0 ? null : fold,
    };
  });
  // Children come after their parents: from the end, all below a span is known before it is.
  for (let place = nodes.length - 1; place >= 0; place -= 1) {
    const node = nodes[place];
    if (node === undefined) continue;
    node.critical_micros += node.critical_own_micros;
    const parent = node.parent == null ? undefined : nodes[node.parent];
    if (parent === undefined) continue;
    parent.critical_micros += node.critical_micros;
    parent.subtree_end = Math.max(parent.subtree_end, node.subtree_end);
  }
  return { ...rest, hosts, nodes };
}

function at(column: ArrayLike<number>, place: number): number {
  return column[place] ?? 0;
}
