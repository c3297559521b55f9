/** The spans of a trace by what they did: how often, how long, and their share of execution time. */
import type { Kind } from '../api/types';
import type { FullTrace } from './columns';

export interface SpanGroup {
  service: string;
  kind: Kind;
  label: string;
  count: number;
  failed: number;
  total_micros: number;
  max_micros: number;
  /** In themselves, while somebody waited. */
  execution_micros: number;
  /** Place of the first. */
  first: number;
}

export type SortKey = 'execution' | 'count' | 'mean' | 'max';

/** Doubles tell the same as their parents and are counted with them. */
export function spanGroups(trace: FullTrace): SpanGroup[] {
  const groups = new Map<string, SpanGroup>();
  const groupOf: (SpanGroup | undefined)[] = [];
  trace.nodes.forEach((node, place) => {
    const above = node.double && node.parent != null ? groupOf[node.parent] : undefined;
    if (above !== undefined) {
      above.execution_micros += node.critical_own_micros;
      groupOf[place] = above;
      return;
    }
    const service = trace.services[node.service] ?? '';
    const label = node.label.replace(/\d+/g, '#');
    const key = `${service}\n${node.kind}\n${label}`;
    const known = groups.get(key) ?? {
      service,
      kind: node.kind,
      label: node.label,
      count: 0,
      failed: 0,
      total_micros: 0,
      max_micros: 0,
      execution_micros: 0,
      first: place,
    };
    if (known.count > 0) known.label = label;
    known.count += node.count;
    known.failed += node.failed ? 1 : 0;
    known.total_micros += node.duration_micros;
    known.max_micros = Math.max(known.max_micros, node.duration_micros);
    known.execution_micros += node.critical_own_micros;
    groups.set(key, known);
    groupOf[place] = known;
  });
  return [...groups.values()];
}

export function sortedBy(groups: SpanGroup[], by: SortKey): SpanGroup[] {
  const of = (group: SpanGroup) => {
    switch (by) {
      case 'execution':
        return group.execution_micros;
      case 'count':
        return group.count;
      case 'mean':
        return group.total_micros / Math.max(1, group.count);
      case 'max':
        return group.max_micros;
    }
  };
  return groups.toSorted((left, right) => of(right) - of(left) || left.first - right.first);
}
