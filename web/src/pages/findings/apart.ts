/** Dots that would cover each other, moved aside: none is hidden, and each stays at its height. */
export interface Spot {
  x: number;
  y: number;
}

/** How many steps aside are tried, to the right and to the left in turn. */
const STEPS_MAX = 6;

/** Each spot at least `least` away from those before it where there is room between `left` and `right`. */
export function apart(spots: Spot[], least: number, left: number, right: number): Spot[] {
  const placed: Spot[] = [];
  for (const spot of spots) {
    const free = aside(least)
      .map((by) => ({ x: spot.x + by, y: spot.y }))
      .filter(({ x }) => x >= left && x <= right)
      .find((one) =>
        placed.every((other) => Math.hypot(one.x - other.x, one.y - other.y) >= least),
      );
    placed.push(free ?? spot);
  }
  return placed;
}

/** Nothing, a step to the right, one to the left, two to the right … */
function aside(step: number): number[] {
  const steps = Array.from({ length: STEPS_MAX }, (_, place) => (place + 1) * step);
  return [0, ...steps.flatMap((one) => [one, -one])];
}

/** Ticks that have room for their words: at least so many pixels from the one before. */
export function spaced(ticks: number[], x: (tick: number) => number, pixels: number): number[] {
  const kept: number[] = [];
  for (const tick of ticks) {
    const last = kept.at(-1);
    if (last === undefined || x(tick) - x(last) >= pixels) kept.push(tick);
  }
  return kept;
}
