import { describe, expect, test } from 'vitest';

import {
  ago,
  bytes,
  daysText,
  digits,
  durationText,
  full,
  hoursPerDay,
  percent,
  rate,
  sentence,
  stretch,
  tellIn,
  tickText,
} from './format';

const text = ({ value, unit }: { value: string; unit: string }) => `${value} ${unit}`.trim();

describe('figures', () => {
  test.each([
    [0, '0 ms'],
    [0.25, '250 ns'],
    [12.34, '12.3 µs'],
    [999.4, '999 µs'],
    [999.6, '1.00 ms'],
    [1180, '1.18 ms'],
    [99_960, '100 ms'],
    [1_180_000, '1.18 s'],
    [999_499, '999 ms'],
    [180e6, '3.00 min'],
    [9000e6, '2.50 h'],
    [Number.NaN, '–'],
  ])('%f microseconds are %s', (micros, expected) => {
    expect(durationText(micros)).toBe(expected);
  });

  test('three digits are significant, whatever the size', () => {
    expect([0.001234, 1.2, 13.94, 384, 12_345].map((value) => digits(value))).toEqual([
      '0.00123',
      '1.2',
      '13.9',
      '384',
      '12,345',
    ]);
  });

  test.each([
    [3, 0.005],
    [2, 0.05],
  ])('%i digits are never further off than their last one', (significant, off) => {
    const wrong: string[] = [];
    for (let value = 1e-9; value < 1e7; value *= 1.0004) {
      const told = digits(value, significant);
      const read = Number(told.replaceAll(',', ''));
      if (!(Math.abs(read / value - 1) <= off)) wrong.push(`${value} is told as ${told}`);
    }
    expect(wrong).toEqual([]);
  });

  test('what is nearly a power of ten is told as that', () => {
    const near = [99.96, 99.97, 9.996, 0.9996, -99.97].map((value) => digits(value));
    expect(near).toEqual(['100', '100', '10', '1', '-100']);
    expect([9.96, 99.6].map((value) => digits(value, 2))).toEqual(['10', '100']);
    expect([1e-7, 1e-300].map((value) => digits(value))).toEqual(['0.0000001', '0']);
    expect(text(rate(99.97))).toBe('100 /s');
    expect(text(bytes(99_960_000))).toBe('100 MB');
    expect(text(hoursPerDay(9.97 / 60))).toBe('10 min/d');
  });

  test('time a day is told in the unit that fits', () => {
    expect([13.94, 1, 0.43, 0.001].map((hours) => text(hoursPerDay(hours)))).toEqual([
      '13.9 h/d',
      '1.00 h/d',
      '26 min/d',
      '3.6 s/d',
    ]);
  });

  test('small shares are not rounded away', () => {
    expect([0, 0.0004, 0.094, 0.28, 1].map((share) => text(percent(share)))).toEqual([
      '0 %',
      '< 0.1 %',
      '9.4 %',
      '28 %',
      '100 %',
    ]);
  });

  test('rates and sizes carry their units', () => {
    expect([12.34, 0.5].map((value) => text(rate(value)))).toEqual(['12.3 /s', '30 /min']);
    expect([999, 18_978_278].map((value) => text(bytes(value)))).toEqual(['999 B', '19 MB']);
  });

  test('what was just now is not counted', () => {
    const now = 1_700_000_000_000;
    expect([1, 68, 600, 7200, 3 * 86_400].map((seconds) => ago(now - seconds * 1000, now))).toEqual(
      ['just now', '68 s ago', '10 min ago', '2 h ago', '3 days ago'],
    );
  });

  test('axes do without the zeros that columns keep', () => {
    const micros = [0, 20_000, 100_000, 1_000_000, 1_500_000];
    expect(micros.map(tickText)).toEqual(['0', '20 ms', '100 ms', '1 s', '1.5 s']);
  });

  test('work is told in days as they are said', () => {
    expect([0.25, 0.5, 1, 1.5].map(daysText)).toEqual([
      'a quarter of a day',
      'half a day',
      'a day',
      '1.5 days',
    ]);
  });
});

test('a moment is told in the zone that is chosen, with how far that is from UTC', () => {
  const summer = Date.UTC(2026, 6, 1, 19, 31, 16, 506);
  const winter = Date.UTC(2026, 11, 31, 23, 30);
  const both = (zone: string) => {
    tellIn(zone);
    return [summer + 0.7, winter].map(full);
  };
  expect(both('UTC')).toEqual(['2026-07-01 19:31:16.506 UTC', '2026-12-31 23:30:00 UTC']);
  expect(both('Europe/Berlin')).toEqual([
    '2026-07-01 21:31:16.506 UTC+2',
    '2027-01-01 00:30:00 UTC+1',
  ]);
  expect(both('Asia/Kathmandu')[1]).toBe('2027-01-01 05:15:00 UTC+5:45');
  expect(both('America/New_York')[1]).toBe('2026-12-31 18:30:00 UTC-5');
  tellIn(undefined);
});

test('a claim becomes a sentence once', () => {
  expect(sentence('orders is read whole')).toBe('Orders is read whole.');
  expect(sentence('Done.')).toBe('Done.');
});

test('both ends of a stretch are told alike, with their days unless all of it is of today', () => {
  tellIn('UTC');
  const [now, hour] = [Date.UTC(2026, 10, 23, 15, 20, 5), 3_600_000];
  expect(stretch(now - hour, now, '–', now)).toBe('14:20:05 – 15:20:05');
  expect(stretch(now - 24 * hour, now, 'to', now)).toBe('22 Nov, 15:20 to 23 Nov, 15:20');
  tellIn(undefined);
});
