import { afterEach, beforeEach, expect, test, vi } from 'vitest';

class Events extends EventTarget {
  static CLOSED = 2;
  static all: Events[] = [];
  readyState = 1;

  constructor() {
    super();
    Events.all.push(this);
  }

  close() {
    this.readyState = Events.CLOSED;
  }
}

class Page extends EventTarget {
  hidden = false;

  look(hidden: boolean) {
    this.hidden = hidden;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

let page: Page;

beforeEach(() => {
  vi.resetModules();
  vi.useFakeTimers();
  page = new Page();
  Events.all = [];
  vi.stubGlobal('document', page);
  vi.stubGlobal('EventSource', Events);
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const open = () => Events.all.filter((one) => one.readyState !== Events.CLOSED);

test('a page that nobody looks at holds no connection', async () => {
  const { onChange } = await import('./live');
  const told = vi.fn();
  onChange(told);
  onChange(vi.fn());
  expect(open()).toHaveLength(1);
  page.look(true);
  expect(open()).toHaveLength(0);
  page.look(false);
  expect(open()).toHaveLength(1);
  open()[0]?.dispatchEvent(new Event('change'));
  expect(told).toHaveBeenCalledTimes(1);
});

test('a page that is opened behind others connects once it is looked at', async () => {
  page.hidden = true;
  const { onChange } = await import('./live');
  onChange(vi.fn());
  expect(open()).toHaveLength(0);
  page.look(false);
  expect(open()).toHaveLength(1);
});

test.each([
  [401, 'closed'],
  [503, 'crowded'],
  [500, 'lost'],
])('a refusal with %i is told, and the server asked again', async (status, told) => {
  const live = await import('./live');
  live.watchConnection(vi.fn());
  const [events] = open();
  events?.dispatchEvent(new Event('open'));
  expect(live.currentConnection()).toBe('live');
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('', { status })));
  events?.close();
  events?.dispatchEvent(new Event('error'));
  await vi.advanceTimersByTimeAsync(100);
  expect(live.currentConnection()).toBe(told);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(open()).toHaveLength(1);
});
