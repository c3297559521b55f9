import { expect, test } from 'vitest';

import type { Objective, ServiceSigns, Targets } from '../../api/types';
import { reason, reasons } from './objective';

const targets: Targets = { p95_micros: 200_000, p99_micros: 500_000, error_share: 0.01 };

function signs(objective: Objective, p95: number, p99: number, within: number, errors = 0) {
  const duration = { p95_micros: p95 * 1000, p99_micros: p99 * 1000 };
  return {
    objective,
    within_target: within,
    now: { duration, error_share: errors },
  } as ServiceSigns;
}

const plain = (text: string) => text.replaceAll('\u2009', ' ');
const told = (one: ServiceSigns) => plain(reason(one, targets));

test('the part of the objective that is missed is the one that is told', () => {
  expect(told(signs('slow', 243, 480, 0.91))).toBe('p95 243 ms > 200 ms');
  expect(told(signs('slow', 150, 793, 0.97))).toBe('p99 793 ms > 500 ms');
  expect(told(signs('slow', 150, 500.3, 0.97))).toBe('p99 just over 500 ms');
  expect(told(signs('failing', 150, 400, 0.99, 0.03))).toBe('3.0 % fail');
  expect(told(signs('met', 150, 400, 0.987))).toBe('99 % within');
});

test('no share is rounded to the bound that it misses or meets', () => {
  const missed = plain(reasons(signs('slow', 202, 400, 0.9496), targets));
  expect(missed).toContain('94.96 % of its requests take no longer than 200 ms; 95 % are meant to');
  expect(plain(reasons(signs('slow', 202, 400, 0.947), targets))).toContain('94.7 % of');
  expect(told(signs('failing', 150, 400, 0.99, 0.0104))).toBe('1.04 % fail');
  expect(told(signs('met', 200, 400, 0.953))).toBe('95.3 % within');
  // A class of durations across the target does not make a share contradict the quantile.
  expect(told(signs('met', 200, 400, 0.946))).toBe('95 % within');
});
