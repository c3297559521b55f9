/** How often it was asked while the page is open: what was told every other second, on steps of that length. */

/** How often it is asked for, and how long what it told is kept for the chart: five minutes. */
export const ASK_MS = 2000;
const KEPT_MS = 300_000;

export interface Told {
  unixMs: number;
  perSecond: number;
}

/** What was told before, and now. */
export function withRate(told: Told[], perSecond: number, unixMs = Date.now()): Told[] {
  return [...told.filter((one) => one.unixMs > unixMs - KEPT_MS), { unixMs, perSecond }];
}

export interface Course {
  from: number;
  to: number;
  /** One for each step; none where nothing was told. */
  values: (number | undefined)[];
}

/** Its course since the page was opened; none before there is more than a moment of it. */
export function courseOf(told: Told[]): Course | undefined {
  const [first, last] = [told[0], told.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const count = Math.floor((last.unixMs - first.unixMs) / ASK_MS) + 1;
  if (count < 3) return undefined;
  const values = new Array<number | undefined>(count).fill(undefined);
  for (const { unixMs, perSecond } of told) {
    values[Math.floor((unixMs - first.unixMs) / ASK_MS)] = perSecond;
  }
  return { from: first.unixMs, to: first.unixMs + count * ASK_MS, values: filled(values) };
}

/** An answer that came a little late leaves a step without one: the one before stands for it. */
function filled(values: (number | undefined)[]): (number | undefined)[] {
  return values.map((value, step) => value ?? (step > 0 ? values[step - 1] : undefined));
}
