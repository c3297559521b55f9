/** What the tests need: made-up requests under service names of their own, found and kept. */
import { test as base, expect, type APIRequestContext } from '@playwright/test';

import type { Findings, Requests } from '../src/api/types';
import { sendLogs, sendMetrics } from './signals.js';
import { large, random, REQUESTS_MADE_UP, rootSpanId, send } from './spans.js';

const OTLP = process.env['TAUT_OTLP_URL'] ?? 'http://127.0.0.1:4318';

/** A run of its own, so that tests can be run again over the same store. */
const RUN = Date.now().toString(36);
export const SHOP = `e2e-shop-${RUN}`;
export const HOST = `e2e-host-${RUN}`;
export const EXPORT = `e2e-export-${RUN}`;

let id = 1_000_000 + (Date.now() % 1_000_000);
const chance = random(3);

export async function sendMadeUp(service: string, kind: string, count: number): Promise<string[]> {
  const make = REQUESTS_MADE_UP[kind];
  if (make === undefined) throw new Error(`nothing is made up for ${kind}`);
  const ids: string[] = [];
  for (let number = 0; number < count; number += 1) {
    const start = Date.now() - 5000 - number * 900;
    const traceId = await send(OTLP, service, make(chance), start, (id += 1));
    ids.push(traceId);
    if (number === 0)
      await sendLogs(OTLP, service, { traceId, spanId: rootSpanId(id), startMs: start });
  }
  return ids;
}

/** Traces that every test may count on. */
export interface Seeded {
  /** A request with 10,000 spans. */
  large: string;
  /** A request with log records. */
  logged: string;
  /** A request that failed, with an exception and a link. */
  failed: string;
}

export const test = base.extend<object, { seeded: Seeded }>({
  seeded: [
    async ({ playwright }, use, info) => {
      const baseURL = info.project.use.baseURL ?? '';
      const api = await playwright.request.newContext({ baseURL });
      const [logged] = await sendMadeUp(SHOP, 'orders', 20);
      await sendMetrics(OTLP, SHOP, HOST, 30);
      await sendMadeUp(SHOP, 'posts', 20);
      await sendMadeUp(SHOP, 'product', 40);
      await sendMadeUp(SHOP, 'pay', 20);
      await sendMadeUp(SHOP, 'report', 60);
      const big = await send(OTLP, EXPORT, large(10_000), Date.now() - 9000, (id += 1));
      await expect(async () => {
        const found = await json<Findings>(api, `findings?service=${SHOP}`);
        const faults = found.findings.map((one) => one.fault);
        expect(faults).toEqual(expect.arrayContaining(['n-plus-one', 'bimodal-latency']));
        const kept = await json<Requests>(api, `requests?service=${EXPORT}&last=15m`);
        expect(kept.requests).toHaveLength(1);
      }).toPass({ timeout: 150_000 });
      const failed = await json<Requests>(api, `requests?service=${SHOP}&failed=true&last=15m`);
      await use({ large: big, logged: logged ?? '', failed: failed.requests[0]?.trace_id ?? '' });
      await api.dispose();
    },
    { scope: 'worker', auto: true, timeout: 300_000 },
  ],
});

async function json<T>(api: APIRequestContext, path: string): Promise<T> {
  const answer = await api.get(`/api/v1/${path}`);
  expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
  return (await answer.json()) as T;
}

export { expect };
