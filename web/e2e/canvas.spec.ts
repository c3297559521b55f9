/** The flame graph under a mouse: it is one picture, so that what lies where is asked of its readout, its panel and its address. */
import type { Locator, Page } from '@playwright/test';

import { expect, test } from './seeded';

/** The middle of the first and of the second row of boxes. */
const [ROOT, CHILD] = [10, 30];

async function flame(page: Page, id: string): Promise<Locator> {
  await page.goto(`/traces/${id}?tab=flame`);
  const canvas = page.locator('.flame canvas');
  await expect(canvas).toBeVisible();
  return canvas;
}

/** A place in a row, as a share of its width. */
async function at(canvas: Locator, share: number, y: number) {
  const bounds = await canvas.boundingBox();
  if (bounds === null) throw new Error('the flame graph has no place');
  return { x: bounds.width * share, y };
}

/** The mouse at a place of the canvas; it stays there. */
async function moveTo(page: Page, canvas: Locator, share: number, y: number) {
  await canvas.scrollIntoViewIfNeeded();
  const bounds = await canvas.boundingBox();
  if (bounds === null) throw new Error('the flame graph has no place');
  await page.mouse.move(bounds.x + bounds.width * share, bounds.y + y);
}

async function wheel(page: Page, times: number) {
  await page.keyboard.down('Control');
  for (let turn = 0; turn < times; turn += 1) await page.mouse.wheel(0, -120);
  await page.keyboard.up('Control');
}

/** What is drawn while nothing is pointed at, once nothing moves any more. */
async function picture(page: Page, canvas: Locator): Promise<string> {
  await page.mouse.move(2, 2);
  const drawn = () => canvas.evaluate((one) => (one as HTMLCanvasElement).toDataURL());
  let last = '';
  await expect(async () => {
    const before = last;
    last = await drawn();
    expect(last === before).toBe(true);
  }).toPass();
  return last;
}

test('what is pointed at is told, and nothing else', async ({ page, seeded }) => {
  const canvas = await flame(page, seeded.failed);
  const readout = page.locator('.flame .readout');
  await expect(readout).toContainText('Point at a span');
  // Most of the request is its one slow call.
  await canvas.hover({ position: await at(canvas, 0.6, CHILD) });
  await expect(readout).toContainText('pay.example.com');
  await expect(readout).toContainText('failed');
  await canvas.hover({ position: await at(canvas, 0.6, ROOT) });
  await expect(readout).toContainText('took');
  await expect(readout).not.toContainText('pay.example.com');
  await page.mouse.move(2, 2);
  await expect(readout).toContainText('Point at a span');
  await expect(page).not.toHaveURL(/span=|zoom=/);
});

test('a click opens what a span carries, and keeps it in the address', async ({ page, seeded }) => {
  const canvas = await flame(page, seeded.failed);
  await canvas.click({ position: await at(canvas, 0.4, CHILD) });
  await expect(page.getByRole('complementary', { name: 'Span' })).toContainText('gateway timeout');
  await expect(page).toHaveURL(/span=[0-9a-f]{16}/);
  await expect(page).not.toHaveURL(/zoom=/);
});

test('a double click fills the width with a span, and all of it comes back', async ({
  page,
  seeded,
}) => {
  const canvas = await flame(page, seeded.failed);
  await canvas.dblclick({ position: await at(canvas, 0.3, CHILD) });
  await expect(page).toHaveURL(/zoom=\d+/);
  const all = page.getByRole('button', { name: 'Show all' });
  await expect(all).toBeVisible();
  await page.reload();
  await expect(all).toBeVisible();
  await all.click();
  await expect(page).not.toHaveURL(/zoom=/);
  await expect(all).toBeHidden();
});

test('the wheel looks closer with Ctrl alone, and does not scroll the page', async ({
  page,
  seeded,
}) => {
  const canvas = await flame(page, seeded.logged);
  const all = page.getByRole('button', { name: 'Show all' });
  await moveTo(page, canvas, 0.5, CHILD);
  await page.mouse.wheel(0, -120);
  const whole = await picture(page, canvas);
  await moveTo(page, canvas, 0.5, CHILD);
  const scrolled = await page.evaluate(() => scrollY);
  await wheel(page, 3);
  await expect(all).toBeVisible();
  await expect.poll(() => picture(page, canvas)).not.toBe(whole);
  expect(await page.evaluate(() => scrollY)).toBe(scrolled);
  await all.click();
  await expect(all).toBeHidden();
  await expect.poll(() => picture(page, canvas)).toBe(whole);
});

test('dragging moves what is looked at, and is no click', async ({ page, seeded }) => {
  const canvas = await flame(page, seeded.logged);
  await moveTo(page, canvas, 0.5, CHILD);
  await wheel(page, 8);
  await expect(page.getByRole('button', { name: 'Show all' })).toBeVisible();
  const before = await picture(page, canvas);
  await moveTo(page, canvas, 0.5, CHILD);
  await page.mouse.down();
  await moveTo(page, canvas, 0.8, CHILD);
  await page.mouse.up();
  await expect.poll(() => picture(page, canvas)).not.toBe(before);
  await expect(page.getByRole('complementary', { name: 'Span' })).toHaveCount(0);
  await expect(page).not.toHaveURL(/span=/);
});
