/** Axes: where a value lies, and which values get a tick. */

/** Where a value of `[low, high]` lies between `from` and `to` on a logarithmic axis. */
export function logScale(low: number, high: number, from: number, to: number) {
  const span = Math.log(high / low) || 1;
  return (value: number) => from + (Math.log(value / low) / span) * (to - from);
}

/** Round steps over `[0, max]`, at most `count` of them. */
export function ticks(max: number, count: number): number[] {
  if (!(max > 0)) return [0];
  const step = roundStep(max, count);
  const all: number[] = [];
  for (let place = 0; place * step <= max * 1.000001; place += 1) all.push(place * step);
  return all;
}

/** Round steps from nothing to the first one that `max` does not pass, in at most `count` parts: both ends are told. */
export function ticksOver(max: number, count: number): number[] {
  if (!(max > 0)) return [0, 1];
  const step = roundStep(max, count);
  const parts = Math.max(1, Math.ceil(max / step - 1e-6));
  return Array.from({ length: parts + 1 }, (_, place) => place * step);
}

/** 1, 2 or 5 times a power of ten. */
function roundStep(max: number, count: number): number {
  const raw = max / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * (raw / power <= 1 ? 1 : raw / power <= 2 ? 2 : raw / power <= 5 ? 5 : 10);
}

/** 1, 2, 5 times powers of ten within `[low, high]`; powers alone where there are many. */
export function logTicks(low: number, high: number): number[] {
  const all: number[] = [];
  const wide = Math.log10(high / low) > 3;
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const factor of wide ? [1] : [1, 2, 5]) {
      const value = factor * 10 ** power;
      if (value >= low && value <= high) all.push(value);
    }
  }
  if (all.length >= 3) return all;
  // Less than a decade: round steps tell more than powers do.
  const round = ticks(high, 4).filter((tick) => tick >= low);
  const fine = ticks(high - low, 4);
  const step = fine[1] ?? high - low;
  if (round.length >= 3 || !(step > 0)) return round;
  return fine.map((tick) => Math.ceil(low / step) * step + tick).filter((tick) => tick <= high);
}

/** As many ticks as have room for their words, which are so wide. */
export function spaced(all: number[], x: (value: number) => number, width: number): number[] {
  let last = -Infinity;
  return all.filter((tick) => {
    if (x(tick) - last < width) return false;
    last = x(tick);
    return true;
  });
}

/** Stretches that touch or overlap become one; input need not be sorted. */
export function union(stretches: [number, number][], gap = 0): [number, number][] {
  const sorted = stretches.toSorted((left, right) => left[0] - right[0]);
  const merged: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + gap) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}
