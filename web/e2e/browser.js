// @ts-check
/** The browser that measures, and the middle of what it measured. */
import { chromium } from '@playwright/test';

export function launch() {
  return chromium.launch({
    executablePath: process.env['TAUT_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
    ],
  });
}

/** So much of the values is at most that; 0 of none.
 * @param {number[]} values @param {number} share */
export function quantile(values, share) {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
