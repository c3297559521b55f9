/** The fourth golden signal: how full each service is, and where that is told. */
import { CHAIN, expect, sendMadeUp, test } from './seeded';
import { sendMetrics } from './signals.js';

const OTLP = process.env['TAUT_OTLP_URL'] ?? 'http://127.0.0.1:4318';
const FULL = `full-${Date.now().toString(36)}`;

test('each service says how full it is, and leads to the metric that says so', async ({ page }) => {
  await sendMadeUp(FULL, 'product', 5);
  // Of nine minutes the last is the crest of the wave: 19 of 20 connections, and four requests that wait.
  await sendMetrics(OTLP, FULL, `${FULL}-host`, 9);
  const row = (service: string) =>
    page
      .locator('table.services')
      .getByRole('row')
      .filter({ has: page.getByText(service, { exact: true }) });
  await expect(async () => {
    await page.goto('/');
    await expect(row(FULL).locator('.saturation')).toContainText('95', { timeout: 2_000 });
  }).toPass({ timeout: 60_000 });
  const told = row(FULL).locator('.saturation');
  await expect(told).toContainText('connections, tight');
  await expect(told).toContainText('4 wait for a connection');
  // Where nothing is told there is no figure, and what would tell it is said.
  const untold = row(`${CHAIN}-web`).locator('.saturation');
  await expect(untold).toContainText('–');
  await expect(untold.locator('[title]')).toHaveAttribute('title', /process\.cpu\.utilization/);
  await told.getByRole('link').first().click();
  await expect(page).toHaveURL(/\/resources\?.*metric=db\.client\.connection\.count/);
  await expect(page.getByRole('heading', { level: 1 })).toContainText(FULL);
  const meant = page.locator('table.resources tr[aria-current=true]');
  await expect(meant).toHaveCount(1);
  await expect(meant).toContainText(`${FULL} orders`);
  await expect(meant).toContainText('tight');
  await expect(meant).toBeInViewport();
  await page.locator('.claim').getByRole('link', { name: 'all' }).click();
  await expect(page).not.toHaveURL(/service=/);
  await expect(
    page.locator('table.resources tr').filter({ hasText: 'host' }).first(),
  ).toBeVisible();
});
