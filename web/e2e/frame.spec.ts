/** The frame of every page: one line on a desk however long its words are, and nothing beyond the edge of a phone. */
import { expect, SHOP, test } from './seeded';

const LONG = `from=${Date.UTC(2020, 10, 22, 8, 4)}&to=${Date.UTC(2020, 10, 23, 9, 5)}`;
const TIMES = ['last=15m&tz=America/New_York', `${LONG}&tz=America/Argentina/Buenos_Aires`];

for (const width of [1440, 1280]) {
  test(`pages, time and zone stand in one line of ${width} pixels`, async ({ page }) => {
    await page.setViewportSize({ width, height: 900 });
    for (const time of TIMES) {
      await page.goto(`/endpoints?${time}`);
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
      const links = page.getByRole('navigation', { name: 'Pages' }).getByRole('link');
      const tops = await links.evaluateAll((all) =>
        all.map((link) => link.getBoundingClientRect().top),
      );
      expect(new Set(tops).size, `${time}: ${tops.join(' ')}`).toBe(1);
      await expect(links.last(), time).toBeInViewport({ ratio: 1 });
      const beyond = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(beyond, time).toBeLessThanOrEqual(0);
      const head = await page.locator('header.frame').boundingBox();
      expect(head?.height, time).toBeLessThan(60);
      // What is cut is told all the same.
      const chooser = page.getByRole('button', { name: /Stretch of time/ });
      await expect(chooser).toHaveAttribute('title', /America/);
      await expect(page.getByRole('button', { name: /Go to/ })).toBeVisible();
    }
  });
}

test('the frame stays within a phone', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  for (const time of TIMES) {
    await page.goto(`/endpoints?${time}`);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    const parts = page.locator('header.frame').locator('button:visible, nav');
    const ends = await parts.evaluateAll((all) =>
      all.map((one) => one.getBoundingClientRect().right),
    );
    expect(Math.max(...ends), time).toBeLessThanOrEqual(390);
    // The pages are one line that scrolls, to where one is.
    const links = page.getByRole('navigation', { name: 'Pages' });
    expect((await links.boundingBox())?.height, time).toBeLessThan(50);
    await expect(links.locator('[aria-current=page]')).toBeInViewport({ ratio: 0.9 });
    await expect(page.getByRole('button', { name: /Go to/ })).toContainText('Go to');
  }
});

test('a page has one heading, with something in it and without', async ({ page, seeded }) => {
  const endpoint = `service=${encodeURIComponent(SHOP)}&operation=${encodeURIComponent('GET /api/orders/')}`;
  const paths = [
    `/?${LONG}`,
    `/services?${LONG}`,
    `/endpoints?${LONG}`,
    `/endpoint?${endpoint}&${LONG}`,
    `/endpoint?service=nobody&operation=nothing`,
    `/flame?${endpoint}&${LONG}`,
    `/compare?${endpoint}&compare=previous&${LONG}`,
    `/traces?${LONG}`,
    `/traces/${seeded.failed}?tab=logs`,
    `/traces/ffffffffffffffffffffffffffffffff`,
    `/explore?${LONG}`,
    `/explore?tab=rows&${LONG}`,
    `/explore?tab=heatmap&${LONG}`,
    `/explore?of=logs&tab=rows&${LONG}`,
    `/explore?where=${encodeURIComponent('duration > fast')}`,
    `/resources?${LONG}`,
    '/nowhere',
  ];
  for (const path of paths) {
    await page.goto(path);
    await expect(page.locator('h1').first(), path).toBeVisible();
    await expect(page.locator('.waiting'), path).toHaveCount(0);
    expect(await page.locator('h1').count(), path).toBe(1);
  }
});

test('a page that comes takes the focus, and its heading is the title of the tab', async ({
  page,
}) => {
  await page.goto('/findings');
  await expect(page).toHaveTitle(/^\S.* · Findings · taut$/);
  await page.getByRole('link', { name: 'Endpoints', exact: true }).focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveTitle('Where the time goes · Endpoints · taut');
  await expect(page.getByRole('main')).toBeFocused();
  const operation = 'GET /api/report/';
  await page.goto(`/endpoint?${new URLSearchParams({ service: SHOP, operation }).toString()}`);
  await expect(page).toHaveTitle(`${operation} · Endpoints · taut`);
});

test('a page that shows the same at any time says so, and keeps its zone', async ({ page }) => {
  await page.goto('/status?last=6h');
  const button = page.getByRole('button', { name: /Stretch of time/ });
  await expect(button).toContainText('any time');
  await button.click();
  const chooser = page.getByRole('dialog', { name: 'Stretch of time' });
  await expect(chooser).toContainText('whatever time is chosen. For others that is: last 6 h.');
  await expect(chooser.getByRole('button')).toHaveCount(0);
  await chooser.getByLabel('zone').selectOption('UTC');
  await expect(page).toHaveURL(/\/status\?last=6h&tz=UTC$/);
  await page.getByRole('link', { name: 'Endpoints', exact: true }).click();
  await expect(button).toContainText('last 6 h');
});

test('what a link asks for while the pointer rests on it is what its page begins with', async ({
  page,
}) => {
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  const links = page.getByRole('navigation', { name: 'Pages' }).getByRole('link');
  await page.goto('/plan?last=6h');
  for (const name of await links.allTextContents()) {
    // What Explore asks hangs on more than the time.
    if (name === 'Explore') continue;
    await page.goto('/plan?last=6h');
    const link = links.filter({ hasText: new RegExp(`^${name}$`) });
    const ahead = page.waitForRequest(/\/api\/v1\/(?!events)/);
    await link.hover();
    const url = (await ahead).url();
    // Where it asks for nothing.
    await page.mouse.move(700, 800);
    asked.length = 0;
    await page.goto((await link.getAttribute('href')) ?? '');
    await expect.poll(() => asked, name).toContain(url);
  }
});
