/** What `taut load`, `replay` and `prove` write as JSON, told apart by what is in it, and read without trust. */
import {
  fields,
  given,
  list,
  micros,
  number,
  pair,
  some,
  text,
  texts,
  type Fields,
} from './fields';
import { isLimit, limit, type Limit } from './limit';
import { run, type Bin, type Run } from './run';

export type { Bin, Run } from './run';

/** A replay: what `taut replay --json` prints. */
export interface Replay {
  kind: 'replay';
  target: string;
  against?: string;
  recorded: number;
  played: number;
  compared: number;
  identical: number;
  /** The same but for space, order of keys, or values made for the answer. */
  equal: number;
  /** The same as far as the recording kept them. */
  soFar: number;
  /** Different in what differs between two tries of the same version. */
  noisy: number;
  different: number;
  /** Not kept, so not compared. */
  unknown: number;
  /** Whether the new version is faster, where both were asked. */
  speed?: { verdict: string; reason: string };
  seconds: number;
  interrupted: boolean;
  /** Answers that were compared, by endpoint. */
  endpoints: { endpoint: string; compared: number }[];
  differences: Group[];
  noise: Group[];
  notes: string[];
}

export interface Group {
  endpoint: string;
  place: string;
  count: number;
  compared: number;
  /** Of them, as many differed between two tries of the same version. */
  noise: number;
  example?: { request: string; at: string; old: string; now: string };
}

/** A comparison: what `taut prove --json` prints. */
export interface Proof {
  kind: 'proof';
  verdict: string;
  reason: string;
  decides: string;
  more?: number;
  /** The least change that matters, relative to before. */
  matters?: number;
  /** How sure intervals of percentiles are. */
  level?: number;
  before: Side;
  after: Side;
  measures: Measure[];
  routes: { route: string; share: number; requests: [number, number]; change: Measure }[];
  errors: { before: number; after: number; p?: number };
  tests?: Tests;
  /** What requests did besides: queries, database time, bytes. */
  work: Work[];
  /** Shares of the requests of each side by how long they took. */
  spread: { before: Bin[]; after: Bin[] };
  notes: string[];
}

/** What of a side was used. */
export interface Side {
  given: number;
  /** Of them, left out as warm-up. */
  warmUp: number;
  failed: number;
  /** Of them, of routes that the other side has not. */
  otherRoutes: number;
  compared: number;
  /** As many independent ones they are worth. */
  worth?: number;
}

/** Tests over the whole distribution. */
export interface Tests {
  mannWhitneyP?: number;
  /** Kolmogorov and Smirnov's. */
  distance?: number;
  distanceP?: number;
  /** Cliff's delta, and its size in a word. */
  delta?: number;
  effect: string;
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
  /** Of the change in µs. */
  difference?: [number, number];
  /** Where there is none: how far the change is from zero at least. */
  atLeast?: number;
}

export type Told = Run | Limit | Replay | Proof;

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
  if (isLimit(all)) return limit(all);
  if (Array.isArray(all['differences']) && 'played' in all) return replay(all);
  if (typeof all['verdict'] === 'string' && Array.isArray(all['measures'])) return proof(all);
  if ('latency_nanos' in all)
    return 'It has figures of a load without its course: `taut load --out FILE` keeps all of it.';
  return 'It is none of what `taut load --out`, `load --search --json`, `replay --json` and `prove --json` write.';
}

function replay(all: Fields): Replay {
  const speed = fields(all['p95']);
  return {
    kind: 'replay',
    target: text(all['target']),
    ...given('against', text(all['against']) || undefined),
    recorded: number(all['recorded']),
    played: number(all['played']),
    compared: number(all['compared']),
    identical: number(all['identical']),
    equal: number(all['equal']),
    soFar: number(all['same_as_far_as_kept']),
    noisy: number(all['noisy']),
    different: number(all['different']),
    unknown: number(all['not_comparable']),
    ...(text(speed['verdict']) === ''
      ? {}
      : { speed: { verdict: text(speed['verdict']), reason: signs(speed['reason']) } }),
    seconds: micros(all['took_nanos']) / 1e6,
    interrupted: all['is_interrupted'] === true,
    endpoints: list(all['endpoints']).map((one) => ({
      endpoint: text(one['endpoint']),
      compared: number(one['compared']),
    })),
    differences: list(all['differences']).map(group),
    noise: list(all['noise']).map(group),
    notes: texts(all['notes']),
  };
}

/** A sentence with the sign of a minus where a command has a hyphen. */
function signs(value: unknown): string {
  return text(value).replaceAll(/(?<=^|[\s(])-(?=\d)/g, '−');
}

function group(one: Fields): Group {
  const example = fields(one['example']);
  return {
    endpoint: text(one['endpoint']),
    place: text(one['place']),
    count: number(one['count']),
    compared: number(one['compared']),
    noise: number(one['noise']),
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
    reason: signs(all['reason']),
    decides: text(all['decides']),
    ...given('more', some(all['more_requests'])),
    ...given('matters', some(all['matters'])),
    ...given('level', some(all['interval_level'])),
    before: side(fields(all['before'])),
    after: side(fields(all['after'])),
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
    errors: {
      before: number(errors['before']),
      after: number(errors['after']),
      ...given('p', some(errors['p'])),
    },
    work: list(all['work']).map(work),
    spread: {
      before: bins(all['spread'], 'before'),
      after: bins(all['spread'], 'after'),
    },
    ...given('tests', tests(fields(all['tests']))),
    notes: texts(all['notes']),
  };
}

function side(one: Fields): Side {
  return {
    given: number(one['given']),
    warmUp: number(one['warm_up']),
    failed: number(one['failed']),
    otherRoutes: number(one['other_routes']),
    compared: number(one['compared']),
    ...given('worth', some(one['worth'])),
  };
}

function tests(one: Fields): Tests | undefined {
  if (text(one['effect']) === '') return undefined;
  return {
    ...given('mannWhitneyP', some(one['mann_whitney_p'])),
    ...given('distance', some(one['kolmogorov_smirnov_d'])),
    ...given('distanceP', some(one['kolmogorov_smirnov_p'])),
    ...given('delta', some(one['cliffs_delta'])),
    effect: text(one['effect']),
  };
}

/** A mean; times in µs. */
function work(one: Fields): Work {
  const unit = text(one['unit']);
  const amount = (value: unknown) => (unit === 'ns' ? micros(value) : number(value));
  return {
    name: text(one['measure']),
    unit,
    before: amount(one['before']),
    after: amount(one['after']),
    ...given('interval', pair(one['difference_interval'], amount)),
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
  return {
    name: text(one['measure']),
    before: micros(one['before_nanos']),
    after: micros(one['after_nanos']),
    ...given('interval', pair(one['relative_interval'])),
    ...given('difference', pair(one['difference_interval_nanos'], micros)),
    ...given('atLeast', some(one['relative_at_least'])),
  };
}

/** Groups by endpoint, the endpoint with most differences first. */
export function byEndpoint(groups: Group[]): { endpoint: string; groups: Group[] }[] {
  const endpoints = new Map<string, Group[]>();
  for (const group of groups) {
    const known = endpoints.get(group.endpoint);
    if (known === undefined) endpoints.set(group.endpoint, [group]);
    else known.push(group);
  }
  const most = (of: Group[]) => of[0]?.count ?? 0;
  return [...endpoints]
    .map(([endpoint, of]) => ({
      endpoint,
      groups: of.toSorted((left, right) => right.count - left.count),
    }))
    .sort(
      (left, right) =>
        most(right.groups) - most(left.groups) || left.endpoint.localeCompare(right.endpoint),
    );
}
