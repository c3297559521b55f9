/** A script in whatever is kept, wherever it is shown: it stays text, runs nothing, loads nothing, and asks for no permission to. */
import type { Page } from '@playwright/test';

import type { Findings, GatewayAnswer } from '../src/api/types';
import { listen, open } from './judge';
import { expect, sendSpans, test } from './seeded';
import { COUNTED, database } from './watched';

/** Without quotes, so that it can be the name of anything. */
const STRIKE = '<img src=x onerror=window.struck=1><script>window.struck=1</script>';

/** A request that fetches rows one by one, each name of it a script. */
function struck() {
  const sql = (text: string) => ({
    'db.system': 'postgresql',
    'db.name': STRIKE,
    'db.statement': text,
  });
  const row = (_: unknown, place: number) => ({
    name: 'SELECT',
    kind: 3,
    from: 12 + place * 3,
    to: 14 + place * 3,
    parent: 0,
    attributes: sql(`SELECT "id", "name" FROM "${STRIKE}" WHERE "id" = %s`),
  });
  const root = { 'http.method': 'GET', 'http.route': `/${STRIKE}`, 'http.status_code': 200 };
  return [
    { name: STRIKE, kind: 2, from: 0, to: 140, attributes: { ...root, [STRIKE]: STRIKE } },
    {
      name: 'SELECT',
      kind: 3,
      from: 2,
      to: 10,
      parent: 0,
      attributes: sql('SELECT "id" FROM "list" ORDER BY "id" LIMIT 40'),
    },
    ...Array.from({ length: 40 }, row),
  ];
}

interface At {
  service: string;
  operation: string;
  finding: string;
  trace: string;
}

const of = (query: Record<string, string>) => new URLSearchParams(query).toString();
const where = (at: At) => `service.name = "${at.service}"`;
const endpoint = ({ service, operation }: At) => of({ service, operation });

/** Addresses, and whether the script is certain to be among what they show. */
const PAGES: [address: (at: At) => string, shown: 'shown' | 'perhaps'][] = [
  [() => '/', 'perhaps'],
  [() => '/findings?q=struck', 'shown'],
  [(at) => `/findings/${at.finding}`, 'shown'],
  [(at) => `/endpoints?${of({ service: at.service })}`, 'shown'],
  [(at) => `/endpoint?${endpoint(at)}`, 'shown'],
  [(at) => `/endpoint?${endpoint(at)}&compare=previous`, 'shown'],
  [(at) => `/flame?${endpoint(at)}`, 'shown'],
  [(at) => `/compare?${endpoint(at)}&compare=previous`, 'perhaps'],
  [(at) => `/services?${of({ focus: at.service })}`, 'shown'],
  [(at) => `/services?${of({ focus: at.service, tab: 'calls' })}`, 'shown'],
  [(at) => `/traces?${of({ service: at.service })}`, 'shown'],
  [(at) => `/traces/${at.trace}`, 'shown'],
  [(at) => `/traces/${at.trace}?tab=flame`, 'shown'],
  [(at) => `/traces/${at.trace}?tab=spans`, 'shown'],
  [(at) => `/traces/${at.trace}?tab=statements`, 'shown'],
  [(at) => `/compare?before_trace=${at.trace}&after_trace=${at.trace}&tab=table`, 'perhaps'],
  [(at) => `/explore?${of({ where: where(at), group: 'http.route' })}`, 'shown'],
  [(at) => `/explore?${of({ where: where(at), tab: 'rows' })}`, 'shown'],
  [
    (at) => `/explore?${of({ where: where(at), tab: 'compare', selection: 'duration > 1ms' })}`,
    'perhaps',
  ],
  [(at) => `/runs?${of({ compare: 'previous', service: at.service })}`, 'perhaps'],
  [(at) => `/ledger?finding=${at.finding}`, 'shown'],
  [() => '/ledger?q=struck', 'shown'],
  [() => '/board?last=15m', 'shown'],
  [() => '/resources', 'perhaps'],
  [() => '/status', 'perhaps'],
];

/** What a page does that text does not: requests, words of its policy, boxes that ask. */
function watch(page: Page, baseURL: string | undefined): string[] {
  const told = listen(page, baseURL);
  page.on('request', (request) => {
    if (new URL(request.url()).pathname.endsWith('/x')) told.push(request.url());
  });
  page.on('dialog', (dialog) => {
    told.push(dialog.message());
    void dialog.dismiss();
  });
  return told;
}

async function expectText(page: Page, told: string[], what: string) {
  await expect(page.locator('.waiting'), what).toHaveCount(0);
  expect(await page.locator('main img, main script').count(), what).toBe(0);
  expect(await page.evaluate(() => 'struck' in window), what).toBe(false);
  expect(told, what).toEqual([]);
}

/** Requests with scripts in them, what was found in them, and what somebody said of that. */
async function strike(page: Page): Promise<At> {
  const service = `struck-${Date.now().toString(36)} ${STRIKE}`;
  let trace = '';
  for (let number = 0; number < 20; number += 1) {
    trace = await sendSpans(service, struck(), 5000 + number * 900);
  }
  const at: At = { service, operation: '', finding: '', trace };
  await expect(async () => {
    const answer = await page.request.get(`/api/v1/findings?${of({ service })}`);
    const [found] = ((await answer.json()) as Findings).findings;
    [at.operation, at.finding] = [found?.operation ?? '', found?.id ?? ''];
    expect(at.operation).toContain('onerror');
  }).toPass({ timeout: 90_000 });
  const notes = [
    { assignee: STRIKE },
    { remark: STRIKE },
    { state: 'applied' },
    { state: 'reverted', reason: STRIKE },
  ];
  for (const data of notes) {
    const said = await page.request.post(`/api/v1/findings/${at.finding}/notes`, { data });
    expect(said.ok(), await said.text()).toBe(true);
  }
  return at;
}

test('what spans carry, and what is said of findings, stays text on every page', async ({
  page,
  baseURL,
}) => {
  test.slow();
  const at = await strike(page);
  const told = watch(page, baseURL);
  for (const [address, shown] of PAGES) {
    const path = address(at);
    await open(page, path);
    if (shown === 'shown') {
      await expect(page.locator('main'), path).toContainText('onerror');
    }
    await expectText(page, told, path);
  }
});

test('the name of a saved view stays text', async ({ page, baseURL }) => {
  const name = `${Date.now()} ${STRIKE}`;
  const saved = await page.request.post('/api/v1/views', { data: { name, query: 'group=name' } });
  expect(saved.ok(), await saved.text()).toBe(true);
  const told = watch(page, baseURL);
  await open(page, '/explore');
  await page.getByText(/^Saved views/).click();
  await expect(page.getByRole('link', { name })).toBeVisible();
  await expectText(page, told, 'the list of views');
  await page.getByRole('button', { name: `Remove ${name}` }).click();
  await expectText(page, told, 'the question whether it is to go');
  await page.getByRole('button', { name: 'Remove it' }).click();
  await expect(page.getByRole('link', { name })).toHaveCount(0);
  await expectText(page, told, 'the list of views without it');
});

test('names in a plan stay text', async ({ page, baseURL }) => {
  const told = watch(page, baseURL);
  await open(page, '/plan');
  await page
    .getByLabel('A plan')
    .fill(
      [
        'Limit  (cost=0.00..9.00 rows=1 width=4) (actual time=0.100..0.200 rows=1 loops=1)',
        `  ->  Seq Scan on "${STRIKE}"  (cost=0.00..8.00 rows=1 width=4) (actual time=0.031..0.120 rows=1 loops=1)`,
        `        Filter: (note = '${STRIKE}'::text)`,
        '        Rows Removed by Filter: 3000',
        'Planning Time: 0.212 ms',
        'Execution Time: 0.451 ms',
      ].join('\n'),
    );
  const nodes = page.locator('table.nodes tbody');
  await expect(nodes).toContainText('onerror');
  await nodes.getByRole('button', { name: /Seq Scan/ }).click();
  await expect(nodes.locator('tr.opened')).toContainText('onerror');
  await expectText(page, told, 'the tree of a plan');
  for (const view of ['Icicle', 'As it was printed']) {
    await page.getByRole('button', { name: view }).click();
    await expectText(page, told, view);
  }
});

test('what a gateway says stays text', async ({ page, baseURL }) => {
  const answer: GatewayAnswer = { set: true, asked: STRIKE, problem: STRIKE };
  await page.route('**/api/v1/gateway*', (route) => route.fulfill({ json: answer }));
  const told = watch(page, baseURL);
  await open(page, '/gateway');
  await expect(page.locator('main')).toContainText('onerror');
  await expectText(page, told, '/gateway');
});

test('names and statements of a database stay text', async ({ page, baseURL }) => {
  test.slow();
  const id = await database(page);
  const told = watch(page, baseURL);
  // `busy_database --hostile` has a table of such a name, which is asked for all the time.
  for (const query of ['?q=struck', '?tab=tables&q=struck', '?tab=indexes&q=struck']) {
    await expect(async () => {
      await open(page, `/database/${id}${query}`);
      const table = page.locator('main table').filter({ hasText: 'onerror' });
      await expect(table.first()).toBeVisible({ timeout: 2000 });
    }, query).toPass(COUNTED);
    await expectText(page, told, query);
  }
  for (const tab of ['findings', 'proposal', 'locks', 'activity', 'connections']) {
    await open(page, `/database/${id}?tab=${tab}`);
    await expectText(page, told, tab);
  }
  await open(page, `/database/${id}?q=struck`);
  const updates = page.locator('table.groups tbody tr').filter({ hasText: /update/i });
  await updates.first().getByRole('link').click(COUNTED);
  await expect(page).toHaveURL(/\/statements\//);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('onerror');
  await expectText(page, told, 'the page of a statement');
});
