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

/** The same as this version writes it: what the terminal said, and how latencies are spread. */
function told(target: string) {
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

const SEARCH = {
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
    'without figures as sent',
  );
  await expect(page.getByRole('row', { name: /timed out 2 /i })).toBeVisible();
  await expect(page.getByRole('row', { name: /GET \/orders 500/ })).toBeVisible();
  await expectGood(page);
});

test('a run counts timeouts as the terminal does, beside figures as sent, goals and the generator', async ({
  page,
}) => {
  await drop(page, told('http://shop/'));
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    '100 answers a second, p50 3.00 ms, p95 450 ms, p99 30.0 s',
  );
  await expect(page.getByRole('row', { name: /^p95 450\s*ms 15\.0\s*ms$/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /p95 below 200\.00 ms .* missed/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /answers with status 500 3 / })).toBeVisible();
  await expect(page.getByRole('row', { name: /timed out 20 / })).toBeVisible();
  await expect(page.getByRole('row', { name: /requests with a latency.* 940/ })).toBeVisible();
  await expect(page.getByRole('list', { name: 'What to know about this run' })).toContainText(
    'The generator was the bottleneck',
  );
  await expect(page.getByText('starts 40.0 ms late at p99')).toBeVisible();
  await expect(
    page.getByRole('img', { name: /as sent: most of them.*from the intended start: most/ }),
  ).toBeVisible();
  await expectGood(page);
});

test('two runs of this version are laid one over the other by all of their requests', async ({
  page,
}) => {
  await drop(page, told('http://old/'), told('http://new/'));
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('p95 450 ms → 450 ms');
  await expect(page.getByRole('row', { name: /requests with a latency 940 940/ })).toBeVisible();
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
  await expect(page.getByRole('row', { name: /830 .*broke/ })).toBeVisible();
  await expectGood(page);
});

test('a search of flows is told in requests, with goals, headroom and the scalability law', async ({
  page,
}) => {
  await drop(page, SEARCH);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    'It holds 200 flows (800 requests) a second, and breaks at 250 flows (1,000 requests)',
  );
  await expect(
    page.getByText('20 % headroom at today’s peak of 640 a second, which is short: below 30 %.'),
  ).toBeVisible();
  const notes = page.getByRole('list', { name: 'What to know about this search' });
  await expect(notes).toContainText('Knee: about 600 a second');
  await expect(notes).toContainText('Up to 8 % of flows were not done');
  await expect(
    page.getByRole('img', {
      name: /p95 against requests a second: 100 a second .*goal p95 below 200\.00 ms.*peak 640/,
    }),
  ).toBeVisible();
  await expect(
    page.getByRole('img', { name: /throughput against requests at work at once: 100 a second/ }),
  ).toBeVisible();
  const law = page.getByRole('table', { name: 'The scalability law' });
  await expect(law.getByRole('row', { name: /contention.* 6 % 5 % to 7 %/ })).toBeVisible();
  await expect(
    law.getByRole('row', { name: /coherency.* 0\.04 % 0\.02 % to 0\.09 %/ }),
  ).toBeVisible();
  await expect(law.getByRole('row', { name: /most requests.* 1,900 1,500 or more/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /^1,000 250 820 .*broke$/ })).toBeVisible();
  await expectGood(page);
});

test('a search without a law says why there is none', async ({ page }) => {
  await drop(page, { ...SEARCH, scalability: null, no_fit_because: '3 points are too few' });
  await expect(page.getByRole('list', { name: 'What to know about this search' })).toContainText(
    'No fit of the scalability law: 3 points are too few.',
  );
  await expect(page.getByRole('table', { name: 'The scalability law' })).toHaveCount(0);
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

test('a replay tells answers that are the same as far as they were kept, and which is faster', async ({
  page,
}) => {
  await drop(page, {
    ...REPLAY,
    identical: 20,
    equal: 3,
    same_as_far_as_kept: 14,
    noisy: 2,
    different: 0,
    not_comparable: 1,
    differences: [],
    endpoints: [{ endpoint: `GET /${HARM_TEXT}`, compared: 40 }],
    p95: { verdict: 'better', reason: 'p95 changed by -12 %' },
    took_nanos: 2_500 * MS,
  });
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    'All 39 answers are the same, as far as they were kept',
  );
  await expect(
    page.getByText('14 the same as far as they were kept, 2 different in noise'),
  ).toBeVisible();
  await expect(page.getByText('1 not kept, so not compared')).toBeVisible();
  await expect(page.getByText('p95 better: p95 changed by -12 %')).toBeVisible();
  await page.getByText('Without a difference: 1 endpoint').click();
  await expect(page.getByRole('row', { name: /onerror.* 40/ })).toBeVisible();
  await expectGood(page);
});

test('a comparison tells what it used, its tests and every note', async ({ page }) => {
  const side = { given: 1000, warm_up: 30, failed: 5, other_routes: 10, compared: 955, worth: 401 };
  await drop(page, {
    ...PROOF,
    verdict: 'cannot tell',
    more_requests: 1200,
    matters: 0.05,
    interval_level: 0.96,
    before: side,
    after: { ...side, warm_up: 0 },
    errors: { before: 0, after: 0.02, p: 0.013 },
    tests: {
      ...{ mann_whitney_p: 0.00001, kolmogorov_smirnov_d: 0.31, kolmogorov_smirnov_p: 0.02 },
      ...{ cliffs_delta: -0.44, effect: 'medium' },
    },
    notes: ['Before gets slower over its length.', `Mixes differ: ${HARM_TEXT}`],
  });
  await expect(page.getByText('about 1,200 more a side would tell')).toBeVisible();
  await expect(
    page.getByText('a change of 5 % or more matters; intervals hold with 96 %'),
  ).toBeVisible();
  await expect(page.getByText('Mann–Whitney p < 0.0001')).toContainText('delta −0.44');
  await expect(page.getByRole('row', { name: 'left out as warm-up 30 0' })).toBeVisible();
  await expect(page.getByRole('row', { name: /failed .*p = 0\.013/ })).toBeVisible();
  await expect(
    page.getByRole('list', { name: 'What to know about this comparison' }),
  ).toContainText('Before gets slower');
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

test('a recorded load is laid over another one, and the address says which', async ({ page }) => {
  const load = (number: number) => ({
    ...RECORDED[0],
    number,
    title: `http://shop/ ${number}`,
    result_bytes: 4_096,
  });
  const kinds = [{ kind: 'load', count: 2 }];
  const runs = [load(9), load(8)];
  await page.route(isList, (route) =>
    route.fulfill({ json: { runs, total: 2, kinds, shared: false } }),
  );
  for (const one of runs) {
    await page.route(`**/api/v1/runs/${one.number}`, (route) => route.fulfill({ json: one }));
    const result = run(one.title, one.number === 8 ? 4 : 1);
    await page.route(`**/api/v1/runs/${one.number}/result`, (route) =>
      route.fulfill({ json: result }),
    );
  }
  await page.goto('/runs?run=9');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(/p95 90\.0 ms/);
  await page.getByLabel('Beside another run').selectOption('8');
  await expect(page).toHaveURL(/with=8/);
  // The older one is what was before.
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('p95 360 ms → 90.0 ms');
  await expectGood(page);
  await page.goto('/runs?run=9&with=77');
  await expect(page.getByText('Run 77 is none of load, or its result is not kept.')).toBeVisible();
});
