// @ts-check
/** The browser that tests, measures and takes pictures, and the middle of what was measured. */
import { chromium } from '@playwright/test';

/** How it is started: it asks nobody but the pages. */
export const LAUNCH = {
  executablePath: process.env['TAUT_CHROMIUM'] ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};

export function launch() {
  return chromium.launch(LAUNCH);
}

/** So much of the values is at most that; 0 of none.
 * @param {number[]} values @param {number} share */
export function quantile(values, share) {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
