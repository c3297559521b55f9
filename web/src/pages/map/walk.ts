/** Which node an arrow key leads to, so that a large map is one stop for Tab. */
import type { Layout } from '../../lib/layers';

const COLUMNS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };
const ROWS: Record<string, number> = { ArrowUp: -1, ArrowDown: 1 };

/** The nearest node in the direction of a key; undefined if there is none, or the key is no arrow. */
export function walked({ nodes, layers }: Layout, from: number, key: string): number | undefined {
  const start = nodes[from];
  if (start === undefined) return undefined;
  const down = ROWS[key];
  if (down !== undefined) {
    return nearest(nodes, start.row, (one, place) => {
      return place !== from && one.layer === start.layer && (one.row - start.row) * down >= 0;
    });
  }
  const right = COLUMNS[key];
  if (right === undefined) return undefined;
  for (let layer = start.layer + right; layer >= 0 && layer < layers; layer += right) {
    const found = nearest(nodes, start.row, (one) => one.layer === layer);
    if (found !== undefined) return found;
  }
  return undefined;
}

type Nodes = Layout['nodes'];

function nearest(
  nodes: Nodes,
  row: number,
  passes: (one: Nodes[number], place: number) => boolean,
): number | undefined {
  const places = nodes.flatMap((one, place) => (passes(one, place) ? [place] : []));
  const away = (place: number) => Math.abs((nodes[place]?.row ?? 0) - row);
  return places.toSorted((one, other) => away(one) - away(other))[0];
}
