/** The map of services where there are 200 of them: looked over, pointed at, searched, and led into. */
import type { Page } from '@playwright/test';

import type { ServiceMap } from '../src/api/types';
import { expectGood, onAPhone, open } from './judge';
import { expect, sendSpans, test } from './seeded';
import { random, throughMany } from './spans.js';

const SERVICES = 200;
/** Hours ago, so that maps of the last hour have none of them. */
const BACK_MS = 3 * 3_600_000;

let sent: Promise<string> | undefined;

/** Sends a request through each service, once, and gives the stretch of time in which they came. */
async function many(page: Page): Promise<string> {
  sent ??= send();
  const stretch = await sent;
  await expect(async () => {
    const answer = await page.request.get(`/api/v1/service-map?${stretch}`);
    const { nodes } = (await answer.json()) as ServiceMap;
    expect(nodes.length).toBeGreaterThan(SERVICES);
  }).toPass({ timeout: 90_000 });
  return stretch;
}

async function send(): Promise<string> {
  const from = Date.now() - BACK_MS - 60_000;
  const chance = random(5);
  for (let number = 0; number < SERVICES; number += 1) {
    await sendSpans('many-0', throughMany(SERVICES, number, chance), BACK_MS + number * 20);
  }
  return `from=${from}&to=${Date.now() - BACK_MS + 60_000}`;
}

test('one of 200 services is found on the map, told, and led to', async ({ page }) => {
  test.slow();
  await open(page, `/services?${await many(page)}`);
  const map = page.getByRole('region', { name: 'Map of services' });
  const nodes = map.locator('.map-node');
  await expect.poll(() => nodes.count()).toBeGreaterThan(SERVICES);
  await page.getByLabel('search').fill('many-137');
  const found = map.locator('.map-node.found');
  await expect(found).toHaveCount(1);
  await found.hover();
  await expect(page.locator('.map-legend')).toContainText(
    /many-137, service.*calls \d+, called by/,
  );
  await found.click();
  await expect(page).toHaveURL(/focus=many-137/);
  await expect.poll(() => nodes.count()).toBeLessThan(SERVICES);
  await expect(map.getByRole('link', { name: /^many-137, service/ })).toBeVisible();
  await page.getByRole('button', { name: 'Show every service' }).click();
  await expect.poll(() => nodes.count()).toBeGreaterThan(SERVICES);
});

test('a map of 200 services is one stop for Tab, and arrows lead from one to the next', async ({
  page,
}) => {
  test.slow();
  await open(page, `/services?${await many(page)}`);
  const map = page.getByRole('region', { name: 'Map of services' });
  const stop = map.locator('.map-node[tabindex="0"]');
  await expect(stop).toHaveCount(1);
  await expect(page.locator('.map-legend')).toContainText('rate · p95 · share that fails');
  await stop.focus();
  const first = await stop.getAttribute('aria-label');
  await page.keyboard.press('ArrowRight');
  await expect(stop).toBeFocused();
  await expect(stop).not.toHaveAttribute('aria-label', first ?? '');
});

test('a map of 200 services is as wide as the page when it is asked to be', async ({ page }) => {
  test.slow();
  await open(page, `/services?${await many(page)}`);
  const map = page.getByRole('region', { name: 'Map of services' });
  await page.getByRole('button', { name: 'As wide as the page' }).click();
  const surplus = () => map.evaluate((box) => box.scrollWidth - box.clientWidth);
  // Its own border counts.
  await expect.poll(surplus).toBeLessThanOrEqual(4);
  await page.getByRole('button', { name: 'As large as it can be read' }).click();
  await expect(page.getByRole('button', { name: 'As wide as the page' })).toBeVisible();
});

test('the calls of 200 services are searched', async ({ page }) => {
  test.slow();
  await open(page, `/services?tab=calls&${await many(page)}`);
  await page.getByLabel('search').fill('many-137');
  const rows = page.locator('table.calls tbody tr');
  await expect(rows.first()).toContainText('many-137');
  await expect(rows.filter({ hasNotText: 'many-137' })).toHaveCount(0);
});

test('a map of 200 services is accessible, fits a phone and asks nobody else', async ({
  page,
  baseURL,
}) => {
  test.slow();
  const stretch = await many(page);
  const told = await onAPhone(page, baseURL);
  await open(page, `/services?tab=map&${stretch}`);
  await expectGood(page, told);
});
