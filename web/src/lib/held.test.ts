/** What the address holds of a picture, and that whatever else it says is left alone. */
import { describe, expect, it } from 'vitest';

import { placesText, readPlaces, readView, viewText } from './held';

describe('a stretch', () => {
  it('is told and read to a nanosecond', () => {
    const view = { from: 1200, to: 45_000.5 };
    expect(viewText(view)).toBe('1200-45000.5');
    expect(readView(viewText(view), 90_000)).toEqual(view);
    expect(viewText({ from: -1e-9, to: 0.123_456 })).toBe('0-0.123');
  });

  it('ends with the picture, and what is no stretch of it is none', () => {
    expect(readView('10-200', 100)).toEqual({ from: 10, to: 100 });
    for (const text of [
      '',
      '5',
      '5-5',
      '9-5',
      '200-300',
      '-5-10',
      '1e3-2e3',
      '1-2-3',
      'a-b',
      `1-${'9'.repeat(40)}`,
      '<script>',
    ])
      expect(readView(text, 100), text).toBeUndefined();
  });
});

describe('places', () => {
  it('are told short, sorted, and at most a hundred of them', () => {
    expect(placesText(new Set([35, 3, 720]))).toBe('3.z.k0');
    expect(readPlaces('3.z.k0', 1000)).toEqual(new Set([3, 35, 720]));
    const many = Array.from({ length: 5000 }, (_, place) => 90_000 + place);
    expect(placesText(many).length).toBeLessThan(600);
    expect(readPlaces(placesText(many), 100_000).size).toBe(100);
  });

  it('that are none, or of another picture, are left out', () => {
    expect(readPlaces('', 10)).toEqual(new Set());
    expect(readPlaces('3..-1.1.5.zzzzzzzzzz.<b>.a', 10)).toEqual(new Set([1, 3, 5]));
    expect(readPlaces('9'.repeat(1e6), 10)).toEqual(new Set());
  });
});
