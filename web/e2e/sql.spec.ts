/** A statement of one's own: what is sent, and what an answer of ClickHouse looks like; the tests of the store ask a real one. */
import { readFile } from 'node:fs/promises';

import type { Page } from '@playwright/test';

import type { Problem, SqlAnswer } from '../src/api/types';
import { expectGood, onAPhone, open } from './judge';
import { expect, HARM_TEXT, test } from './seeded';

const ANSWER: SqlAnswer = {
  columns: [
    { name: 'service', kind: 'LowCardinality(String)' },
    { name: 'trace', kind: 'String' },
    { name: 'spans', kind: 'UInt64' },
    { name: 'p95_ms', kind: 'Nullable(Float64)' },
  ],
  rows: [
    ['shop, "old"', '0AF7651916CD43DD8448EB211C80319C', '12040', '31.25'],
    [HARM_TEXT, 'none', '7', null],
  ],
  cut: true,
  rows_read: 1_234_567,
  took_micros: 48_000,
};

/** Answers statements, and keeps what was asked. */
async function answered(page: Page, json: SqlAnswer | Problem, status = 200): Promise<string[]> {
  const asked: string[] = [];
  await page.route('**/api/v1/sql', async (route) => {
    const { sql } = route.request().postDataJSON() as { sql: string };
    asked.push(sql);
    await route.fulfill({ json, status });
  });
  return asked;
}

async function run(page: Page, sql: string) {
  await page.getByRole('textbox', { name: 'SQL' }).fill(sql);
  await page.getByRole('button', { name: 'Run', exact: true }).click();
}

test('a statement is asked as it was written, and answered as a table that can be taken away', async ({
  page,
}) => {
  const asked = await answered(page, ANSWER);
  await open(page, '/explore?of=sql');
  await run(page, 'SELECT 1;\n-- as it is');
  await expect(page.getByRole('status').filter({ hasText: 'looked at' })).toHaveText(
    '2 rows, and there are more; 1,234,567 looked at in 48.0 ms',
  );
  expect(asked).toEqual(['SELECT 1;\n-- as it is']);
  const rows = page.getByRole('region', { name: 'Rows' }).locator('tbody tr');
  await expect(rows).toHaveCount(2);
  await expect(rows.nth(1)).toContainText('onerror');
  await expect(rows.nth(1)).toContainText('null');
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download CSV' }).click();
  const lines = (await readFile(await (await waiting).path(), 'utf8')).split('\r\n');
  expect(lines[0]).toBe('service,trace,spans,p95_ms');
  expect(lines[1]).toBe('"shop, ""old""",0AF7651916CD43DD8448EB211C80319C,12040,31.25');
  // The address has the statement, and the id of a trace leads to it.
  expect(new URL(page.url()).searchParams.get('sql')).toBe('SELECT 1;\n-- as it is');
  await page.getByRole('link', { name: '0af7651916cd43dd8448eb211c80319c' }).click();
  await expect(page).toHaveURL(/\/traces\/0af7651916cd43dd8448eb211c80319c/);
});

test('the rows are taken away as the Parquet file that ClickHouse writes, or it is told why not', async ({
  page,
}) => {
  await answered(page, ANSWER);
  const asked: string[] = [];
  await page.route('**/api/v1/sql.parquet', async (route) => {
    const { sql } = route.request().postDataJSON() as { sql: string };
    asked.push(sql);
    if (asked.length === 1) {
      await route.fulfill({ body: 'PAR1', contentType: 'application/vnd.apache.parquet' });
      return;
    }
    const problem: Problem = {
      type: 'urn:taut:wrong',
      title: 'wrong',
      status: 400,
      detail: 'it takes more rows than allowed',
      hint: 'ask for a shorter time',
    };
    await route.fulfill({ json: problem, status: 400 });
  });
  await open(page, '/explore?of=sql');
  await run(page, 'SELECT 1');
  const button = page.getByRole('button', { name: 'Download Parquet' });
  const waiting = page.waitForEvent('download');
  await button.click();
  const file = await waiting;
  expect(file.suggestedFilename()).toBe('taut-sql.parquet');
  expect(await readFile(await file.path(), 'utf8')).toBe('PAR1');
  await button.click();
  await expect(page.getByRole('alert')).toContainText('It takes more rows than allowed');
  await expect(page.getByRole('region', { name: 'Rows' })).toBeVisible();
  expect(asked).toEqual(['SELECT 1', 'SELECT 1']);
});

test('a saved view replaces the statement, and takes away what was answered to another one', async ({
  page,
}) => {
  const asked = await answered(page, ANSWER);
  const views = [{ name: 'another one', query: 'of=sql&sql=SELECT+3' }];
  await page.route('**/api/v1/views', (route) => route.fulfill({ json: { views } }));
  await open(page, '/explore?of=sql&sql=SELECT+1');
  const text = page.getByRole('textbox', { name: 'SQL' });
  await expect(text).toHaveValue('SELECT 1');
  await run(page, 'SELECT 2');
  const rows = page.getByRole('region', { name: 'Rows' });
  await expect(rows).toBeVisible();
  await page.getByText(/^Saved views/).click();
  await page.getByRole('link', { name: 'another one' }).click();
  await expect(text).toHaveValue('SELECT 3');
  await expect(rows).toHaveCount(0);
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(rows).toBeVisible();
  expect(asked).toEqual(['SELECT 2', 'SELECT 3']);
  // One that no address holds is asked all the same, and told.
  const long = `SELECT 4 -- ${'a'.repeat(4000)}`;
  await run(page, long);
  await expect(page.getByText('too long for an address')).toBeVisible();
  await expect(text).toHaveValue(long);
  await expect.poll(() => asked.at(-1)).toBe(long);
  expect(new URL(page.url()).searchParams.get('sql')).toBeNull();
});

test('an example is put in, and one without rows says what to do', async ({ page }) => {
  const asked = await answered(page, { ...ANSWER, rows: [], cut: false });
  await open(page, '/explore?of=sql');
  await page.getByRole('button', { name: 'slowest spans' }).click();
  await expect(page.getByRole('textbox', { name: 'SQL' })).toHaveValue(/ORDER BY duration_nanos/);
  await page.getByRole('textbox', { name: 'SQL' }).press('Control+Enter');
  await expect(page.getByText('No row passes.')).toBeVisible();
  expect(asked[0]).toContain('ORDER BY duration_nanos');
});

test('what ClickHouse does not understand is told, with what to do', async ({ page }) => {
  const problem: Problem = {
    type: 'urn:taut:wrong',
    title: 'wrong',
    status: 400,
    detail: `ClickHouse says: ${HARM_TEXT}`,
    hint: 'look at the names of the columns',
  };
  await answered(page, problem, 400);
  await open(page, '/explore?of=sql');
  await run(page, 'SELECT nothing');
  await expect(page.getByRole('alert')).toContainText('onerror');
  await expect(page.getByRole('alert')).toContainText('names of the columns');
  expect(await page.title()).not.toBe('harmed');
});

test('an answer is accessible, fits a phone and asks nobody else', async ({ page, baseURL }) => {
  test.slow();
  await answered(page, ANSWER);
  const told = await onAPhone(page, baseURL);
  await open(page, '/explore?of=sql');
  await run(page, 'SELECT 1');
  await expect(page.getByRole('region', { name: 'Rows' })).toBeVisible();
  await expectGood(page, told);
});
