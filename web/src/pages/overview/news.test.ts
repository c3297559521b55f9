import { expect, test } from 'vitest';

import type { Finding } from '../../api/types';
import { news } from './news';

test('a new finding that is listed above is counted, and not told again', () => {
  const findings = [10, 30, 20, 40].map(
    (seen, place) => ({ id: `${place}`, first_seen_unix_ms: seen }) as Finding,
  );
  const told = news(findings, 20, 2);
  expect(told.above).toBe(1);
  expect(told.others.map((one) => one.id)).toEqual(['2', '3']);
  expect(news([], 20, 2)).toEqual({ above: 0, others: [] });
});
