/** Every page on a phone, in the dark, and for people who cannot see it. */
import type { Page } from '@playwright/test';

import { expectAccessible, expectGood, onAPhone, open } from './judge';
import { expect, SHOP, test, type Seeded } from './seeded';

const PAGES: [name: string, path: (seeded: Seeded) => string][] = [
  ['overview', () => '/'],
  ['services', () => '/services'],
  ['calls of services', () => '/services?tab=calls'],
  ['findings', () => `/findings?service=${SHOP}`],
  ['endpoints', () => `/endpoints?service=${SHOP}`],
  [
    'endpoint',
    () => `/endpoint?service=${SHOP}&operation=${encodeURIComponent('GET /api/orders/')}`,
  ],
  [
    'endpoint with a box',
    () => {
      const report = encodeURIComponent('GET /api/report/');
      const box = `${Date.now() - 3_500_000}-${Date.now()}-300000-2000000`;
      return `/endpoint?service=${SHOP}&operation=${report}&box=${box}`;
    },
  ],
  ['traces', () => `/traces?service=${SHOP}`],
  ['trace', (seeded) => `/traces/${seeded.failed}`],
  ['large trace', (seeded) => `/traces/${seeded.large}`],
  ['flame graph', (seeded) => `/traces/${seeded.failed}?tab=flame`],
  ['merged flame graph', (seeded) => `/traces/${seeded.logged}?tab=flame&merged=1&colour=kind`],
  ['span list', (seeded) => `/traces/${seeded.logged}?tab=spans`],
  ['a file to open', () => '/traces/file'],
  [
    'flame graph of many',
    () => `/flame?service=${SHOP}&operation=${encodeURIComponent('GET /api/orders/')}`,
  ],
  ['comparison', (seeded) => `/compare?before_trace=${seeded.failed}&after_trace=${seeded.logged}`],
  [
    'comparison as a table',
    (seeded) => `/compare?before_trace=${seeded.failed}&after_trace=${seeded.logged}&tab=table`,
  ],
  ['traces to compare', () => '/compare'],
  ['a profile to open', () => '/profile'],
  ['a result to open', () => '/runs'],
  ['two stretches of time', () => `/runs?compare=previous&service=${SHOP}`],
  ['a plan to read', () => '/plan'],
  ['ledger', () => '/ledger'],
  ['board report', () => '/board'],
  ['statements', (seeded) => `/traces/${seeded.failed}?tab=statements`],
  ['logs of a trace', (seeded) => `/traces/${seeded.logged}?tab=logs`],
  ['explore', () => `/explore?where=${encodeURIComponent(`service.name = "${SHOP}"`)}`],
  ['heatmap', () => '/explore?tab=heatmap'],
  ['live tail', () => '/explore?tab=tail'],
  [
    'compared endpoint',
    () =>
      `/endpoint?service=${SHOP}&operation=${encodeURIComponent('GET /api/report/')}&compare=day&tz=UTC`,
  ],
  ['a statement of SQL', () => '/explore?of=sql'],
  ['log records', () => '/explore?of=logs&tab=rows'],
  ['what stands out', () => '/explore?tab=compare&selection=duration%20%3E%20100ms'],
  ['resources', () => '/resources'],
  ['gateway', () => '/gateway'],
  ['status', () => '/status'],
  ['nowhere', () => '/nowhere'],
];

async function findingPath(page: Page): Promise<string> {
  await open(page, `/findings?service=${SHOP}&fault=n-plus-one`);
  return (await page.locator('table.findings a').first().getAttribute('href')) ?? '';
}

for (const [name, path] of PAGES) {
  test(`${name} is accessible in the light and in the dark, fits a phone and asks nobody else`, async ({
    page,
    seeded,
    baseURL,
  }) => {
    // Three looks of the judge over as many as 10,000 spans.
    test.slow();
    const told = await onAPhone(page, baseURL);
    await open(page, path(seeded));
    await expectGood(page, told);
  });
}

test('a finding is accessible in the light and in the dark, fits a phone and asks nobody else', async ({
  page,
  baseURL,
}) => {
  test.slow();
  const told = await onAPhone(page, baseURL);
  await open(page, await findingPath(page));
  await expectGood(page, told);
});

test('a plan that was read is accessible, fits a phone and asks nobody else', async ({
  page,
  baseURL,
}) => {
  test.slow();
  const told = await onAPhone(page, baseURL);
  await open(page, '/plan');
  await page.getByRole('button', { name: 'Try an example' }).click();
  await expect(page.locator('table.nodes')).toContainText('Seq Scan on orders');
  await expectGood(page, told);
  await page.getByRole('button', { name: 'Icicle' }).click();
  await expect(page.getByRole('img', { name: /nodes of the plan/ })).toBeVisible();
  await expectAccessible(page);
});

test('findings beside their plane are accessible', async ({ page }) => {
  await page.setViewportSize({ width: 1600, height: 900 });
  await open(page, `/findings?service=${SHOP}`);
  await expect(page.getByRole('img', { name: /impact against effort/ })).toBeVisible();
  await expectAccessible(page);
});

test('a span beside the waterfall is accessible', async ({ page, seeded }) => {
  await open(page, `/traces/${seeded.failed}`);
  await page.getByRole('row', { name: /pay\.example\.com/ }).click();
  await expect(page.getByRole('complementary', { name: 'Span' })).toContainText('exception');
  await expectAccessible(page);
});

test('dark is the choice of the system until somebody chooses', async ({ page }) => {
  const paper = () =>
    page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await page.emulateMedia({ colorScheme: 'dark' });
  await open(page, '/status');
  const dark = await paper();
  await page.getByRole('button', { name: 'Make it light' }).click();
  const light = await paper();
  expect(light).not.toBe(dark);
  await page.reload();
  expect(await paper()).toBe(light);
});

test('the first load is small', async ({ page }) => {
  let bytes = 0;
  const sizes: Promise<void>[] = [];
  page.on('requestfinished', (request) => {
    if (request.url().includes('/api/')) return;
    sizes.push(request.sizes().then((size) => void (bytes += size.responseBodySize)));
  });
  await open(page, '/');
  await Promise.all(sizes);
  expect(bytes).toBeGreaterThan(20_000);
  expect(bytes).toBeLessThan(400_000);
});
