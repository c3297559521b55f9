/** A real database that is watched: its load, statements, locks and plans as a user sees them. */
import { expectGood, onAPhone, open } from './judge';
import { expect, test } from './seeded';
import { COUNTED, database } from './watched';

test('the only database that is watched opens at once, with its load and statements', async ({
  page,
}) => {
  await database(page);
  await open(page, '/database');
  await expect(page.getByRole('img', { name: /average active sessions over time/ })).toBeVisible(
    COUNTED,
  );
  const rows = page.locator('table.groups tbody tr');
  await expect(rows.filter({ hasText: /from orders/i }).first()).toBeVisible(COUNTED);
  await page.getByLabel('Sort by').selectOption('calls');
  await expect(page).toHaveURL(/sort=calls/);
});

test('on a phone what was asked for comes before the load', async ({ page }) => {
  const id = await database(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await open(page, `/database/${id}?tab=indexes`);
  const tab = page.getByRole('tab', { name: 'Indexes', exact: true });
  const load = page.getByRole('img', { name: /average active sessions over time/ });
  await expect(load).toBeAttached(COUNTED);
  const [above, below] = [await tab.boundingBox(), await load.boundingBox()];
  expect(above?.y ?? Infinity).toBeLessThan(below?.y ?? 0);
  // The last of many tabs is scrolled to.
  expect((above?.x ?? Infinity) + (above?.width ?? 0)).toBeLessThanOrEqual(390);
});

test('a statement tells its history and the text that can be explained', async ({ page }) => {
  const id = await database(page);
  await open(page, `/database/${id}?q=created_at`);
  const row = page.locator('table.groups tbody tr').filter({ hasText: /from orders/i });
  await row.first().getByRole('link').click(COUNTED);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('of database time');
  await expect(page.getByLabel('SQL')).toContainText('$1');
  await expect(page.getByText('blocks for each row')).toBeVisible();
});

test('who waits stands below who holds', async ({ page }) => {
  const id = await database(page);
  await open(page, `/database/${id}?tab=locks`);
  const rows = page.locator('table.locks tbody tr');
  await expect(rows.nth(1)).toContainText(/Lock on/, COUNTED);
  await expect(rows.first()).toContainText('blocks 1 session');
  await expect(rows.first()).toContainText('idle in transaction');
});

test('tables and indexes tell their size and use', async ({ page }) => {
  const id = await database(page);
  await open(page, `/database/${id}?tab=tables&q=orders`);
  await expect(page.locator('tbody tr').first()).toContainText('orders', COUNTED);
  await open(page, `/database/${id}?tab=indexes&q=orders_total_idx`);
  await page.getByRole('button', { name: /orders_total_idx/ }).click();
  await expect(page.locator('tr.opened')).toContainText(/create index/i);
});

test('what a table and an index did is told over time', async ({ page }) => {
  const id = await database(page);
  await expect(async () => {
    await open(page, `/database/${id}?tab=tables&q=orders`);
    await page.getByRole('button', { name: 'orders' }).click();
    const series = page.getByLabel('orders over time', { exact: true });
    await expect(series).toContainText('read in sequence', { timeout: 2000 });
    await expect(page.getByRole('img', { name: 'rows of orders read over time' })).toBeVisible();
  }).toPass(COUNTED);
  await open(page, `/database/${id}?tab=indexes&q=stock_pkey`);
  await page.getByRole('button', { name: /stock_pkey/ }).click();
  await expect(page.getByLabel('stock_pkey over time', { exact: true })).toContainText('entries');
});

test('what the server did, and what its log told, is shown over time', async ({ page }) => {
  const id = await database(page);
  await expect(async () => {
    await open(page, `/database/${id}?tab=activity`);
    await expect(page.getByText('transactions', { exact: true })).toBeVisible({ timeout: 2000 });
    await expect(page.locator('table.logged').first()).toContainText(/update stock/i, {
      timeout: 2000,
    });
  }).toPass(COUNTED);
  await expect(page.getByRole('heading', { name: /temporary files? since/ })).toBeVisible(COUNTED);
  // A line opens as a chart, which the address holds.
  await page.getByRole('button', { name: /^lock waits over time/ }).click();
  await expect(page).toHaveURL(/chart=lock/);
  const chart = page.getByRole('img', { name: /^lock waits in steps of .* over time: / });
  await expect(chart).toBeVisible();
  await page.reload();
  await expect(chart).toBeVisible(COUNTED);
});

test('a standby shows how far it is behind, over time', async ({ page }) => {
  const id = await database(page);
  await open(page, `/database/${id}?tab=connections`);
  await expect(page.getByRole('heading', { name: 'Standbys' })).toBeVisible(COUNTED);
  await expect(page.getByRole('img', { name: /lag of .* over time/ })).toBeVisible(COUNTED);
});

test('a plan from the log is found, with what helps', async ({ page }) => {
  const id = await database(page);
  await expect(async () => {
    await open(page, `/database/${id}?tab=findings`);
    await page
      .getByRole('link', { name: /temporary files/ })
      .first()
      .click({ timeout: 2000 });
  }).toPass(COUNTED);
  await expect(page.getByText(/work_mem/).first()).toBeVisible();
});

test('what is wrong in it is told, with the index to create', async ({ page }) => {
  const id = await database(page);
  await expect(async () => {
    await open(page, `/database/${id}?tab=findings`);
    await expect(page.locator('table.findings')).toContainText('orders', { timeout: 2000 });
  }).toPass(COUNTED);
  await page.locator('table.findings a').first().click();
  await expect(page.getByRole('heading', { name: 'What to do' })).toBeVisible();
});

test('a plan that is pasted is read, drawn and judged', async ({ page }) => {
  await open(page, '/plan');
  await page.getByRole('button', { name: 'Try an example' }).click();
  await expect(page.locator('table.nodes')).toContainText('Seq Scan on orders');
  await expect(page.getByLabel('What to look at').getByRole('listitem').first()).toBeVisible();
  await page.getByRole('button', { name: 'Icicle' }).click();
  await expect(page.getByRole('img', { name: /nodes of the plan/ })).toBeVisible();
  await page.getByLabel('A plan').fill('this is no plan');
  await expect(page.getByRole('alert')).toContainText('no plan was found');
});

const TABS = ['', 'findings', 'proposal', 'locks', 'activity', 'connections', 'tables', 'indexes'];

for (const tab of TABS) {
  const name = tab === '' ? 'statements' : tab;
  test(`the ${name} of a database fit a phone, are accessible and ask nobody else`, async ({
    page,
    baseURL,
  }) => {
    test.slow();
    const id = await database(page);
    const told = await onAPhone(page, baseURL);
    await open(page, `/database/${id}${tab === '' ? '' : `?tab=${tab}`}`);
    await expectGood(page, told);
  });
}

test('the page of a statement fits a phone, is accessible and asks nobody else', async ({
  page,
  baseURL,
}) => {
  test.slow();
  const id = await database(page);
  const told = await onAPhone(page, baseURL);
  await open(page, `/database/${id}?q=created_at`);
  const row = page.locator('table.groups tbody tr').filter({ hasText: /from orders/i });
  await row.first().getByRole('link').click(COUNTED);
  await expect(page).toHaveURL(/\/statements\//);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('of database time');
  await expectGood(page, told);
});
