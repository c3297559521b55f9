import { describe, expect, test } from 'vitest';

import { layered, type Arc } from './layers';

const arc = (from: number, to: number): Arc => ({ from, to, weight: 1 });

/** A made-up system: each service calls some that come after it, a few call back. */
function system(count: number): Arc[] {
  const arcs: Arc[] = [];
  let state = 7;
  const chance = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state % below;
  };
  for (let from = 0; from < count; from += 1) {
    for (let call = 0; call < 3; call += 1) arcs.push(arc(from, chance(count)));
  }
  return arcs;
}

describe('a layered drawing', () => {
  test('has callers before those they call', () => {
    const { nodes, layers } = layered(4, [arc(0, 1), arc(1, 2), arc(0, 3), arc(3, 2)]);
    expect(nodes.map((node) => node.layer)).toEqual([0, 1, 2, 1]);
    expect(layers).toBe(3);
  });

  test('is drawn of services that call each other in a circle', () => {
    const { nodes } = layered(3, [arc(0, 1), arc(1, 2), arc(2, 0), arc(1, 1)]);
    expect(nodes.map((node) => node.layer)).toEqual([0, 1, 2]);
  });

  test('does not cross where it need not', () => {
    // 0 calls 3, 1 calls 2: one column has to be turned around.
    const { nodes } = layered(4, [arc(0, 3), arc(1, 2)]);
    const row = (node: number) => nodes[node]?.row ?? 0;
    expect(Math.sign(row(0) - row(1))).toBe(Math.sign(row(3) - row(2)));
  });

  test('has no two nodes in one place, and is the same each time, with 200 services', () => {
    const arcs = system(200);
    const layout = layered(200, arcs);
    expect(layered(200, arcs)).toEqual(layout);
    for (let layer = 0; layer < layout.layers; layer += 1) {
      const rows = layout.nodes
        .filter((node) => node.layer === layer)
        .map((node) => node.row)
        .sort((one, other) => one - other);
      rows.slice(1).forEach((row, place) => {
        expect(row - (rows[place] ?? 0)).toBeGreaterThanOrEqual(1 - 1e-9);
      });
    }
    expect(Math.min(...layout.nodes.map((node) => node.row))).toBe(0);
  });

  test('of nothing is nothing', () => {
    expect(layered(0, [])).toEqual({ nodes: [], layers: 0, rows: 1 });
  });
});
