/** The board report as Markdown, and its figures. */
import { expect, test } from 'vitest';

import type { Board, LedgerEntry, LedgerRemedy } from '../api/types';
import { boardClaim, boardMarkdown, measuredText, sureText, toldOf, totals } from './board';

const DAY = 86_400_000;

const figure = (value: number, low?: number, high?: number) => ({
  value,
  requests: 900,
  ...(low === undefined ? {} : { low }),
  ...(high === undefined ? {} : { high }),
});

const BOARD: Board = {
  before: { from_unix_ms: 0, to_unix_ms: 2 * DAY },
  after: { from_unix_ms: 2 * DAY, to_unix_ms: 3 * DAY },
  spent_before: {
    requests: 2000,
    failed: 0,
    statements: 768_000,
    users_micros: 2 * 3.6e9,
    database_micros: 3.6e9,
  },
  spent_after: {
    requests: 1000,
    failed: 5,
    statements: 3000,
    users_micros: 0.36e9,
    database_micros: 0.1e9,
  },
  rows: [
    {
      service: 'shop',
      operation: 'GET /api/orders/',
      name: 'p95',
      unit: 'micros',
      before: figure(1.2e6, 1.1e6, 1.3e6),
      after: figure(95_000, 90_000, 99_000),
      sure: true,
    },
    {
      service: 'shop',
      operation: 'GET /api/orders/',
      name: 'queries per request',
      unit: 'count',
      before: figure(384),
      after: figure(3),
    },
  ],
  open: { user_hours_per_day: 2, database_hours_per_day: 1, money_per_month: 412, currency: 'GBP' },
  cut: false,
  remedies: { proven: 1, applied: 0, reverted: 1, failed: 1 },
};

const entry = (of: Partial<LedgerEntry>): LedgerEntry => ({
  kind: 'note',
  number: 1,
  unix_ms: DAY,
  title: '',
  text: '',
  by: '',
  about: '',
  ...of,
});

const remedy = (state: string, title: string, more: Partial<LedgerRemedy> = {}) => {
  const plain = { by_hand: true, fault: '', place: '', apply: [], history: [], reason: '' };
  const finding = '00000000000000ff';
  return entry({ kind: 'remedy', title, finding, remedy: { state, ...plain, ...more } });
};

const BY_REQUESTS = {
  unix_ms: DAY,
  claim: 'better: p95 changed by −92 %',
  before: 900,
  after: 950,
};
const TOLD = toldOf([
  // What was compared later and came to nothing is no proof.
  entry({
    kind: 'proof',
    title: 'p95 is the same',
    finding: '00000000000000ff',
    proof: { verdict: 'no difference', before: 9, after: 9, rows: [], notes: [] },
  }),
  remedy('proven', 'orders load their customers at once', { measured: BY_REQUESTS }),
  remedy('failed', 'an index', { reason: 'could not be applied: no room' }),
  remedy('reverted', 'a cache | for <prices>', { reason: 'memory doubled' }),
  entry({ kind: 'decision', title: '# No cache', text: 'They\n\n\nchange.', by: 'Ada' }),
]);

test('what was reached is one sentence', () => {
  expect(boardClaim(BOARD)).toBe(
    'p95 fell at 1 operation and rose at 0, each beyond chance; 1 remedy proven, 0 applied and not proven yet, 1 taken back, 1 failed.',
  );
});

test('totals are by the day, however long the windows are', () => {
  expect(totals(BOARD).map((one) => [one.name, one.before, one.after, one.change])).toEqual([
    ['requests a day', '1,000', '1,000', '0 %'],
    ['users wait', '1.00 h/d', '6 min/d', '−90 %'],
    ['databases work', '30 min/d', '1.7 min/d', '−94 %'],
    ['a request takes', '3.60 s', '360 ms', '−90 %'],
    ['queries per request', '384', '3', '−99 %'],
    ['failed', '0 %', '0.5 %', '–'],
  ]);
});

test('what proved a remedy stands beside it, by requests or by counters', () => {
  expect(TOLD.proven.map(measuredText)).toEqual([
    'better: p95 changed by −92 %; 900 requests before, 950 after (1970-01-02)',
  ]);
  const measured = { unix_ms: DAY, claim: 'a call takes 92 % less' };
  const byCounters = remedy('proven', 'an index', { measured });
  expect(measuredText(byCounters)).toBe('a call takes 92 % less (1970-01-02)');
  expect(measuredText(remedy('applied', 'an index'))).toBeUndefined();
});

test('money is told where prices are set, and what it means', () => {
  const priced = { ...BOARD, money: { before: 4800, after: 1200 } };
  const paid = totals(priced).at(-1);
  expect(paid).toEqual({
    name: 'as many requests as before cost',
    before: 'GBP 4,800 a month',
    after: 'GBP 1,200 a month',
    change: '−75 %',
  });
  expect(boardMarkdown('x', priced, TOLD)).toContain('nothing is saved until something smaller');
  expect(boardMarkdown('x', BOARD, TOLD)).not.toContain('requests as before cost');
});

test('what others wrote is no Markdown', () => {
  const text = boardMarkdown('What was made faster', BOARD, TOLD);
  expect(text).toContain('# What was made faster\n\np95 fell at');
  expect(text).toContain('| GET /api/orders/ | p95 | 1.20 s (1.10 s to 1.30 s, n = 900) | 95.0 ms');
  expect(text).toContain('about GBP 412 a month');
  expect(text).toContain('- a cache \\| for &lt;prices\\> (by hand): memory doubled');
  expect(text).toContain('- an index (by hand): could not be applied: no room');
  expect(text).not.toContain('no difference');
  expect(text).toContain('### \\# No cache\n\n1970-01-02, Ada\n\nThey\n\nchange.');
  expect(text).toContain('at once (by hand). better: p95 changed by −92 %; 900 requests before');
});

test('a change without intervals is not called sure', () => {
  expect(BOARD.rows.map(sureText)).toEqual(['sure', '']);
});
