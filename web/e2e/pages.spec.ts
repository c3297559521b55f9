/** What somebody sees who looks for what is slow. */
import { expect, sendMadeUp, SHOP, test } from './seeded';

test('findings are ranked, and each says where, what and how much', async ({ page }) => {
  await page.goto(`/findings?service=${SHOP}`);
  await expect(page.getByRole('heading', { name: 'What to fix first' })).toBeVisible();
  const rows = page.locator('table.findings tbody tr');
  const orders = rows.filter({ hasText: 'GET /api/orders/' }).first();
  await expect(orders).toContainText('n-plus-one');
  await expect(orders).toContainText('shop_customer');
  await expect(orders).toContainText(/361 → \d+/);
  await expect(orders).toContainText(/h\/d|min\/d/);
});

test('a finding leads to its trace, folded, and to a span with all it carries', async ({
  page,
}) => {
  await page.goto(`/findings?service=${SHOP}&fault=n-plus-one`);
  await page.getByRole('link', { name: /GET \/api\/orders\// }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('fetched one by one');
  for (const part of ['Why it hurts', 'What shows it', 'What it would bring']) {
    await expect(page.getByRole('heading', { name: part })).toBeVisible();
  }
  const code = page.locator('figure.code').first();
  await code.getByRole('button', { name: 'Copy' }).click();
  await expect(code.getByRole('button')).toHaveText('Copied');
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/shop_/);
  // What else belongs to it is folded, so that what to do is not far below.
  const list = page.locator('.argument details figure.code').first();
  await expect(list).toBeHidden();
  await page.getByText('The list that it is run for').click();
  await expect(list).toContainText('shop_order');

  await page.locator('.examples a').first().click();
  await expect(page).toHaveURL(/\/traces\/[0-9a-f]{32}/);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('GET /api/orders/');
  const grid = page.getByRole('treegrid');
  const fold = grid.getByRole('row', { name: /shop_product.*240 similar/ });
  await expect(fold).toHaveAttribute('aria-expanded', 'false');
  await fold.click();
  await expect(fold).toHaveAttribute('aria-expanded', 'true');
  await grid
    .getByRole('row', { name: /^SELECT shop_product/ })
    .nth(1)
    .click();
  const panel = page.getByRole('complementary', { name: 'Span' });
  await expect(panel).toContainText('db.system');
  await expect(panel).toContainText('postgresql');
  await expect(panel).toContainText('FROM');
  await expect(page).toHaveURL(/span=[0-9a-f]{16}/);
  await page.keyboard.press('Escape');
  await expect(panel).toBeHidden();
});

test('a filter is part of the address, and the address is enough', async ({ page }) => {
  await page.goto('/findings');
  await page.getByLabel('Fault').selectOption('n-plus-one');
  await page.getByLabel('Service').selectOption(SHOP);
  await expect(page).toHaveURL(/fault=n-plus-one/);
  await page.reload();
  await expect(page.getByLabel('Fault')).toHaveValue('n-plus-one');
  const faults = page.locator('table.findings tbody .tag');
  await expect(faults.first()).toHaveText('n-plus-one');
  expect(new Set(await faults.allTextContents())).toEqual(new Set(['n-plus-one']));
  await page.getByLabel('search').fill('no such thing anywhere');
  await expect(page.getByText('No finding is like that.')).toBeVisible();
});

test('what arrives is shown without loading the page again', async ({ page }) => {
  const service = `${SHOP}-live`;
  await page.goto(`/endpoints?service=${service}`);
  await expect(page.getByText('No request is like that in this window.')).toBeVisible();
  await sendMadeUp(service, 'product', 3);
  await expect(page.getByRole('link', { name: 'GET /api/products/<int:pk>/' })).toBeVisible({
    timeout: 60_000,
  });
});

test('an endpoint shows its figures, its findings and its slowest requests', async ({ page }) => {
  await page.goto(`/endpoints?service=${SHOP}`);
  await page.getByRole('link', { name: 'GET /api/posts/' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('GET /api/posts/');
  for (const name of ['rate', 'p50', 'p95', 'p99', 'errors', 'queries a request']) {
    await expect(page.locator('.figures dt').getByText(name, { exact: true })).toBeVisible();
  }
  await expect(page.getByRole('img', { name: /distribution of durations/ })).toBeVisible();
  await expect(page.locator('table.findings')).toContainText('blog_post');
  await expect(page.locator('table.groups')).toContainText('OFFSET');
  await page.locator('table.requests a').first().click();
  await expect(page.getByRole('treegrid')).toBeVisible();
});

test('endpoints are sorted by any of their figures, and the colours of their bars are told', async ({
  page,
}) => {
  await page.goto(`/endpoints?service=${SHOP}`);
  const head = page.getByRole('columnheader', { name: 'errors' });
  await head.getByRole('button').click();
  await expect(page).toHaveURL(/sort=errors/);
  await expect(head).toHaveAttribute('aria-sort', 'descending');
  // Payments fail most often.
  await expect(page.locator('table.endpoints tbody tr').first()).toContainText('/api/pay');
  await expect(page.getByRole('list', { name: 'Kinds of time' })).toContainText('database');
  await page.getByRole('columnheader', { name: 'share' }).getByRole('button').click();
  await expect(page).not.toHaveURL(/sort=/);
});

test('the latest requests are listed as the slowest are', async ({ page }) => {
  await page.goto(`/traces?service=${SHOP}`);
  const choice = (label: string) =>
    page
      .locator('.filters label')
      .filter({ has: page.getByText(label, { exact: true }) })
      .getByRole('combobox');
  await choice('Order').selectOption('latest');
  await expect(page).toHaveURL(/sort=latest/);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('The latest requests');
  const times = page.locator('table.requests tbody tr time');
  await expect(async () => {
    const told = await times.evaluateAll((all) => all.map((one) => one.getAttribute('title')));
    expect(told.length).toBeGreaterThan(1);
    expect(told).toEqual(told.toSorted().toReversed());
  }).toPass({ timeout: 10_000 });
  await choice('Endpoint').selectOption('GET /api/orders/');
  await expect(page.locator('table.requests tbody')).not.toContainText('/api/posts/');
  await choice('Duration').selectOption('5000');
  await expect(page).toHaveURL(/slow=5000/);
});

test('two kinds of requests are told apart over their humps', async ({ page }) => {
  const operation = encodeURIComponent('GET /api/report/');
  await page.goto(`/endpoint?service=${SHOP}&operation=${operation}`);
  const chart = page.getByRole('img', { name: /distribution of durations/ });
  await expect(chart).toContainText('app.plan = enterprise');
  await expect(chart).toContainText('the others');
});

test('on a wide screen a dot of the plane and its row point at each other', async ({ page }) => {
  await page.goto(`/findings?service=${SHOP}`);
  const row = page.locator('table.findings tbody tr').first();
  await expect(row).toBeVisible();
  const plane = page.getByRole('img', { name: /impact against effort/ });
  await page.setViewportSize({ width: 1200, height: 900 });
  await expect(plane).toBeHidden();
  await page.setViewportSize({ width: 1440, height: 900 });
  await expect(plane).toBeVisible();
  await page.keyboard.press('j');
  await expect(plane.locator('.dot.here')).toHaveCount(1);
  await plane.locator('.dot').first().hover({ force: true });
  await expect(page.locator('table.findings tr.here')).toHaveCount(1);
  await plane.locator('.dot.here').click();
  await expect(page).toHaveURL(/\/findings\/[0-9a-f]+/);
});

test('statements are told by shape with what is similar', async ({ page }) => {
  await page.goto(`/traces?service=${SHOP}`);
  await page.getByRole('link', { name: 'GET /api/orders/' }).first().click();
  await page.getByRole('tab', { name: /Statements/ }).click();
  const table = page.locator('table.statements');
  await expect(table).toContainText('240 similar');
  await table.getByRole('button', { name: /shop_product/ }).click();
  await expect(table.locator('figure.code')).toContainText('SELECT');
  await table.getByRole('button', { name: 'Show the first in the waterfall' }).click();
  await expect(page.getByRole('complementary', { name: 'Span' })).toBeVisible();
});

test('a failed span tells its exception and its links', async ({ page, seeded }) => {
  await page.goto(`/traces/${seeded.failed}`);
  await page.getByRole('row', { name: /pay\.example\.com/ }).click();
  const panel = page.getByRole('complementary', { name: 'Span' });
  await expect(panel).toContainText('gateway timeout');
  await expect(panel).toContainText('raise_for_status');
  await expect(panel.getByRole('link', { name: '0af7651916cd43dd8448eb211c80319c' })).toBeVisible();
});

test('a trace of 10,000 spans is shown by its rows in view alone', async ({ page, seeded }) => {
  await page.goto(`/traces/${seeded.large}`);
  await expect(page.getByRole('tab', { name: 'Waterfall (10,000)' })).toBeVisible();
  const grid = page.getByRole('treegrid');
  await grid.getByRole('row', { name: /shop_item.*similar/ }).click();
  await expect(async () => {
    expect(Number(await grid.getAttribute('aria-rowcount'))).toBeGreaterThan(8000);
  }).toPass();
  await grid.focus();
  await page.keyboard.press('End');
  await expect(grid.locator('.row.active')).toBeInViewport();
  expect(await grid.getByRole('row').count()).toBeLessThan(120);
  await page.keyboard.press('Home');
  await expect(grid.getByRole('row', { name: /GET \/api\/export/ })).toBeInViewport();
});

test('the keyboard reaches everything', async ({ page }) => {
  await page.goto(`/findings?service=${SHOP}`);
  await expect(page.locator('table.findings')).toBeVisible();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  await expect(page.locator('[data-row]').first()).toBeFocused();
  await page.keyboard.press('/');
  await expect(page.getByLabel('search')).toBeFocused();
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keys' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
  await page.keyboard.press('g');
  await page.keyboard.press('e');
  await expect(page.getByRole('heading', { name: 'Where the time goes' })).toBeVisible();
});

test('what does not exist says so and what to do', async ({ page }) => {
  await page.goto('/traces/0123456789abcdef0123456789abcdef');
  await expect(page.getByRole('alert')).toContainText('is kept');
  await page.goto('/findings/0000000000000000');
  await expect(page.getByRole('alert')).toContainText('It may have been fixed');
  await page.goto('/nowhere');
  await expect(page.getByText('There is no such page')).toBeVisible();
});
