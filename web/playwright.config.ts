import { defineConfig } from '@playwright/test';

import { LAUNCH } from './e2e/browser.js';

// The pages are served by a running `taut` that has real spans; see e2e/README.md.
export default defineConfig({
  testDir: 'e2e',
  // Generous, for machines that build something else at the same time: a green test ends early.
  timeout: 120_000,
  expect: { timeout: 30_000 },
  workers: 1,
  forbidOnly: true,
  reporter: [['list']],
  use: {
    baseURL: process.env['TAUT_BASE_URL'] ?? 'http://127.0.0.1:7070',
    viewport: { width: 1440, height: 900 },
    permissions: ['clipboard-read', 'clipboard-write'],
    launchOptions: LAUNCH,
  },
});
