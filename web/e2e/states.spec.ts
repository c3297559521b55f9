/** A finding through all its states, clicked as somebody does who works on it; each is in its history and stays there. */
import type { Page } from '@playwright/test';

import type { Findings } from '../src/api/types';
import { open } from './judge';
import { expect, sendMadeUp, SHOP, test } from './seeded';

/** A service of its own, so that no other test says something of its finding. */
async function findingOf(page: Page, service: string): Promise<string> {
  await sendMadeUp(service, 'posts', 20);
  let id = '';
  await expect(async () => {
    const answer = await page.request.get(
      `/api/v1/findings?service=${service}&fault=deep-offset&state=all`,
    );
    const { findings } = (await answer.json()) as Findings;
    id = findings[0]?.id ?? '';
    expect(id).not.toBe('');
  }).toPass({ timeout: 90_000 });
  return id;
}

test('a finding is accepted, taken on, applied, proven, taken back, dismissed and made new', async ({
  page,
}) => {
  const service = `${SHOP}-states`;
  const path = `/findings/${await findingOf(page, service)}`;
  await open(page, path);
  const progress = page.getByRole('region', { name: 'Where it stands' });
  const stands = progress.locator('.stands');
  const history = progress.locator('.history');
  const newest = history.getByRole('listitem').first();
  const say = (words: string) => progress.getByRole('button', { name: words, exact: true }).click();
  await expect(stands).toContainText('new');

  await say('Accept it');
  await expect(stands).toContainText('accepted');
  await expect(newest).toContainText('accepted');
  await say('Take it on');
  await expect(stands).toContainText('in work');
  await expect(newest).toContainText('in work');
  await say('The remedy is in');
  await expect(stands).toContainText('applied');
  // What is said to be applied becomes a remedy by hand.
  await expect(history).toContainText(/remedy \d+: applied/);
  // Nothing is left to be worked on: it is proven, or taken back.
  await expect(progress.getByRole('button', { name: 'Take it on' })).toHaveCount(0);
  await say('It was measured to work');
  await expect(stands).toContainText('proven');
  await expect(newest).toContainText('proven');
  await say('The remedy was taken back');
  await expect(stands).toContainText('reverted');
  await expect(history).toContainText('reverted');

  // A dismissal wants a reason, and is not one without it.
  await say('Leave it as it is');
  await progress.getByRole('button', { name: 'Note it' }).first().click();
  await expect(stands).toContainText('reverted');
  await progress.getByLabel('Why is it dismissed?').fill('nobody pages that far');
  await progress.getByRole('button', { name: 'Note it' }).first().click();
  await expect(stands).toContainText('dismissed');
  await expect(newest).toContainText('dismissed: nobody pages that far');

  await page.reload();
  await expect(stands).toContainText('dismissed');
  for (const state of ['accepted', 'in work', 'applied', 'proven', 'reverted', 'dismissed']) {
    await expect(history).toContainText(state);
  }
  await say('Make it new again');
  await expect(stands).toContainText('new');

  // The list has it where it stands.
  await open(page, `/findings?service=${service}&state=new`);
  await expect(page.locator(`table.findings a[href^="${path}"]`)).toHaveCount(1);
  await open(page, `/findings?service=${service}&state=dismissed`);
  await expect(page.locator(`table.findings a[href^="${path}"]`)).toHaveCount(0);
});

test('what was applied and taken back is marked on each axis of time of its endpoint, and told', async ({
  page,
}) => {
  const service = `${SHOP}-marked`;
  const id = await findingOf(page, service);
  for (const state of ['applied', 'reverted']) {
    const said = await page.request.post(`/api/v1/findings/${id}/notes`, { data: { state } });
    expect(said.ok()).toBe(true);
  }
  const at = new URLSearchParams({ service, operation: 'GET /api/posts/', last: '15m' });
  await open(page, `/endpoint?${at.toString()}`);
  const told = page.getByRole('list', { name: 'Releases and remedies' });
  await expect(told.getByRole('listitem').filter({ hasText: 'applied' })).toHaveCount(1);
  await expect(told.getByRole('listitem').filter({ hasText: 'taken back' })).toHaveCount(1);
  for (const words of ['applied: ', 'taken back: ']) {
    await expect(page.locator('.mark-line').filter({ hasText: words }).first()).toBeAttached();
  }
  await told.getByRole('link').first().click();
  await expect(page).toHaveURL(new RegExp(`/findings/${id}`));
});
