import { expect, test } from 'vitest';

import type { MapEdge, ServiceMap } from '../../api/types';
import { criticalPath, focused } from './graph';

function edge(from: number, to: number, share: number): MapEdge {
  return { from, to, traffic: { critical_share: share } } as unknown as MapEdge;
}

const names = ['web', 'shop', 'mail', 'postgresql shop', 'far', 'farther'];
const map = {
  nodes: names.map((name) => ({ name, kind: 'service' })),
  edges: [
    edge(0, 1, 0.9),
    edge(0, 2, 0.05),
    edge(1, 3, 0.7),
    edge(3, 4, 0),
    edge(4, 5, 0),
    edge(1, 0, 0.1),
  ],
} as unknown as ServiceMap;

test('the critical path goes on to what is waited for longest, and ends', () => {
  const told = [...criticalPath(map)].map((one) => `${one.from}-${one.to}`);
  expect(told).toEqual(['0-1', '1-3']);
});

test('around a service are those two steps away, and the edges between them', () => {
  const near = focused(map, 'web');
  expect(near.nodes.map((node) => node.name)).toEqual(['web', 'shop', 'mail', 'postgresql shop']);
  expect(near.edges).toHaveLength(4);
  expect(focused(map, 'nobody').nodes).toHaveLength(6);
});
