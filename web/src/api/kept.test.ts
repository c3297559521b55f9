import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { kept, show } from './kept';

const listeners = new Set<() => void>();
vi.mock('./live', () => ({
  onChange: (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
}));

interface Asked {
  signal: AbortSignal;
  answer: (response: Response | Error) => void;
}

let asked: Asked[] = [];

beforeEach(() => {
  asked = [];
  vi.stubGlobal(
    'fetch',
    (_: string, { signal }: { signal: AbortSignal }) =>
      new Promise<Response>((give, refuse) => {
        signal.addEventListener('abort', () => refuse(new Error('given up')));
        asked.push({
          signal,
          answer: (told) => (told instanceof Error ? refuse(told) : give(told)),
        });
      }),
  );
});

afterEach(() => vi.unstubAllGlobals());

const changed = () => listeners.forEach((listener) => listener());
const settled = () => new Promise((done) => setTimeout(done, 5));
const told = (body: string, status = 200) => new Response(body, { status, statusText: 'so' });

test('what is not live is asked again only after the connection was lost', async () => {
  const stop = show('/lost', false, vi.fn());
  asked[0]?.answer(new TypeError('failed to fetch'));
  await settled();
  expect(kept('/lost').problem?.status).toBe(0);
  changed();
  asked[1]?.answer(told('[1]'));
  await settled();
  expect(kept('/lost')).toEqual({ data: [1], stale: false });
  changed();
  expect(asked).toHaveLength(2);
  stop();
});

test('what is live is asked on each change, and stays while nothing answers', async () => {
  const stop = show('/live', true, vi.fn());
  asked[0]?.answer(told('[1]'));
  await settled();
  changed();
  asked[1]?.answer(told('<h1>Bad gateway</h1>', 502));
  await settled();
  expect(kept('/live')).toEqual({ data: [1], stale: true });
  stop();
});

test('what nobody shows any more is given up, and asked anew', async () => {
  const notify = vi.fn();
  show('/left', true, notify)();
  // The next page shows it as well.
  const stop = show('/left', true, notify);
  await settled();
  expect([asked.length, asked[0]?.signal.aborted]).toEqual([1, false]);
  stop();
  await settled();
  expect(asked[0]?.signal.aborted).toBe(true);
  const again = show('/left', true, notify);
  expect(asked).toHaveLength(2);
  asked[1]?.answer(told('[2]'));
  await settled();
  expect(kept('/left').data).toEqual([2]);
  again();
});

test('an answer that is none of taut’s is told as what it is', async () => {
  const stop = show('/foreign', false, vi.fn());
  asked[0]?.answer(told('<h1>Too large</h1>', 413));
  await settled();
  expect(kept('/foreign').problem).toMatchObject({
    status: 413,
    detail: 'the answer is 413 so, and not in a form that taut has',
    hint: 'it is more than is taken: send less',
  });
  changed();
  asked[1]?.answer(told('{"error": "no"}', 500));
  await settled();
  expect(kept('/foreign').problem?.status).toBe(500);
  stop();
});

test('what was shown before is there at once, and stale where it is not answered soon', async () => {
  const stop = show('/known', true, vi.fn());
  asked[0]?.answer(told('[1]'));
  await settled();
  expect(kept('/known')).toEqual({ data: [1], stale: false });
  stop();
  await settled();
  const notify = vi.fn();
  const again = show('/known', true, notify);
  expect(kept('/known')).toEqual({ data: [1], stale: false });
  await vi.waitFor(() => expect(kept('/known')).toEqual({ data: [1], stale: true }));
  expect(notify).toHaveBeenCalledTimes(1);
  asked[1]?.answer(told('[2]'));
  await settled();
  expect(kept('/known')).toEqual({ data: [2], stale: false });
  expect(asked).toHaveLength(2);
  again();
});

test('what is answered soon is never stale', async () => {
  const first = show('/soon', true, vi.fn());
  asked[0]?.answer(told('[1]'));
  await settled();
  first();
  const notify = vi.fn();
  const stop = show('/soon', true, notify);
  expect(kept('/soon')).toEqual({ data: [1], stale: false });
  asked[1]?.answer(told('[2]'));
  await new Promise((done) => setTimeout(done, 60));
  expect(kept('/soon')).toEqual({ data: [2], stale: false });
  expect(notify).toHaveBeenCalledTimes(1);
  stop();
});

test('what two parts of a page show is asked for once', async () => {
  const stops = [show('/both', true, vi.fn()), show('/both', true, vi.fn())];
  asked[0]?.answer(told('[1]'));
  await settled();
  // One that comes later finds what is kept up to date.
  stops.push(show('/both', true, vi.fn()));
  expect(asked).toHaveLength(1);
  expect(kept('/both')).toEqual({ data: [1], stale: false });
  stops.forEach((stop) => stop());
});

test('what is asked once is asked again after a while, or for whoever wants it up to date', async () => {
  const first = show('/once', false, vi.fn());
  asked[0]?.answer(told('[1]'));
  await settled();
  const second = show('/once', false, vi.fn());
  expect(asked).toHaveLength(1);
  const live = show('/once', true, vi.fn());
  expect(asked).toHaveLength(2);
  asked[1]?.answer(told('[2]'));
  await settled();
  live();
  const now = performance.now();
  vi.spyOn(performance, 'now').mockReturnValue(now + 11_000);
  const later = show('/once', false, vi.fn());
  expect(asked).toHaveLength(3);
  // A change does not ask for it again: the answer is under way.
  changed();
  asked[2]?.answer(told('[3]'));
  await settled();
  expect(kept('/once')).toEqual({ data: [3], stale: false });
  expect(asked).toHaveLength(3);
  vi.restoreAllMocks();
  [first, second, later].forEach((stop) => stop());
});
