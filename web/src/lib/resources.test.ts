/** Series put together by resource. */
import { expect, it } from 'vitest';

import type { ResourceLevel, ResourceSeries } from '../api/types';
import { byInstance, evidence, latest, meant, peak, tightest } from './resources';

function series(resource: string, instance: string, values: (number | null)[]): ResourceSeries {
  return {
    resource,
    of: 'host',
    instance,
    aspect: 'utilisation',
    metric: 'm',
    words: 'in use',
    unit: 'share',
    values,
  };
}

it('puts series of the same resource together, in their order', () => {
  const all = [
    series('cpu', 'a', [0.1]),
    series('cpu', 'b', [0.9]),
    series('memory', 'a', [0.5]),
    { ...series('cpu', 'a', [3]), aspect: 'saturation' as const },
  ];
  const put = byInstance(all).map((one) => [one.resource, one.instance, one.series.length]);
  expect(put).toEqual([
    ['cpu', 'a', 2],
    ['cpu', 'b', 1],
    ['memory', 'a', 1],
  ]);
});

it('takes the last number that came, and the fullest by the most of the window', () => {
  expect(latest(series('cpu', 'a', [0.2, 0.4, null]))).toBe(0.4);
  expect(latest(series('cpu', 'a', [null]))).toBeUndefined();
  const full = tightest([series('cpu', 'a', [0.9, 0.2]), series('cpu', 'b', [0.1, 0.6])]);
  expect(full?.instance).toBe('a');
  expect(peak(series('cpu', 'a', [0.2, 0.9, null, 0.9, 0.1]))).toEqual({ value: 0.9, step: 1 });
  expect(peak(series('cpu', 'a', [null]))).toBeUndefined();
  expect(tightest([series('cpu', 'a', [null])])).toBeUndefined();
  expect(tightest([])).toBeUndefined();
});

it('leads to the row that a figure is from, among those of its service unless it is shared', () => {
  const level: ResourceLevel = {
    resource: 'connections',
    of: 'pool',
    instance: 'shop orders',
    metric: 'db.client.connection.count',
    words: 'connections in use',
    unit: 'share',
    value: 0.95,
  };
  expect(evidence(level, 'shop')).toEqual({
    service: 'shop',
    metric: 'db.client.connection.count',
    instance: 'shop orders',
  });
  const host = { ...level, of: 'host', instance: 'web-1', metric: 'system.cpu.time' };
  expect(evidence(host, 'shop')).toEqual({ metric: 'system.cpu.time', instance: 'web-1' });
  expect(evidence(level)).not.toHaveProperty('service');
});

it('opens the row of a link though it tells apart what the link does not, or the other way round', () => {
  const opened = (names: [string, (number | null)[]][], link: string, metric = 'm') =>
    meant(byInstance(names.map(([name, values]) => series('cpu', name, values))), link, metric)
      ?.instance;
  const ended: [string, (number | null)[]] = ['web-0 (stage)', [0.9, 0.9, null]];
  const runs: [string, (number | null)[]] = ['web-0 (prod)', [null, 0.1, 0.2]];
  expect(opened([ended, runs], 'web-0')).toBe('web-0 (prod)');
  expect(opened([runs, ended], 'web-0')).toBe('web-0 (prod)');
  expect(opened([runs, ended], 'web-0 (stage)')).toBe('web-0 (stage)');
  expect(opened([runs, ['web-0', [0.1]]], 'web-0')).toBe('web-0');
  expect(opened([['web-0', [0.1]]], 'web-0 (prod)')).toBe('web-0');
  expect(opened([ended], 'web-0 (prod)')).toBeUndefined();
  expect(opened([ended], 'web')).toBeUndefined();
  expect(opened([ended], 'web-0', 'other')).toBeUndefined();
  expect(opened([ended], '', '')).toBeUndefined();
});
