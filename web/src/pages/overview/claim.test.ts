import { expect, test } from 'vitest';

import type { Objective, ServiceSigns } from '../../api/types';
import { claim } from './claim';

function services(...objectives: Objective[]): ServiceSigns[] {
  return objectives.map(
    (objective, place) => ({ service: `s${place}`, objective }) as ServiceSigns,
  );
}

test('a service that fails, is slow or silent is told; only otherwise all meet the objective', () => {
  expect(claim(services('met', 'met'), 0)).toBe('All services meet the objective.');
  expect(claim(services('met'), 5)).toBe('The service meets the objective, and still waste time.');
  expect(claim(services('met', 'failing'), 0)).toBe('s1 misses its objective.');
  expect(claim(services('slow', 'failing', 'slow'), 0)).toBe(
    's0 and 2 others miss their objective.',
  );
  expect(claim(services('slow', 'silent'), 0)).toBe(
    's1 gets no requests any more; s0 misses its objective.',
  );
});
