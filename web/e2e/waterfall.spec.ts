/** Waterfall and flame graph: a link shows the same stretch and the same rows; spans are found, and what happened is marked. */
import { expect, test } from './seeded';

test('the address of a waterfall holds what is looked at and which rows are open', async ({
  page,
  seeded,
}) => {
  await page.goto('/traces');
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await page.goto(`/traces/${seeded.logged}`);
  const grid = page.getByRole('treegrid');
  const fold = grid.getByRole('row', { name: /shop_product.*240 similar/ });
  await expect(fold).toHaveAttribute('aria-expanded', 'false');
  await fold.click();
  await grid.focus();
  for (let times = 0; times < 8; times += 1) await page.keyboard.press('+');
  await expect(page).toHaveURL(/view=[\d.]+-[\d.]+/);
  await expect(page).toHaveURL(/rows=f[0-9a-z]+/);
  const shared = page.url();
  await page.goto('/status');
  await page.goto(shared);
  await expect(fold).toHaveAttribute('aria-expanded', 'true');
  await expect(page.getByRole('button', { name: /^Show all/ })).toBeVisible();
  await grid.focus();
  await page.keyboard.press('0');
  await expect(page).not.toHaveURL(/view=/);
  await fold.click();
  await expect(page).not.toHaveURL(/rows=/);
  // Looking closer is no step back.
  await page.goBack();
  await expect(page).toHaveURL(/\/status/);
});

test('the address of a flame graph holds what is looked at', async ({ page, seeded }) => {
  await page.goto(`/traces/${seeded.logged}?tab=flame`);
  const canvas = page.locator('.flame canvas');
  await expect(canvas).toBeVisible();
  await canvas.hover();
  await page.keyboard.down('Control');
  for (let times = 0; times < 4; times += 1) await page.mouse.wheel(0, -120);
  await page.keyboard.up('Control');
  await expect(page).toHaveURL(/view=[\d.]+-[\d.]+/);
  const held = new URL(page.url()).searchParams.get('view');
  await page.reload();
  await expect(page.getByRole('button', { name: 'Show all' })).toBeVisible();
  expect(new URL(page.url()).searchParams.get('view')).toBe(held);
  // Other colours are no other picture.
  await page.getByLabel('colour by').selectOption('kind');
  await expect(page).toHaveURL(/colour=kind/);
  await page.waitForTimeout(600);
  expect(new URL(page.url()).searchParams.get('view')).toBe(held);
  // The same stretch in the waterfall.
  await page.getByRole('tab', { name: /Waterfall/ }).click();
  await expect(page.getByRole('button', { name: /^Show all/ })).toBeVisible();
  await expect(page).toHaveURL(/view=/);
});

test('what an address cannot mean changes nothing', async ({ page, seeded }) => {
  const garbage = [
    'view=9-5&rows=f99999_c-1',
    `view=${encodeURIComponent('<b>')}&rows=${encodeURIComponent('<script>')}`,
    `view=1-${'9'.repeat(400)}&rows=${'z.'.repeat(2000)}`,
  ];
  for (const query of garbage) {
    await page.goto(`/traces/${seeded.logged}?${query}`);
    const fold = page.getByRole('row', { name: /shop_product.*240 similar/ });
    await expect(fold, query).toHaveAttribute('aria-expanded', 'false');
    await expect(page.getByRole('button', { name: /^Show all/ }), query).toBeHidden();
  }
});

test('the waterfall is searched, and what hides a span that was found is opened', async ({
  page,
  seeded,
}) => {
  await page.goto(`/traces/${seeded.logged}`);
  const grid = page.getByRole('treegrid');
  const fold = grid.getByRole('row', { name: /shop_product.*240 similar/ });
  await expect(fold).toBeVisible();
  await page.keyboard.press('/');
  const field = page.getByRole('searchbox', { name: 'name or service of a span' });
  await expect(field).toBeFocused();
  await field.fill('SHOP_PRODUCT');
  const told = page.getByRole('search', { name: 'Find spans' }).getByRole('status');
  await expect(told).toHaveText(/^\d+ spans$/);
  await expect(fold).toContainText('found within');
  await page.keyboard.press('Enter');
  await expect(told).toHaveText(/^1 of \d+ spans$/);
  await expect(fold).toHaveAttribute('aria-expanded', 'true');
  await expect(grid.locator('.row.active')).toContainText('shop_product');
  await expect(grid.locator('.row.active')).toBeInViewport();
  await page.keyboard.press('Enter');
  await expect(told).toHaveText(/^2 of \d+ spans$/);
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.press('Shift+Enter');
  const count = /of (\d+) spans/.exec((await told.textContent()) ?? '')?.[1] ?? '';
  await expect(told).toHaveText(`${count} of ${count} spans`);
  await expect(page).toHaveURL(/find=SHOP_PRODUCT/);
  await field.fill('no such thing anywhere');
  await expect(told).toHaveText('0 spans');
  await expect(page.getByRole('button', { name: 'Next', exact: true })).toBeDisabled();
});

test('all rows are opened and closed at once, or a level of them, by buttons and keys', async ({
  page,
  seeded,
}) => {
  await page.goto(`/traces/${seeded.logged}`);
  const grid = page.getByRole('treegrid');
  const fold = grid.getByRole('row', { name: /shop_product.*240 similar/ });
  await expect(fold).toHaveAttribute('aria-expanded', 'false');
  await page.getByRole('button', { name: 'Close all' }).click();
  await expect(grid).toHaveAttribute('aria-rowcount', '1');
  await expect(page).toHaveURL(/rows=none/);
  await page.reload();
  await expect(grid).toHaveAttribute('aria-rowcount', '1');
  await grid.focus();
  await page.keyboard.press('Shift+ArrowRight');
  await expect(grid.locator('.row.active')).toHaveAttribute('aria-level', '1');
  await expect(fold).toBeVisible();
  await page.keyboard.press('Shift+ArrowLeft');
  await expect(grid).toHaveAttribute('aria-rowcount', '1');
  await page.keyboard.press(']');
  await expect(page).toHaveURL(/rows=all/);
  const count = Number(await grid.getAttribute('aria-rowcount'));
  expect(count).toBeGreaterThan(240);
  await page.keyboard.press('[');
  await expect(grid).toHaveAttribute('aria-rowcount', '1');
  await page.getByRole('button', { name: 'Open all' }).click();
  await expect(grid).toHaveAttribute('aria-rowcount', String(count));
});

test('events and log records are marks on the bars', async ({ page, seeded }) => {
  const columns = await page.request.get(`/api/v1/traces/${seeded.failed}/columns`);
  const { events } = (await columns.json()) as {
    events: { span: number[]; exception: boolean[] };
  };
  expect(events.exception).toContain(true);
  expect(events.span.length).toBe(events.exception.length);
  await page.goto(`/traces/${seeded.failed}`);
  await expect(page.getByText('A tip over a bar is an event or a log record')).toBeVisible();
  await page.goto(`/traces/${seeded.logged}`);
  await expect(page.getByText('A tip over a bar is an event or a log record')).toBeVisible();
  // Nothing happened during the spans of this one.
  await page.goto(`/traces/${seeded.large}`);
  await expect(page.getByText('The thick edge below a bar')).toBeVisible();
  await expect(page.getByText('A tip over a bar')).toHaveCount(0);
});
