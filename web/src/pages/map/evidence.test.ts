import { expect, test } from 'vitest';

import type { MapNode } from '../../api/types';
import { callFilter } from './evidence';

test('a call of the map leads to the spans that it is made of', () => {
  const of = (kind: MapNode['kind'], name: string) =>
    callFilter({ kind: 'service', name: 'shop' }, { kind, name });
  expect(of('service', 'mail "x"')).toBe(
    'service.name = "mail \\"x\\"" and kind in (server, consumer)',
  );
  expect(of('database', 'postgresql catalog')).toBe(
    'service.name = "shop" and (db.namespace = "catalog" or db.name = "catalog")',
  );
  expect(of('cache', 'redis')).toBe(
    'service.name = "shop" and (db.system.name = "redis" or db.system = "redis")',
  );
  expect(of('queue', 'kafka orders')).toContain('messaging.destination.name = "orders"');
  expect(of('remote', 'pay.example.com')).toContain('http.url contains "pay.example.com"');
});
