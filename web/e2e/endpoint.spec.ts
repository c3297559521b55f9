/** The page of an endpoint: the heatmap with its box, humps told apart, comparison, marks. */
import type { Findings } from '../src/api/types';
import { expect, SHOP, SLOWER, test } from './seeded';

function endpoint(operation: string, query: Record<string, string> = {}): string {
  return `/endpoint?${new URLSearchParams({ service: SHOP, operation, last: '15m', ...query }).toString()}`;
}

test('a box around the slow ones tells what is special about them, and leads to their traces', async ({
  page,
}) => {
  await page.goto(endpoint('GET /api/report/'));
  const picture = page.getByRole('application', { name: /Durations over time/ });
  await expect(picture).toBeVisible();
  const bounds = await picture.boundingBox();
  if (bounds === null) throw new Error('the heatmap has no place');
  // The upper half: reports of large customers take twenty times as long.
  await page.mouse.move(bounds.x + 62, bounds.y + 8);
  await page.mouse.down();
  await page.mouse.move(bounds.x + bounds.width - 4, bounds.y + bounds.height * 0.45, { steps: 4 });
  await page.mouse.up();
  await expect(page).toHaveURL(/box=\d+-\d+-\d+-\d+/);
  const selected = page.getByRole('complementary', { name: 'In the box' });
  const special = selected.locator('table.special tbody tr').filter({ hasText: 'app.plan' });
  await expect(special).toContainText('enterprise');
  await expect(special).toContainText('100');
  await page.reload();
  await expect(special).toContainText('enterprise');
  await selected.locator('.examples a').first().click();
  await expect(page).toHaveURL(/\/traces\/[0-9a-f]{32}\?.*span=/);
});

test('the box is drawn and moved by the keyboard as well', async ({ page }) => {
  await page.goto(endpoint('GET /api/report/'));
  const picture = page.getByRole('application', { name: /Durations over time/ });
  await picture.focus();
  await page.keyboard.press('Space');
  await expect(page).toHaveURL(/box=/);
  const before = page.url();
  await page.keyboard.press('ArrowDown');
  await expect(page).not.toHaveURL(before);
  await expect(page.getByRole('complementary', { name: 'In the box' })).toBeVisible();
  // It stays within the picture: at its right edge it goes no further.
  const atTheEdge = page.url();
  await page.keyboard.press('ArrowRight');
  expect(page.url()).toBe(atTheEdge);
  await page.keyboard.press('Escape');
  await expect(page).not.toHaveURL(/box=/);
});

test('two windows are compared, figure by figure', async ({ page }) => {
  const now = Date.now();
  await page.goto(endpoint('GET /api/report/', { compare: `${now - 900_000}-${now}` }));
  await expect(page.locator('.figures .was').first()).toContainText('was');
  await expect(page.locator('.then-outline')).toBeAttached();
  // The critical path over time is compared as well, by how high it was in all.
  await expect(page.getByText('p95 before')).toBeVisible();
  const path = page.locator('figure').filter({ hasText: 'mean of a request' });
  await expect(path.locator('.line.then')).toBeAttached();
  await page.locator('.filters select').selectOption('week');
  await expect(page).toHaveURL(/compare=week/);
  await expect(page.getByText('It was not requested then.')).toBeVisible();
});

test('a window of any length is compared with by hand', async ({ page }) => {
  await page.goto(endpoint('GET /api/report/', { tz: 'UTC' }));
  await page.getByLabel('Compare with').selectOption('own');
  const begin = page.getByLabel('Begin of the time to compare with');
  const end = page.getByLabel('End of the time to compare with');
  await begin.fill('2024-05-06T07:00');
  // As long as this window, until its end is moved.
  await expect(end).toHaveValue('2024-05-06T07:15');
  await end.fill('2024-05-06T06:00');
  await page.getByRole('button', { name: 'Compare', exact: true }).click();
  await expect(page.getByText('It has to begin before it ends.')).toBeVisible();
  await end.fill('2024-05-07T07:00');
  await page.getByRole('button', { name: 'Compare', exact: true }).click();
  const at = Date.UTC(2024, 4, 6, 7);
  await expect(page).toHaveURL(new RegExp(`compare=${at}-${at + 86_400_000}`));
  await expect(begin).toHaveValue('2024-05-06T07:00');
});

test('a release is marked on every axis of time, and told in words', async ({ page }) => {
  await page.goto(endpoint('GET /api/products/<int:pk>/'));
  await expect(page.getByRole('list', { name: 'Releases and remedies' })).toContainText(
    `${SHOP} 4.2.1`,
  );
  expect(await page.locator('.mark-line.release').count()).toBeGreaterThanOrEqual(5);
});

test('where the time goes is told over time and by kind', async ({ page }) => {
  await page.goto(endpoint('GET /api/products/<int:pk>/'));
  const chart = page.getByRole('img', { name: /mean of a request over time/ });
  await expect(chart).toBeVisible();
  await expect(chart).toHaveAccessibleName(/own code .* to .*cache/);
  for (const label of ['requests', 'errors', 'queries a request']) {
    await expect(
      page.getByRole('img', { name: new RegExp(`^${label} over time: `) }),
    ).toBeVisible();
  }
});

test('a remedy that was applied is marked on every axis of its endpoint, with its words', async ({
  page,
}) => {
  const answer = await page.request.get(`/api/v1/findings?service=${SHOP}&fault=n-plus-one`);
  const [finding] = ((await answer.json()) as Findings).findings;
  if (finding === undefined) throw new Error('nothing was found');
  const notes = `/api/v1/findings/${finding.id}/notes`;
  expect((await page.request.post(notes, { data: { state: 'applied' } })).ok()).toBe(true);
  await page.goto(endpoint(finding.operation));
  await expect(page.getByRole('list', { name: 'Releases and remedies' })).toContainText(
    `applied ${finding.claim}`,
  );
  expect(await page.locator('.mark-line.applied').count()).toBeGreaterThanOrEqual(5);
  await page.goto(endpoint('GET /api/products/<int:pk>/').replace(SHOP, SLOWER));
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page.locator('.waiting')).toHaveCount(0);
  await expect(page.locator('.mark-line.applied')).toHaveCount(0);
});
