/** Flame graphs of traces and of many requests, comparisons, and files that are dropped on a page. */
import { readFile } from 'node:fs/promises';

import type { Page } from '@playwright/test';

import { expect, SHOP, SLOWER, test } from './seeded';

const CPROFILE = new URL('../../crates/core/observe/tests/data/cprofile.pstats', import.meta.url);
const CPROFILE_AFTER = new URL(
  '../../crates/core/observe/tests/data/cprofile-after.pstats',
  import.meta.url,
);

test('a trace is a flame graph: its legend adds up, a key walks it, the address keeps it', async ({
  page,
  seeded,
}) => {
  await page.goto(`/traces/${seeded.logged}?tab=flame&colour=kind`);
  const legend = page.getByRole('list', { name: 'what the colours mean' });
  await expect(legend).toContainText('database');
  await expect(legend).toContainText('of execution');
  const graph = page.getByRole('group', { name: /flame graph of/ });
  await graph.focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await expect(page.locator('.flame .readout')).toContainText('took');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/zoom=\d+/);
  await expect(page.getByRole('button', { name: 'Show all' })).toBeVisible();
  await page.keyboard.press(' ');
  await expect(page.getByRole('complementary', { name: 'Span' })).toBeVisible();
  await page.getByLabel('name of a span').fill('shop_product');
  await expect(page.getByRole('status').filter({ hasText: 'of the trace' })).toContainText('240');
  await page.getByLabel('merge equal calls').check();
  await expect(page.getByRole('status').filter({ hasText: 'of the trace' })).toContainText('1 box');
  await page.reload();
  await expect(page.getByLabel('merge equal calls')).toBeChecked();
});

test('failed spans alone are left bright', async ({ page, seeded }) => {
  await page.goto(`/traces/${seeded.failed}?tab=flame`);
  const failed = page.getByLabel(/failed only/);
  await failed.check();
  await expect(page).toHaveURL(/errors=1/);
  // Merged too: not all is as faint as where nothing is found.
  const canvas = page.locator('.flame canvas');
  const picture = () => canvas.evaluate((one) => (one as HTMLCanvasElement).toDataURL());
  await page.goto(`/traces/${seeded.failed}?tab=flame&merged=1&find=nothing-is-called-that`);
  await expect(page.getByRole('status').filter({ hasText: 'of the trace' })).toContainText('0 box');
  const faint = await picture();
  await page.goto(`/traces/${seeded.failed}?tab=flame&merged=1&errors=1`);
  await expect(failed).toBeChecked();
  await expect(canvas).toBeVisible();
  await expect.poll(picture).not.toBe(faint);
});

test('the span list sorted by count has the N+1 on top', async ({ page, seeded }) => {
  await page.goto(`/traces/${seeded.logged}?tab=spans`);
  const table = page.locator('table.span-list');
  await table.getByRole('button', { name: 'count' }).click();
  await expect(page).toHaveURL(/sort=count/);
  const first = table.locator('tbody tr').first();
  await expect(first).toContainText('shop_product');
  await expect(first).toContainText('240');
  await first.getByRole('button').click();
  await expect(page.getByRole('complementary', { name: 'Span' })).toBeVisible();
});

test('many requests are one flame graph, and two windows a difference', async ({ page }) => {
  const operation = encodeURIComponent('GET /api/orders/');
  await page.goto(`/flame?service=${SHOP}&operation=${operation}`);
  await expect(page.locator('.claim-line')).toContainText('20 requests');
  await expect(page.getByRole('group', { name: /flame graph of 20 requests/ })).toBeVisible();
  await page.getByRole('link', { name: 'Compare with the time before' }).click();
  await expect(page.getByRole('heading', { name: /No request came in/ })).toBeVisible();
});

test('two windows of an endpoint are compared where both have requests', async ({ page }) => {
  const operation = encodeURIComponent('GET /api/products/<int:pk>/');
  await page.goto(`/compare?service=${SLOWER}&operation=${operation}&compare=day`);
  await expect(page.getByText('a request,')).toBeVisible();
  await expect(page.locator('.claim strong')).toContainText('→');
  await expect(page.locator('.flame canvas')).toHaveCount(1);
  await page.getByRole('tab', { name: 'One above the other' }).click();
  await expect(page.locator('.flame canvas')).toHaveCount(2);
  await expect(page.getByRole('list', { name: 'what the colours mean' })).toHaveCount(2);
  await page.getByRole('tab', { name: 'Table' }).click();
  await expect(page.locator('table.changes tbody tr').first()).toContainText('+');
});

test('two traces are compared by what they did', async ({ page, seeded }) => {
  await page.goto(`/compare?after_trace=${seeded.logged}`);
  await page.getByLabel('before').fill(seeded.failed);
  await page.getByRole('button', { name: 'Compare' }).click();
  await expect(page.getByText('a request,')).toBeVisible();
  await page.getByRole('tab', { name: 'Table' }).click();
  const row = page.locator('table.changes tbody tr').filter({ hasText: 'shop_product' }).first();
  await expect(row).toContainText('0 → 240');
  await expect(row).toContainText('new');
  await page.getByRole('tab', { name: 'One above the other' }).click();
  await expect(page.locator('.flame canvas')).toHaveCount(2);
});

test('a trace that was downloaded is opened again from its file', async ({ page, seeded }) => {
  await page.goto(`/traces/${seeded.failed}`);
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download OTLP JSON' }).click();
  const bytes = await readFile(await (await download).path());
  await page.goto('/traces/file');
  await expect(page.getByRole('heading', { name: 'Drop a file with traces here' })).toBeVisible();
  await drop(page, 'failed.json', bytes);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(/pay/);
  await page.getByRole('row', { name: /pay\.example\.com/ }).click();
  await expect(page.getByRole('complementary', { name: 'Span' })).toContainText('gateway timeout');
  await drop(page, 'page.html', Buffer.from('<html></html>'));
  await expect(page.getByRole('alert')).toContainText('HTML');
});

test('scripts in a file stay text, whatever page shows them', async ({ page }) => {
  const evil = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>';
  const at = `${Date.now()}000000`;
  const spans = [
    {
      traceId: '5b8efff798038103d269b633813fc60c',
      spanId: 'eee19b7ec3c1b174',
      name: evil,
      kind: 2,
      startTimeUnixNano: at,
      endTimeUnixNano: `${Number(at) + 1_000_000}`,
      attributes: [{ key: evil, value: { stringValue: evil } }],
      events: [{ timeUnixNano: at, name: evil, attributes: [] }],
    },
  ];
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: evil } }] };
  const body = { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] };
  await page.goto('/traces/file');
  await drop(page, 'evil.json', Buffer.from(JSON.stringify(body)));
  await expect(page.getByRole('heading', { level: 1 })).toContainText('onerror');
  await page.getByRole('row', { name: /onerror/ }).click();
  await expect(page.getByRole('complementary', { name: 'Span' })).toContainText('onerror');
  for (const tab of ['Flame graph', 'Span list']) {
    await page.getByRole('tab', { name: tab }).click();
    await expect(page.getByRole('tabpanel')).toContainText('onerror');
  }
  await page.goto('/profile');
  await drop(page, 'evil.txt', Buffer.from(`${evil};${evil} 3\n`));
  await expect(page.locator('table.functions')).toContainText('onerror');
  for (const tab of ['Icicle', 'Sunburst', 'Call tree'])
    await page.getByRole('tab', { name: tab }).click();
  expect(await page.evaluate(() => 'hit' in window)).toBe(false);
});

test('a profile is a table, an icicle, rings and a tree, and says where it is an estimate', async ({
  page,
}) => {
  await page.goto('/profile');
  await expect(page.getByRole('heading', { name: 'Drop a profile here' })).toBeVisible();
  await drop(page, 'cprofile.pstats', await readFile(CPROFILE));
  await expect(page.getByRole('heading', { level: 1 })).toContainText('13 functions');
  await expect(page.getByText(/are an estimate/)).toBeVisible();
  const rows = page.locator('table.functions tbody tr');
  await expect(rows.first()).toContainText('price');
  await expect(rows.first()).toContainText('700');
  await page.getByRole('button', { name: 'calls' }).click();
  await expect(rows.first()).toContainText('12,040');
  await page.getByRole('tab', { name: 'Icicle' }).click();
  await page.getByRole('group', { name: /icicle of the profile/ }).focus();
  await page.keyboard.press('ArrowRight');
  await expect(page.locator('.flame .readout')).toContainText('orders');
  await page.getByRole('tab', { name: 'Sunburst' }).click();
  const wedges = page.locator('.sunburst path');
  await expect(wedges.first()).toBeAttached();
  const all = await wedges.count();
  const rings = page.getByRole('spinbutton', { name: 'rings' });
  await rings.fill('1');
  await expect.poll(() => wedges.count()).toBeLessThan(all);
  await expect(page).toHaveURL(/rings=1/);
  await rings.fill('8');
  await expect(wedges).toHaveCount(all);
  // The middle of a ring is not on it.
  await page.getByRole('button', { name: /^orders/ }).focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/centre=\d+/);
  await page.getByRole('tab', { name: 'Call tree' }).click();
  await page.getByLabel(/levels/).fill('1');
  await expect(page.locator('table.call-tree tbody tr')).toHaveCount(2);
});

test('two profiles are compared', async ({ page }) => {
  await page.goto('/profile');
  await drop(page, 'before.pstats', await readFile(CPROFILE));
  await expect(page.locator('table.functions')).toBeVisible();
  await page
    .getByLabel('Compare with a later one')
    .setInputFiles({ name: 'after.pstats', mimeType: '', buffer: await readFile(CPROFILE_AFTER) });
  await expect(page.getByRole('heading', { level: 1 })).toContainText('→');
  await page.getByRole('tab', { name: 'Table' }).click();
  await expect(page.locator('table.changes')).toContainText('customer');
});

/** Drops a file onto the page as somebody with a mouse does. */
async function drop(page: Page, name: string, bytes: Buffer) {
  const data = await page.evaluateHandle(
    ({ name, base64 }) => {
      const transfer = new DataTransfer();
      const letters = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      transfer.items.add(new File([letters], name));
      return transfer;
    },
    { name, base64: bytes.toString('base64') },
  );
  await page.dispatchEvent('body', 'drop', { dataTransfer: data });
}
