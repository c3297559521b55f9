import { expect, test } from 'vitest';

import type { LoadPoint } from '../api/types';
import { events, layers } from './waits';

const wait = (wait_type: string, wait_event: string, sessions: number) => ({
  wait_type,
  wait_event,
  sessions,
});

const POINTS: LoadPoint[] = [
  { from_unix_ms: 0, waits: [wait('CPU', '', 2), wait('Lock', 'tuple', 1)] },
  { from_unix_ms: 1, waits: [wait('CPU', '', 1), wait('Extension', 'Extension', 3)] },
];

test('each kind of wait is a layer, unknown ones together', () => {
  expect(layers(POINTS)).toEqual([
    { type: 'CPU', name: 'CPU', values: [2, 1], mean: 1.5 },
    { type: 'Lock', name: 'locks', values: [1, 0], mean: 0.5 },
    { type: 'other', name: 'everything else', values: [0, 3], mean: 1.5 },
  ]);
});

test('wait events come largest first', () => {
  expect(events(POINTS).map((one) => `${one.type} ${one.event} ${one.mean}`)).toEqual([
    'CPU  1.5',
    'Extension Extension 1.5',
    'Lock tuple 0.5',
  ]);
});

test('nothing observed gives nothing', () => {
  expect(layers([])).toEqual([]);
  expect(events([])).toEqual([]);
});
