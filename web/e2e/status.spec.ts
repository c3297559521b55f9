/** The Status page: what came and what is kept, and what did not get through. */
import type { Page } from '@playwright/test';

import { expect, test } from './seeded';

async function open(page: Page) {
  await page.goto('/status');
  await expect(page.locator('h1').first()).toBeVisible();
  await expect(page.locator('.waiting')).toHaveCount(0);
}

test('it says what came, what is kept and where', async ({ page }) => {
  await open(page);
  const came = page.getByRole('row', { name: /^came/ });
  await expect(came.locator('.n').last()).not.toHaveText('0');
  await expect(page.getByRole('heading', { name: 'What is kept' })).toBeVisible();
  await expect(page.getByText(/are free on its disk/)).toBeVisible();
  await expect(page.getByRole('link', { name: '/metrics' })).toHaveAttribute('href', '/metrics');
});

test('what could not be read is told, with what to do', async ({ page, request }) => {
  const otlp = process.env['TAUT_OTLP_URL'] ?? 'http://127.0.0.1:4318';
  const answer = await request.post(`${otlp}/v1/traces`, {
    headers: { 'content-type': 'application/x-protobuf' },
    data: Buffer.from([0xff, 0xff, 0xff]),
  });
  expect(answer.status()).toBe(400);
  await open(page);
  await expect(page.getByText(/could not be read at all/)).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('lost');
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1440, 390]) {
    test(`it is whole at ${width} pixels in the ${colorScheme}`, async ({ page }, info) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await open(page);
      const sideways = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(sideways).toBe(0);
      await page.screenshot({ path: info.outputPath('status.png'), fullPage: true });
    });
  }
}
