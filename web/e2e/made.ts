/** Results of the command line as it writes them, and how they are opened and judged. */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

import { expect, HARM_TEXT } from './seeded';

export const MS = 1_000_000;

export function run(target: string, slower: number) {
  const quantiles = (at: number) => ({ p50: at * MS, p95: at * 3 * MS, p99: at * 9 * MS });
  const samples = Array.from({ length: 1000 }, (_, place) => ({
    place,
    start_nanos: place * MS,
    took_nanos: slower * (place % 10 === 9 ? 90 : 2 + (place % 7)) * MS,
    route: 0,
    failed: false,
  }));
  return {
    format: 'taut-load-1',
    target,
    load: '200 a second for 5 s, open model',
    is_open: true,
    began_unix_millis: Date.now() - 60_000,
    seconds: 5,
    started: 1000,
    answered: 998,
    failed: 2,
    interval_seconds: 1,
    intervals: [1, 2, 6, 2, 1].map((at) => ({
      started: 200,
      answered: 200,
      failed: 0,
      ...quantiles(at * slower),
    })),
    routes: ['GET /orders', `GET /${HARM_TEXT}`].map((name) => ({
      name,
      count: 500,
      failed: 1,
      ...quantiles(slower),
    })),
    troubles: [['timed out', 2]],
    samples,
  };
}

/** The same as this version writes it: what the terminal said, and how latencies are spread. */
export function told(target: string) {
  const box = (place: number, corrected: number, uncorrected: number) => ({
    from_nanos: 2 ** (place / 4),
    to_nanos: 2 ** ((place + 1) / 4),
    corrected,
    uncorrected,
  });
  const quantiles = (p50: number, p95: number, p99: number) => ({
    ...{ p50: p50 * MS, p75: p50 * MS, p90: p95 * MS, p95: p95 * MS },
    ...{ p99: p99 * MS, 'p99.9': p99 * MS, max: p99 * MS },
  });
  return {
    ...run(target, 1),
    in_time: 500,
    report: {
      latency_nanos: quantiles(3, 450, 30_000),
      uncorrected_nanos: quantiles(2, 15, 30_000),
      failures: [
        { what: 'answers with status 500', count: 3 },
        { what: 'timed out', count: 20 },
      ],
      generator: {
        processor_nanos_per_request: 9_000,
        busy: 0.98,
        late_p99_nanos: 40 * MS,
        late_max_nanos: 90 * MS,
        was_bottleneck: true,
      },
      goals: [
        { goal: 'p95 below 200.00 ms', seen: '450.00 ms', met: false },
        { goal: `errors below ${HARM_TEXT}`, seen: '0.20 %', met: true },
      ],
      notes: ['The generator was the bottleneck: it started 1 request in 100 later than 40 ms.'],
    },
    spread: [box(84, 700, 900), box(90, 200, 60), box(139, 40, 20)],
  };
}

export const LIMIT = {
  target: 'http://shop/',
  held_per_second: 800,
  broke_per_second: 830,
  limited_by_generator: false,
  knee_per_second: 600,
  scalability: null,
  steps: [100, 400, 800, 830].map((rate) => ({
    rate,
    answered: rate,
    p50: 2 * MS,
    p95: (rate > 800 ? 4000 : 4) * MS,
    p99: (rate > 800 ? 9000 : 9) * MS,
    errors: 0,
    held: rate <= 800,
  })),
};

export const SEARCH = {
  target: 'shop.toml',
  goals: [
    { goal: 'p95 below 200.00 ms', latency_nanos: 200 * MS },
    { goal: `errors below ${HARM_TEXT}`, latency_nanos: null },
  ],
  held_per_second: 200,
  broke_per_second: 250,
  per_second_is_of: 'flows',
  held_requests_per_second: 800,
  broke_requests_per_second: 1000,
  peak_today_per_second: 640,
  headroom: 0.2,
  limited_by_generator: false,
  knee_per_second: 600,
  scalability: {
    one_per_second: 250,
    contention: 0.06,
    contention_interval: [0.05, 0.07],
    coherency: 0.0004,
    coherency_interval: [0.0002, 0.0009],
    peak_per_second: 1900,
    peak_interval: [1500, null],
    peak_at_once: 8,
    off: 0.03,
  },
  no_fit_because: null,
  steps: [25, 100, 150, 200, 250].map((rate) => ({
    rate,
    requests: rate * 4,
    answered: Math.min(rate * 4, 820),
    p50: 4 * MS,
    p95: (rate > 200 ? 4000 : 9) * MS,
    p99: (rate > 200 ? 9000 : 20) * MS,
    mean_nanos: rate > 200 ? 900 * MS : (rate / 20) * MS,
    errors: 0,
    cut: 0.08,
    held: rate <= 200,
    by_generator: false,
  })),
};

export const REPLAY = {
  target: 'http://new:8000',
  against: 'http://old:8000',
  recorded: 40,
  played: 40,
  compared: 40,
  identical: 22,
  different: 18,
  differences: [
    {
      endpoint: 'GET /orders/{id}',
      place: '/orders/*/total',
      count: 18,
      compared: 18,
      noise: 0,
      example: { request: 'GET /orders/7', at: '/orders/0/total', old: '12.5', new: HARM_TEXT },
    },
  ],
  noise: [{ endpoint: 'GET /orders/{id}', place: '/views', count: 18, compared: 18, noise: 18 }],
  notes: ['Left out: 1 request that may change something.'],
};

export const measure = (name: string, before: number, after: number) => ({
  measure: name,
  before_nanos: before * MS,
  after_nanos: after * MS,
  relative_interval: [after / before - 1.05, after / before - 0.95],
});

export const PROOF = {
  verdict: 'better',
  reason: 'p95 changed by -92 %',
  decides: 'p95',
  before: { compared: 900 },
  after: { compared: 950 },
  measures: [measure('p50', 720, 33), measure('p95', 1200, 95)],
  errors: { before: 0, after: 0 },
  tests: { effect: 'large' },
  routes: [],
  notes: [],
};

export const CHECK = {
  holds: false,
  claim: '1 of 2 checks broke',
  requests: 10,
  endpoints: 2,
  baseline: null,
  checks: [
    {
      service: 'shop',
      endpoint: `GET /${HARM_TEXT}`,
      what: 'queries',
      broke: true,
      sentence: 'statements in a request: 61; the budget allows 10',
      code: { file: 'app/views.py', line: 42 },
      remedy: 'fetch them at once',
    },
    { service: 'shop', endpoint: 'GET /', what: 'p95', broke: false, sentence: 'p95 3 ms' },
  ],
  notes: ['The recording is not whole.'],
};

export async function drop(page: Page, ...results: unknown[]) {
  await page.goto('/runs');
  await page.locator('input[type=file]').setInputFiles(
    results.map((result, place) => ({
      name: place === 0 ? 'before.json' : 'after.json',
      mimeType: 'application/json',
      buffer: Buffer.from(typeof result === 'string' ? result : JSON.stringify(result)),
    })),
  );
}

export async function expectGood(page: Page) {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page })
      .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
      .analyze();
    expect(violations.flatMap((it) => it.nodes.map((node) => `${it.id}: ${node.html}`))).toEqual(
      [],
    );
  }
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 700 });
    const surplus = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    await expect.poll(surplus).toBeLessThanOrEqual(0);
  }
  expect(await page.title()).not.toBe('harmed');
}
