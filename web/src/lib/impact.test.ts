import { expect, test } from 'vitest';

import type { Finding, Level } from '../api/types';
import { databaseOf, ofDatabase, risky, wasted, wastedText } from './impact';

const finding = (users: number, database: number, level: Level = 'low') =>
  ({ level, impact: { user_hours_per_day: users, database_hours_per_day: database } }) as Finding;

test('a finding costs what its users wait, or what its database works where nobody waits', () => {
  expect([wasted(finding(2, 9)), ofDatabase(finding(2, 9))]).toEqual([2, false]);
  expect([wasted(finding(0, 37.6)), ofDatabase(finding(0, 37.6))]).toEqual([37.6, true]);
  expect([wasted(finding(0, 0)), ofDatabase(finding(0, 0))]).toEqual([0, false]);
});

test('what it costs is told in words, and whose time it is', () => {
  expect(wastedText(finding(2, 9))).toBe('2 hours of the users a day');
  expect(wastedText(finding(0, 26.3, 'high'))).toBe('26.3 hours of the database a day');
  expect(wastedText(finding(0, 0, 'critical'))).toBe('a risk, no hours');
  expect(wastedText(finding(0, 0))).toBe('no hours');
});

test('what costs no hours and has a level all the same is a risk', () => {
  expect([
    risky(finding(0, 0, 'medium')),
    risky(finding(0, 0)),
    risky(finding(0, 1, 'high')),
  ]).toEqual([true, false, false]);
});

test('a finding of a database is told from one of traces that the database knows more of', () => {
  const at = (service: string, database?: string) =>
    databaseOf({
      service,
      evidence: database === undefined ? {} : { database: { database } },
    } as Finding);
  expect(at('postgresql/shop', 'shop')).toBe('shop');
  expect(at('web', 'shop')).toBeUndefined();
  expect(at('web')).toBeUndefined();
});
