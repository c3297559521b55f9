/** A box drawn over a heatmap: from when to when, from how long to how long; in the address as `from-to-low-high`. */
import type { Heatmap } from '../api/types';

export interface Box {
  /** Milliseconds since 1970. */
  from: number;
  to: number;
  /** Microseconds. */
  low: number;
  high: number;
}

export function boxOf(text: string | null): Box | undefined {
  const told = /^(\d+)-(\d+)-(\d+)-(\d+)$/.exec(text ?? '');
  if (told === null) return undefined;
  const [from = 0, to = 0, low = 0, high = 0] = told.slice(1).map(Number);
  return from < to && low < high ? { from, to, low, high } : undefined;
}

export function boxText(box: Box): string {
  const [from, to] = [Math.floor(box.from), Math.ceil(box.to)];
  const [low, high] = [Math.max(0, Math.floor(box.low)), Math.ceil(box.high)];
  return `${from}-${Math.max(from + 1, to)}-${low}-${Math.max(low + 1, high)}`;
}

/** A box to begin with: the upper quarter of the picture, over all of its time. */
export function firstBox(all: Box): Box {
  return { ...all, low: all.high / (all.high / all.low) ** 0.25 };
}

/**
 * The box a twentieth of the picture to the right and up, or to the left and down; resized, its end and its upper edge go
 * there alone. It stays within the picture, and as large as it was unless it is resized.
 */
export function movedBox(box: Box, all: Box, right: number, up: number, resize: boolean): Box {
  const [from, to] = moved(box.from, box.to, all.from, all.to, right, resize);
  const log = Math.log;
  const [low, high] = moved(log(box.low), log(box.high), log(all.low), log(all.high), up, resize);
  // A side that does not move keeps its figure to the last digit.
  return {
    from,
    to,
    low: up === 0 ? box.low : Math.exp(low),
    high: up === 0 ? box.high : Math.exp(high),
  };
}

function moved(
  from: number,
  to: number,
  first: number,
  last: number,
  steps: number,
  resize: boolean,
): [number, number] {
  const step = (steps * (last - first)) / 20;
  if (resize) {
    const end = Math.min(last, to + step);
    return end > from ? [from, end] : [from, to];
  }
  const room = step > 0 ? Math.max(0, last - to) : Math.min(0, first - from);
  const far = step > 0 ? Math.min(step, room) : Math.max(step, room);
  return [from + far, to + far];
}

/** Whether some of a box lies in a stretch of time. */
export function lies(box: Box, window: { from_unix_ms: number; to_unix_ms: number }): boolean {
  return box.from < window.to_unix_ms && window.from_unix_ms < box.to;
}

/** The box with the cells that its edges lie in: none is selected in part. */
export function wholeCells(map: Heatmap, box: Box): Box {
  const column = (unixMs: number) =>
    map.columns.find((one) => one.from_unix_ms <= unixMs && unixMs < one.to_unix_ms);
  return {
    from: column(box.from)?.from_unix_ms ?? box.from,
    to: column(box.to - 1)?.to_unix_ms ?? box.to,
    low: map.edges.findLast((edge) => edge <= box.low) ?? box.low,
    high: map.edges.find((edge) => edge >= box.high) ?? box.high,
  };
}

/** The filter that durations within a box pass. */
export function within(box: Box): string {
  return `duration >= ${box.low}us and duration <= ${box.high}us`;
}

/** The cell of a heatmap at a moment and a duration. */
export function cellAt(
  map: Heatmap,
  unixMs: number,
  micros: number,
): { from: number; low: number; high: number; count: number } | undefined {
  const column = map.columns.find((one) => one.from_unix_ms <= unixMs && unixMs < one.to_unix_ms);
  const place = map.edges.findLastIndex((edge) => edge <= micros);
  const [low, high] = [map.edges[place], map.edges[place + 1]];
  const count = column?.counts[place];
  if (column === undefined || low === undefined || high === undefined || !count) return undefined;
  return { from: column.from_unix_ms, low, high, count };
}
