/** A run of load: what `taut load --out` writes, and how latencies are spread. */
import {
  fields,
  list,
  micros,
  number,
  quantiles,
  some,
  text,
  texts,
  type Fields,
  type Quantiles,
} from './fields';

/** A run of load: what `taut load --out` keeps. */
export interface Run {
  kind: 'run';
  target: string;
  load: string;
  open: boolean;
  beganMs: number;
  seconds: number;
  started: number;
  answered: number;
  /** Answers a second while requests were started. */
  rate: number;
  failed: number;
  interrupted: boolean;
  intervalSeconds: number;
  intervals: Interval[];
  routes: { name: string; count: number; failed: number; quantiles: Quantiles }[];
  /** How long single requests took in µs, in ascending order; who was turned away at once is not among them. */
  took: number[];
  /** Of how many requests one is among those. */
  every: number;
  /** What went wrong, by kind. */
  failures: { what: string; count: number }[];
  /** What the terminal said; none in files of versions that did not keep it. */
  told?: RunTold;
}

export interface RunTold {
  /** Requests with a latency, those that waited until their time was up among them. */
  timed: number;
  figures: { name: string; corrected: number; uncorrected: number }[];
  spread: { corrected: Bin[]; uncorrected: Bin[] };
  goals: { goal: string; seen: string; met: boolean }[];
  /** What to know before believing the figures. */
  notes: string[];
  generator: { busy: number; lateP99: number; lateMax: number; each: number; bottleneck: boolean };
}

/** Percentiles that a run is told by, as the file names them. */
export const TOLD: [name: string, q: number][] = [
  ['p50', 0.5],
  ['p75', 0.75],
  ['p90', 0.9],
  ['p95', 0.95],
  ['p99', 0.99],
  ['p99.9', 0.999],
  ['max', 1],
];

export interface Interval {
  started: number;
  answered: number;
  failed: number;
  quantiles?: Quantiles;
}

/** Single requests that are looked at: a chart has no room for more. */
const TOOK_MAX = 200_000;

/** Who failed so has waited as long as anybody may: it is among the latencies. All others were turned away. */
const WAITED = ['timed out', 'never sent: no connection was free in time'];

export function run(all: Fields): Run {
  const troubles = (Array.isArray(all['troubles']) ? all['troubles'].slice(0, 100) : []).flatMap(
    (one) => (Array.isArray(one) ? [{ what: text(one[0]), count: number(one[1]) }] : []),
  );
  // Who is turned away at once is no fast answer, and single requests do not tell why they failed.
  const turnedAway = troubles.some((one) => one.count > 0 && !WAITED.includes(one.what));
  const took = list(all['samples'], TOOK_MAX)
    .filter((one) => !turnedAway || one['failed'] !== true)
    .map((one) => micros(one['took_nanos']));
  const seconds = number(all['seconds']);
  const answered = number(all['answered']);
  return {
    kind: 'run',
    target: text(all['target']),
    load: text(all['load']),
    open: all['is_open'] === true,
    beganMs: number(all['began_unix_millis']),
    seconds,
    started: number(all['started']),
    answered,
    rate: (some(all['in_time']) ?? answered) / Math.max(seconds, 1e-9),
    failed: number(all['failed']),
    interrupted: all['is_interrupted'] === true,
    intervalSeconds: number(all['interval_seconds']) || 1,
    intervals: list(all['intervals']).map((one) => ({
      started: number(one['started']),
      answered: number(one['answered']),
      failed: number(one['failed']),
      ...(some(one['p50']) === undefined ? {} : { quantiles: quantiles(one) }),
    })),
    routes: list(all['routes']).map((one) => ({
      name: text(one['name']),
      count: number(one['count']),
      failed: number(one['failed']),
      quantiles: quantiles(one),
    })),
    took: took.sort((left, right) => left - right),
    every: Math.max(1, number(all['samples_every'])),
    ...runTold(fields(all['report']), list(all['spread'], 1_000), troubles),
  };
}

function runTold(report: Fields, spread: Fields[], troubles: Run['failures']) {
  const corrected = fields(report['latency_nanos']);
  const uncorrected = fields(report['uncorrected_nanos']);
  const generator = fields(report['generator']);
  const boxes = (figure: string) =>
    spread.map((one) => ({
      from: micros(one['from_nanos']),
      to: micros(one['to_nanos']),
      count: number(one[figure]),
    }));
  const timed = boxes('corrected').reduce((sum, bin) => sum + bin.count, 0);
  const failures = list(report['failures']).map((one) => ({
    what: text(one['what']),
    count: number(one['count']),
  }));
  if (!('latency_nanos' in report)) return { failures: troubles };
  const told: RunTold = {
    timed,
    figures: TOLD.filter(([name]) => timed > 0 && some(corrected[name]) !== undefined).map(
      ([name]) => ({
        name,
        corrected: micros(corrected[name]),
        uncorrected: micros(uncorrected[name]),
      }),
    ),
    spread: { corrected: boxes('corrected'), uncorrected: boxes('uncorrected') },
    goals: list(report['goals']).map((one) => ({
      goal: text(one['goal']),
      seen: text(one['seen']),
      met: one['met'] === true,
    })),
    notes: texts(report['notes']),
    generator: {
      busy: number(generator['busy']),
      lateP99: micros(generator['late_p99_nanos']),
      lateMax: micros(generator['late_max_nanos']),
      each: micros(generator['processor_nanos_per_request']),
      bottleneck: generator['was_bottleneck'] === true,
    },
  };
  return { failures, told };
}

/** A box of a distribution: from, to, and how many. */
export interface Bin {
  from: number;
  to: number;
  count: number;
}

/** Where a latency lies among boxes that are drawn as wide as each other, in boxes from the left. */
export function placeAmong(bins: Bin[], micros: number): number {
  const place = bins.findIndex((bin) => micros < bin.to);
  const bin = bins[place];
  if (bin === undefined) return bins.length;
  const part = Math.log(micros / bin.from) / Math.log(bin.to / bin.from);
  return place + (part > 0 && part <= 1 ? part : 0);
}

/** Values in ascending order in boxes of equal ratio, from the least to the most. */
export function distribution(values: number[], boxes: number): Bin[] {
  const least = Math.max(values.find((value) => value > 0) ?? 0, 1e-3);
  const most = Math.max(values.at(-1) ?? 0, least);
  if (values.length === 0) return [];
  const ratio = (most / least) ** (1 / boxes);
  if (ratio <= 1) return [{ from: least, to: least, count: values.length }];
  const bins = Array.from({ length: boxes }, (_, place) => ({
    from: least * ratio ** place,
    to: least * ratio ** (place + 1),
    count: 0,
  }));
  for (const value of values) {
    const place = Math.floor(Math.log(Math.max(value, least) / least) / Math.log(ratio));
    const bin = bins[Math.min(boxes - 1, Math.max(0, place))];
    if (bin !== undefined) bin.count += 1;
  }
  return bins;
}

/** A latency of a run from the intended start, in µs, by the name that {@link TOLD} has; of single requests the longest is known only if each is. */
export function latency(run: Run, name: string): number | undefined {
  if (run.told !== undefined) return run.told.figures.find((one) => one.name === name)?.corrected;
  const q = TOLD.find(([known]) => known === name)?.[1] ?? 1;
  return q === 1 && run.every > 1 ? undefined : quantile(run.took, q);
}

/** How many requests of each run took how long, in the same boxes. */
export function spreads(runs: Run[], boxes: number): Bin[][] {
  const told = runs.map((run) => run.told?.spread.corrected ?? []);
  if (told.every((bins) => bins.length > 0)) return alike(told);
  // Boxes have to be the same to be laid one over the other.
  const all = runs.flatMap((run) => run.took).sort((left, right) => left - right);
  const bins = distribution(all, boxes);
  return runs.map((run) =>
    bins.map((bin, place) => ({
      ...bin,
      count: run.took.filter(
        (value) =>
          (place === 0 || value >= bin.from) && (place === bins.length - 1 || value < bin.to),
      ).length,
    })),
  );
}

/** Latencies are written in boxes of a quarter of a power of two: where those of all runs lie, empty ones included. */
function alike(runs: Bin[][]): Bin[][] {
  const place = (bin: Bin) => Math.round(Math.log2(bin.from * 1000) * 4);
  const bound = (at: number) => 2 ** (at / 4) / 1000;
  const counts = runs.map(
    (bins) => new Map(bins.filter((bin) => bin.from > 0).map((bin) => [place(bin), bin.count])),
  );
  const known = counts.flatMap((of) => [...of.keys()]);
  const first = Math.min(...known);
  const length = known.length === 0 ? 0 : Math.max(...known) - first + 1;
  return counts.map((of) =>
    Array.from({ length }, (_, step) => ({
      from: bound(first + step),
      to: bound(first + step + 1),
      count: of.get(first + step) ?? 0,
    })),
  );
}

/** The nearest rank of values in ascending order. */
export function quantile(values: number[], q: number): number | undefined {
  return values[Math.max(0, Math.ceil(q * values.length) - 1)];
}
