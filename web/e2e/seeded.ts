/** What the tests need: made-up requests under service names of their own, found and kept. */
import { test as base, expect, type APIRequestContext } from '@playwright/test';

import type { Findings, Requests } from '../src/api/types';
import { sendLogs, sendMetrics } from './signals.js';
import {
  acrossServices,
  large,
  random,
  REQUESTS_MADE_UP,
  rootSpanId,
  send,
  type MadeUp,
} from './spans.js';

const OTLP = process.env['TAUT_OTLP_URL'] ?? 'http://127.0.0.1:4318';

/** A run of its own, so that tests can be run again over the same store. */
const RUN = Date.now().toString(36);
export const SHOP = `e2e-shop-${RUN}`;
export const HOST = `e2e-host-${RUN}`;
export const EXPORT = `e2e-export-${RUN}`;
/** A service that takes ten times as long as yesterday, and one that was requested yesterday only. */
export const SLOWER = `e2e-slower-${RUN}`;
export const SILENT = `e2e-silent-${RUN}`;
/** Services that call each other: `…-web`, `…-basket`, `…-catalog`. */
export const CHAIN = RUN;

/** A script in whatever a span can carry: it has to stay text. */
export const HARM_TEXT = `<img src=x onerror="document.title='harmed'"><script>document.title='harmed'</script>`;
export const HARM = `harm-${RUN} ${HARM_TEXT}`;

function harmful() {
  const text = HARM_TEXT;
  return [
    {
      name: text,
      kind: 2,
      from: 0,
      to: 900,
      attributes: { 'http.method': 'GET', 'http.route': `/${text}`, [text]: text },
      events: [{ name: text, at: 5, attributes: { 'exception.message': text } }],
      error: text,
    },
    {
      name: text,
      kind: 3,
      from: 1,
      to: 800,
      parent: 0,
      attributes: {
        'db.system': 'postgresql',
        'db.name': text,
        'db.statement': `SELECT '${text}' FROM "a<b>" WHERE x = 1`,
      },
    },
  ];
}

let id = 1_000_000 + (Date.now() % 1_000_000);
const chance = random(3);

/** Requests of the last minutes; `backMs` earlier, and so many times as long. */
export async function sendMadeUp(
  service: string,
  kind: string,
  count: number,
  { backMs = 0, times = 1 } = {},
): Promise<string[]> {
  const make = REQUESTS_MADE_UP[kind];
  if (make === undefined) throw new Error(`nothing is made up for ${kind}`);
  const ids: string[] = [];
  for (let number = 0; number < count; number += 1) {
    const start = Date.now() - backMs - 5000 - number * 900;
    const spans = make(chance).map((span) => ({
      ...span,
      from: span.from * times,
      to: span.to * times,
    }));
    const traceId = await send(OTLP, service, spans, start, (id += 1));
    ids.push(traceId);
    if (number === 0 && backMs === 0)
      await sendLogs(OTLP, service, { traceId, spanId: rootSpanId(id), startMs: start });
  }
  return ids;
}

/** A request that began so long ago; the id of its trace. */
export function sendSpans(service: string, spans: MadeUp[], backMs: number): Promise<string> {
  return send(OTLP, service, spans, Date.now() - backMs, (id += 1));
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
      for (let number = 0; number < 20; number += 1) {
        const spans = acrossServices(chance, RUN);
        await send(OTLP, `${RUN}-web`, spans, Date.now() - 6000 - number * 700, (id += 1));
      }
      const yesterday = { backMs: 86_460_000 };
      // Of fewer, no interval of p95 could be told.
      await sendMadeUp(SLOWER, 'product', 100, yesterday);
      await sendMadeUp(SLOWER, 'product', 100, { times: 10 });
      await sendMadeUp(SILENT, 'product', 20, yesterday);
      // The next release, and something that means harm wherever it is shown.
      const product = REQUESTS_MADE_UP['product'];
      if (product !== undefined) {
        await send(OTLP, SHOP, product(chance), Date.now() - 3000, (id += 1), '4.2.1');
      }
      const start = Date.now() - 4000;
      const harm = await send(OTLP, HARM, harmful(), start, (id += 1), HARM_TEXT);
      const written = { traceId: harm, spanId: rootSpanId(id), startMs: start, more: HARM_TEXT };
      await sendLogs(OTLP, HARM, written);
      await sendMetrics(OTLP, HARM, HARM_TEXT, 3);
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
