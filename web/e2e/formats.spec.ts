/** Files of other tools, opened in the browser: each format that profiles and traces are read in. */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import type { Page } from '@playwright/test';

import { open } from './judge';
import { expect, test } from './seeded';

const DATA = new URL('../../crates/core/observe/tests/data/', import.meta.url);

/** A field of a protobuf message: a text, a message, or a number below 128. */
function field(number: number, value: string | number | number[]): number[] {
  if (typeof value === 'number') return [number << 3, value];
  const bytes = [...Buffer.from(value)];
  return [(number << 3) | 2, bytes.length, ...bytes];
}

/** In each of these `main` calls `load`, which takes most of the time. */
const PPROF = Buffer.from([
  ...field(1, [...field(1, 1), ...field(2, 2)]),
  ...field(2, [...field(1, [2, 1]), ...field(2, [100])]),
  ...field(2, [...field(1, [1]), ...field(2, [20])]),
  ...[1, 2].flatMap((id) =>
    field(4, [...field(1, id), ...field(4, [...field(1, id), ...field(2, 7)])]),
  ),
  ...field(5, [...field(1, 1), ...field(2, 3), ...field(4, 5)]),
  ...field(5, [...field(1, 2), ...field(2, 4), ...field(4, 5)]),
  ...['', 'cpu', 'nanoseconds', 'main', 'load', 'shop.go'].flatMap((text) => field(6, text)),
]);

const SPEEDSCOPE = {
  $schema: 'https://www.speedscope.app/file-format-schema.json',
  shared: { frames: [{ name: 'main', file: 'shop.py', line: 4 }, { name: 'load' }] },
  profiles: [
    {
      type: 'sampled',
      name: 'worker',
      unit: 'milliseconds',
      startValue: 0,
      endValue: 120,
      samples: [[0, 1], [0]],
      weights: [100, 20],
    },
  ],
};

const node = (id: number, functionName: string, children: number[]) => ({
  id,
  callFrame: { functionName, scriptId: '9', url: 'file:///srv/shop.js', lineNumber: 4 },
  hitCount: 1,
  children,
});

const V8 = {
  nodes: [node(1, '(root)', [2]), node(2, 'main', [3]), node(3, 'load', [])],
  startTime: 1000,
  endTime: 11_000,
  samples: [2, 3],
  timeDeltas: [0, 2000],
};

const EVENTS = [
  { name: 'main', ph: 'X', ts: 0, dur: 9000, pid: 7, tid: 1 },
  { name: 'load', ph: 'X', ts: 1000, dur: 7000, pid: 7, tid: 1 },
];

const PERF = [
  'shop 4711/4712 [001] 12.345678:     250000 cpu-clock:pppH: ',
  '\t7f3a51c2 load+0x1f (/usr/bin/shop)',
  '\t7f3a51c0 main+0x20 (/usr/bin/shop)',
  '',
  '',
].join('\n');

const PROFILES: [format: string, name: string, contents: string | object][] = [
  ['pprof', 'cpu.pb.gz', gzipSync(PPROF)],
  ['speedscope JSON', 'shop.speedscope.json', SPEEDSCOPE],
  ['V8 CPU profile', 'shop.cpuprofile', V8],
  ['Chrome trace events', 'trace.json', EVENTS],
  ['perf script', 'perf.txt', PERF],
  ['collapsed stacks', 'stacks.txt', 'main;load 100\nmain 20\n'],
];

async function choose(page: Page, name: string, contents: string | object) {
  const buffer = Buffer.isBuffer(contents)
    ? contents
    : Buffer.from(typeof contents === 'string' ? contents : JSON.stringify(contents));
  await page
    .locator('input[type=file]')
    .first()
    .setInputFiles({ name, mimeType: 'application/octet-stream', buffer });
}

for (const [format, name, contents] of PROFILES) {
  test(`a profile is opened: ${format}`, async ({ page }) => {
    await open(page, '/profile');
    await choose(page, name, contents);
    await expect(page.getByText(`${format}, not kept`)).toBeVisible();
    const rows = page.locator('table.functions tbody tr');
    await expect(rows.filter({ hasText: 'load' })).toHaveCount(1);
    await expect(rows.filter({ hasText: 'main' })).toHaveCount(1);
    await page.getByRole('tab', { name: 'Call tree' }).click();
    const tree = page.locator('table.call-tree tbody tr');
    await expect(tree.filter({ hasText: 'load' })).toHaveCount(1);
  });
}

test('what is no profile says what is read', async ({ page }) => {
  await open(page, '/profile');
  await choose(page, 'page.html', '<html><body>no profile</body></html>');
  await expect(page.getByRole('alert')).toContainText('speedscope');
  await choose(page, 'stacks.txt', 'main;load 100\n');
  await expect(page.locator('table.functions')).toContainText('load');
});

for (const [format, file, says] of [
  ['Jaeger JSON', 'jaeger.json', '/api/orders/'],
  ['Zipkin v2 JSON', 'zipkin.json', 'frontend'],
] as const) {
  test(`a trace is opened: ${format}`, async ({ page }) => {
    await open(page, '/traces/file');
    await page
      .locator('input[type=file]')
      .first()
      .setInputFiles(fileURLToPath(new URL(file, DATA)));
    await expect(page.getByText(`${format}, not kept.`)).toBeVisible();
    await expect(page.locator('main')).toContainText(says);
    await expect(page.getByRole('treegrid').getByRole('row').first()).toBeVisible();
    await page.getByRole('tab', { name: 'Flame graph' }).click();
    await expect(page.locator('.flame canvas')).toBeVisible();
  });
}
