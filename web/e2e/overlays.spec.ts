/** What opens over every page: the palette, the chooser of time, and the list of keys. */
import type { Page } from '@playwright/test';

import { expectGood, onAPhone, open } from './judge';
import { expect, SHOP, test } from './seeded';

/** What the palette offers; lists to choose from on the page below have options, too. */
function offered(page: Page) {
  return page.getByRole('listbox', { name: 'Places' }).getByRole('option');
}

function field(page: Page) {
  return page.getByRole('combobox', { name: 'Go to' });
}

function chooser(page: Page) {
  return page.getByRole('dialog', { name: 'Stretch of time' });
}

async function choose(page: Page, from: string, to: string) {
  await chooser(page).locator('input[name=from]').fill(from);
  await chooser(page).locator('input[name=to]').fill(to);
  await chooser(page).getByRole('button', { name: 'Show this time' }).click();
}

test('the palette is walked with arrows, around its ends', async ({ page }) => {
  await open(page, '/status');
  await page.getByRole('button', { name: 'Go to' }).click();
  await expect(field(page)).toBeFocused();
  await expect(offered(page).first()).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('ArrowUp');
  await expect(offered(page).last()).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  const second = offered(page).nth(1);
  await expect(second).toHaveAttribute('aria-selected', 'true');
  await expect(second).toContainText('Findings');
  await expect(field(page)).toHaveAttribute(
    'aria-activedescendant',
    (await second.getAttribute('id')) ?? 'none',
  );
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/findings$/);
  await expect(field(page)).toBeHidden();
});

test('the palette takes a click, and Escape leaves the page as it was', async ({ page }) => {
  await open(page, '/status');
  await page.keyboard.press('Control+k');
  await field(page).fill('open a profile');
  await page.keyboard.press('Escape');
  await expect(field(page)).toBeHidden();
  await expect(page).toHaveURL(/\/status$/);
  await page.keyboard.press('Control+k');
  await expect(field(page)).toHaveValue('');
  await field(page).fill('open a profile');
  await offered(page).filter({ hasText: 'Open a profile' }).click();
  await expect(page).toHaveURL(/\/profile$/);
});

test('the palette chooses the time and the theme as well', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light' });
  await open(page, '/status');
  await page.keyboard.press('Control+k');
  await field(page).fill('show the last 6 h');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/last=6h/);
  await page.keyboard.press('Control+k');
  await field(page).fill('dark or light');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Make it light' })).toBeVisible();
});

test('the open palette is accessible in the light and in the dark, and fits a phone', async ({
  page,
  baseURL,
}) => {
  test.slow();
  const told = await onAPhone(page, baseURL);
  await open(page, '/status');
  await page.keyboard.press('Control+k');
  await field(page).fill(SHOP);
  await expect(offered(page).first()).toContainText(SHOP);
  await expectGood(page, told);
});

test('a stretch of time that ends before it begins is refused, and can be put right', async ({
  page,
}) => {
  await open(page, '/endpoints?tz=UTC');
  await page.keyboard.press('t');
  await choose(page, '2020-01-02T04:04', '2020-01-02T03:04');
  await expect(chooser(page).getByRole('alert')).toHaveText('It has to begin before it ends.');
  await expect(page).toHaveURL(/\/endpoints\?tz=UTC$/);
  await choose(page, '2020-01-02T03:04', '2020-01-02T04:04');
  await expect(chooser(page)).toBeHidden();
  const [from, to] = [Date.UTC(2020, 0, 2, 3, 4), Date.UTC(2020, 0, 2, 4, 4)];
  const query = () => Object.fromEntries(new URL(page.url()).searchParams);
  await expect.poll(query).toEqual({ tz: 'UTC', from: `${from}`, to: `${to}` });
  // What lies between two moments is told by them, and the next page has them.
  const pages = page.getByRole('navigation', { name: 'Pages' });
  await pages.getByRole('link', { name: 'Traces', exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`/traces\\?.*from=${from}`));
});

test('an empty moment is not taken', async ({ page }) => {
  await open(page, '/endpoints');
  await page.keyboard.press('t');
  await choose(page, '', '2020-01-02T04:04');
  await expect(chooser(page)).toBeVisible();
  await expect(page).toHaveURL(/\/endpoints$/);
  await page.keyboard.press('Escape');
  await expect(chooser(page)).toBeHidden();
});

test('a zone or a stretch that nobody knows shows the page all the same', async ({ page }) => {
  await open(page, '/endpoints?tz=Nowhere/Atall&from=9&to=3');
  const button = page.getByRole('button', { name: /Stretch of time/ });
  await expect(button).toContainText('last 1 h');
  await expect(button).not.toContainText('Atall');
});

test('the open chooser of time is accessible in the light and in the dark, and fits a phone', async ({
  page,
  baseURL,
}) => {
  test.slow();
  const told = await onAPhone(page, baseURL);
  await open(page, '/endpoints');
  await page.keyboard.press('t');
  await choose(page, '2020-01-02T04:04', '2020-01-02T03:04');
  await expect(chooser(page).getByRole('alert')).toBeVisible();
  await expectGood(page, told);
});

test('the keys are told with those of pictures, and the list closes by its button', async ({
  page,
}) => {
  await open(page, '/status');
  await page.getByRole('button', { name: 'Show the keys' }).click();
  const keys = page.getByRole('dialog', { name: 'Keys' });
  for (const where of ['Waterfall', 'Flame graph', 'Heatmap']) {
    await expect(keys.getByRole('heading', { name: where })).toBeVisible();
  }
  // Keys of the page below do nothing meanwhile.
  await page.keyboard.press('g');
  await page.keyboard.press('e');
  await expect(page).toHaveURL(/\/status$/);
  await keys.getByRole('button', { name: 'Close' }).click();
  await expect(keys).toBeHidden();
});

test('the list of keys is accessible in the light and in the dark, and fits a phone', async ({
  page,
  baseURL,
}) => {
  test.slow();
  const told = await onAPhone(page, baseURL);
  await open(page, '/status');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keys' })).toBeVisible();
  await expectGood(page, told);
});
