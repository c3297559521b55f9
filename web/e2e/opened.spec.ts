/** Files that were opened, profiles and traces: each of their views on a phone, in the dark, and for people who cannot see it. */
import { fileURLToPath } from 'node:url';

import type { Page } from '@playwright/test';

import { expectGood, onAPhone, open } from './judge';
import { expect, test } from './seeded';

const DATA = new URL('../../crates/core/observe/tests/data/', import.meta.url);
const CPROFILE = fileURLToPath(new URL('cprofile.pstats', DATA));
const CPROFILE_AFTER = fileURLToPath(new URL('cprofile-after.pstats', DATA));

async function openProfile(page: Page, ...files: string[]) {
  await open(page, '/profile');
  await page.locator('input[type=file]').first().setInputFiles(files);
  await expect(page.getByRole('heading', { level: 1 })).not.toHaveText('Drop a profile here');
}

/** Opens a trace as somebody has it on disk. */
async function openTrace(page: Page, id: string) {
  const answer = await page.request.get(`/api/v1/traces/${id}/otlp.json`);
  expect(answer.ok()).toBe(true);
  await open(page, '/traces/file');
  await page
    .locator('input[type=file]')
    .first()
    .setInputFiles({ name: 'trace.json', mimeType: '', buffer: await answer.body() });
  await expect(page.getByRole('tab', { name: 'Flame graph' })).toBeVisible();
}

// A wedge is as large as its share, and may be small; the table has the same functions.
const SMALL = ['target-size'];

const VIEWS: [name: string, but: string[]][] = [
  ['Functions', []],
  ['Icicle', []],
  ['Sunburst', SMALL],
  ['Call tree', []],
];

for (const [name, but] of VIEWS) {
  test(`a profile that was opened is accessible, fits a phone and asks nobody else: ${name}`, async ({
    page,
    baseURL,
  }) => {
    test.slow();
    const told = await onAPhone(page, baseURL);
    await openProfile(page, CPROFILE);
    const tab = page.getByRole('tab', { name });
    await tab.click();
    await expect(tab).toHaveAttribute('aria-selected', 'true');
    await expectGood(page, told, { but });
  });
}

test('two profiles that were opened are accessible, fit a phone and ask nobody else', async ({
  page,
  baseURL,
}) => {
  test.slow();
  const told = await onAPhone(page, baseURL);
  await openProfile(page, CPROFILE, CPROFILE_AFTER);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('→');
  await expectGood(page, told);
});

test('one function of a profile shows who called it and what it called', async ({
  page,
  baseURL,
}) => {
  test.slow();
  const told = await onAPhone(page, baseURL);
  await openProfile(page, CPROFILE);
  await page.locator('table.functions tbody button').first().click();
  await expect(page.getByRole('heading', { name: 'Who called it' })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'What it called' })).toBeVisible();
  await expect(page).toHaveURL(/function=\d+/);
  await expectGood(page, told);
});

test('the call tree leaves out what is below a share, and closes', async ({ page }) => {
  await openProfile(page, CPROFILE);
  await page.getByRole('tab', { name: 'Call tree' }).click();
  const rows = page.locator('table.call-tree tbody tr');
  await expect(rows.first()).toBeVisible();
  const all = await rows.count();
  const opened = page.locator('table.call-tree tbody button[aria-expanded=true]');
  await opened.first().click();
  await expect.poll(() => rows.count()).toBeLessThan(all);
  await page.locator('table.call-tree tbody button[aria-expanded=false]').first().click();
  await expect(rows).toHaveCount(all);
  await page.getByLabel(/at least/).fill('50');
  await expect(page).toHaveURL(/min=50/);
  const shares = async () => {
    const cells = await rows.locator('td:nth-child(3)').allTextContents();
    return cells.map((text) => Number.parseFloat(text));
  };
  await expect.poll(async () => Math.min(...(await shares()))).toBeGreaterThanOrEqual(50);
  const left = (await shares()).length;
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(all);
});

for (const tab of ['Waterfall', 'Flame graph', 'Span list', 'Statements']) {
  test(`a trace from a file is accessible, fits a phone and asks nobody else: ${tab}`, async ({
    page,
    seeded,
    baseURL,
  }) => {
    test.slow();
    const told = await onAPhone(page, baseURL);
    await openTrace(page, seeded.failed);
    await page.getByRole('tab', { name: tab }).click();
    await expect(page.getByRole('tab', { name: tab })).toHaveAttribute('aria-selected', 'true');
    await expectGood(page, told);
  });
}

test('a span of a trace from a file is accessible, fits a phone and asks nobody else', async ({
  page,
  seeded,
  baseURL,
}) => {
  test.slow();
  const told = await onAPhone(page, baseURL);
  await openTrace(page, seeded.failed);
  await page.getByRole('row', { name: /pay\.example\.com/ }).click();
  await expect(page.getByRole('complementary', { name: 'Span' })).toContainText('gateway timeout');
  await expectGood(page, told);
});
