/** What of the service map is drawn: all of it, or what is around one service; and where its critical path runs. */
import type { MapEdge, MapNode, ServiceMap } from '../../api/types';

export interface Graph {
  nodes: MapNode[];
  edges: MapEdge[];
}

/** How far around a service is shown: whom it calls, and who calls it, two steps. */
const STEPS = 2;

/** The services around one, by name; all of it if there is none of that name. */
export function focused(map: ServiceMap, focus: string): Graph {
  const start = map.nodes.findIndex((node) => node.name === focus);
  if (focus === '' || start === -1) return map;
  const near = new Set([start]);
  for (const [here, there] of [
    ['from', 'to'],
    ['to', 'from'],
  ] as const) {
    let edge = new Set([start]);
    for (let step = 0; step < STEPS; step += 1) {
      const next = map.edges.filter((one) => edge.has(one[here])).map((one) => one[there]);
      edge = new Set(next);
      next.forEach((node) => near.add(node));
    }
  }
  return part(map, near);
}

/** Those nodes, and the edges between them. */
function part(map: ServiceMap, kept: Set<number>): Graph {
  const places = [...kept].sort((one, other) => one - other);
  const place = new Map(places.map((old, now) => [old, now]));
  const nodes = places.flatMap((old) => map.nodes[old] ?? []);
  const edges = map.edges.flatMap((edge) => {
    const [from, to] = [place.get(edge.from), place.get(edge.to)];
    return from === undefined || to === undefined ? [] : [{ ...edge, from, to }];
  });
  return { nodes, edges };
}

/**
 * The edges that the answer waits for most: from the service that most of the time is waited for, always on to the
 * call that is waited for longest.
 */
export function criticalPath(graph: Graph): Set<MapEdge> {
  const path = new Set<MapEdge>();
  const called = new Set(graph.edges.map((edge) => edge.to));
  const out = (node: number) => graph.edges.filter((edge) => edge.from === node);
  const weight = (node: number) =>
    (graph.nodes[node]?.requests?.critical_share ?? 0) +
    out(node).reduce((sum, edge) => sum + edge.traffic.critical_share, 0);
  const starts = graph.nodes.flatMap((_, node) => (called.has(node) ? [] : [node]));
  const all = starts.length > 0 ? starts : graph.nodes.map((_, node) => node);
  let here = all.toSorted((one, other) => weight(other) - weight(one))[0];
  const seen = new Set<number>();
  while (here !== undefined && !seen.has(here)) {
    seen.add(here);
    const next: MapEdge | undefined = out(here)
      .filter((edge) => edge.traffic.critical_share > 0 && !seen.has(edge.to))
      .toSorted((one, other) => other.traffic.critical_share - one.traffic.critical_share)[0];
    if (next !== undefined) path.add(next);
    here = next?.to;
  }
  return path;
}
