/** Questions of one's own, log records beside spans, and what runs short. */
import { readFile } from 'node:fs/promises';

import type { TraceLogs } from '../src/api/types';
import { expect, HOST, sendMadeUp, SHOP, test } from './seeded';

const OF_SHOP = `service.name = "${SHOP}"`;

function explore(query: Record<string, string>): string {
  return `/explore?${new URLSearchParams(query).toString()}`;
}

test('a question is asked, its groups lead to their spans, and the address holds all of it', async ({
  page,
}) => {
  await page.goto(explore({ where: OF_SHOP, group: 'http.route', show: 'count,p95' }));
  const table = page.locator('table.groups-asked');
  await expect(table).toContainText('api/orders/');
  await expect(page.getByRole('img', { name: /^count a minute over time/ })).toBeVisible();
  await page.getByRole('button', { name: 'p95' }).click();
  await expect(page).toHaveURL(/order=p95/);
  await expect(table.getByRole('columnheader', { name: 'p95' }).first()).toHaveAttribute(
    'aria-sort',
    'descending',
  );
  await page.reload();
  await expect(page.getByLabel('grouped by')).toHaveValue('http.route');
  await table.getByRole('link', { name: 'api/orders/', exact: true }).click();
  await expect(page).toHaveURL(/where=.*http\.route/);
  await expect(page.locator('table.requests')).toBeVisible();
  // The rest of the question is one tab away.
  await expect(page.getByLabel('grouped by')).toHaveValue('http.route');
  await expect(page).toHaveURL(/order=p95/);
  await page.locator('table.requests a').first().click();
  await expect(page).toHaveURL(/\/traces\/[0-9a-f]{32}\?.*span=/);
});

test('a question that is not understood says where and what would be right', async ({ page }) => {
  await page.goto('/explore');
  await page.getByLabel('where').fill('duration > fast');
  await page.getByRole('button', { name: 'Ask' }).click();
  await expect(page.getByRole('alert')).toContainText('fast is no duration');
  await expect(page.getByRole('alert')).toContainText('200ms');
  await page.getByLabel('where').fill(`${OF_SHOP} and duration > 1ms`);
  await page.keyboard.press('Enter');
  await expect(page.locator('table.groups-asked')).toContainText(SHOP);
});

test('an answer is downloaded as CSV', async ({ page }) => {
  await page.goto(explore({ where: OF_SHOP, group: 'service.name', show: 'count' }));
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download CSV' }).click();
  const text = await readFile(await (await waiting).path(), 'utf8');
  expect(text.split('\r\n')[0]).toBe('service.name,time,count');
  expect(text).toContain(SHOP);
});

test('spans and log records are downloaded as CSV, as they are shown', async ({ page }) => {
  for (const [of, column] of [
    ['', 'duration [µs]'],
    ['logs', 'severity'],
  ] as const) {
    await page.goto(explore({ where: OF_SHOP, tab: 'rows', ...(of === '' ? {} : { of }) }));
    const waiting = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download CSV' }).click();
    const lines = (await readFile(await (await waiting).path(), 'utf8')).split('\r\n');
    expect(lines[0]?.split(',')).toContain(column);
    expect(lines[1]).toContain(SHOP);
  }
});

test('where no ClickHouse is set, the SQL view says so', async ({ page }) => {
  await page.goto('/explore?of=sql');
  await expect(page.getByText('understands no SQL')).toBeVisible();
  await page.getByRole('textbox', { name: 'SQL' }).fill('SELECT 1');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('alert')).toContainText('speaks no SQL');
  await expect(page).toHaveURL(/sql=SELECT/);
});

test('a box in the heatmap tells what is special in it, by mouse and by keys', async ({ page }) => {
  await page.goto(explore({ where: OF_SHOP, tab: 'heatmap', last: '15m' }));
  const picture = page.getByRole('application', { name: /Durations over time/ });
  await picture.focus();
  await page.keyboard.press('Space');
  const selected = page.getByRole('complementary', { name: 'In the box' });
  await expect(selected).toBeVisible();
  await expect(page).toHaveURL(/box=\d+-\d+-\d+-\d+/);
  await page.keyboard.press('Escape');
  await expect(selected).toHaveCount(0);
  await picture.scrollIntoViewIfNeeded();
  const bounds = await picture.boundingBox();
  if (bounds === null) throw new Error('the heatmap has no place');
  await page.mouse.move(bounds.x + 62, bounds.y + 8);
  await page.mouse.down();
  await page.mouse.move(bounds.x + bounds.width - 4, bounds.y + bounds.height * 0.6, { steps: 4 });
  await page.mouse.up();
  await expect(selected).toContainText(/\d+ spans?, against/);
  await expect(selected.locator('.examples a').first()).toHaveAttribute('href', /\/traces\//);
  await selected.locator('table.special a').first().click();
  await expect(page).toHaveURL(/where=/);
  await expect(page).not.toHaveURL(/box=/);
  await expect(page.locator('table.groups-asked')).toBeVisible();
});

test('a box that the stretch of time has left behind is told', async ({ page }) => {
  await page.goto(explore({ where: OF_SHOP, tab: 'heatmap', box: '1000-2000-10-5000' }));
  await expect(page.getByText('The box lies outside of this stretch of time')).toBeVisible();
  await page.getByRole('button', { name: 'Take the box away' }).click();
  await expect(page).not.toHaveURL(/box=/);
});

test('what tells a selection of spans from the others', async ({ page }) => {
  await page.goto(explore({ where: OF_SHOP, tab: 'compare', selection: 'duration >= 100ms' }));
  await expect(page.getByText(/selected, compared with/)).toBeVisible();
  await expect(page.locator('table.compared tbody tr').first()).toBeVisible();
});

test('log records are shown with the trace, with the span and by a filter', async ({
  page,
  seeded,
}) => {
  await page.goto(`/traces/${seeded.logged}`);
  await page.getByRole('tab', { name: 'Logs (4)' }).click();
  const table = page.locator('table.logs');
  await expect(table.getByRole('row')).toHaveCount(5);
  const last = table.getByRole('row').last();
  await expect(last).toContainText('error');
  await expect(last).toContainText('could not render <b>invoice</b> 7');
  await expect(last).toContainText('+20');
  await last.getByRole('button').click();
  const panel = page.getByRole('complementary', { name: 'Span' });
  await expect(panel).toContainText('Logs (4)');
  await expect(panel).toContainText('cache miss: orders:4711:page:1');

  const where = `${OF_SHOP} and severity = error`;
  await page.goto(explore({ of: 'logs', tab: 'rows', where }));
  await expect(table).toContainText('could not render');
  await expect(table).not.toContainText('cache miss');
  await table.getByRole('link').first().click();
  await expect(page).toHaveURL(/\/traces\/[0-9a-f]{32}\?.*tab=logs/);
});

test('of thousands of log records the first are drawn, and more on request', async ({
  page,
  seeded,
}) => {
  await page.route(`**/api/v1/traces/${seeded.logged}/logs`, async (route) => {
    const answer = (await (await route.fetch()).json()) as TraceLogs;
    const logs = Array.from({ length: 1200 }, () => answer.logs.at(-1));
    await route.fulfill({ json: { ...answer, logs } });
  });
  await page.goto(`/traces/${seeded.logged}?tab=logs`);
  const rows = page.locator('table.logs tbody tr');
  await expect(rows).toHaveCount(500);
  await page.getByRole('button', { name: 'Show 500 more' }).click();
  await page.getByRole('button', { name: 'Show 200 more' }).click();
  await expect(rows).toHaveCount(1200);
  await expect(page.getByRole('button', { name: /^Show \d+ more/ })).toHaveCount(0);
  await rows.last().getByRole('button').click();
  const panel = page.getByRole('complementary', { name: 'Span' });
  await expect(panel.locator('.span-logs > li')).toHaveCount(50);
});

test('what a span carries leads to the spans that carry the same', async ({ page, seeded }) => {
  await page.goto(`/traces/${seeded.failed}`);
  await page.getByRole('row', { name: /pay\.example\.com/ }).click();
  const panel = page.getByRole('complementary', { name: 'Span' });
  const pair = panel.locator('.pairs > div').filter({ hasText: 'http.status_code' }).first();
  await expect(pair).toContainText('504');
  await pair.hover();
  await pair.getByRole('link', { name: 'Spans like this by http.status_code' }).click();
  await expect(page).toHaveURL(/\/explore\?/);
  await expect(page.getByLabel('where')).toHaveValue(
    `${OF_SHOP} and attributes.http.status_code = "504"`,
  );
  await expect(page.locator('table.requests tbody tr').first()).toBeVisible();
});

test('a trace without log records says how to send some', async ({ page, seeded }) => {
  await page.goto(`/traces/${seeded.large}?tab=logs`);
  await expect(page.getByText('No log record came with this trace')).toBeVisible();
  await expect(page.locator('figure.code')).toContainText('OTEL_LOGS_EXPORTER=otlp');
});

test('what runs short is told by host, process and pool', async ({ page }) => {
  await page.goto('/resources');
  const table = page.locator('table.resources');
  const row = (resource: string, of: string) =>
    table.getByRole('row').filter({ hasText: resource }).filter({ hasText: of });
  await expect(row('cpu', HOST)).toContainText('CPU in use');
  await expect(row('memory', `host ${HOST}`)).toContainText('%');
  await expect(row('connections', `pool ${SHOP} orders`)).toContainText('connections in use');
  await expect(row('requests', `server ${SHOP}`)).toContainText('95th percentile');
  // When it was full is told as well: its row opens with charts, and the address holds which.
  const host = table.getByRole('row').filter({ hasText: `host ${HOST}` });
  await host.getByRole('button', { name: /^cpu/ }).click();
  const chart = page.getByRole('img', { name: /^CPU in use over time: CPU in use .* to .* %/ });
  await expect(chart).toBeVisible();
  await expect(page.getByText('tight from 80 %')).toBeVisible();
  await page.reload();
  await expect(chart).toBeVisible();
  await host.getByRole('button', { name: /^cpu/ }).click();
  await expect(chart).toBeHidden();
  await page.getByText(/^All \d+ metrics that came/).click();
  await page.getByRole('link', { name: 'shop.baskets.open' }).click();
  await expect(page.getByLabel('where')).toHaveValue('name = "shop.baskets.open"');
});

test('what is not there says what to do', async ({ page }) => {
  await page.goto(explore({ where: 'service.name = nobody' }));
  await expect(page.getByText('No span is like that in this window')).toBeVisible();
  await page.getByRole('link', { name: 'ask without the filter' }).click();
  await expect(page.locator('table.groups-asked')).toBeVisible();
});

test('a view is saved for everyone, opened and removed', async ({ page }) => {
  const name = `slow ones of ${SHOP}`;
  await page.goto(explore({ where: `${OF_SHOP} and duration > 100ms`, group: 'name' }));
  await page.getByText(/^Saved views/).click();
  await page.getByLabel('Name of the view').fill(name);
  await page.getByRole('button', { name: 'Save this view' }).click();
  await expect(page.getByRole('link', { name })).toBeVisible();
  await page.goto('/explore');
  await page.getByText(/^Saved views/).click();
  await page.getByRole('link', { name }).click();
  await expect(page.getByLabel('where')).toHaveValue(`${OF_SHOP} and duration > 100ms`);
  await page.getByRole('button', { name: `Remove ${name}` }).click();
  await page.getByRole('button', { name: 'Leave it' }).click();
  await expect(page.getByRole('link', { name })).toBeVisible();
  await page.getByRole('button', { name: `Remove ${name}` }).click();
  await page.getByRole('button', { name: 'Remove it' }).click();
  await expect(page.getByRole('link', { name })).toHaveCount(0);
});

test('spans and groups are downloaded as Parquet', async ({ page }) => {
  for (const tab of ['rows', 'groups']) {
    await page.goto(explore({ where: OF_SHOP, tab }));
    const waiting = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download Parquet' }).click();
    const bytes = await readFile(await (await waiting).path());
    expect(bytes.subarray(0, 4).toString(), tab).toBe('PAR1');
    expect(bytes.subarray(-4).toString(), tab).toBe('PAR1');
  }
  // A sample is what is shown: the file has others, and says which.
  await page.goto(explore({ where: OF_SHOP, tab: 'rows', rows: 'sampled' }));
  await expect(page.getByRole('link', { name: 'Download the latest as Parquet' })).toBeVisible();
});

test('the tail shows what comes, and holds still when it is told to', async ({ page }) => {
  const service = `${SHOP}-tail`;
  await page.goto(explore({ where: `service.name = "${service}"`, tab: 'tail' }));
  await expect(page.getByText('Nothing like that came in the last five minutes.')).toBeVisible();
  await sendMadeUp(service, 'health', 1);
  const rows = page.locator('table.requests tbody tr');
  await expect(rows).toHaveCount(2, { timeout: 60_000 });
  await page.getByRole('button', { name: 'Hold it' }).click();
  await sendMadeUp(service, 'health', 1);
  await page.waitForTimeout(1500);
  await expect(rows).toHaveCount(2);
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(rows).toHaveCount(4, { timeout: 60_000 });
});
