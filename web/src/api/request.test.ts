import { afterEach, expect, test, vi } from 'vitest';

import { postForFile } from './request';

afterEach(() => vi.unstubAllGlobals());

const PARQUET = 'application/vnd.apache.parquet';

function answered(body: string, status: number, type: string) {
  const headers = { 'content-type': type };
  const fetch = vi.fn<typeof globalThis.fetch>(() =>
    Promise.resolve(new Response(body, { status, headers })),
  );
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

test('a file is given as it came', async () => {
  const fetch = answered('PAR1', 200, PARQUET);
  const { data, problem } = await postForFile('/api/v1/sql.parquet', { sql: 'SELECT 1' });
  expect(problem).toBeUndefined();
  expect(await data?.text()).toBe('PAR1');
  expect(fetch.mock.calls[0]?.[1]?.body).toBe('{"sql":"SELECT 1"}');
});

test('what is no file is told, and never saved as one', async () => {
  const told = { detail: 'it takes too long', hint: 'ask for a shorter time' };
  answered(JSON.stringify(told), 400, 'application/problem+json');
  expect(await postForFile('/x', {})).toEqual({ problem: told, stale: false });
  answered('<p>Sign in</p>', 200, 'text/html');
  const { data, problem } = await postForFile('/x', {});
  expect(data).toBeUndefined();
  expect(problem?.title).toBe('not an answer of taut');
});
