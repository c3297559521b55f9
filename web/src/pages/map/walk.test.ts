import { expect, test } from 'vitest';

import { walked } from './walk';

test('arrows lead to the nearest node beside, above and below', () => {
  const at = [
    [0, 1],
    [1, 0],
    [1, 1.2],
    [1, 2],
    [2, 5],
  ] as const;
  const layout = { nodes: at.map(([layer, row]) => ({ layer, row })), layers: 3, rows: 6 };
  expect(walked(layout, 0, 'ArrowRight')).toBe(2);
  expect(walked(layout, 2, 'ArrowUp')).toBe(1);
  expect(walked(layout, 2, 'ArrowDown')).toBe(3);
  expect(walked(layout, 3, 'ArrowLeft')).toBe(0);
  expect(walked(layout, 3, 'ArrowRight')).toBe(4);
  expect(walked(layout, 1, 'ArrowUp')).toBeUndefined();
  expect(walked(layout, 4, 'ArrowRight')).toBeUndefined();
  expect(walked(layout, 0, 'Enter')).toBeUndefined();
});
