/** Results of the command line, opened by dropping them or as they were recorded: each kind, two runs at once, and files that are none. */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

import { expect, HARM_TEXT, test } from './seeded';

const MS = 1_000_000;

function run(target: string, slower: number) {
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

const LIMIT = {
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

const REPLAY = {
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

const measure = (name: string, before: number, after: number) => ({
  measure: name,
  before_nanos: before * MS,
  after_nanos: after * MS,
  relative_interval: [after / before - 1.05, after / before - 0.95],
});

const PROOF = {
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

const CHECK = {
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

/** Runs as the server lists them; the first has no result any more. */
const RECORDED = [
  {
    kind: 'run',
    number: 14,
    unix_ms: Date.now() - 60_000,
    about: '',
    title: `http://shop/${HARM_TEXT}: 200 a second`,
    text: '',
    by: `Ada ${HARM_TEXT}`,
    run: {
      of: 'load',
      verdict: 'missed p95 below 200 ms',
      requests: 12_000,
      failed: 3,
      seconds: 60,
      figures: [{ name: 'p95', value: 240, unit: 'ms' }],
    },
  },
  {
    kind: 'run',
    number: 12,
    unix_ms: Date.now() - 120_000,
    about: '',
    title: 'http://new:8000 against http://old:8000',
    text: '',
    by: 'Ada on build-7',
    result_bytes: 4_096,
    run: {
      of: 'replay',
      verdict: '18 of 40 answers differ, in 1 place',
      requests: 40,
      failed: 0,
      seconds: 2,
      figures: [{ name: 'different', value: 18, unit: '' }],
    },
  },
];

const isList = (url: URL) => url.pathname === '/api/v1/runs';

/** A server that has these runs, and this result of one of them. */
async function recorded(page: Page, number: number, result: unknown) {
  const kinds = ['load', 'limit', 'replay', 'comparison', 'check'].map((kind) => ({
    kind,
    count: RECORDED.filter((one) => one.run.of === kind).length,
  }));
  await page.route(isList, (route) => {
    const asked = new URL(route.request().url()).searchParams;
    const runs = RECORDED.filter(
      (one) =>
        (asked.get('kind') ?? one.run.of) === one.run.of &&
        one.title.includes(asked.get('q') ?? '') &&
        one.number < Number(asked.get('before') ?? 99),
    );
    const older = asked.get('kind') === 'load' ? { older: 12 } : {};
    return route.fulfill({ json: { runs, total: runs.length, kinds, shared: false, ...older } });
  });
  for (const one of RECORDED)
    await page.route(`**/api/v1/runs/${one.number}`, (route) => route.fulfill({ json: one }));
  await page.route(`**/api/v1/runs/${number}/result`, (route) => route.fulfill({ json: result }));
}

async function drop(page: Page, ...results: unknown[]) {
  await page.goto('/runs');
  await page.locator('input[type=file]').setInputFiles(
    results.map((result, place) => ({
      name: place === 0 ? 'before.json' : 'after.json',
      mimeType: 'application/json',
      buffer: Buffer.from(typeof result === 'string' ? result : JSON.stringify(result)),
    })),
  );
}

async function expectGood(page: Page) {
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

test('a run tells its percentiles over time, how they are spread, and its routes', async ({
  page,
}) => {
  await drop(page, run('http://shop/', 1));
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    /200 answers a second, p50 \d.* ms, p95 90\.0 ms/,
  );
  await expect(
    page.getByRole('img', { name: /latency from the intended start over time/ }),
  ).toBeVisible();
  await expect(
    page.getByRole('img', { name: /requests: most of them, \d+, between/ }),
  ).toBeVisible();
  await expect(page.getByRole('list', { name: 'What to know about this run' })).toContainText(
    'timed out: 2 requests.',
  );
  await expect(page.getByRole('row', { name: /GET \/orders 500/ })).toBeVisible();
  await expectGood(page);
});

test('two runs are laid one over the other', async ({ page }) => {
  await drop(page, run('http://old/', 4), run('http://new/', 1));
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('p95 360 ms → 90.0 ms');
  await expect(page.getByRole('row', { name: /p50 .*ms.*ms/ })).toBeVisible();
  await expectGood(page);
});

test('a search shows where it breaks', async ({ page }) => {
  await drop(page, LIMIT);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    'It holds 800 a second, and breaks at 830',
  );
  await expect(page.getByRole('img', { name: /p95 against requests a second/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /830 .*missed/ })).toBeVisible();
  await expectGood(page);
});

test('a replay tells what differs, by endpoint and place, with an example', async ({ page }) => {
  await drop(page, REPLAY);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    '18 of 40 answers differ, in 1 place',
  );
  await expect(page.getByRole('heading', { name: 'GET /orders/{id}' })).toBeVisible();
  const difference = page.locator('.differences > li').first();
  await expect(difference).toContainText('/orders/*/total');
  await expect(difference).toContainText('12.5');
  await expect(difference).toContainText('onerror');
  await page.getByText('Noise, left out').click();
  await expect(page.getByText('GET /orders/{id} /views')).toBeVisible();
  await expectGood(page);
});

test('a comparison tells its verdict and what it rests on', async ({ page }) => {
  await drop(page, PROOF);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('better: p95 changed by -92 %');
  await expect(
    page.getByRole('row', { name: /p95 1\.20 s 95\.0 ms .*−97 % to −87 %/ }),
  ).toBeVisible();
  await expectGood(page);
});

test('what is no result says so, and another can be opened', async ({ page }) => {
  await drop(page, '{"format": "taut-load-1", "samples": [');
  await expect(page.getByRole('heading', { name: 'That cannot be shown' })).toBeVisible();
  await expect(page.getByText('only the beginning')).toBeVisible();
  await page.locator('input[type=file]').setInputFiles({
    name: 'limit.json',
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify(LIMIT)),
  });
  await expect(page.getByRole('heading', { level: 1 })).toContainText('It holds 800');
});

test('runs that were recorded are listed, filtered, and opened whole', async ({ page }) => {
  await recorded(page, 12, REPLAY);
  await page.goto('/runs');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('What was run');
  await expect(page.getByText('1 load, 1 replay')).toBeVisible();
  const rows = page.locator('.rows.runs tbody tr');
  await expect(rows).toHaveCount(2);
  await expect(rows.first()).toContainText('onerror');
  await expect(rows.first()).toContainText('missed p95 below 200 ms');
  await expectGood(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByLabel('Kind').selectOption('replay');
  await expect(page).toHaveURL(/kind=replay/);
  await expect(rows).toHaveCount(1);
  await page.getByLabel('search').fill('no such thing');
  await expect(page.getByText('Nothing is like that.')).toBeVisible();
  await page.getByLabel('search').fill('new:8000');
  await expect(rows).toHaveCount(1);
  await rows.first().getByRole('link').click();
  await expect(page).toHaveURL(/\/runs\?run=12/);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    '18 of 40 answers differ, in 1 place',
  );
  await expect(page.getByRole('link', { name: 'Save it' })).toHaveAttribute('download', /run-12/);
  await expect(page.getByText('Ada on build-7')).toBeVisible();
  await expectGood(page);
  await page.goBack();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('What was run');
});

test('a run whose result is not kept tells its figures, and one that is none says so', async ({
  page,
}) => {
  await recorded(page, 12, { some: 'thing else' });
  await page.goto('/runs?run=14');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('onerror');
  await expect(page.getByText('Of this one only the figures are kept')).toBeVisible();
  await expect(page.getByText('p95 240 ms')).toBeVisible();
  await expectGood(page);
  await page.goto('/runs?run=12');
  await expect(page.getByText('Its result cannot be shown')).toBeVisible();
  await page.goto('/runs?run=999999999999');
  await expect(page.getByRole('alert')).toContainText('No run of this number');
  await page.getByRole('link', { name: 'All runs' }).click();
  await expect(page).toHaveURL(/\/runs$/);
});

test('older runs are a page further', async ({ page }) => {
  await recorded(page, 12, REPLAY);
  await page.goto('/runs?kind=load');
  await page.getByRole('link', { name: /Older runs/ }).click();
  await expect(page).toHaveURL(/before=12/);
  await page.getByRole('link', { name: 'The newest' }).click();
  await expect(page).not.toHaveURL(/before/);
});

test('where nothing was recorded, it is said what records', async ({ page }) => {
  const kinds = [{ kind: 'load', count: 0 }];
  await page.route(isList, (route) =>
    route.fulfill({ json: { runs: [], total: 0, kinds, shared: false } }),
  );
  await page.goto('/runs');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Nothing was recorded so far');
  await expect(page.getByText('taut load http://localhost:8000/ --rate 200').first()).toContainText(
    '--record',
  );
  await expectGood(page);
});

test('a check tells what broke, where, and what to do', async ({ page }) => {
  await drop(page, CHECK);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('1 of 2 checks broke');
  await expect(page.getByRole('row', { name: /the budget allows 10/ })).toContainText('onerror');
  await expect(page.getByText('app/views.py:42')).toBeVisible();
  await page.getByText('1 check held').click();
  await expect(page.getByText('p95 3 ms')).toBeVisible();
  await expectGood(page);
  await page.getByRole('button', { name: 'All runs' }).click();
  await expect(page.getByRole('heading', { level: 1 })).not.toHaveText('1 of 2 checks broke');
});
