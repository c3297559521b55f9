/** What pages do while others are looked at, and when nothing answers. */
import type { Page } from '@playwright/test';

import { expect, test } from './seeded';

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
  const map = '**/api/v1/service-map?**';
  await page.route(map, (route) => route.abort());
  await page.goto('/services');
  await expect(page.getByRole('alert')).toContainText('does not answer');
  await page.unroute(map);
  // The first event after each connection comes at once.
  await look(page, true);
  await look(page, false);
  await expect(page.getByRole('tab', { name: 'Map' })).toBeVisible();
});
