/** The Gateway page: what it says of a gateway, of one that does not answer, and where there is none. */
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';

import type { GatewayAnswer } from '../src/api/types';

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
        threads: [{ thread: 0, breaker: 'closed', in_flight: 3, in_flight_max: null }],
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
        limit: { requests: 100, window_seconds: 60, dry_run: false, clients: 311 },
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
    capture: null,
  },
};

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
  await expect(page.getByRole('row', { name: /10\.0\.0\.2/ })).toContainText('ill');
  await expect(page.getByText(/app-v2 is held/)).toBeVisible();
  await expect(page.getByText(/1,204 by limit, 3 by queue/)).toBeVisible();
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

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1440, 390]) {
    test(`it is whole at ${width} pixels in the ${colorScheme}`, async ({ page }, info) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await told(page, ANSWER);
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
