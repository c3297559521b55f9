/** Every page on a phone, in the dark, and for people who cannot see it. */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

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
  ['log records', () => '/explore?of=logs&tab=rows'],
  ['what stands out', () => '/explore?tab=compare&selection=duration%20%3E%20100ms'],
  ['resources', () => '/resources'],
  ['gateway', () => '/gateway'],
  ['status', () => '/status'],
  ['nowhere', () => '/nowhere'],
];

async function open(page: Page, path: string) {
  await page.goto(path);
  await expect(page.locator('h1').first()).toBeVisible();
  await expect(page.locator('.waiting')).toHaveCount(0);
}

/** What a page asks other hosts for, and what it does that its policy does not let it. */
function listen(page: Page, host: string): string[] {
  const told: string[] = [];
  page.on('request', (request) => {
    if (new URL(request.url()).host !== host) told.push(request.url());
  });
  page.on('console', (message) => {
    // What an address has not got is told on the page itself.
    const isMissing = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isMissing) told.push(message.text());
  });
  page.on('pageerror', (error) => told.push(error.message));
  return told;
}

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
    const told = listen(page, new URL(baseURL ?? '').host);
    // What fades in has mixed colours meanwhile.
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    // Loaded on a phone: what is worked out once starts narrow.
    await page.setViewportSize({ width: 390, height: 844 });
    await open(page, path(seeded));
    await expectNoSidewaysScrolling(page);
    await judged(page, told, 'on a phone');
    await page.setViewportSize({ width: 320, height: 700 });
    await expectNoSidewaysScrolling(page);
    await page.setViewportSize({ width: 1440, height: 900 });
    await expect(page.locator('.waiting')).toHaveCount(0);
    await judged(page, told, 'in the light');
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
    await judged(page, told, 'in the dark');
    expect(told).toEqual([]);
  });
}

/** Lets the judge look, and leaves out of what the page did what the judge did: it brings a script of its own. */
async function judged(page: Page, told: string[], where: string) {
  const before = told.length;
  await test.step(where, () => expectAccessible(page));
  told.splice(before);
}

test('a finding fits a phone and is accessible', async ({ page }) => {
  const path = await findingPath(page);
  await open(page, path);
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScrolling(page);
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

async function expectNoSidewaysScrolling(page: Page) {
  // Charts are drawn anew a moment after the window has become narrower.
  const surplus = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  await expect.poll(surplus).toBeLessThanOrEqual(0);
}

async function expectAccessible(page: Page) {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
    .analyze();
  const told = violations.flatMap((violation) =>
    violation.nodes
      .slice(0, 3)
      .map((node) => `${violation.id}: ${node.html} ${node.failureSummary ?? ''}`),
  );
  expect(told).toEqual([]);
}
