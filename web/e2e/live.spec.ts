/** What pages do while others are looked at, and when nothing answers. */
import type { Page } from '@playwright/test';

import { expect, SHOP, test } from './seeded';

/** As a browser tells a page that another tab is in front of it. */
function look(page: Page, hidden: boolean) {
  return page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { value, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
}

test('a seventh page answers while six others are open behind it', async ({ context }) => {
  const behind: Page[] = [];
  for (let number = 0; number < 6; number += 1) {
    const page = await context.newPage();
    await page.goto('/endpoints');
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(page.locator('.pulse')).toHaveText('live');
    await look(page, true);
    behind.push(page);
  }
  const seventh = await context.newPage();
  await seventh.goto('/traces');
  await expect(seventh.locator('table.requests tbody tr').first()).toBeVisible();
  await expect(seventh.locator('.pulse')).toHaveText('live');
  await look(seventh, true);
  // Whoever comes back to a page finds what changed meanwhile.
  const [first] = behind;
  if (first === undefined) throw new Error('six pages are open');
  const again = first.waitForResponse(/\/api\/v1\/operations/);
  await look(first, false);
  expect((await again).ok()).toBe(true);
});

test('a page that is asked for once goes on by itself after the connection was lost', async ({
  page,
}) => {
  const map = /\/api\/v1\/service-map\?/;
  await page.route(map, (route) => route.abort());
  await page.goto('/services');
  await expect(page.getByRole('alert')).toContainText('does not answer');
  await page.unroute(map);
  // The first event after each connection comes at once.
  await look(page, true);
  await look(page, false);
  await expect(page.getByRole('tab', { name: 'Map' })).toBeVisible();
});

test('what is not known is not told as none', async ({ page }) => {
  const problem = {
    type: 'urn:taut:store',
    title: 'store',
    status: 500,
    detail: 'the store cannot be read',
    hint: 'see its folder',
  };
  for (const part of [/\/api\/v1\/findings$/, /\/api\/v1\/saturation\?/]) {
    await page.route(part, (route) => route.fulfill({ status: 500, json: problem }));
  }
  await page.goto('/');
  const why = 'the store cannot be read. See its folder.';
  await expect(page.getByText(`The findings are not known: ${why}`)).toBeVisible();
  await expect(page.getByText(`How full they are is not known: ${why}`)).toBeVisible();
  await expect(page.getByText('no finding is new')).toHaveCount(0);
});

test('an endpoint does not wear the figures of the one before', async ({ page }) => {
  const at = new URLSearchParams({ service: SHOP, operation: 'GET /api/orders/' });
  await page.goto(`/endpoint?${at.toString()}`);
  await expect(page.locator('.figures').first()).toBeVisible();
  let go: () => void = () => undefined;
  const held = new Promise<void>((done) => (go = done));
  await page.route(/\/api\/v1\/operation\?/, async (route) => {
    await held;
    await route.continue();
  });
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Go to' }).fill(`report ${SHOP}`);
  const first = page.getByRole('listbox').getByRole('option', { selected: true });
  await expect(first).toContainText('GET /api/report/');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('GET /api/report/');
  await expect(page.locator('.figures')).toHaveCount(0);
  go();
  await expect(page.locator('.figures').first()).toBeVisible();
});

test('what was shown before is dimmed while another time is asked about', async ({ page }) => {
  await page.goto('/endpoints');
  await expect(page.locator('table.endpoints tbody tr').first()).toBeVisible();
  let go: () => void = () => undefined;
  const held = new Promise<void>((done) => (go = done));
  await page.route(/\/api\/v1\/operations\?/, async (route) => {
    await held;
    await route.continue();
  });
  await page.getByRole('button', { name: /Stretch of time/ }).click();
  await page.getByRole('button', { name: 'last 15 min' }).click();
  await expect(page.locator('.fresh.stale[aria-busy=true]')).toBeVisible();
  go();
  await expect(page.locator('.stale')).toHaveCount(0);
});

test('a page that was seen before stands there at once, dimmed until it is answered anew', async ({
  page,
}) => {
  await page.goto('/endpoints');
  const row = page.locator('table.endpoints tbody tr').first();
  await expect(row).toBeVisible();
  await page.getByRole('link', { name: 'Ledger', exact: true }).click();
  await expect(row).toHaveCount(0);
  let go: () => void = () => undefined;
  const held = new Promise<void>((done) => (go = done));
  await page.route(/\/api\/v1\/operations\?/, async (route) => {
    await held;
    await route.continue();
  });
  await page.goBack();
  await expect(row).toBeVisible();
  await expect(page.locator('.fresh.stale[aria-busy=true]')).toBeVisible();
  go();
  await expect(page.locator('.stale')).toHaveCount(0);
});

test('a search waits until typing rests', async ({ page }) => {
  await page.goto('/endpoints');
  await expect(page.locator('table.endpoints tbody tr').first()).toBeVisible();
  const asked = new Set<string>();
  page.on('request', (request) => {
    const q = new URL(request.url()).searchParams.get('q');
    if (q !== null) asked.add(q);
  });
  await page.getByLabel('search').pressSequentially('report');
  await expect(page).toHaveURL(/q=report$/);
  await expect(page.getByLabel('search')).toHaveValue('report');
  await expect.poll(() => asked.has('report')).toBe(true);
  expect(asked.size).toBeLessThan('report'.length);
});
