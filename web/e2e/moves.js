// @ts-check
/**
 * What is felt of each way through the pages: going to one by its link, from a list into its first row, back again, and to
 * another stretch of time. Pages are those of the navigation, as it stands there.
 */
import { quantile } from './browser.js';
import { clock } from './clock.js';

/** @typedef {import('@playwright/test').Page} Page */
/** @typedef {import('@playwright/test').Locator} Locator */
/** @typedef {import('./clock.js').Felt} Felt */

const ROUNDS = Number(process.env['TAUT_FELT_ROUNDS'] ?? 5);
/** What is answered sooner is felt as done by one's own hand. */
const ANSWER_MS_MAX = 100;
/** A page that asks for nothing, which no link of the navigation leads to: each round begins there. */
const BEGIN = '/plan';
/** What opens in its place: a row with more below it, a span of a trace. */
const OPENED = 'main button.unfold:visible, main [role=treegrid] [role=row]:visible';
/** Pages that a link of another one leads to, beside its rows. */
const BESIDE = [{ of: 'Traces', link: 'Profiles' }];

/** Each move of some rounds, all of them in one browser: the first round finds the server cold, each finds pages that know nothing.
 * Prints a table and gives what missed its goal. @param {import('@playwright/test').Browser} browser @param {string} base */
export async function feel(browser, base) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.setDefaultTimeout(60_000);
  await page.addInitScript(clock);
  /** @type {Map<string, Felt[]>} */
  const told = new Map();
  for (let round = 0; round < ROUNDS; round += 1) {
    await page.goto(`${base}${BEGIN}`);
    const links = page.getByRole('navigation', { name: 'Pages' }).getByRole('link');
    // The first event after each connection comes at once, and asks what is shown again.
    await page.locator('.pulse.live').waitFor({ state: 'attached' });
    for (const name of await links.allTextContents()) {
      const link = links.filter({ hasText: new RegExp(`^${name}$`) });
      await visit(page, name, link, (move, felt) =>
        told.set(move, [...(told.get(move) ?? []), felt]),
      );
    }
  }
  await page.close();
  return report(told);
}

/** One page: there, another time, what opens in it, a page behind it, and back.
 * @param {Page} page @param {string} name @param {Locator} link @param {(move: string, felt: Felt) => void} tell */
async function visit(page, name, link, tell) {
  tell(`${name}: by its link`, await felt(page, () => link.click()));
  await anotherTime(page, name, tell);
  await opened(page, name, tell);
  const row = await rowOf(page);
  if (row === undefined) await felt(page, () => page.locator('header .name').click());
  else {
    const behind = `${name}, first row`;
    tell(`${behind}: by a click`, await felt(page, () => row.click()));
    await anotherTime(page, behind, tell);
    await opened(page, behind, tell);
  }
  // From a page to itself there is no way back.
  if (row !== undefined || name !== 'Overview') tell(`${name}: back to it`, await back(page));
  for (const beside of BESIDE.filter(({ of }) => of === name)) {
    const way = page.getByRole('main').getByRole('link', { name: beside.link, exact: true });
    tell(`${beside.link}: by its link`, await felt(page, () => way.click()));
    tell(`${name}: back from ${beside.link}`, await back(page));
  }
}

/** From one hour to a day, and, without being told, back. @param {Page} page @param {string} name
 * @param {(move: string, felt: Felt) => void} tell */
async function anotherTime(page, name, tell) {
  const button = page.locator('.time-button:not(.dim)');
  if ((await button.count()) === 0) return;
  const choose = async (/** @type {string} */ words) => {
    await button.click();
    return felt(page, () => page.getByRole('button', { name: words, exact: true }).click());
  };
  tell(`${name}: 1 h to 24 h`, await choose('last 24 h'));
  await choose('last 1 h');
}

/** @param {Page} page @param {string} name @param {(move: string, felt: Felt) => void} tell */
async function opened(page, name, tell) {
  const one = page.locator(OPENED).first();
  if ((await one.count()) > 0) tell(`${name}: opened in it`, await felt(page, () => one.click()));
}

/** The first row that leads elsewhere. @param {Page} page */
async function rowOf(page) {
  const rows = page.locator('main a[data-row]:visible');
  const addresses = await rows.evaluateAll((all) =>
    all.map((one) => /** @type {HTMLAnchorElement} */ (one).href),
  );
  const place = addresses.findIndex((address) => address !== page.url());
  return place === -1 ? undefined : rows.nth(place);
}

/** What is felt of a click. @param {Page} page @param {() => Promise<void>} click @returns {Promise<Felt>} */
async function felt(page, click) {
  await page.evaluate(() => /** @type {any} */ (globalThis).felt.listen());
  await click();
  return page.evaluate(() => /** @type {any} */ (globalThis).felt.told());
}

/** @param {Page} page @returns {Promise<Felt>} */
function back(page) {
  return page.evaluate(() => {
    const { felt } = /** @type {any} */ (globalThis);
    felt.back();
    return felt.told();
  });
}

/** @param {Map<string, Felt[]>} told */
function report(told) {
  /** @type {string[]} */
  const missed = [];
  const rows = [
    ['where: how', 'answer, median ms', 'worst', 'data, median ms', 'worst'],
    ['---', '--:', '--:', '--:', '--:'],
  ];
  for (const [move, all] of told) {
    const figures = /** @type {const} */ (['answer', 'data']).flatMap((what) => {
      const values = all.map((felt) => felt[what] ?? Infinity);
      return [quantile(values, 0.5), quantile(values, 1)];
    });
    rows.push([move, ...figures.map((ms) => (ms === Infinity ? 'never' : ms.toFixed(0)))]);
    const [answer = Infinity] = figures;
    if (answer > ANSWER_MS_MAX) missed.push(`${move}: felt after ${rows.at(-1)?.[1]} ms`);
  }
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of rows) {
    const cells = row.map((cell, column) => {
      const width = widths?.[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    console.log(`| ${cells.join(' | ')} |`);
  }
  console.log(`${ROUNDS} rounds; goal: an answer within ${ANSWER_MS_MAX} ms, by the median`);
  return missed;
}
