import { expect, test } from 'vitest';

import { plain, sections, why } from './doc';

const DOC = `# n-plus-one

## What it notices

One thing.

## Why it hurts

Each *statement* costs
a round trip, see [this](https://example.com).

More.

## What to do

\`\`\`python
# no heading
\`\`\`
`;

test('a page is read by its headings, and code is none', () => {
  expect(sections(DOC).map((part) => part.title)).toEqual([
    'n-plus-one',
    'What it notices',
    'Why it hurts',
    'What to do',
  ]);
});

test('why it hurts is its first paragraph without marks', () => {
  expect(why(DOC)).toBe('Each statement costs a round trip, see this.');
  expect(why('')).toBe('');
});

test('marks within words are left alone', () => {
  expect(plain('`shop_order_item` and select_related')).toBe('shop_order_item and select_related');
});
