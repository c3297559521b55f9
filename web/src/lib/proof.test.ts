import { expect, test } from 'vitest';

import { byEndpoint, distribution, latency, quantile, readProof } from './proof';

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
    troubles: [{ what: 'timed out', count: 1 }],
  });
  if (typeof run === 'string' || run.kind !== 'run') throw new Error('it is a run');
  expect(run.intervals.map((one) => one.quantiles)).toEqual([[2000, 3000, 3000], undefined]);
  const limit = readProof(
    '{"steps": [{"rate": 50, "held": true}], "held_per_second": 50, "broke_per_second": null}',
  );
  expect(limit).toMatchObject({ kind: 'limit', held: 50, steps: [{ rate: 50, held: true }] });
  expect(limit).not.toHaveProperty('broke');
  expect(limit).not.toHaveProperty('ended');
  expect(
    readProof('{"steps": [], "held_per_second": 50, "ended_because": "nobody was there"}'),
  ).toMatchObject({ held: 50, ended: 'nobody was there' });
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

test('who was turned away is no fast answer, and of a sample the longest is not known', () => {
  const refused = Array.from({ length: 5 }, () => ({ took_nanos: 100_000, failed: true }));
  const read = (every?: number) => {
    const samples = [...refused, ...RUN.samples.map((one) => ({ ...one, failed: false }))];
    const run = readProof(JSON.stringify({ ...RUN, samples, samples_every: every }));
    if (typeof run === 'string' || run.kind !== 'run') throw new Error('it is a run');
    return run;
  };
  expect([0.5, 1].map((q) => latency(read(), q))).toEqual([2000, 3000]);
  expect([0.5, 1].map((q) => latency(read(8), q))).toEqual([2000, undefined]);
  expect(read(8)).toMatchObject({ took: [2000, 3000], every: 8 });
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
  });
  const grouped = byEndpoint([group('a', '/x', 1), group('b', '/y', 5), group('a', '/z', 3)]);
  expect(grouped.map((one) => [one.endpoint, one.groups.map((it) => it.place)])).toEqual([
    ['b', ['/y']],
    ['a', ['/z', '/x']],
  ]);
});
