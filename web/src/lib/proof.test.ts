import { expect, test } from 'vitest';

import { lawRate } from './limit';
import { byEndpoint, readProof } from './proof';
import { distribution, latency, quantile, spreads, type Run } from './run';

const RUN = {
  format: 'taut-load-1',
  target: 'http://x/',
  load: '200 a second for 2 s, open model',
  is_open: true,
  began_unix_millis: 1_795_308_660_000,
  seconds: 2,
  started: 3,
  answered: 2,
  failed: 1,
  interval_seconds: 1,
  intervals: [
    { started: 2, answered: 2, failed: 0, p50: 2_000_000, p95: 3_000_000, p99: 3_000_000 },
    { started: 1, answered: 0, failed: 1, p50: null, p95: null, p99: null },
  ],
  routes: [{ name: 'GET /', count: 2, failed: 1, p50: 2_000_000, p95: 3_000_000, p99: 3_000_000 }],
  samples: [{ took_nanos: 3_000_000 }, { took_nanos: 2_000_000 }],
  troubles: [['timed out', 1]],
};

test('each kind is told by what is in it', () => {
  const run = readProof(JSON.stringify(RUN));
  expect(run).toMatchObject({
    kind: 'run',
    took: [2000, 3000],
    failures: [{ what: 'timed out', count: 1 }],
  });
  if (typeof run === 'string' || run.kind !== 'run') throw new Error('it is a run');
  expect(run.intervals.map((one) => one.quantiles)).toEqual([[2000, 3000, 3000], undefined]);
  const limit = readProof(
    '{"steps": [{"rate": 50, "held": true}], "held_per_second": 50, "broke_per_second": null}',
  );
  expect(limit).toMatchObject({
    kind: 'limit',
    held: { asked: 50, requests: 50 },
    steps: [{ asked: 50, requests: 50, fate: 'held' }],
  });
  expect(limit).not.toHaveProperty('broke');
  expect(limit).not.toHaveProperty('ended');
  expect(
    readProof('{"steps": [], "held_per_second": 50, "ended_because": "nobody was there"}'),
  ).toMatchObject({ held: { requests: 50 }, ended: 'nobody was there' });
  const group = { endpoint: 'GET /', place: '/a', count: 1, compared: 2, example: null };
  expect(readProof(JSON.stringify({ played: 2, differences: [group], noise: [] }))).toMatchObject({
    kind: 'replay',
    differences: [{ endpoint: 'GET /', count: 1 }],
  });
  expect(
    readProof(
      '{"verdict": "better", "measures": [{"measure": "p95", "before_nanos": 2000, "after_nanos": 1000, "relative_interval": [-0.6, -0.4]}]}',
    ),
  ).toMatchObject({ kind: 'proof', measures: [{ before: 2, after: 1, interval: [-0.6, -0.4] }] });
});

function readRun(more: object): Run {
  const run = readProof(JSON.stringify({ ...RUN, ...more }));
  if (typeof run === 'string' || run.kind !== 'run') throw new Error('it is a run');
  return run;
}

test('who was turned away is no fast answer, and of a sample the longest is not known', () => {
  const refused = Array.from({ length: 5 }, () => ({ took_nanos: 100_000, failed: true }));
  const samples = [...refused, ...RUN.samples.map((one) => ({ ...one, failed: false }))];
  const troubles = [['connection refused or failed', 5]];
  const read = (every?: number) => readRun({ samples, troubles, samples_every: every });
  expect(['p50', 'max'].map((name) => latency(read(), name))).toEqual([2000, 3000]);
  expect(['p50', 'max'].map((name) => latency(read(8), name))).toEqual([2000, undefined]);
  expect(read(8)).toMatchObject({ took: [2000, 3000], every: 8 });
});

test('who waited until the time was up is among the latencies', () => {
  const waited = Array.from({ length: 3 }, () => ({ took_nanos: 30_000_000_000, failed: true }));
  const run = readRun({ samples: [...RUN.samples, ...waited] });
  expect(['p50', 'max'].map((name) => latency(run, name))).toEqual([30e6, 30e6]);
});

const REPORT = {
  latency_nanos: { p50: 2_000_000, p95: 900_000_000, max: 30_000_000_000 },
  uncorrected_nanos: { p50: 1_000_000, p95: 2_000_000, max: 30_000_000_000 },
  failures: [
    { what: 'answers with status 500', count: 2 },
    { what: 'timed out', count: 1 },
  ],
  generator: { busy: 0.99, late_p99_nanos: 5_000_000, late_max_nanos: 8e6, was_bottleneck: true },
  goals: [{ goal: 'p95 below 200.00 ms', seen: '900.00 ms', met: false }],
  notes: ['The generator was the bottleneck: …'],
};

/** Boxes as files have them, from the one with this number on. */
function boxes(first: number, counts: number[]) {
  return counts.map((count, place) => ({
    from_nanos: 2 ** ((first + place) / 4),
    to_nanos: 2 ** ((first + place + 1) / 4),
    corrected: count,
    uncorrected: 1,
  }));
}

test('what the terminal said of a run is what a page says, whatever single requests say', () => {
  const run = readRun({ report: REPORT, spread: boxes(80, [1, 0, 2]), in_time: 1, answered: 2 });
  expect(latency(run, 'p95')).toBe(900_000);
  expect(latency(run, 'p99')).toBeUndefined();
  expect(run).toMatchObject({
    rate: 0.5,
    failures: REPORT.failures,
    told: {
      timed: 3,
      figures: [
        { name: 'p50', corrected: 2000, uncorrected: 1000 },
        { name: 'p95', corrected: 900_000, uncorrected: 2000 },
        { name: 'max', corrected: 30e6, uncorrected: 30e6 },
      ],
      goals: REPORT.goals,
      notes: REPORT.notes,
      generator: { lateP99: 5000, bottleneck: true },
    },
  });
  const nobody = readRun({ report: REPORT, spread: [] });
  expect(nobody.told?.figures).toEqual([]);
});

test('two runs lie over one another in the same boxes', () => {
  const one = readRun({ report: REPORT, spread: boxes(80, [1, 2]) });
  const other = readRun({ report: REPORT, spread: boxes(83, [4]) });
  const laid = spreads([one, other], 48);
  expect(laid.map((bins) => bins.map((bin) => bin.count))).toEqual([
    [1, 2, 0, 0],
    [0, 0, 0, 4],
  ]);
  expect(laid[0]?.[0]?.from).toBeCloseTo(2 ** 20 / 1000);
  // One without boxes: single requests are laid over one another instead.
  const sampled = spreads([one, readRun({})], 8);
  expect(sampled.map((bins) => bins.reduce((sum, bin) => sum + bin.count, 0))).toEqual([2, 2]);
  expect(spreads([readRun({ samples: [] })], 8)).toEqual([[]]);
});

const SEARCH = {
  target: 'shop.toml',
  goals: [
    { goal: 'p95 below 200.00 ms', latency_nanos: 200_000_000 },
    { goal: 'errors below 1.00 %', latency_nanos: null },
  ],
  held_per_second: 100,
  broke_per_second: 150,
  per_second_is_of: 'flows',
  held_requests_per_second: 400,
  broke_requests_per_second: 600,
  peak_today_per_second: 320,
  headroom: 0.2,
  knee_per_second: 380,
  scalability: {
    one_per_second: 100,
    contention: 0.05,
    contention_interval: [0.04, 0.06],
    coherency: 0.001,
    coherency_interval: [0.0005, 0.002],
    peak_per_second: 700,
    peak_interval: [650, null],
    peak_at_once: 30,
    off: 0.02,
  },
  steps: [
    { rate: 150, requests: 600, answered: 500, mean_nanos: 1e9, held: false, by_generator: true },
    { rate: 150, requests: 600, answered: 500, mean_nanos: 1e9, held: false, by_generator: false },
    { rate: 100, requests: 400, answered: 400, mean_nanos: 10_000_000, held: true, cut: 0.1 },
  ],
};

test('a search tells requests where flows are several, goals, the law and its intervals', () => {
  const limit = readProof(JSON.stringify(SEARCH));
  if (typeof limit === 'string' || limit.kind !== 'limit') throw new Error('it is a search');
  expect(limit).toMatchObject({
    ofFlows: true,
    held: { asked: 100, requests: 400 },
    broke: { asked: 150, requests: 600 },
    today: 320,
    goals: [{ words: 'p95 below 200.00 ms', micros: 200_000 }, { words: 'errors below 1.00 %' }],
    law: {
      contention: { value: 0.05, low: 0.04, high: 0.06 },
      peak: { value: 700, low: 650 },
      peakAt: 30,
    },
  });
  expect(limit.goals[1]).not.toHaveProperty('micros');
  expect(limit.law?.peak).not.toHaveProperty('high');
  expect(limit.steps.map((step) => [step.requests, step.fate, step.atOnce])).toEqual([
    [400, 'held', 4],
    [600, 'late', 500],
    [600, 'broke', 500],
  ]);
  if (limit.law === undefined) throw new Error('there is a law');
  expect(lawRate(limit.law, 1)).toBe(100);
  expect(lawRate(limit.law, 11)).toBeCloseTo(1100 / (1 + 0.5 + 0.11));
  const none = readProof(
    JSON.stringify({ ...SEARCH, scalability: null, no_fit_because: '3 points are too few' }),
  );
  expect(none).toMatchObject({ noLaw: '3 points are too few' });
  expect(none).not.toHaveProperty('law');
});

test('a replay counts how answers came to be the same', () => {
  const replay = readProof(
    JSON.stringify({
      played: 9,
      compared: 9,
      differences: [],
      noise: [],
      equal: 1,
      same_as_far_as_kept: 2,
      noisy: 3,
      not_comparable: 1,
      p95: { verdict: 'better', reason: 'p95 changed by -5 %' },
      endpoints: [{ endpoint: 'GET /', compared: 9 }],
      took_nanos: 2e9,
    }),
  );
  expect(replay).toMatchObject({
    equal: 1,
    soFar: 2,
    noisy: 3,
    unknown: 1,
    seconds: 2,
    speed: { verdict: 'better', reason: 'p95 changed by −5 %' },
    endpoints: [{ endpoint: 'GET /', compared: 9 }],
  });
  expect(
    readProof(JSON.stringify({ played: 0, differences: [], noise: [], p95: null })),
  ).not.toHaveProperty('speed');
});

test('a comparison tells what of each side was used, and its tests', () => {
  const side = { given: 900, warm_up: 20, failed: 3, other_routes: 7, compared: 870, worth: 400.5 };
  const proof = readProof(
    JSON.stringify({
      verdict: 'worse',
      measures: [{ measure: 'p95', difference_interval_nanos: [1000, 3000] }],
      before: side,
      after: side,
      errors: { before: 0, after: 0.1, p: 0.01 },
      tests: {
        mann_whitney_p: 0.02,
        kolmogorov_smirnov_d: 0.3,
        cliffs_delta: 0.4,
        effect: 'medium',
      },
      matters: 0.05,
      interval_level: 0.96,
    }),
  );
  expect(proof).toMatchObject({
    matters: 0.05,
    level: 0.96,
    before: { given: 900, warmUp: 20, failed: 3, otherRoutes: 7, compared: 870, worth: 400.5 },
    errors: { after: 0.1, p: 0.01 },
    tests: { mannWhitneyP: 0.02, distance: 0.3, delta: 0.4, effect: 'medium' },
    measures: [{ difference: [1, 3] }],
  });
});

test('what is nothing of it is refused in words', () => {
  expect(readProof('{"format": "taut-load-1", "started"')).toMatch(/only the beginning/);
  expect(readProof('{"format": "taut-load-9"}')).toMatch(/taut-load-9/);
  expect(readProof('{"latency_nanos": {}}')).toMatch(/--out FILE/);
  for (const other of ['{}', '[]', 'null', '7', '""']) expect(readProof(other)).toMatch(/none of/);
});

test('figures that are none are zero, and nothing throws', () => {
  for (const wrong of [null, 'x', {}, [], [7], [[7]], [{ p50: 'x' }]])
    for (const key of Object.keys(RUN))
      if (key !== 'format')
        expect(() => readProof(JSON.stringify({ ...RUN, [key]: wrong }))).not.toThrow();
  for (const wrong of [null, 'x', {}, [], [7], [[7]], [{ from_nanos: -1 }]]) {
    const run = readRun({ report: { latency_nanos: wrong, goals: wrong }, spread: wrong });
    expect(() => spreads([run, run], 8)).not.toThrow();
    for (const key of Object.keys(SEARCH))
      expect(() => readProof(JSON.stringify({ ...SEARCH, [key]: wrong }))).not.toThrow();
  }
});

test('a distribution has every value once', () => {
  const values = [1, 2, 3, 100, 5000].sort((left, right) => left - right);
  const bins = distribution(values, 8);
  expect(bins).toHaveLength(8);
  expect(bins.reduce((sum, bin) => sum + bin.count, 0)).toBe(5);
  expect(bins[0]?.from).toBe(1);
  expect(bins.at(-1)?.to).toBeCloseTo(5000);
  expect(distribution([], 8)).toEqual([]);
  expect(distribution([7, 7], 8)).toEqual([{ from: 7, to: 7, count: 2 }]);
  expect(distribution([0, 0], 8).reduce((sum, bin) => sum + bin.count, 0)).toBe(2);
  expect(quantile(values, 0.5)).toBe(3);
  expect(quantile([], 0.5)).toBeUndefined();
});

test('differences are grouped by endpoint, the most frequent first', () => {
  const group = (endpoint: string, place: string, count: number) => ({
    endpoint,
    place,
    count,
    compared: 9,
    noise: 0,
  });
  const grouped = byEndpoint([group('a', '/x', 1), group('b', '/y', 5), group('a', '/z', 3)]);
  expect(grouped.map((one) => [one.endpoint, one.groups.map((it) => it.place)])).toEqual([
    ['b', ['/y']],
    ['a', ['/z', '/x']],
  ]);
});
