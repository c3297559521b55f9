/** Commands that prove a remedy, of names that anybody may have sent. */
import { expect, test } from 'vitest';

import type { Finding } from '../api/types';
import { proofsOf, shell } from './proofs';

function finding(proofs: string[], more: Partial<Finding> = {}): Finding {
  return {
    id: '3f2a000000000000',
    service: 'shop',
    operation: 'GET /api/orders/',
    advice: [{ proofs }],
    impact: { user_hours_per_day: 1, database_hours_per_day: 0 },
    ...more,
  } as unknown as Finding;
}

test('a way of proving has its command, and each command stands there once', () => {
  const command =
    "taut prove 25h..24h 1h.. --service=shop --operation='GET /api/orders/' --record 3f2a000000000000";
  const ways = proofsOf(finding(['query-count', 'before-after', 'critical-path', 'query-count']));
  expect(ways.map((way) => way.command)).toEqual([command, undefined, undefined]);
  expect(ways.every((way) => way.words.endsWith('.'))).toBe(true);
  expect(proofsOf(finding(['of-tomorrow']))).toEqual([{ words: 'of-tomorrow' }]);
});

test('what only the database works in vain is proven by its counters', () => {
  const impact = { user_hours_per_day: 0, database_hours_per_day: 2 } as Finding['impact'];
  const ways = proofsOf(finding(['before-after', 'rehearsal'], { impact }));
  expect(ways.map((way) => way.command)).toEqual([
    'taut fix 3f2a000000000000 --postgres URL --check --for 10m',
    'taut fix 3f2a000000000000 --postgres URL --rehearse --clone here',
  ]);
});

test('what somebody sent as a name stays one word', () => {
  expect(shell('shop')).toBe('shop');
  expect(shell('')).toBe("''");
  expect(shell("it's; rm -rf $HOME `x`")).toBe("'it'\\''s; rm -rf $HOME `x`'");
  for (const text of ['a\nb', '\u001b[201~', 'a\u0000', 'a\u202eb'])
    expect(shell(text)).toBeUndefined();
  const harm = finding(['before-after'], { operation: 'GET /\n; reboot' });
  expect(proofsOf(harm)[0]).not.toHaveProperty('command');
});
