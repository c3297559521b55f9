// @ts-check
/* global document, performance, requestAnimationFrame, PointerEvent, URL, WheelEvent */
/**
 * Frame times while a trace of 100,000 spans is scrolled and zoomed, while a map of 200 services is looked at, and while a
 * million spans and more come in: `npm run frames`; when pages are first painted, and how long a click on each is felt to take. Prints the 50th and 95th percentile of the time between two frames, in
 * milliseconds; 60 frames a second are 16.7. `npm run frames -- --assert` ends with 1 where a goal is missed: for a machine that does nothing
 * else, so that no test asks for it.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { launch, quantile } from './browser.js';
import { feel } from './moves.js';
import { large, random, send, throughMany } from './spans.js';

const OTLP = process.env['TAUT_OTLP_URL'] ?? 'http://127.0.0.1:4318';
const PAGES = process.env['TAUT_BASE_URL'] ?? 'http://127.0.0.1:7070';
const SPANS = Number(process.env['TAUT_FRAMES_SPANS'] ?? 100_000);
const SERVICES = 200;
const STEPS = 240;
/** Goals. A frame comes after 16.7 ms or after a multiple of that: past this, more than one of twenty was left out. */
const FRAME_P95_MS_MAX = 25;
/** Whoever waits longer calls it frozen. */
const FROZEN_MS = 500;
const FIRST_PAINT_MS_MAX = 1000;
/** What is looked at while they come in is looked at during so many spans, and for so long at least. */
const FLOOD_SPANS_MIN = 1_000_000;
const FLOOD_MS_MIN = 15_000;
/** @type {string[]} */
const missed = [];

const id = 5_000_000 + (Date.now() % 1_000_000);
const traceId = await send(
  OTLP,
  `frames-${id.toString(36)}`,
  large(SPANS),
  Date.now() - 60_000,
  id,
);

const browser = await launch();
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
page.setDefaultTimeout(120_000);

const asked = Date.now();
const answer = await fetch(`${PAGES}/api/v1/traces/${traceId}/columns`, {
  headers: { 'accept-encoding': 'identity' },
});
const body = await answer.arrayBuffer();
console.log(
  `the trace in columns: ${(body.byteLength / 1e6).toFixed(1)} MB, ${Date.now() - asked} ms`,
);

const begun = Date.now();
await page.goto(`${PAGES}/traces/${traceId}`);
const grid = page.getByRole('treegrid');
await grid.waitFor();
console.log(`the page with its waterfall: ${Date.now() - begun} ms`);
await grid.getByRole('row', { name: /shop_item.*similar/ }).click();
await page.waitForFunction(
  (rows) => Number(document.querySelector('[role=treegrid]')?.getAttribute('aria-rowcount')) > rows,
  SPANS * 0.7,
);

/** Does a step in each frame, and gives the times between frames.
 * @param {string} what @param {'nothing' | 'rows' | 'far' | 'wheel' | 'point' | 'over'} kind @param {string} selector */
async function measure(what, kind, selector = '.scroller') {
  // What is done is told by name: pages forbid code that comes as text.
  const times = await page.evaluate(
    ({ kind, steps, selector }) =>
      new Promise((resolve) => {
        const element = document.querySelector(selector);
        if (element === null) throw new Error(`there is no ${selector}`);
        const box = element.getBoundingClientRect();
        const act = (/** @type {number} */ step) => {
          const [x, y] = [box.left + ((step * 5) % box.width), box.top + 30];
          if (kind === 'rows') element.scrollTop += 260;
          else if (kind === 'far') element.scrollTop = (step * 52_000) % 1_800_000;
          else if (kind === 'wheel')
            element.dispatchEvent(
              new WheelEvent('wheel', {
                deltaY: step % 80 < 40 ? -100 : 100,
                ctrlKey: true,
                bubbles: true,
                cancelable: true,
                clientX: box.left + box.width * 0.7,
                clientY: y,
              }),
            );
          else if (kind === 'over') {
            const nodes = element.querySelectorAll('a, g[tabindex], button');
            const [last, next] = [nodes[step % nodes.length], nodes[(step + 1) % nodes.length]];
            last?.dispatchEvent(new PointerEvent('pointerout', { bubbles: true }));
            next?.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
          } else if (kind === 'point')
            element
              .querySelector('canvas')
              ?.dispatchEvent(
                new PointerEvent('pointermove', { bubbles: true, clientX: x, clientY: y }),
              );
        };
        /** @type {number[]} */
        const times = [];
        let before = performance.now();
        let count = 0;
        const frame = (/** @type {number} */ now) => {
          if (count > 0) times.push(now - before);
          before = now;
          if (count === steps) {
            resolve(times);
            return;
          }
          act(count);
          count += 1;
          requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
      }),
    { kind, steps: STEPS, selector },
  );
  const values = /** @type {number[]} */ (times);
  const at = (/** @type {number} */ share) => quantile(values, share).toFixed(1);
  console.log(
    `${what}: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(1)} ms (${values.length} frames)`,
  );
  if (Number(at(0.95)) > FRAME_P95_MS_MAX) missed.push(`${what}: p95 ${at(0.95)} ms`);
  if (Number(at(1)) > FROZEN_MS) missed.push(`${what}: longest ${at(1)} ms`);
}

// Each in a browser that knows nothing yet: the whole load, up to the first text or picture.
for (const path of [
  '/',
  '/findings',
  '/endpoints',
  '/services',
  '/traces',
  '/explore',
  `/traces/${traceId}`,
]) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const fresh = await context.newPage();
  await fresh.goto(`${PAGES}${path}`);
  await fresh.locator('h1').first().waitFor();
  const painted = await fresh.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
  );
  const what = path === `/traces/${traceId}` ? 'the trace' : path;
  console.log(`${what}: first paint ${painted.toFixed(0)} ms`);
  // Where nothing was painted there is no moment of it.
  if (painted === 0 || painted > FIRST_PAINT_MS_MAX) missed.push(`${what}: first paint`);
  await context.close();
}

missed.push(...(await feel(browser, PAGES)));

await measure('nothing moves', 'nothing');
await measure('waterfall, scrolled by 10 rows a frame', 'rows');
await measure('waterfall, scrolled by 2,000 rows a frame', 'far');
await measure('waterfall, zoomed', 'wheel');
await page.goto(`${PAGES}/traces/${traceId}?tab=flame`);
await page.locator('.flame canvas').waitFor();
await measure('flame graph, zoomed', 'wheel', '.flame-scroller');
await measure('flame graph, pointed at', 'point', '.flame-scroller');

const chance = random(5);
for (let number = 0; number < 3 * SERVICES; number += 1) {
  const spans = throughMany(SERVICES, number, chance);
  await send(OTLP, 'many-0', spans, Date.now() - 30_000 - number * 20, id + 1 + number);
}
const nodes = () => fetch(`${PAGES}/api/v1/service-map?last=15m`).then((answer) => answer.json());
for (let map = await nodes(); map.nodes.length <= SERVICES; map = await nodes()) {
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
const drawn = Date.now();
await page.goto(`${PAGES}/services?last=15m`);
await page.locator('.map-scroll').waitFor();
console.log(`the page with its map of ${SERVICES} services: ${Date.now() - drawn} ms`);
await measure('map, scrolled', 'rows', '.map-scroll');
await measure('map, pointed at', 'over', '.map-scroll');

// It goes on for as long as it is looked at, and for a million spans at least.
const flood = spawn(process.execPath, [fileURLToPath(new URL('flood.js', import.meta.url))], {
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...process.env, TAUT_FLOOD_SPANS: 'Infinity' },
});
let told = '';
flood.stdout.on('data', (data) => (told += String(data)));
const over = new Promise((resolve) => flood.on('close', resolve));
const floodBegan = Date.now();
await page.goto(`${PAGES}/?last=15m`);
await page.locator('h1').first().waitFor();
await measure('overview during the flood', 'nothing', 'body');
await page.goto(`${PAGES}/traces/${traceId}`);
await grid.waitFor();
await measure('waterfall during the flood, scrolled by 10 rows a frame', 'rows');
await page.goto(`${PAGES}/explore?last=15m&tab=tail`);
await page.locator('h1').first().waitFor();
await measure('live tail during the flood', 'nothing', 'body');
if (flood.exitCode !== null) missed.push('the flood: over before all was looked at');
// So that a slow machine comes to its million, too.
while (flood.exitCode === null && Date.now() - floodBegan < FLOOD_MS_MIN)
  await new Promise((resolve) => setTimeout(resolve, 500));
flood.kill('SIGTERM');
await over;
console.log(told.trim());
const flooded = Number(/the flood: (\d+) spans/.exec(told)?.[1] ?? 0);
if (flooded < FLOOD_SPANS_MIN) missed.push(`the flood: ${flooded} spans`);
if (flood.exitCode !== 0) missed.push('the flood: went wrong');
await browser.close();
if (missed.length > 0) console.log(`goals that were missed: ${missed.join('; ')}`);
if (process.argv.includes('--assert') && missed.length > 0) process.exitCode = 1;
