/** The database that is watched while these tests run. */
import { expect, type Page } from '@playwright/test';

import type { Databases } from '../src/api/types';

/** Until the first counters are there: two polls, on a machine that does other things as well. */
export const COUNTED = { timeout: 90_000 };

/** Its id, once it answers. */
export async function database(page: Page): Promise<string> {
  let id = '';
  await expect(async () => {
    const answer = await page.request.get('/api/v1/databases');
    const { databases } = (await answer.json()) as Databases;
    const [first] = databases;
    expect(first?.state, first?.error ?? 'no database is watched').toBe('watching');
    id = first?.id ?? '';
  }).toPass(COUNTED);
  return id;
}
