/** Answers to cells and CSV, groups to filters. */
import { describe, expect, it } from 'vitest';

import type { TableAnswer } from '../api/types';
import {
  alike,
  csv,
  figureText,
  is,
  joined,
  linkable,
  perStep,
  resourceFigure,
  stepFor,
  within,
} from './question';
import { rangeOf, seconds } from './time';

const answer: TableAnswer = {
  of: 'spans',
  window: { from_unix_ms: 0, to_unix_ms: 3_600_000 },
  group: ['service.name', 'name'],
  columns: [
    { name: 'count', unit: 'none' },
    { name: 'p95(duration)', unit: 'micros' },
  ],
  rows: [
    { key: ['shop', 'GET /a, b'], figures: [3, 1200.5], steps: [] },
    { key: [null, '=cmd("x")'], figures: [1, null], steps: [] },
  ],
  left_out: 0,
  rows_passed: 4,
  cut: false,
  coverage: { rows_read: 9, whole: true, damaged: [] },
};

describe('CSV', () => {
  it('quotes what has to be, and never makes a formula', () => {
    expect(csv(answer)).toBe(
      'service.name,name,count,p95(duration) [µs]\r\n' +
        'shop,"GET /a, b",3,1200.5\r\n' +
        `,"'=cmd(""x"")",1,\r\n`,
    );
  });

  it('has a line for each step', () => {
    const steps = [{ from_unix_ms: 60_000, figures: [2, null] }];
    const row = { key: ['shop', 'a'], figures: [2, null], steps };
    expect(csv({ ...answer, step_seconds: 60, rows: [row] }).split('\r\n')[1]).toBe(
      'shop,a,1970-01-01T00:01:00.000Z,2,',
    );
  });
});

describe('a filter', () => {
  it('quotes fields with signs and fields that are called like a word', () => {
    expect(is('http.route', '/a')).toBe('http.route = "/a"');
    expect(is('a <b>', null)).toBe('not `a <b>` exists');
    expect(is('IN', 'x')).toBe('`IN` = "x"');
    expect(is('a`\\', 'x')).toBe('`a\\`\\\\` = "x"');
  });

  it('is narrowed to a group', () => {
    expect(within('', ['name', 'a b'], ['x "y"', null])).toBe(
      'name = "x \\"y\\"" and not `a b` exists',
    );
    expect(joined('a = 1 or b = 2', 'c = 3')).toBe('(a = 1 or b = 2) and c = 3');
    expect(joined(' ', 'c = 3')).toBe('c = 3');
    expect(joined('c = 3', '')).toBe('c = 3');
  });
});

describe('figures', () => {
  it('have the units that people read', () => {
    expect(figureText(1_200_000, 'micros')).toBe('1.20 s');
    expect(figureText(0.25, 'share')).toBe('25 %');
    expect(figureText(null, 'none')).toBe('–');
    expect(resourceFigure(2e9, 'bytes-per-second')).toEqual({ value: '2', unit: 'GB/s' });
  });

  it('have steps that a chart can show', () => {
    expect(seconds('24h')).toBe(86_400);
    expect(
      ['15m', '1h', '24h', '30d'].map((last) => stepFor(rangeOf(new URLSearchParams({ last })))),
    ).toEqual(['10s', '1m', '1h', '1d']);
  });
});

it('knows what an address holds: signs take three letters of it', () => {
  expect(linkable('a'.repeat(3400))).toBe(true);
  expect(linkable('('.repeat(3400))).toBe(false);
});

it('asks for spans that carry the same, wherever their key would be looked for', () => {
  const pair = { key: 'host.name', value: 'a "b"' };
  const own = 'service.name = "shop"';
  expect(alike('shop', 'attributes', pair)).toBe(`${own} and attributes.host.name = "a \\"b\\""`);
  expect(alike('shop', 'resource', pair)).toBe(`${own} and resource.host.name = "a \\"b\\""`);
  expect(alike('shop', 'resource', { key: 'service.name', value: 'shop' })).toBe(own);
  expect(alike('shop', 'attributes', { key: 'a b', value: '1' })).toBe(
    `${own} and \`attributes.a b\` = "1"`,
  );
  for (const value of ['', 'x'.repeat(1001)])
    expect(alike('shop', 'attributes', { key: 'a', value })).toBeUndefined();
});

it('tells what a count over time is of', () => {
  expect(perStep('count', 60)).toBe(' a minute');
  expect(perStep('errors', 10)).toBe(' in 10 s');
  expect(perStep('sum(duration)', 300)).toBe(' in 5 min');
  expect(perStep('count', 10_800)).toBe(' in 3 h');
  expect(perStep('p95', 60)).toBe('');
  expect(perStep('rate', 60)).toBe('');
});
