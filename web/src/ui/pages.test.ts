import { expect, test } from 'vitest';

import { firstQuestion, isTimed, PAGES } from './pages';

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

test('what pages begin with is of the stretch of time that is chosen, where they look at one', () => {
  const range = { last: '6h', from: undefined, to: undefined };
  const first = (path: string) =>
    PAGES.filter((page) => page.path === path).map((page) => firstQuestion(page, range))[0];
  expect(first('/endpoints')).toBe('/api/v1/operations?last=6h');
  expect(first('/findings')).toBe('/api/v1/findings');
  expect(first('/explore')).toBeUndefined();
});
