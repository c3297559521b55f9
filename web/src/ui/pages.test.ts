import { expect, test } from 'vitest';

import { isTimed } from './pages';

test.each([
  ['/', true],
  ['/endpoint?service=shop&operation=a', true],
  ['/traces', true],
  ['/traces/', true],
  ['/traces/7a0701a2', false],
  ['/traces/file', false],
  ['/findings', false],
  ['/findings/f1', false],
  ['/database', false],
  ['/database/orders', true],
  ['/runs', false],
  ['/runs?compare=previous', true],
  ['/compare?service=shop&operation=a&compare=day', true],
  ['/compare?before_trace=1&after_trace=2', false],
  ['/status', false],
  ['/board', true],
])('whether %s looks at a stretch of time: %s', (address, timed) => {
  const { pathname, searchParams } = new URL(address, 'http://taut');
  expect(isTimed(pathname, searchParams)).toBe(timed);
});
