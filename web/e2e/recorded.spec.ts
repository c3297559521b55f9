/** Runs that were recorded: their list, each opened whole, and one laid over another. */
import type { Page } from '@playwright/test';

import { run, REPLAY, CHECK, drop, expectGood } from './made';
import { expect, HARM_TEXT, test } from './seeded';

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
