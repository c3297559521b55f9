/** What is taken from the pages elsewhere: commands to prove a finding, log records as a file. */
import { expect, SHOP, test } from './seeded';

test('a finding has the command that proves it, with its service and endpoint', async ({
  page,
}) => {
  await page.goto(`/findings?service=${SHOP}&fault=n-plus-one`);
  await page.getByRole('link', { name: /GET \/api\/orders\// }).click();
  const prove = page.getByRole('region', { name: 'How to prove it' });
  const command = prove.locator('figure.code').filter({ hasText: 'taut prove' });
  await expect(command).toHaveCount(1);
  await command.getByRole('button', { name: 'Copy' }).click();
  await expect(command.getByRole('button')).toHaveText('Copied');
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toContain(`--service=${SHOP} --operation='GET /api/orders/'`);
  expect(copied).toMatch(/--record [0-9a-f]+$/);
});

test('log records are downloaded as Parquet', async ({ page }) => {
  await page.goto(
    `/explore?of=logs&tab=rows&where=${encodeURIComponent(`service.name = "${SHOP}"`)}`,
  );
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download Parquet' }).click(),
  ]);
  expect(file.suggestedFilename()).toBe('taut-logs.parquet');
});
