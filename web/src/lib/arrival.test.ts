import { expect, test } from 'vitest';

import { title } from './arrival';

test('tabs are told apart by what their page is about', () => {
  expect(title('GET /orders/', 'Endpoints')).toBe('GET /orders/ · Endpoints · taut');
  expect(title('  60 customers\n are fetched ', 'Findings')).toBe(
    '60 customers are fetched · Findings · taut',
  );
  expect(title('Status', 'Status')).toBe('Status · taut');
  expect(title('', 'Traces')).toBe('Traces · taut');
  expect(title('There is no such page', undefined)).toBe('There is no such page · taut');
  expect(title('x'.repeat(200), undefined)).toBe(`${'x'.repeat(100)}… · taut`);
});
