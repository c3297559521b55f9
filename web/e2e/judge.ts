/** How a page looks and whom it asks: on a phone, on a wide screen, in the light and in the dark. */
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

export async function open(page: Page, path: string) {
  await page.goto(path);
  await expect(page.locator('h1').first()).toBeVisible();
  await expect(page.locator('.waiting')).toHaveCount(0);
}

/** What a page asks other hosts for, and what it does that its policy does not let it. */
export function listen(page: Page, baseURL: string | undefined): string[] {
  const { host } = new URL(baseURL ?? '');
  const told: string[] = [];
  page.on('request', (request) => {
    if (new URL(request.url()).host !== host) told.push(request.url());
  });
  page.on('console', (message) => {
    // What an address has not got is told on the page itself.
    const isMissing = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isMissing) told.push(message.text());
  });
  page.on('pageerror', (error) => told.push(error.message));
  return told;
}

/** Begins on a phone, in the light: what is worked out once starts narrow. Gives what [`listen`] does. */
export async function onAPhone(page: Page, baseURL: string | undefined): Promise<string[]> {
  const told = listen(page, baseURL);
  // What fades in has mixed colours meanwhile.
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await page.setViewportSize({ width: 390, height: 844 });
  return told;
}

/** Judges what is shown since `onAPhone`, in each width and theme. `but` are rules that do not hold for it. */
export async function expectGood(page: Page, told: string[], { but = [] as string[] } = {}) {
  await expectNoSidewaysScrolling(page);
  await judged(page, told, 'on a phone', but);
  await page.setViewportSize({ width: 320, height: 700 });
  await expectNoSidewaysScrolling(page);
  await page.setViewportSize({ width: 1440, height: 900 });
  await expect(page.locator('.waiting')).toHaveCount(0);
  await judged(page, told, 'in the light', but);
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  await judged(page, told, 'in the dark', but);
  expect(told).toEqual([]);
}

export async function expectNoSidewaysScrolling(page: Page) {
  // Charts are drawn anew a moment after the window has become narrower.
  const surplus = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  await expect.poll(surplus).toBeLessThanOrEqual(0);
}

export async function expectAccessible(page: Page, but: string[] = []) {
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).disableRules(but).analyze();
  const told = violations.flatMap((violation) =>
    violation.nodes
      .slice(0, 3)
      .map((node) => `${violation.id}: ${node.html} ${node.failureSummary ?? ''}`),
  );
  expect(told).toEqual([]);
}

/** Lets the judge look, and leaves out of what the page did what the judge did: it brings a script of its own. */
async function judged(page: Page, told: string[], where: string, but: string[]) {
  const before = told.length;
  await test.step(where, () => expectAccessible(page, but));
  told.splice(before);
}
