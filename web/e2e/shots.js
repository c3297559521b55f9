// @ts-check
/* global atob, Blob, Buffer, createImageBitmap, document, URL */
/**
 * Screenshots of each page for `docs/`, light and dark, wide and narrow: `npm run shots`, over a running taut with an hour
 * of made-up traffic (`npm run seed`) and a database that is watched. `npm run shots -- FOLDER NAME …` takes some of them. They are WebP, so that all of them
 * together stay below six megabytes. A name is of the table in `docs/pages.md`, or it says so.
 */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { askThrough } from './behind.js';
import { launch } from './browser.js';
import { proof, runs } from './results.js';

const BASE = process.env['TAUT_BASE_URL'] ?? 'http://127.0.0.1:7070';
/** Where a gateway is that is asked while its picture is taken. */
const GATEWAY = process.env['TAUT_GATEWAY_URL'];
const FULL = process.env['TAUT_SHOTS_FULL'] === '1';
const BYTES_MAX = 6e6;
const LISTED = fileURLToPath(new URL('../../docs/pages.md', import.meta.url));
const PROFILE = fileURLToPath(
  new URL('../../crates/core/observe/tests/data/cprofile.pstats', import.meta.url),
);
const folder = process.argv[2] ?? '../docs/screenshots';
const wanted = process.argv.slice(3);

/** @param {string} path */
async function ask(path) {
  const answer = await fetch(`${BASE}/api/v1/${path}`);
  return answer.json();
}

const { findings } = await ask('findings');
const { requests } = await ask('requests?last=6h&service=shop');
const { databases } = await ask('databases');
const finding = findings.find((/** @type {{ fault: string }} */ one) => one.fault === 'n-plus-one');
const query = (/** @type {Record<string, string>} */ of) => new URLSearchParams(of).toString();
const now = Date.now();
const report = { service: 'shop', operation: 'GET /api/report/' };
const orders = { service: 'shop', operation: 'GET /api/orders/' };
const basket = { service: 'shop', operation: 'GET /api/basket/' };

/** The time from the release of the seed on, and as much of the time before as there is of it. */
const { marks } = await ask('marks?last=6h');
const release = marks.findLast(
  (/** @type {{ kind: string, service: string }} */ one) =>
    one.kind === 'release' && one.service === 'shop',
);
const turn = release?.unix_ms ?? now - 1_680_000;
const changed = {
  from: `${turn}`,
  to: `${Math.min(now, turn + 1_680_000)}`,
  compare: `${turn - 1_680_000}-${turn}`,
};
const trace = requests.find(
  (/** @type {{ operation: string }} */ one) => one.operation === orders.operation,
)?.trace_id;

const database = databases?.[0]?.id;
const place = database === undefined ? '/database' : `/database/${database}`;
const { statements } =
  database === undefined ? { statements: [] } : await ask(`databases/${database}/statements`);
const statement =
  statements[0] === undefined ? place : `${place}/statements/${statements[0].query_id}`;
/** A trace as somebody has it on disk. */
async function traceFile() {
  const answer = await fetch(`${BASE}/api/v1/traces/${trace ?? ''}/otlp.json`);
  const buffer = Buffer.from(await answer.arrayBuffer());
  return { name: 'trace.json', mimeType: 'application/json', buffer };
}
/** What is done on a page before its picture is taken.
 * @type {Record<string, (page: import('@playwright/test').Page) => Promise<void>>} */
const BEFORE = {
  profile: (page) => page.locator('input[type=file]').first().setInputFiles(PROFILE),
  plan: (page) => page.getByRole('button', { name: 'Try an example' }).click(),
  proof: (page) => page.locator('input[type=file]').first().setInputFiles(runs()),
  'trace-file': async (page) => {
    await page
      .locator('input[type=file]')
      .first()
      .setInputFiles(await traceFile());
    await page.getByRole('tab', { name: 'Flame graph' }).waitFor();
  },
  'proof-verdict': (page) => page.locator('input[type=file]').first().setInputFiles([proof()]),
  'profile-icicle': (page) => profile(page, 'Icicle'),
  'profile-sunburst': (page) => profile(page, 'Sunburst'),
  'profile-tree': (page) => profile(page, 'Call tree'),
  palette: async (page) => {
    await page.keyboard.press('Control+k');
    await page.keyboard.type('orders');
  },
  time: (page) => page.locator('.time-button').click(),
  'explore-sql': async (page) => {
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('.sql-rows, main [role=alert]').first().waitFor({ timeout: 30_000 });
    if ((await page.locator('.sql-rows').count()) === 0)
      console.log('there is no ClickHouse: the picture of SQL shows no answer');
  },
  gateway: async (page) => {
    if (GATEWAY === undefined) {
      console.log('TAUT_GATEWAY_URL is not set: the picture of the gateway shows no requests');
      return;
    }
    const stop = askThrough(GATEWAY);
    await page.waitForTimeout(20_000);
    await stop();
  },
};

/** @param {import('@playwright/test').Page} page @param {string} tab */
async function profile(page, tab) {
  await page.locator('input[type=file]').first().setInputFiles(PROFILE);
  await page.getByRole('tab', { name: tab }).click();
}

/** @type {Record<string, string>} */
const PAGES = {
  overview: '/',
  findings: '/findings',
  finding: `/findings/${finding?.id ?? ''}`,
  services: '/services',
  endpoints: '/endpoints',
  endpoint: `/endpoint?${query({ ...report, box: `${now - 3_000_000}-${now}-150000-60000000` })}`,
  traces: '/traces',
  trace: `/traces/${trace ?? requests[0]?.trace_id ?? ''}`,
  'trace-flame': `/traces/${trace ?? ''}?tab=flame`,
  'trace-spans': `/traces/${trace ?? ''}?tab=spans`,
  'trace-file': '/traces/file',
  flame: `/flame?${query(orders)}`,
  compare: `/compare?${query({ ...basket, ...changed })}`,
  'compare-both': `/compare?${query({ ...basket, ...changed, tab: 'both' })}`,
  explore: '/explore',
  'explore-heatmap': '/explore?tab=heatmap',
  'explore-sql': '/explore?of=sql',
  profile: '/profile',
  'profile-icicle': '/profile',
  'profile-sunburst': '/profile',
  'profile-tree': '/profile',
  palette: '/',
  time: `/endpoint?${query(basket)}`,
  database: place,
  statement,
  'database-findings': `${place}?tab=findings`,
  'database-proposal': `${place}?tab=proposal`,
  'database-locks': `${place}?tab=locks`,
  'database-activity': `${place}?tab=activity`,
  'database-connections': `${place}?tab=connections`,
  'database-tables': `${place}?tab=tables`,
  'database-indexes': `${place}?tab=indexes`,
  plan: '/plan',
  // What was recorded: `taut load … --record`.
  runs: '/runs',
  proof: '/runs',
  'proof-verdict': '/runs',
  ledger: '/ledger',
  board: `/board?${query(changed)}`,
  resources: '/resources?instance=web-1&metric=system.cpu.time',
  gateway: '/gateway',
  status: '/status',
};
/** @type {[string, number, number][]} */
const SIZES = [
  ['wide', 1440, 900],
  ['narrow', 390, 844],
];

/** What shows nothing more on a phone. */
const WIDE_ONLY = new Set([
  'compare-both',
  'palette',
  'profile-icicle',
  'profile-sunburst',
  'profile-tree',
  'time',
]);

await mkdir(folder, { recursive: true });
const browser = await launch();
const packer = await browser.newPage();

/** A picture as WebP, a third of the bytes of PNG; by the browser, which can.
 * @param {Buffer} png */
async function packed(png) {
  const url = await packer.evaluate(async (data) => {
    const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = document.createElement('canvas');
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext('2d')?.drawImage(picture, 0, 0);
    return canvas.toDataURL('image/webp', 0.6);
  }, png.toString('base64'));
  return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
}

for (const [name, path] of Object.entries(PAGES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  for (const [size, width, height] of SIZES) {
    if (size === 'narrow' && WIDE_ONLY.has(name)) continue;
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme });
      await page.goto(`${BASE}${path}`, { timeout: 60_000 });
      await page.locator('h1').first().waitFor({ timeout: 60_000 });
      await page.locator('.waiting').first().waitFor({ state: 'detached', timeout: 60_000 });
      await BEFORE[name]?.(page);
      // Numbers that come one after the other have come.
      await page.waitForTimeout(700);
      const png = await page.screenshot({ fullPage: FULL, timeout: 60_000 });
      await writeFile(`${folder}/${name}-${size}-${colorScheme}.webp`, await packed(png));
      await page.close();
    }
  }
  console.log(name);
}
await browser.close();
const listed = await readFile(LISTED, 'utf8');
const unlisted = Object.keys(PAGES).filter((name) => !listed.includes(`/${name}-wide-light.webp`));
if (unlisted.length > 0) console.log('not in docs/pages.md, where these rows belong:');
for (const name of unlisted) {
  const link = (/** @type {string} */ words, /** @type {string} */ of) =>
    `[${words}](screenshots/${name}-${of}.webp)`;
  const narrow = WIDE_ONLY.has(name)
    ? ''
    : ` ${link('light', 'narrow-light')}, ${link('dark', 'narrow-dark')}`;
  console.log(
    `| ${name} | ${link('1440', 'wide-light')} | ${link('1440', 'wide-dark')} |${narrow} |`,
  );
}
let bytes = 0;
for (const name of await readdir(folder)) bytes += (await stat(`${folder}/${name}`)).size;
console.log(`${(bytes / 1e6).toFixed(2)} MB in all`);
if (!FULL && bytes > BYTES_MAX) throw new Error(`that is more than ${BYTES_MAX / 1e6} MB`);
