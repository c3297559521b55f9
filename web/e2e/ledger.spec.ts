/** The ledger, the board report, and two stretches of time compared. */
import AxeBuilder from '@axe-core/playwright';

import type { Findings } from '../src/api/types';
import { expect, HARM_TEXT, SHOP, test } from './seeded';

test('what is said of a finding is in the ledger, and leads back to it', async ({ page }) => {
  const answer = await page.request.get(`/api/v1/findings?service=${SHOP}&state=all`);
  const { findings } = (await answer.json()) as Findings;
  const finding = findings[0]?.id ?? '';
  const remark = `remark ${Date.now()} ${HARM_TEXT}`;
  const said = await page.request.post(`/api/v1/findings/${finding}/notes`, { data: { remark } });
  expect(said.ok()).toBe(true);
  await page.goto('/ledger');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('The ledger');
  const row = page.locator('.ledger > li').filter({ hasText: remark });
  await expect(row).toBeVisible();
  await page.getByLabel('Kind').selectOption('note');
  await expect(page).toHaveURL(/kind=note/);
  await page.getByLabel('search').fill('no such thing anywhere');
  await expect(page.getByText('Nothing is like that.')).toBeVisible();
  await page.getByLabel('search').fill(remark.slice(0, 30));
  await row.getByRole('link', { name: /^finding/ }).click();
  await expect(page).toHaveURL(new RegExp(`/findings/${finding}`));
  expect(await page.title()).not.toBe('harmed');
});

test('a run in the ledger leads to all that was measured', async ({ page }) => {
  const run = {
    kind: 'run',
    number: 12,
    unix_ms: Date.now(),
    about: '',
    title: `http://shop/ ${HARM_TEXT}`,
    text: '',
    by: 'Ada on build-7',
    result_bytes: 4_096,
    run: { of: 'check', verdict: '1 of 2 broke', requests: 4, failed: 0, seconds: 0, figures: [] },
  };
  const kinds = [{ kind: 'run', count: 1 }];
  await page.route('**/api/v1/ledger*', (route) =>
    route.fulfill({ json: { entries: [run], total: 1, kinds, shared: false } }),
  );
  await page.goto('/ledger');
  const row = page.locator('.ledger > li');
  await expect(row).toContainText('by Ada on build-7');
  await expect(row).toContainText('1 of 2 broke');
  await expect(row.getByRole('link', { name: 'All that was measured' })).toHaveAttribute(
    'href',
    '/runs?run=12',
  );
  expect(await page.title()).not.toBe('harmed');
});

test('the board report is read, copied as Markdown and printed', async ({ page }) => {
  await page.goto('/board?last=15m');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('What was made faster');
  await expect(page.getByRole('row', { name: /requests a day/ })).toBeVisible();
  await page.getByRole('button', { name: 'Copy as Markdown' }).click();
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  expect(text).toMatch(/^# What was made faster\n\n/);
  expect(text).toContain('| requests a day |');
  await page.emulateMedia({ media: 'print' });
  await expect(page.getByRole('button', { name: 'Copy as Markdown' })).toBeHidden();
  await expect(page.locator('.frame nav')).toBeHidden();
  await expect(page.getByRole('heading', { name: 'In total' })).toBeVisible();
});

test('two stretches of time are compared, and the address says which', async ({ page }) => {
  await page.goto('/runs');
  await page.getByRole('link', { name: 'two stretches of time' }).click();
  await expect(page).toHaveURL(/compare=previous/);
  await expect(page.getByRole('heading', { level: 1 })).toContainText(
    /better|worse|no difference|cannot tell/,
  );
  await page.getByLabel('Service').selectOption(SHOP);
  await expect(page).toHaveURL(new RegExp(`service=${SHOP}`));
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa']).analyze();
  expect(violations.map((it) => it.id)).toEqual([]);
});
