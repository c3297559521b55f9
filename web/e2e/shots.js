// @ts-check
/**
 * Screenshots of each page for `docs/`, light and dark, wide and narrow: `npm run shots -- FOLDER`, over a running taut
 * with an hour of made-up traffic (`npm run seed`).
 */
import { mkdir } from 'node:fs/promises';
import { chromium } from '@playwright/test';

const BASE = process.env['TAUT_BASE_URL'] ?? 'http://127.0.0.1:7070';
const folder = process.argv[2] ?? '../docs/screenshots';

/** @param {string} path */
async function ask(path) {
  const answer = await fetch(`${BASE}/api/v1/${path}`);
  return answer.json();
}

const { findings } = await ask('findings');
const { requests } = await ask('requests?last=6h');
const finding = findings.find((/** @type {{ fault: string }} */ one) => one.fault === 'n-plus-one');
const query = (/** @type {Record<string, string>} */ of) => new URLSearchParams(of).toString();
const now = Date.now();
const report = { service: 'shop', operation: 'GET /api/report/' };

/** @type {Record<string, string>} */
const PAGES = {
  overview: '/',
  findings: '/findings',
  finding: `/findings/${finding?.id ?? ''}`,
  services: '/services',
  endpoints: '/endpoints',
  endpoint: `/endpoint?${query({ ...report, box: `${now - 3_000_000}-${now}-200000-2000000` })}`,
  traces: '/traces',
  trace: `/traces/${requests[0]?.trace_id ?? ''}`,
  explore: '/explore',
  database: '/database',
  resources: '/resources',
  status: '/status',
};
/** @type {[string, number, number][]} */
const SIZES = [
  ['wide', 1440, 900],
  ['narrow', 390, 844],
];
const wanted = process.argv.slice(3);

await mkdir(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env['TAUT_CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
});
for (const [name, path] of Object.entries(PAGES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  for (const [size, width, height] of SIZES) {
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme });
      await page.goto(`${BASE}${path}`, { timeout: 60_000 });
      await page.locator('h1').first().waitFor({ timeout: 60_000 });
      await page.locator('.waiting').first().waitFor({ state: 'detached', timeout: 60_000 });
      // Numbers that come one after the other have come.
      await page.waitForTimeout(700);
      await page.screenshot({
        path: `${folder}/${name}-${size}-${colorScheme}.png`,
        fullPage: process.env['TAUT_SHOTS_FULL'] === '1',
        timeout: 60_000,
      });
      await page.close();
    }
  }
  console.log(name);
}
await browser.close();
