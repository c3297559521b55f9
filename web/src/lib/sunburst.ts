/** A merged tree as rings: the angle of each node is its share, its ring its depth. */
import type { CallTree } from './calltree';

export interface Wedge {
  place: number;
  ring: number;
  /** In turns, from the top clockwise. */
  from: number;
  to: number;
}

/** Narrower wedges are not drawn: half a degree is a pixel or two. */
const TURN_MIN = 0.5 / 360;

/**
 * Wedges of a node and what is below it, down to so many rings, none with a smaller share of the circle than `least`; of
 * all roots where no node is named.
 */
export function wedges(
  tree: CallTree,
  side: number,
  root: number | undefined,
  rings: number,
  least = 0,
): Wedge[] {
  const amounts = tree.sides[side];
  if (amounts === undefined) return [];
  const whole = root === undefined ? amounts.all : (amounts.total[root] ?? 0);
  if (whole <= 0) return [];
  const base = root === undefined ? 0 : (tree.depth[root] ?? 0);
  const found: Wedge[] = [];
  const next = new Map<number, number>();
  let turn = 0;
  for (let place = root ?? 0; place < tree.depth.length; place += 1) {
    const depth = tree.depth[place] ?? 0;
    if (root !== undefined && place > root && depth <= base) break;
    const parent = tree.parent[place] ?? -1;
    const top = place === root || parent < 0;
    const begin = top ? turn : next.get(parent);
    // What is below a wedge that was too narrow is narrower still.
    if (begin === undefined) continue;
    const end = begin + (amounts.total[place] ?? 0) / whole;
    if (top) turn = end;
    else next.set(parent, end);
    if (end - begin < Math.max(TURN_MIN, least)) continue;
    next.set(place, begin);
    if (depth - base < rings) found.push({ place, ring: depth - base, from: begin, to: end });
  }
  return found;
}

/** The outline of a wedge around the origin, as a path of SVG. */
export function outline(wedge: Wedge, inner: number, thickness: number): string {
  const [low, high] = [inner + wedge.ring * thickness, inner + (wedge.ring + 1) * thickness - 1];
  // A whole ring would begin where it ends, and an arc from a point to itself is none.
  const to = Math.min(wedge.to, wedge.from + 0.99999);
  const large = to - wedge.from > 0.5 ? 1 : 0;
  const at = (turn: number, radius: number) => {
    const angle = (turn - 0.25) * 2 * Math.PI;
    return `${(Math.cos(angle) * radius).toFixed(2)} ${(Math.sin(angle) * radius).toFixed(2)}`;
  };
  return [
    `M${at(wedge.from, high)}`,
    `A${high} ${high} 0 ${large} 1 ${at(to, high)}`,
    `L${at(to, low)}`,
    `A${low} ${low} 0 ${large} 0 ${at(wedge.from, low)}`,
    'Z',
  ].join('');
}
