/** A search for the limit: what `taut load --search --json` prints, with the scalability law that was fitted to its steps. */
import {
  fields,
  given,
  list,
  micros,
  number,
  quantiles,
  some,
  text,
  type Fields,
  type Quantiles,
} from './fields';

export interface Limit {
  kind: 'limit';
  target: string;
  goals: Goal[];
  /** What is asked is flows of several requests; rates of flows are none of requests. */
  ofFlows: boolean;
  /** The highest rate that held. */
  held?: Rate;
  /** The lowest that broke. */
  broke?: Rate;
  /** Requests a second beyond which more load brings more waiting than work. */
  knee?: number;
  /** Today's peak in requests a second. */
  today?: number;
  /** Share of what it holds that is free at today's peak. */
  headroom?: number;
  law?: Law;
  /** Why there is no law. */
  noLaw?: string;
  byGenerator: boolean;
  /** Why it ended before the limit was known; Ctrl-C, or nobody was there any more. */
  ended?: string;
  /** By rate. */
  steps: Step[];
}

/** A second. */
export interface Rate {
  /** What was asked: flows, or requests where a flow is one. */
  asked: number;
  requests: number;
}

export interface Goal {
  words: string;
  /** In µs; none of goals that are about anything but latency. */
  micros?: number;
}

export interface Step extends Rate {
  answered: number;
  quantiles: Quantiles;
  errors: number;
  /** Share of flows that its end cut. */
  cut: number;
  /** Requests at work at once, by Little's law. */
  atOnce: number;
  fate: 'held' | 'broke' | 'late';
}

/** Gunther's Universal Scalability Law. */
export interface Law {
  /** Requests a second, one at a time. */
  one: number;
  contention: Part;
  coherency: Part;
  /** The most requests a second; none where that is not bounded. */
  peak?: Part;
  /** With how many at once that is. */
  peakAt?: number;
  /** How far points typically lie off it, relatively. */
  off: number;
}

/** A figure, and where it lies with 95 %; an end is missing where it is not bounded. */
export interface Part {
  value: number;
  low?: number;
  high?: number;
}

/** Steps that are looked at: a search has sixty at most. */
const STEPS_MAX = 1_000;

export function isLimit(all: Fields): boolean {
  return Array.isArray(all['steps']) && 'held_per_second' in all;
}

export function limit(all: Fields): Limit {
  const ended = text(all['ended_because']);
  return {
    kind: 'limit',
    target: text(all['target']),
    goals: list(all['goals']).map((one) => ({
      words: text(one['goal']),
      ...given(
        'micros',
        of(some(one['latency_nanos']), (nanos) => nanos / 1000),
      ),
    })),
    ofFlows: all['per_second_is_of'] === 'flows',
    ...given('held', rate(all['held_per_second'], all['held_requests_per_second'])),
    ...given('broke', rate(all['broke_per_second'], all['broke_requests_per_second'])),
    ...given('knee', some(all['knee_per_second'])),
    ...given('today', some(all['peak_today_per_second'])),
    ...given('headroom', some(all['headroom'])),
    ...given('law', law(fields(all['scalability']))),
    ...given('noLaw', text(all['no_fit_because']) || undefined),
    byGenerator: all['limited_by_generator'] === true,
    ...(all['interrupted'] === true ? { ended: 'it was interrupted' } : {}),
    ...(ended === '' ? {} : { ended }),
    steps: list(all['steps'], STEPS_MAX)
      .map(step)
      .sort((left, right) => left.requests - right.requests || left.asked - right.asked),
  };
}

/** Requests a second with so many at work at once. */
export function lawRate({ one, contention, coherency }: Law, atOnce: number): number {
  const wait = contention.value * (atOnce - 1);
  return (one * atOnce) / (1 + wait + coherency.value * atOnce * (atOnce - 1));
}

function step(one: Fields): Step {
  const asked = number(one['rate']);
  const answered = number(one['answered']);
  const held = one['held'] === true;
  return {
    asked,
    // Files of versions that knew of no flows have one request for each.
    requests: some(one['requests']) ?? asked,
    answered,
    quantiles: quantiles(one),
    errors: number(one['errors']),
    cut: number(one['cut']),
    atOnce: (answered * micros(one['mean_nanos'])) / 1e6,
    fate: held ? 'held' : one['by_generator'] === true ? 'late' : 'broke',
  };
}

function rate(asked: unknown, requests: unknown): Rate | undefined {
  return of(some(asked), (value) => ({ asked: value, requests: some(requests) ?? value }));
}

function law(all: Fields): Law | undefined {
  const contention = part(all, 'contention', 'contention_interval');
  const coherency = part(all, 'coherency', 'coherency_interval');
  const one = some(all['one_per_second']);
  if (contention === undefined || coherency === undefined || one === undefined) return undefined;
  return {
    one,
    contention,
    coherency,
    ...given('peak', part(all, 'peak_per_second', 'peak_interval')),
    ...given('peakAt', some(all['peak_at_once'])),
    off: number(all['off']),
  };
}

function part(all: Fields, name: string, interval: string): Part | undefined {
  const ends: unknown[] = Array.isArray(all[interval]) ? all[interval] : [];
  return of(some(all[name]), (value) => ({
    value,
    ...given('low', some(ends[0])),
    ...given('high', some(ends[1])),
  }));
}

function of<T, U>(value: T | undefined, made: (value: T) => U): U | undefined {
  return value === undefined ? undefined : made(value);
}
