/** What `taut load`, `replay` and `prove` write as JSON, told apart by what is in it, and read without trust. */

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
  failed: number;
  interrupted: boolean;
  intervalSeconds: number;
  intervals: Interval[];
  routes: { name: string; count: number; failed: number; quantiles: Quantiles }[];
  /** How long single requests took in µs that did not fail, in ascending order. */
  took: number[];
  /** Of how many requests one is among those. */
  every: number;
  troubles: { what: string; count: number }[];
}

export interface Interval {
  started: number;
  answered: number;
  failed: number;
  quantiles?: Quantiles;
}

/** p50, p95 and p99 in µs. */
export type Quantiles = [number, number, number];

/** A search for the limit: what `taut load --search --json` prints. */
export interface Limit {
  kind: 'limit';
  target: string;
  held?: number;
  broke?: number;
  knee?: number;
  /** Share of what it holds that is free at today's peak. */
  headroom?: number;
  peak?: number;
  byGenerator: boolean;
  /** Why it ended before the limit was known; Ctrl-C, or nobody was there any more. */
  ended?: string;
  steps: Step[];
}

export interface Step {
  rate: number;
  answered: number;
  quantiles: Quantiles;
  errors: number;
  held: boolean;
}

/** A replay: what `taut replay --json` prints. */
export interface Replay {
  kind: 'replay';
  target: string;
  against?: string;
  played: number;
  compared: number;
  identical: number;
  different: number;
  differences: Group[];
  noise: Group[];
  notes: string[];
}

export interface Group {
  endpoint: string;
  place: string;
  count: number;
  compared: number;
  example?: { request: string; at: string; old: string; now: string };
}

/** A comparison: what `taut prove --json` prints. */
export interface Proof {
  kind: 'proof';
  verdict: string;
  reason: string;
  decides: string;
  more?: number;
  before: number;
  after: number;
  measures: Measure[];
  routes: { route: string; share: number; requests: [number, number]; change: Measure }[];
  errors: [number, number];
  effect?: string;
  /** What requests did besides: queries, database time, bytes. */
  work: Work[];
  /** Shares of the requests of each side by how long they took. */
  spread: { before: Bin[]; after: Bin[] };
  notes: string[];
}

export interface Work {
  name: string;
  unit: string;
  before: number;
  after: number;
  /** Of the difference. */
  interval?: [number, number];
}

export interface Measure {
  name: string;
  /** In µs. */
  before: number;
  after: number;
  /** Of the relative change. */
  interval?: [number, number];
  /** Where there is none: how far the change is from zero at least. */
  atLeast?: number;
}

export type Told = Run | Limit | Replay | Proof;

/** Single requests that are looked at: a chart has no room for more. */
const TOOK_MAX = 200_000;

/** What is in a file, or why it is nothing that can be shown. */
export function readProof(text: string): Told | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return 'It is no JSON, or only the beginning of it.';
  }
  return toldBy(json);
}

/** What a result says, or why it is none that can be shown. */
export function toldBy(json: unknown): Told | string {
  const all = fields(json);
  if (all['format'] === 'taut-load-1') return run(all);
  if (typeof all['format'] === 'string' && all['format'].startsWith('taut-load-'))
    return `It is of the format ${all['format']}, and this version reads taut-load-1.`;
  if (Array.isArray(all['steps']) && 'held_per_second' in all) return limit(all);
  if (Array.isArray(all['differences']) && 'played' in all) return replay(all);
  if (typeof all['verdict'] === 'string' && Array.isArray(all['measures'])) return proof(all);
  if ('latency_nanos' in all)
    return 'It has figures of a load without its course: `taut load --out FILE` keeps all of it.';
  return 'It is none of what `taut load --out`, `load --search --json`, `replay --json` and `prove --json` write.';
}

export type Fields = Record<string, unknown>;

export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : {};
}

function list(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

export function number(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function some(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function micros(value: unknown): number {
  return number(value) / 1000;
}

export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function quantiles(of: Fields): Quantiles {
  return [micros(of['p50']), micros(of['p95']), micros(of['p99'])];
}

function run(all: Fields): Run {
  // Who is turned away at once is no fast answer.
  const took = list(all['samples'])
    .slice(0, TOOK_MAX)
    .filter((one) => one['failed'] !== true)
    .map((one) => micros(one['took_nanos']));
  const troubles = Array.isArray(all['troubles']) ? all['troubles'] : [];
  return {
    kind: 'run',
    target: text(all['target']),
    load: text(all['load']),
    open: all['is_open'] === true,
    beganMs: number(all['began_unix_millis']),
    seconds: number(all['seconds']),
    started: number(all['started']),
    answered: number(all['answered']),
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
    troubles: troubles.flatMap((one) =>
      Array.isArray(one) ? [{ what: text(one[0]), count: number(one[1]) }] : [],
    ),
  };
}

function limit(all: Fields): Limit {
  const law = fields(all['scalability']);
  return {
    kind: 'limit',
    target: text(all['target']),
    ...given('held', some(all['held_per_second'])),
    ...given('broke', some(all['broke_per_second'])),
    ...given('knee', some(all['knee_per_second'])),
    ...given('headroom', some(all['headroom'])),
    ...given('peak', some(law['peak_per_second'])),
    byGenerator: all['limited_by_generator'] === true,
    ...(all['interrupted'] === true ? { ended: 'it was interrupted' } : {}),
    ...(text(all['ended_because']) === '' ? {} : { ended: text(all['ended_because']) }),
    steps: list(all['steps']).map((one) => ({
      rate: number(one['rate']),
      answered: number(one['answered']),
      quantiles: quantiles(one),
      errors: number(one['errors']),
      held: one['held'] === true,
    })),
  };
}

function given<Name extends string, T>(name: Name, value: T | undefined) {
  return (value === undefined ? {} : { [name]: value }) as Partial<Record<Name, T>>;
}

function replay(all: Fields): Replay {
  return {
    kind: 'replay',
    target: text(all['target']),
    ...given('against', text(all['against']) || undefined),
    played: number(all['played']),
    compared: number(all['compared']),
    identical: number(all['identical']),
    different: number(all['different']),
    differences: list(all['differences']).map(group),
    noise: list(all['noise']).map(group),
    notes: texts(all['notes']),
  };
}

function group(one: Fields): Group {
  const example = fields(one['example']);
  return {
    endpoint: text(one['endpoint']),
    place: text(one['place']),
    count: number(one['count']),
    compared: number(one['compared']),
    ...(text(example['request']) === ''
      ? {}
      : {
          example: {
            request: text(example['request']),
            at: text(example['at']),
            old: text(example['old']),
            now: text(example['new']),
          },
        }),
  };
}

function proof(all: Fields): Proof {
  const errors = fields(all['errors']);
  return {
    kind: 'proof',
    verdict: text(all['verdict']),
    reason: text(all['reason']),
    decides: text(all['decides']),
    ...given('more', some(all['more_requests'])),
    before: number(fields(all['before'])['compared']),
    after: number(fields(all['after'])['compared']),
    measures: list(all['measures']).map(measure),
    routes: list(all['routes']).map((one) => {
      const requests = Array.isArray(one['requests']) ? one['requests'] : [];
      return {
        route: text(one['route']),
        share: number(one['share']),
        requests: [number(requests[0]), number(requests[1])],
        change: measure(fields(one['change'])),
      };
    }),
    errors: [number(errors['before']), number(errors['after'])],
    work: list(all['work']).map(work),
    spread: {
      before: bins(all['spread'], 'before'),
      after: bins(all['spread'], 'after'),
    },
    ...given('effect', text(fields(all['tests'])['effect']) || undefined),
    notes: texts(all['notes']),
  };
}

/** A mean; times in µs. */
function work(one: Fields): Work {
  const interval = one['difference_interval'];
  const unit = text(one['unit']);
  const amount = (value: unknown) => (unit === 'ns' ? micros(value) : number(value));
  return {
    name: text(one['measure']),
    unit,
    before: amount(one['before']),
    after: amount(one['after']),
    ...(Array.isArray(interval) && interval.length === 2
      ? { interval: [amount(interval[0]), amount(interval[1])] as [number, number] }
      : {}),
  };
}

function bins(value: unknown, side: string): Bin[] {
  return list(value).map((one) => ({
    from: micros(one['from_nanos']),
    to: micros(one['to_nanos']),
    count: number(one[side]),
  }));
}

function measure(one: Fields): Measure {
  const interval = one['relative_interval'];
  return {
    name: text(one['measure']),
    before: micros(one['before_nanos']),
    after: micros(one['after_nanos']),
    ...(Array.isArray(interval) && interval.length === 2
      ? { interval: [number(interval[0]), number(interval[1])] as [number, number] }
      : {}),
    ...(typeof one['relative_at_least'] === 'number' ? { atLeast: one['relative_at_least'] } : {}),
  };
}

/** A box of a distribution: from, to, and how many. */
export interface Bin {
  from: number;
  to: number;
  count: number;
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

/** A latency of a run, in µs; the longest is known only if each request is. */
export function latency(run: Run, q: number): number | undefined {
  return q === 1 && run.every > 1 ? undefined : quantile(run.took, q);
}

/** The nearest rank of values in ascending order. */
export function quantile(values: number[], q: number): number | undefined {
  return values[Math.max(0, Math.ceil(q * values.length) - 1)];
}

/** Groups by endpoint, the endpoint with most differences first. */
export function byEndpoint(groups: Group[]): { endpoint: string; groups: Group[] }[] {
  const endpoints = [...new Set(groups.map((one) => one.endpoint))];
  const of = (endpoint: string) => groups.filter((one) => one.endpoint === endpoint);
  const most = (endpoint: string) => Math.max(...of(endpoint).map((one) => one.count));
  return endpoints
    .sort((left, right) => most(right) - most(left) || left.localeCompare(right))
    .map((endpoint) => ({
      endpoint,
      groups: of(endpoint).toSorted((left, right) => right.count - left.count),
    }));
}
