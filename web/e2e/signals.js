// @ts-check
/** Made-up log records and metrics, beside the spans of `spans.js`. */

const NANOS = 1000000n;

/** @param {number} ms */
function nanos(ms) {
  return `${BigInt(Math.round(ms)) * NANOS}`;
}

/** @param {Record<string, string>} values */
function pairs(values) {
  return Object.entries(values).map(([key, value]) => ({ key, value: { stringValue: value } }));
}

/** @param {string} url @param {string} path @param {object} body */
async function post(url, path, body) {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}

/** What a request of the shop logs, by milliseconds into it. */
const LINES = [
  { at: 1, number: 9, text: 'INFO', body: 'listing orders for customer 4711' },
  { at: 4, number: 5, text: 'DEBUG', body: 'cache miss: orders:4711:page:1' },
  { at: 12, number: 13, text: 'WARNING', body: 'slow query: 240 products were fetched one by one' },
  {
    at: 20,
    number: 17,
    text: 'ERROR',
    body: 'could not render <b>invoice</b> 7\nTraceback (most recent call last):\n  File "shop/views.py", line 12',
  },
];

/** Sends the log records of one request, which were written during its first span; one more if there is more to say.
 * @param {string} url @param {string} service
 * @param {{ traceId: string, spanId: string, startMs: number, more?: string }} request */
export async function sendLogs(url, service, { traceId, spanId, startMs, more }) {
  const last = { at: 21, number: 17, text: more ?? '', body: more ?? '' };
  const lines = more === undefined ? LINES : [...LINES, last];
  const logRecords = lines.map(({ at, number, text, body }) => ({
    timeUnixNano: nanos(startMs + at),
    observedTimeUnixNano: nanos(startMs + at + 1),
    severityNumber: number,
    severityText: text,
    body: { stringValue: body },
    attributes: pairs({ 'code.function.name': 'shop.views.list_orders', 'thread.name': 'main' }),
    traceId,
    spanId,
  }));
  const resource = { attributes: pairs({ 'service.name': service, 'host.name': 'web-1' }) };
  const scopeLogs = [{ scope: { name: 'shop.views' }, logRecords }];
  await post(url, '/v1/logs', { resourceLogs: [{ resource, scopeLogs }] });
}

/** Sends so many minutes of metrics of a host, of a process on it and of its pool of connections.
 * @param {string} url @param {string} service @param {string} host @param {number} minutes */
export async function sendMetrics(url, service, host, minutes) {
  const end = Date.now() - 1000;
  const start = nanos(end - (minutes + 60) * 60e3);
  /** @param {(minute: number) => number} value @param {Record<string, string>} [attributes] */
  const points = (value, attributes = {}) =>
    Array.from({ length: minutes }, (_, minute) => ({
      startTimeUnixNano: start,
      timeUnixNano: nanos(end - (minutes - 1 - minute) * 60e3),
      asDouble: value(minute),
      attributes: pairs(attributes),
    }));
  /** @param {string} name @param {string} unit @param {object[]} dataPoints */
  const gauge = (name, unit, dataPoints) => ({ name, unit, gauge: { dataPoints } });
  /** @param {string} name @param {string} unit @param {object[]} dataPoints */
  const counter = (name, unit, dataPoints) => ({
    name,
    unit,
    sum: { dataPoints, aggregationTemporality: 2, isMonotonic: true },
  });
  const wave = (/** @type {number} */ minute) => 0.5 + 0.35 * Math.sin(minute / 5);
  let busy = 0;
  const used = Array.from({ length: minutes }, (_, minute) => (busy += 60 * wave(minute)));
  const pool = { 'db.client.connection.pool.name': 'orders' };
  const metrics = [
    counter('system.cpu.time', 's', [
      ...points((minute) => used[minute] ?? 0, { 'cpu.mode': 'user' }),
      ...points((minute) => 60 * (minute + 1) - (used[minute] ?? 0), { 'cpu.mode': 'idle' }),
    ]),
    gauge(
      'system.cpu.load_average.1m',
      '{thread}',
      points((minute) => 2 * wave(minute)),
    ),
    gauge('system.memory.usage', 'By', [
      ...points((minute) => 11e9 + 2e9 * wave(minute), { 'system.memory.state': 'used' }),
      ...points((minute) => 5e9 - 2e9 * wave(minute), { 'system.memory.state': 'free' }),
    ]),
    counter(
      'system.network.errors',
      '{error}',
      points((minute) => 3 * minute),
    ),
    gauge(
      'process.memory.usage',
      'By',
      points((minute) => 3e8 + 1e6 * minute),
    ),
    gauge('db.client.connection.count', '{connection}', [
      ...points((minute) => Math.round(19 * wave(minute)) + 3, {
        ...pool,
        'db.client.connection.state': 'used',
      }),
    ]),
    gauge(
      'db.client.connection.max',
      '{connection}',
      points(() => 20, pool),
    ),
    gauge(
      'db.client.connection.pending_requests',
      '{request}',
      points((minute) => (wave(minute) > 0.8 ? 4 : 0), pool),
    ),
    {
      name: 'http.server.request.duration',
      unit: 's',
      exponentialHistogram: {
        aggregationTemporality: 1,
        dataPoints: Array.from({ length: minutes }, (_, minute) => ({
          startTimeUnixNano: nanos(end - (minutes - minute) * 60e3),
          timeUnixNano: nanos(end - (minutes - 1 - minute) * 60e3),
          count: '40',
          sum: 8,
          scale: 3,
          zeroCount: '0',
          positive: { offset: -30, bucketCounts: ['5', '20', '10', '3', '1', '1'] },
        })),
      },
    },
    gauge(
      'shop.baskets.open',
      '{basket}',
      points((minute) => 40 + minute),
    ),
  ];
  const resource = {
    attributes: pairs({ 'service.name': service, 'host.name': host, 'service.instance.id': host }),
  };
  const scopeMetrics = [{ scope: { name: 'made up' }, metrics }];
  await post(url, '/v1/metrics', { resourceMetrics: [{ resource, scopeMetrics }] });
}
