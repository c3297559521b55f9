import { expect, test } from 'vitest';

import type { LedgerEntry, LedgerRun } from '../api/types';
import { readResult } from './checked';
import { isBad, runCounts, runFigures, runKindWords, runVerdict } from './runs';

const ENTRY: LedgerEntry = {
  kind: 'run',
  number: 7,
  unix_ms: 0,
  about: '',
  title: 'http://shop/: 200 a second',
  text: '',
  by: '',
};

function run(
  of: LedgerRun['of'],
  verdict: string,
  figures: [string, number, string][],
): LedgerEntry {
  const told = figures.map(([name, value, unit]) => ({ name, value, unit }));
  return { ...ENTRY, run: { of, verdict, requests: 1, failed: 0, seconds: 1, figures: told } };
}

const PROOF: LedgerEntry = {
  ...ENTRY,
  kind: 'proof',
  proof: {
    verdict: 'worse',
    before: 900,
    after: 950,
    notes: [],
    rows: [
      { name: 'p50', unit: 'ms', before: 1, after: 1, decides: false },
      { name: 'p95', unit: 'ms', before: 95, after: 1200, low: 10, high: 12, decides: true },
    ],
  },
};

test('a run is told by its kind, its verdict and the figures that matter', () => {
  const load = run('load', '', [
    ['p50', 2, 'ms'],
    ['p90', 4, 'ms'],
    ['rate', 200, '/s'],
  ]);
  expect(runKindWords(load)).toBe('load');
  expect([runVerdict(load), isBad(load)]).toEqual(['', false]);
  expect(runFigures(load)).toBe('p50 2 ms, rate 200 /s');
  expect(isBad(run('load', 'missed p95<200ms', []))).toBe(true);
  expect(isBad(run('replay', '1 of 40 answers differ', [['different', 1, '']]))).toBe(true);
  expect(isBad(run('check', 'All of 4 checks hold', [['broken', 0, '']]))).toBe(false);
  expect([runKindWords(PROOF), runVerdict(PROOF), isBad(PROOF)]).toEqual([
    'comparison',
    'worse',
    true,
  ]);
  expect(runFigures(PROOF)).toContain('p95 95 ms → ');
});

test('of each kind there are so many, and kinds of which there are none are left out', () => {
  const kinds = [
    { kind: 'load' as const, count: 2 },
    { kind: 'check' as const, count: 1 },
    { kind: 'limit' as const, count: 0 },
  ];
  expect(runCounts({ runs: [], kinds, total: 3, shared: false })).toBe('2 loads, 1 check');
});

test('what `taut check` writes is read, whatever is missing of it', () => {
  const checks = [{ endpoint: 'GET /', broke: true, code: { file: 'a.py', line: 3 } }, 7, null];
  expect(readResult(JSON.stringify({ holds: false, claim: 'x', checks }))).toMatchObject({
    kind: 'check',
    checks: [
      { endpoint: 'GET /', broke: true, code: 'a.py:3' },
      { broke: false },
      { broke: false },
    ],
  });
  expect(readResult('{"holds": true')).toMatch(/only the beginning/);
  expect(readResult('{"holds": "yes", "checks": []}')).toMatch(/none of/);
  expect(readResult('{"played": 2, "differences": []}')).toMatchObject({ kind: 'replay' });
});
