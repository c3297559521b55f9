import { expect, test } from 'vitest';

import { sampled } from './sampled';

const SIDE = { cut: false, operation: 'GET /', requests: 20, service: 'shop', traces_in_all: 20 };

test('it is told of how many requests a picture is, and how they were chosen', () => {
  expect(sampled(SIDE)).toBe('20 requests');
  expect(sampled({ ...SIDE, traces_in_all: 1089 })).toBe(
    '20 requests, a fair sample of 1,089 traces',
  );
  expect(sampled({ ...SIDE, requests: 1, traces_in_all: 89, cut: true })).toBe(
    '1 request, a fair sample of 89 traces, without those that were too large or took too long to be read',
  );
});
