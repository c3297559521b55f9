/**
 * The Gateway page: what it says of a gateway, of one that does not answer, and where there is none; what it orders, and
 * that it shows what the gateway says of it. (Orders to real gateways: crates/app/cli/tests/cli/gateway_orders.rs.)
 */
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';

import type {
  Gateway,
  GatewayAnswer,
  GatewayCanaryOrder,
  GatewayMemberOrder,
  Problem,
} from '../src/api/types';

function member(address: string, healthy = true) {
  return {
    address,
    weight: 1,
    zone: null,
    drained: false,
    added: false,
    healthy,
    left_alone: false,
    waiting: 0,
    in_flight: 3,
    requests: 12_345,
    failures: healthy ? 0 : 42,
    trouble: healthy ? null : 'connection refused',
  };
}

const ANSWER: GatewayAnswer = {
  set: true,
  asked: 'this process',
  gateway: {
    state: 'up',
    not_ready: [],
    requests_per_second: 128.4,
    in_flight: 6,
    decided: {
      retried: 17,
      hedged: 0,
      refused: [
        { reason: 'limit', count: 1204 },
        { reason: 'queue', count: 3 },
      ],
    },
    services: [
      {
        name: 'app',
        balance: 'latency',
        members: [member('10.0.0.1:8000'), member('10.0.0.2:8000', false)],
        threads: [
          {
            thread: 0,
            breaker: 'closed',
            breaker_since_unix_ms: Date.now() - 60_000,
            in_flight: 3,
            in_flight_max: null,
          },
        ],
      },
    ],
    routes: [
      {
        name: 'trending',
        service: 'app',
        requests_per_second: 100,
        requests: 9000,
        p50_ms: 0.2,
        p95_ms: 1.4,
        p99_ms: 12,
        p999_ms: 180,
        compresses: true,
        cache: {
          disk: 0,
          hit: 8500,
          stale: 40,
          revalidated: 0,
          coalesced: 160,
          shared: 0,
          miss: 300,
          bypass: 0,
          not_kept: [
            { reason: 'private', count: 3 },
            { reason: 'set-cookie', count: 204 },
          ],
          failed: 0,
          entries: 800,
          held_bytes: 11_000_000,
          evictions: 4,
          sent_bytes: 88_000_000,
          age_seconds: 120_000,
          saved_seconds: 19_550,
        },
        limit: null,
      },
      {
        name: 'all',
        service: 'app',
        requests_per_second: 28.4,
        requests: 2000,
        p50_ms: 20,
        p95_ms: 80,
        p99_ms: 200,
        p999_ms: 900,
        compresses: false,
        cache: null,
        limit: {
          requests: 100,
          window_seconds: 60,
          dry_run: false,
          clients: 311,
          refused: 1204,
          over_dry_run: 0,
        },
      },
    ],
    cache: { entries: 812, bytes: 12_000_000, bytes_max: 268_435_456, evictions: 4, disk: null },
    canaries: [
      {
        route: 'all',
        stage: 'held',
        share: 0.05,
        steps: [0.05, 0.5],
        step: 0,
        since_unix_ms: Date.now() - 600_000,
        every_seconds: 300,
        by_itself: true,
        old: { service: 'app', requests: 9500, failed: 3, requests_in_step: 9500 },
        new: { service: 'app-v2', requests: 500, failed: 0, requests_in_step: 500 },
        judged: 'cannot tell: p95 changed by -3.1 % (-14.0 to +9.2 %)',
      },
    ],
    news: [],
    news_not_kept: 0,
    capture: null,
  },
};

function gateway(): Gateway {
  if (ANSWER.gateway == null) throw new Error('it is there');
  return structuredClone(ANSWER.gateway);
}

async function told(page: Page, answer: GatewayAnswer) {
  await page.route('**/api/v1/gateway*', (route) => route.fulfill({ json: answer }));
  await page.goto('/gateway');
  await expect(page.locator('h1').first()).toBeVisible();
  await expect(page.locator('.waiting')).toHaveCount(0);
}

test('it says what is wrong first, and what the cache spares', async ({ page }) => {
  await told(page, ANSWER);
  await expect(page.getByRole('heading', { level: 1 })).toContainText(
    '1 of 2 members cannot answer',
  );
  const cached = page.getByRole('row', { name: /^trending/ }).last();
  await expect(cached).toContainText('97');
  await expect(
    page.getByText('Not kept of trending, since the start: 204 that set a cookie, 3 for one user.'),
  ).toBeVisible();
  await expect(page.getByRole('row', { name: /10\.0\.0\.2/ })).toContainText('ill');
  await expect(page.getByText(/app-v2 is held/)).toBeVisible();
  await expect(page.getByText(/1,204 by limit, 3 by queue/)).toBeVisible();
  await expect(page.getByRole('row', { name: /^all/ }).first()).toContainText('1,204');
  await expect(page.getByRole('row', { name: /10\.0\.0\.1/ })).toContainText(
    /closed since \d+ (s|min) ago/,
  );
});

test('figures say of which time they are, and the rate is drawn while one looks', async ({
  page,
}) => {
  await told(page, { ...ANSWER, gateway: { ...gateway(), in_flight: 1 } });
  await expect(page.getByText('1 request in flight.')).toBeVisible();
  await expect(page.getByText(/percentiles of the last one to two minutes/)).toBeVisible();
  await expect(page.getByText('Requests and failures since it started.')).toBeVisible();
  const chart = page.getByRole('img', { name: /^requests a second since .* over time: .*128 \/s/ });
  await expect(chart).toBeVisible({ timeout: 30_000 });
});

test('why it is not ready is said in its own words', async ({ page }) => {
  const why = ['Redis is away, and a limit refuses requests without it'];
  await told(page, { ...ANSWER, gateway: { ...gateway(), state: 'down', not_ready: why } });
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    'It is not ready: Redis is away, and a limit refuses requests without it',
  );
});

test('changes of a new version that could not be kept are told', async ({ page }) => {
  await told(page, ANSWER);
  await expect(page.getByText('could not be kept')).toHaveCount(0);
  await told(page, { ...ANSWER, gateway: { ...gateway(), news_not_kept: 2 } });
  await expect(page.getByText(/^2 changes since the start could not be kept/)).toBeVisible();
});

test('without a gateway it says how to get one', async ({ page }) => {
  await told(page, { set: false });
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('There is no gateway yet');
  await expect(page.getByText('taut gateway --example >> taut.toml')).toBeVisible();
});

test('one that does not answer is told, with where it was asked', async ({ page }) => {
  const problem = 'no gateway answers there: connection refused';
  await told(page, { set: true, asked: '127.0.0.1:7072', problem });
  await expect(page.getByText('127.0.0.1:7072')).toBeVisible();
});

const NOBODY_LEFT: Problem = {
  type: 'urn:taut:gateway-refused',
  title: 'the gateway refuses',
  status: 409,
  detail: 'nobody of the service would be left',
  hint: 'see what is there now',
};

/** What it is told, by the last part of the path; a gateway does what it is told, and answers as the real one does. */
async function obeys(page: Page) {
  const all = gateway();
  const orders: [path: string, body: unknown][] = [];
  const change = (order: GatewayMemberOrder): object => {
    const members = all.services[0]?.members ?? [];
    const member = members.find(({ address }) => address === order.member);
    if (member === undefined) throw new Error(order.member);
    const before = { ...member };
    if (order.order === 'weight') member.weight = order.weight ?? 0;
    else {
      member.drained = order.order === 'drain';
      member.weight = member.drained ? 0 : 1;
    }
    const takes = order.order !== 'undrain' && members.every(({ weight }) => weight === 0);
    if (takes && order.force !== true) {
      Object.assign(member, before);
      return NOBODY_LEFT;
    }
    const { drained, weight } = member;
    return { service: 'app', member: order.member, drained, weight, lasts: 'long' };
  };
  await page.route('**/api/v1/gateway/*', async (route) => {
    const path = new URL(route.request().url()).pathname.split('/').at(-1) ?? '';
    const body: unknown = route.request().postDataJSON();
    orders.push([path, body]);
    const canary = all.canaries[0];
    if (path === 'members') {
      const done = change(body as GatewayMemberOrder);
      await route.fulfill({ json: done, status: done === NOBODY_LEFT ? 409 : 200 });
    } else if (path === 'purge') {
      await route.fulfill({ json: { forgotten: 3, soft: false } });
    } else if (path === 'warm') {
      await route.fulfill({ json: { asked: 2, answered: 1 } });
    } else if (canary !== undefined) {
      const { route: of, order } = body as GatewayCanaryOrder;
      canary.stage = order === 'revert' ? 'reverted' : 'going';
      canary.share = order === 'revert' ? 0 : 0.5;
      const { stage, share } = canary;
      const news = { at_unix_ms: Date.now(), route: of, new: 'app-v2', stage, share, why: 'told' };
      await route.fulfill({ json: news });
    }
  });
  await page.route('**/api/v1/gateway', (route) =>
    route.fulfill({ json: { ...ANSWER, gateway: all } }),
  );
  await page.goto('/gateway');
  await expect(page.getByRole('heading', { name: 'Members', exact: true })).toBeVisible();
  return orders;
}

test('a member is drained, seen to be, and put back', async ({ page }) => {
  const orders = await obeys(page);
  const row = page.getByRole('row', { name: /10\.0\.0\.1/ });
  await expect(row).toContainText('well');
  await page.getByRole('button', { name: 'Drain 10.0.0.1:8000' }).press('Enter');
  await expect(page.getByText('10.0.0.1:8000 gets no new requests')).toBeVisible();
  await expect(row).toContainText('drained');
  const back = page.getByRole('button', { name: 'Put back 10.0.0.1:8000' });
  await expect(back).toBeFocused();
  await expect(row.getByRole('spinbutton')).toBeDisabled();
  await back.press('Enter');
  await expect(page.getByText('10.0.0.1:8000 gets requests again')).toBeVisible();
  await expect(row).toContainText('well');
  expect(orders.map(([path, body]) => [path, (body as GatewayMemberOrder).order])).toEqual([
    ['members', 'drain'],
    ['members', 'undrain'],
  ]);
});

test('the last member is only taken away on purpose', async ({ page }) => {
  const orders = await obeys(page);
  await page.getByRole('button', { name: 'Drain 10.0.0.2:8000' }).click();
  await expect(page.getByRole('row', { name: /10\.0\.0\.2/ })).toContainText('drained');
  const drain = page.getByRole('button', { name: 'Drain 10.0.0.1:8000' });
  await drain.click();
  const dialog = page.getByRole('dialog', { name: 'Take the last member of app away?' });
  await expect(dialog).toContainText('503');
  await expect(dialog.getByRole('button', { name: 'Leave it' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);
  await expect(drain).toBeFocused();
  expect(orders).toHaveLength(1);
  // A weight of nothing takes it away as well.
  await page.getByRole('spinbutton', { name: /10\.0\.0\.1/ }).fill('0');
  await page.getByRole('button', { name: 'Set weight of 10.0.0.1:8000' }).click();
  await dialog.getByRole('button', { name: 'Leave it' }).click();
  expect(orders).toHaveLength(1);
  await drain.click();
  await dialog.getByRole('button', { name: 'Take it away' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    'Nobody takes requests of app: put a member back',
  );
  expect(orders.at(-1)).toEqual([
    'members',
    { service: 'app', member: '10.0.0.1:8000', order: 'drain', force: true },
  ]);
});

test('a weight is set, and one that is none is not sent', async ({ page }) => {
  const orders = await obeys(page);
  const weight = page.getByRole('spinbutton', { name: 'weight of 10.0.0.1:8000 of app' });
  await expect(weight).toHaveValue('1');
  await weight.fill('5');
  await weight.press('Enter');
  await expect(page.getByText('10.0.0.1:8000 has weight 5')).toBeVisible();
  await expect(weight).toHaveValue('5');
  await expect(weight).toBeFocused();
  for (const wrong of ['1001', '-1', '1.5', '']) {
    await weight.fill(wrong);
    await page.getByRole('button', { name: 'Set weight of 10.0.0.1:8000' }).click();
    await expect(page.getByRole('alert')).toContainText(`${wrong} is no weight`);
  }
  expect(orders).toHaveLength(1);
});

test('the cache forgets by tag, and everything once that is confirmed', async ({ page }) => {
  const orders = await obeys(page);
  await page.getByText('Forget answers', { exact: true }).click();
  const form = page.getByRole('form', { name: 'Forget answers' });
  await form.getByRole('combobox').selectOption('what has the tag');
  const forget = form.getByRole('button', { name: 'Forget', exact: true });
  await forget.click();
  await expect(page.getByRole('alert')).toContainText('Nothing is named');
  expect(orders).toHaveLength(0);
  await form.getByRole('textbox').fill('item-1');
  await form.getByRole('textbox').press('Enter');
  await expect(page.getByText('3 answers forgotten.')).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
  expect(orders).toEqual([['purge', { tag: 'item-1' }]]);
  await form.getByRole('combobox').selectOption('everything');
  await forget.click();
  const dialog = page.getByRole('dialog', { name: 'Forget everything?' });
  await expect(dialog).toContainText('812 answers');
  await dialog.getByRole('button', { name: 'Leave it' }).click();
  await expect(forget).toBeFocused();
  expect(orders).toHaveLength(1);
  await forget.click();
  await dialog.getByRole('button', { name: 'Forget it all' }).click();
  await expect.poll(() => orders.at(-1)).toEqual(['purge', { all: true }]);
});

test('addresses are asked for, and a line that is none is told', async ({ page }) => {
  const orders = await obeys(page);
  await page.getByText(/^Ask for addresses/).click();
  const form = page.getByRole('form', { name: 'Ask for addresses' });
  await form.getByRole('textbox').fill('http://shop/a\nshop/b');
  await form.getByRole('button').click();
  await expect(page.getByRole('alert')).toContainText('Line 2 is no address');
  await form.getByRole('textbox').fill('http://shop/a\n/b');
  await form.getByRole('button').click();
  await expect(page.getByText('1 of 2 addresses answered well.')).toBeVisible();
  expect(orders).toEqual([['warm', { urls: ['http://shop/a', 'http://shop/b'] }]]);
});

test('a version that is tried is given its next share, and taken back', async ({ page }) => {
  const orders = await obeys(page);
  await page.getByRole('button', { name: 'Next share (app-v2)' }).click();
  await expect(page.getByText('app-v2 gets more as it does well').first()).toBeVisible();
  await page.getByRole('button', { name: 'Take back (app-v2)' }).click();
  await expect(page.getByRole('button', { name: 'Try again (app-v2)' })).toBeVisible();
  expect(orders.map(([, body]) => (body as GatewayCanaryOrder).order)).toEqual(['step', 'revert']);
});

test('what is not done is told with what to do, and nothing is shown as done', async ({ page }) => {
  await obeys(page);
  const problem: Problem = {
    type: 'urn:taut:gateway-away',
    title: 'the gateway is away',
    status: 503,
    detail: 'no gateway answers there: connection refused',
    hint: 'see whether it runs',
  };
  await page.route('**/api/v1/gateway/members', (route) =>
    route.fulfill({ status: 503, json: problem }),
  );
  await page.getByRole('button', { name: 'Drain 10.0.0.1:8000' }).click();
  await expect(page.getByRole('alert')).toHaveText(
    'No gateway answers there: connection refused. See whether it runs.',
  );
  await expect(page.getByRole('row', { name: /10\.0\.0\.1/ })).toContainText('well');
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1440, 390]) {
    test(`it is whole at ${width} pixels in the ${colorScheme}`, async ({ page }, info) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await told(page, ANSWER);
      // With all that can be opened, and something that went wrong.
      await page.getByText('Forget answers', { exact: true }).click();
      await page.getByText(/^Ask for addresses/).click();
      await page.getByRole('button', { name: 'Forget', exact: true }).click();
      await expect(page.getByRole('alert')).toBeVisible();
      const sideways = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(sideways).toBe(0);
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations).toEqual([]);
      await page.screenshot({ path: info.outputPath('gateway.png'), fullPage: true });
    });
  }
}
