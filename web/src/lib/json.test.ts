import { expect, test } from 'vitest';

import { spread } from './json';

test('JSON has a line for each member, and every digit of what was sent', () => {
  const sent =
    '{"id":12345678901234567890,"of":[1.50,"a, {b}: \\"c\\""],"none":{},"empty":[],"is":null}';
  expect(spread(sent)).toBe(
    [
      '{',
      '  "id": 12345678901234567890,',
      '  "of": [',
      '    1.50,',
      '    "a, {b}: \\"c\\""',
      '  ],',
      '  "none": {},',
      '  "empty": [],',
      '  "is": null',
      '}',
    ].join('\n'),
  );
});

test('what is no JSON, or fits on a line, stays as it is', () => {
  const long = 'x'.repeat(80);
  for (const text of ['', '[1,2]', long, `{${long}`, `"${long}"`, `[${long}]`]) {
    expect(spread(text)).toBe(text);
  }
});
