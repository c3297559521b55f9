/** The axis of time of a chart: where a moment lies, which ones are told, and marks that would overlap. */

export interface TimeAxis {
  from: number;
  to: number;
  left: number;
  right: number;
}

export function timeX(axis: TimeAxis): (unixMs: number) => number {
  const length = Math.max(1, axis.to - axis.from);
  return (unixMs) => axis.left + ((unixMs - axis.from) / length) * (axis.right - axis.left);
}

export function timeAt(axis: TimeAxis, x: number): number {
  const part = (x - axis.left) / Math.max(1, axis.right - axis.left);
  return axis.from + Math.min(1, Math.max(0, part)) * (axis.to - axis.from);
}

const STEPS_MIN = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 43_200];

/** Steps of a window in which there are so few points that nothing tells how long they are. */
const ALONE_STEPS = 20;
const STEPS_MAX = 1000;

/** Round moments within, so many pixels apart at least. `offsetMs` is how far the zone is from UTC. */
export function timeTicks(axis: TimeAxis, apart = 84, offsetMs = 0): number[] {
  const room = Math.max(1, Math.floor((axis.right - axis.left) / apart));
  const least = (axis.to - axis.from) / room / 60_000;
  const step = (STEPS_MIN.find((minutes) => minutes >= least) ?? 43_200) * 60_000;
  const ticks: number[] = [];
  for (
    let at = Math.ceil((axis.from + offsetMs) / step) * step - offsetMs;
    at <= axis.to;
    at += step
  ) {
    ticks.push(at);
  }
  return ticks;
}

/** Points that begin steps of equal length, one for each step of a window; none where there was no point. */
export function onSteps<T extends { from_unix_ms: number }>(
  points: T[],
  window: { from_unix_ms: number; to_unix_ms: number },
): (T | undefined)[] {
  const length = Math.max(1, window.to_unix_ms - window.from_unix_ms);
  // The shortest distance of two of them: longer ones are gaps. Two that are far apart do not tell it.
  let step = points.length < 3 ? length / ALONE_STEPS : length;
  points.forEach((point, place) => {
    const next = points[place + 1];
    if (next !== undefined) step = Math.min(step, next.from_unix_ms - point.from_unix_ms);
  });
  // Begins are whole milliseconds: steps may be longer by one. None is longer than that, so that no two points share one.
  const count = Math.min(STEPS_MAX, Math.max(1, Math.ceil(length / (step + 1))));
  const all = new Array<T | undefined>(count).fill(undefined);
  for (const point of points) {
    const place = Math.floor(((point.from_unix_ms + 1 - window.from_unix_ms) / length) * count);
    if (place >= 0) all[Math.min(place, count - 1)] = point;
  }
  return all;
}

/** How far a zone is from UTC at a moment. */
export function offsetMs(unixMs: number, zone: string | undefined): number {
  const name = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
    .formatToParts(unixMs)
    .find((part) => part.type === 'timeZoneName')?.value;
  const told = /GMT([+-])(\d\d):(\d\d)/.exec(name ?? '');
  if (told === null) return 0;
  const minutes = Number(told[2]) * 60 + Number(told[3]);
  return (told[1] === '-' ? -minutes : minutes) * 60_000;
}

/** Things at places, those that lie within `apart` pixels of the one before together with it. */
export function together<T>(all: { x: number; of: T }[], apart = 6): { x: number; of: T[] }[] {
  const groups: { x: number; of: T[] }[] = [];
  for (const { x, of } of all.toSorted((one, other) => one.x - other.x)) {
    const last = groups.at(-1);
    if (last !== undefined && x - last.x < apart) last.of.push(of);
    else groups.push({ x, of: [of] });
  }
  return groups;
}
