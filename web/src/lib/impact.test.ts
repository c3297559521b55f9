import { expect, test } from 'vitest';

import type { Finding } from '../api/types';
import { ofDatabase, wasted } from './impact';

test('a finding costs what its users wait, or what its database works where nobody waits', () => {
  const finding = (users: number, database: number) =>
    ({ impact: { user_hours_per_day: users, database_hours_per_day: database } }) as Finding;
  expect([wasted(finding(2, 9)), ofDatabase(finding(2, 9))]).toEqual([2, false]);
  expect([wasted(finding(0, 37.6)), ofDatabase(finding(0, 37.6))]).toEqual([37.6, true]);
  expect([wasted(finding(0, 0)), ofDatabase(finding(0, 0))]).toEqual([0, false]);
});
