/** Pages that want a token: the form, the link with it, and that a shared link leads where it says. */
import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';

const URL_OF = process.env['TAUT_TOKEN_URL'] ?? '';
const TOKEN = process.env['TAUT_TOKEN'] ?? '';
const PAGE = '/explore?where=name+%3D+%22a+%26+b%22&of=logs&last=24h';

test.beforeEach(() => {
  expect(URL_OF, 'TAUT_TOKEN_URL and TAUT_TOKEN name a `taut up` that wants a token').not.toBe('');
});

test('the form lets in whoever has the token, to the page that was asked for', async ({ page }) => {
  const refused: string[] = [];
  page.on('console', (message) => {
    // That it is a 401 is what is wanted.
    if (message.type() === 'error' && !message.text().includes('401')) refused.push(message.text());
  });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(URL_OF + PAGE);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('These pages want a token.');
  const form = page.locator('form');
  expect((await form.boundingBox())?.x).toBeGreaterThan(8);
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((violation) => violation.id)).toEqual([]);
  await page.getByLabel('Token').fill('not it');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('That is not the token.');
  await page.getByLabel('Token').fill(TOKEN);
  await page.getByRole('button', { name: 'Enter' }).click();
  await expect(page.getByRole('heading', { name: 'Ask your own question' })).toBeVisible();
  const query = new URL(page.url()).searchParams;
  expect(Object.fromEntries(query)).toEqual({ where: 'name = "a & b"', of: 'logs', last: '24h' });
  expect(refused).toEqual([]);
});

test('the form is dark where the system is', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto(`${URL_OF}/`);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  const scheme = await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  expect(scheme).toBe('light dark');
});

test('a link with the token lets in, and one from another site opens without the form', async ({
  page,
  context,
}) => {
  await page.goto(`${URL_OF}/status?last=24h&token=${encodeURIComponent(TOKEN)}`);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page).toHaveURL(`${URL_OF}/status?last=24h`);
  const [cookie] = await context.cookies();
  expect([cookie?.httpOnly, cookie?.sameSite]).toEqual([true, 'Lax']);
  // As from a chat: another site's page has the link.
  await page.goto(`data:text/html,<a href="${URL_OF}/status">look</a>`);
  await page.getByRole('link', { name: 'look' }).click();
  await expect(page).toHaveURL(`${URL_OF}/status`);
  await expect(page.locator('header.frame')).toBeVisible();
});
