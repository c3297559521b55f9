import { describe, expect, test } from 'vitest';

import {
  comparedWindow,
  comparedWith,
  local,
  moment,
  rangeAround,
  rangeOf,
  rangeParams,
  rangeSeconds,
  steady,
  stepText,
  zoneOf,
} from './time';

test('lengths are told in the unit that people would take', () => {
  const told = [10, 60, 90, 900, 3600, 5400, 10_800, 86_400, 7 * 86_400].map(stepText);
  expect(told).toEqual(
    ['10 s', '1 min', '90 s', '15 min', '1 h', '90 min', '3 h', '24 h', '7 days'], // prettier-ignore
  );
});

const query = (text: string) => new URLSearchParams(text);

describe('a stretch of time', () => {
  test('is read from the address, and an hour without one', () => {
    expect(rangeOf(query('')).last).toBe('1h');
    expect(rangeOf(query('last=7d')).last).toBe('7d');
    expect(rangeOf(query('from=1000&to=61000'))).toEqual({
      last: undefined,
      from: '1000',
      to: '61000',
    });
    // One that ends before it begins is none.
    expect(rangeOf(query('from=2&to=1')).last).toBe('1h');
    expect(rangeOf(query('from=x&to=1')).last).toBe('1h');
  });

  test('has a length, and goes back into the address', () => {
    expect(rangeSeconds(rangeOf(query('last=15m')))).toBe(900);
    expect(rangeSeconds(rangeOf(query('from=1000&to=61000')))).toBe(60);
    expect(rangeParams({ last: '1h' })).toEqual({ last: '', from: '', to: '' });
    expect(rangeParams({ from: '1', to: '2' })).toEqual({ last: '', from: '1', to: '2' });
  });

  test('that the API compared with another one is compared with the same by address', () => {
    const hour = 3600e3;
    const window = (from: number, to: number) => ({
      from_unix_ms: from * hour,
      to_unix_ms: to * hour,
    });
    expect(comparedWindow(window(100, 101), window(76, 77))).toBe('day');
    expect(comparedWindow(window(1000, 1168), window(832, 1000))).toBe('previous');
    expect(comparedWindow(window(100, 101), window(50, 51))).toBe(`${50 * hour}-${51 * hour}`);
  });

  test('is compared with the one before, the day before, or any other', () => {
    const hour = rangeOf(query('from=7200000&to=10800000'));
    expect(comparedWith(hour, 'previous')).toEqual({
      last: undefined,
      from: '3600000',
      to: '7200000',
    });
    expect(comparedWith(hour, '5-9')).toEqual({ last: undefined, from: '5', to: '9' });
    expect(comparedWith(hour, '9-5')).toBeUndefined();
    expect(comparedWith(hour, '')).toBeUndefined();
    expect(comparedWith(rangeOf(query('last=1h')), 'day', 90_000_000)?.to).toBe('3600000');
  });
});

test('a moment outside of the stretch is looked at with the hour around it', () => {
  const hour = rangeOf(query(''));
  expect(rangeAround(hour, 7_000_000, 7_200_000)).toEqual({});
  expect(rangeAround(hour, 2_000_000.5, 7_200_000)).toEqual({ from: '200000', to: '3800000' });
});

test('a window that moves on is asked about again after a tenth of it', () => {
  const at = (from: number) => ({ from_unix_ms: from, to_unix_ms: from + 1000 });
  const first = at(0);
  expect(steady(at(99), first)).toBe(first);
  expect(steady(at(100), first)).toEqual(at(100));
  expect(steady({ from_unix_ms: 0, to_unix_ms: 9000 }, first).to_unix_ms).toBe(9000);
});

describe('a zone', () => {
  const summer = Date.UTC(2026, 6, 1, 12, 30);

  test('tells a moment and reads it again', () => {
    expect(local(summer, 'UTC')).toBe('2026-07-01T12:30');
    expect(local(summer, 'Asia/Kathmandu')).toBe('2026-07-01T18:15');
    for (const zone of ['UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'America/New_York']) {
      expect(moment(local(summer, zone), zone)).toBe(summer);
    }
    expect(moment('no time', 'UTC')).toBeUndefined();
  });

  test('reads times on both sides of the change of clocks', () => {
    for (const at of [Date.UTC(2026, 2, 29, 0, 30), Date.UTC(2026, 2, 29, 1, 30)]) {
      expect(moment(local(at, 'Europe/Berlin'), 'Europe/Berlin')).toBe(at);
    }
  });

  test('that is not known is the own one', () => {
    expect(zoneOf('UTC')).toBe('UTC');
    expect(zoneOf('Mars/Olympus')).toBeUndefined();
    expect(zoneOf(null)).toBeUndefined();
  });
});
