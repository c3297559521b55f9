// @ts-check
/* global Buffer */
/** Made-up results of the command line, for pictures of the page that opens them. */
import { random } from './spans.js';

const MS = 1_000_000;

/** A file as a page takes it. @param {string} name @param {object} result */
function file(name, result) {
  return { name, mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(result)) };
}

/** A run of 2,000 requests; `slow` of them in a hundred take twenty times as long.
 * @param {string} target @param {number} median @param {number} slow @param {number} seed */
function run(target, median, slow, seed) {
  const chance = random(seed);
  const took = () => {
    const spread = Math.exp((chance() + chance() + chance() - 1.5) * 0.9);
    return Math.round(median * spread * (chance() * 100 < slow ? 20 : 1) * MS);
  };
  const samples = Array.from({ length: 2000 }, (_, place) => ({
    place,
    start_nanos: place * 10 * MS,
    took_nanos: took(),
    route: place % 2,
    failed: false,
  }));
  /** @param {typeof samples} of */
  const quantiles = (of) => {
    const sorted = of.map((one) => one.took_nanos).sort((left, right) => left - right);
    const at = (/** @type {number} */ share) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  };
  return {
    format: 'taut-load-1',
    target,
    load: '100 a second for 20 s, open model',
    is_open: true,
    began_unix_millis: Date.now() - 600_000,
    seconds: 20,
    started: samples.length,
    answered: samples.length,
    failed: 0,
    interval_seconds: 1,
    intervals: Array.from({ length: 20 }, (_, second) => ({
      started: 100,
      answered: 100,
      failed: 0,
      ...quantiles(samples.slice(second * 100, second * 100 + 100)),
    })),
    routes: ['GET /api/orders/', 'GET /api/products/{id}/'].map((name, route) => {
      const own = samples.filter((one) => one.route === route);
      return { name, count: own.length, failed: 0, ...quantiles(own) };
    }),
    troubles: [],
    samples,
  };
}

/** A run before and one after. */
export function runs() {
  return [
    file('before.json', run('http://shop:8000', 42, 14, 11)),
    file('after.json', run('http://shop:8000', 6, 2, 12)),
  ];
}

/** The comparison of the two. */
export function proof() {
  /** @param {string} name @param {number} before @param {number} after */
  const measure = (name, before, after) => ({
    measure: name,
    before_nanos: before * MS,
    after_nanos: after * MS,
    relative_interval: [after / before - 1.03, after / before - 0.97],
  });
  return file('proof.json', {
    verdict: 'better',
    reason: 'p95 changed by -92 %',
    decides: 'p95',
    before: { compared: 1900 },
    after: { compared: 1950 },
    measures: [measure('p50', 44, 6.1), measure('p95', 890, 71), measure('p99', 1180, 131)],
    errors: { before: 0, after: 0 },
    tests: { effect: 'large' },
    routes: [],
    notes: [],
  });
}
