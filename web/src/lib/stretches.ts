/** Stretches of time in view: sorted once for a trace, found by halving, each pixel given out once. */
import type { Trace } from '../api/types';
import { pathOf } from './criticalpath';
import { gaps } from './waterfall';

/** Begin and end in turns, sorted, without overlaps. */
export type Stretches = Float64Array;

interface Kept {
  gaps: Map<number, Stretches>;
  folds: Map<number, Stretches>;
  waited: Map<number, Stretches>;
}

const kept = new WeakMap<Trace, Kept>();

/** Where none of a span's children ran: its own time. */
export function gapsOf(trace: Trace, node: number): Stretches {
  const { gaps: known } = keptOf(trace);
  const found = known.get(node) ?? flat(gaps(trace, node));
  known.set(node, found);
  return found;
}

/** Where any member of a fold ran. */
export function membersOf(trace: Trace, fold: number, members: number[]): Stretches {
  const { folds: known } = keptOf(trace);
  const found =
    known.get(fold) ??
    joined(
      members
        .flatMap((place) => trace.nodes[place] ?? [])
        .map((node): [number, number] => [
          node.offset_micros,
          node.offset_micros + node.duration_micros,
        ]),
    );
  known.set(fold, found);
  return found;
}

/** Where somebody waited for a member of a fold. */
export function waitedOf(trace: Trace, fold: number, members: number[]): Stretches {
  const { waited: known } = keptOf(trace);
  const { from, to } = pathOf(trace);
  const found =
    known.get(fold) ??
    joined(
      members
        .map((place): [number, number] => [from[place] ?? 0, to[place] ?? 0])
        .filter(([begin, end]) => begin < end),
    );
  known.set(fold, found);
  return found;
}

/**
 * Calls `give` for what lies between `from` and `to`; stretches that are closer than `unit` to each other are given as
 * one, so that there are never more than fit side by side.
 */
export function inView(
  stretches: Stretches,
  [from, to]: [number, number],
  unit: number,
  give: (from: number, to: number) => void,
) {
  let place = firstEndingAfter(stretches, from);
  while (place < stretches.length) {
    const begin = stretches[place] ?? 0;
    if (begin > to) return;
    let end = stretches[place + 1] ?? 0;
    place += 2;
    // What ends within the same pixel is passed over by halving, not one by one.
    for (;;) {
      const next = firstEndingAfter(stretches, end + unit, place);
      if (next > place) end = Math.max(end, stretches[next - 1] ?? end);
      place = next;
      if (place >= stretches.length || (stretches[place] ?? 0) > end + unit) break;
      end = stretches[place + 1] ?? end;
      place += 2;
      if (end > to) break;
    }
    give(begin, end);
  }
}

/** The place of the first stretch, from `begin` on, that ends after `position`. */
function firstEndingAfter(stretches: Stretches, position: number, begin = 0): number {
  let low = begin / 2;
  let high = stretches.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((stretches[2 * middle + 1] ?? 0) <= position) low = middle + 1;
    else high = middle;
  }
  return 2 * low;
}

function keptOf(trace: Trace): Kept {
  const known = kept.get(trace) ?? { gaps: new Map(), folds: new Map(), waited: new Map() };
  kept.set(trace, known);
  return known;
}

/** Sorted, those that overlap as one. */
function joined(all: [number, number][]): Stretches {
  const merged: [number, number][] = [];
  for (const [from, to] of all.toSorted((left, right) => left[0] - right[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from < last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return flat(merged);
}

function flat(stretches: [number, number][]): Stretches {
  return Float64Array.from(stretches.flat());
}
