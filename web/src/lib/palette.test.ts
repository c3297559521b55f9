import { expect, test } from 'vitest';

import { offered, OFFERED_MAX, traceId, type Command } from './palette';

const command = (name: string, kind = 'endpoint', detail = ''): Command => ({
  kind,
  name,
  detail,
  run: () => undefined,
});

test('what begins with the words comes before what holds them', () => {
  const all = ['POST /api/reorder', 'GET /api/orders/', 'orders', 'mail'].map((name) =>
    command(name),
  );
  expect(offered(all, 'ord').map((one) => one.name)).toEqual([
    'orders',
    'GET /api/orders/',
    'POST /api/reorder',
  ]);
});

test('every word has to be somewhere', () => {
  const all = [command('GET /api/orders/', 'endpoint', 'shop'), command('Findings', 'page')];
  expect(offered(all, 'orders SHOP')).toHaveLength(1);
  expect(offered(all, 'orders mail')).toHaveLength(0);
  expect(offered(all, 'page').map((one) => one.name)).toEqual(['Findings']);
  expect(offered(all, '')).toHaveLength(2);
});

test('no more is offered than can be read', () => {
  expect(offered(new Array<Command>(500).fill(command('x')), 'x')).toHaveLength(OFFERED_MAX);
});

test('an id of a trace is told from a word', () => {
  expect(traceId(' 0AF76519-16cd43dd8448eb211c80319c ')).toBe('0af7651916cd43dd8448eb211c80319c');
  expect(traceId('deadbeef')).toBeUndefined();
  expect(traceId('orders')).toBeUndefined();
});
