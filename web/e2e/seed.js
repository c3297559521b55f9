// @ts-check
/**
 * Sends an hour of made-up traffic, for work on the pages: `npm run seed`, `npm run seed -- --go-on`. In the middle of it the
 * shop is released anew, and its baskets are faster from then on.
 */
import { sendLogs, sendMetrics } from './signals.js';
import { acrossServices, large, random, REQUESTS_MADE_UP, rootSpanId, send } from './spans.js';

const URL_OTLP = process.env['TAUT_OTLP_URL'] ?? 'http://127.0.0.1:4318';
const HOUR = 3600e3;

/** Requests an hour of each kind. */
const MIX = {
  orders: 90,
  dashboard: 60,
  submit: 50,
  product: 900,
  basket: 240,
  posts: 160,
  pay: 80,
  report: 120,
  health: 360,
};

/** How long ago the shop was released, and what that changed. */
const RELEASED_MS = 28 * 60e3;
/** @type {Record<string, string>} */
const AFTER = { basket: 'basketAtOnce' };

const chance = random(1);
let id = 1;

for (const [name, count] of Object.entries(MIX)) {
  const service = name === 'dashboard' || name === 'submit' ? 'careers' : 'shop';
  for (let number = 0; number < count; number += 1) {
    const start = Date.now() - 5000 - (number / count) * HOUR * 0.95 - chance() * 20e3;
    const isNew = service === 'shop' && Date.now() - start < RELEASED_MS;
    const kind = (isNew ? AFTER[name] : undefined) ?? name;
    const spans = REQUESTS_MADE_UP[kind]?.(chance) ?? [];
    const version = isNew ? '4.3.0' : '4.2.0';
    const traceId = await send(URL_OTLP, service, spans, start, (id += 1), version);
    if (number % 10 === 0) {
      await sendLogs(URL_OTLP, service, { traceId, spanId: rootSpanId(id), startMs: start });
    }
  }
  console.log(`${count} × ${name}`);
}
await sendMetrics(URL_OTLP, 'shop', 'web-1', 58);
// A few that cross services, so that the map has more than one way through it.
for (let number = 0; number < 120; number += 1) {
  const start = Date.now() - 5000 - (number / 120) * HOUR * 0.95;
  await send(URL_OTLP, 'shop-web', acrossServices(chance, 'shop'), start, (id += 1));
}
console.log(await send(URL_OTLP, 'shop', large(10_000), Date.now() - 60e3, (id += 1), '4.3.0'));

while (process.argv.includes('--go-on')) {
  const spans = REQUESTS_MADE_UP['product']?.(chance) ?? [];
  await send(URL_OTLP, 'shop', spans, Date.now() - 1000, (id += 1), '4.3.0');
  await new Promise((resolve) => setTimeout(resolve, 500));
}
