/**
 * Humps of a distribution: the peaks of the smoothed counts that have a valley between them deep enough to see and
 * enough requests each to be no accident.
 */

export interface Mode {
  /** First bucket, and the first after it. */
  from: number;
  to: number;
  /** Its highest bucket. */
  peak: number;
  count: number;
}

/** Below that many requests every distribution has humps. */
const COUNT_MIN = 40;

/** Of a hump, of all requests: what is rarer is a tail. */
const SHARE_MIN = 0.05;

/** Of the lower of two peaks, what may be left in the valley between them. */
const VALLEY_MAX = 0.5;

/** Standard deviation of the smoothing, in buckets; few requests need more of it, as their third root says. */
const SMOOTHING_MIN = 1.6;
const SMOOTHING_FEW = 12;

export function modes(counts: number[]): Mode[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const whole = {
    from: 0,
    to: counts.length,
    peak: highest(counts, 0, counts.length),
    count: total,
  };
  if (total < COUNT_MIN) return total > 0 ? [whole] : [];
  const smooth = smoothed(counts, Math.max(SMOOTHING_MIN, SMOOTHING_FEW / Math.cbrt(total)));
  const cuts: number[] = [];
  const peaks = smooth.flatMap((value, place) =>
    value > 0 && value >= (smooth[place - 1] ?? 0) && value > (smooth[place + 1] ?? 0)
      ? [place]
      : [],
  );
  let last = peaks[0];
  for (const peak of peaks.slice(1)) {
    if (last === undefined) break;
    const valley = lowest(smooth, last, peak);
    const least = Math.min(smooth[last] ?? 0, smooth[peak] ?? 0);
    if ((smooth[valley] ?? 0) <= VALLEY_MAX * least) {
      cuts.push(valley);
      last = peak;
    } else if ((smooth[peak] ?? 0) > (smooth[last] ?? 0)) last = peak;
  }
  return joined(counts, cuts, total * SHARE_MIN);
}

/** The parts between the cuts; one with too few requests goes to its neighbour. */
function joined(counts: number[], cuts: number[], least: number): Mode[] {
  const edges = [0, ...cuts, counts.length];
  const parts: [number, number][] = [];
  const sum = (from: number, to: number) =>
    counts.slice(from, to).reduce((all, count) => all + count, 0);
  for (let place = 1; place < edges.length; place += 1) {
    const [from, to] = [edges[place - 1] ?? 0, edges[place] ?? 0];
    const before = parts.at(-1);
    const small = sum(from, to) < least || (before !== undefined && sum(...before) < least);
    if (before !== undefined && small) before[1] = to;
    else parts.push([from, to]);
  }
  return parts.map(([from, to]) => ({
    from,
    to,
    peak: highest(counts, from, to),
    count: sum(from, to),
  }));
}

function smoothed(counts: number[], deviation: number): number[] {
  const reach = Math.ceil(3 * deviation);
  return counts.map((_, place) => {
    let sum = 0;
    for (let step = -reach; step <= reach; step += 1) {
      const weight = Math.exp((-step * step) / (2 * deviation * deviation));
      sum += (counts[place + step] ?? 0) * weight;
    }
    return sum;
  });
}

function highest(counts: number[], from: number, to: number): number {
  let best = from;
  for (let place = from; place < to; place += 1) {
    if ((counts[place] ?? 0) > (counts[best] ?? 0)) best = place;
  }
  return best;
}

function lowest(counts: number[], from: number, to: number): number {
  let best = from;
  for (let place = from; place <= to; place += 1) {
    if ((counts[place] ?? 0) < (counts[best] ?? 0)) best = place;
  }
  return best;
}
