import { describe, expect, it } from 'vitest';

import type { GatewayMember, GatewayRouteCache, GatewayService } from '../../api/types';
import {
  breakerText,
  forgottenText,
  isLast,
  limitText,
  movedText,
  notKeptText,
  purgeOf,
  refusedText,
  stateOf,
  urlsOf,
  warmedText,
  weightOf,
} from './words';

function member(address: string, change: Partial<GatewayMember> = {}): GatewayMember {
  return {
    address,
    weight: 1,
    zone: null,
    drained: false,
    added: false,
    healthy: true,
    left_alone: false,
    waiting: 0,
    in_flight: 0,
    requests: 0,
    failures: 0,
    trouble: null,
    ...change,
  };
}

function service(members: GatewayMember[], threads: GatewayService['threads'] = []) {
  return { name: 'app', balance: 'latency', members, threads };
}

describe('a member', () => {
  it('is the last one if no other takes requests', () => {
    const [one, two] = [member('a:1'), member('b:1')];
    expect(isLast(service([one, two]), one)).toBe(false);
    expect(isLast(service([one, { ...two, drained: true }]), one)).toBe(true);
    expect(isLast(service([one, { ...two, weight: 0 }]), one)).toBe(true);
    // Where nobody is left the gateway wants to be told on purpose as well.
    const none = member('a:1', { weight: 0 });
    expect(isLast(service([none]), none)).toBe(true);
  });
  it('is drained before it is anything else', () => {
    expect(stateOf(member('a:1', { drained: true, healthy: false }))).toBe('drained');
    expect(stateOf(member('a:1', { left_alone: true }))).toBe('left alone');
  });
});

it('says on how many threads a breaker is open, and since when', () => {
  const now = 100_000;
  const thread = (thread: number, breaker: string | null, since: number | null) => ({
    thread,
    breaker,
    breaker_since_unix_ms: since,
    in_flight: 0,
    in_flight_max: null,
  });
  const text = (...threads: GatewayService['threads']) => breakerText(service([], threads), now);
  expect(text(thread(0, null, null))).toBe('');
  expect(text(thread(0, 'closed', null), thread(1, 'closed', null))).toBe('closed');
  expect(text(thread(0, 'open', 88_000), thread(1, 'closed', null))).toBe(
    'open on 1 of 2 threads since 12 s ago, closed on 1 of 2 threads',
  );
  expect(text(thread(0, 'half-open', 80_000), thread(1, 'half-open', 70_000))).toBe(
    'half-open since 30 s ago',
  );
});

it('tells why answers were not kept, the most first', () => {
  const told = (not_kept: { reason: string; count: number }[]) =>
    notKeptText({ not_kept } as GatewayRouteCache);
  expect(told([])).toBe('');
  expect(
    told([
      { reason: 'private', count: 3 },
      { reason: 'set-cookie', count: 1204 },
      { reason: 'of-a-newer-gateway', count: 1 },
    ]),
  ).toBe('1,204 that set a cookie, 3 for one user, 1 of-a-newer-gateway');
});

it('tells what a limit refused, and what it would have', () => {
  const limit = {
    requests: 100,
    window_seconds: 60,
    dry_run: false,
    clients: 1,
    refused: 1204,
    over_dry_run: 7,
  };
  expect(limitText(limit)).toBe('100 in 60 s; 1 client');
  expect(refusedText(limit)).toBe('1,204');
  expect(refusedText({ ...limit, dry_run: true })).toBe('7 would be');
});

it('takes whole numbers up to 1000 for weights', () => {
  for (const [typed, weight] of [
    ['0', 0],
    [' 7 ', 7],
    ['1000', 1000],
    ['1001', undefined],
    ['', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e2', undefined],
    ['٣', undefined],
  ] as const) {
    expect(weightOf(typed), typed).toBe(weight);
  }
});

describe('an order to forget', () => {
  it('names one thing', () => {
    expect(purgeOf('url', ' /items/1 ', false)).toEqual({ order: { url: '/items/1' } });
    expect(purgeOf('prefix', 'http://shop/items/', true)).toEqual({
      order: { prefix: 'http://shop/items/', soft: true },
    });
    expect(purgeOf('tag', 'item-1', false)).toEqual({ order: { tag: 'item-1' } });
    // What was typed for something else does not matter.
    expect(purgeOf('all', 'item-1', false)).toEqual({ order: { all: true } });
  });
  it('is none without it', () => {
    for (const [way, typed] of [
      ['url', ''],
      ['tag', '  '],
      ['url', 'items/1'],
      ['prefix', 'ftp://shop/'],
      ['url', 'http://'],
      ['url', '/a b'],
    ] as const) {
      expect(purgeOf(way, typed, false), typed).toHaveProperty('wrong');
    }
  });
});

describe('addresses to ask for', () => {
  it('are one a line, and paths are of the host before them', () => {
    const typed = 'http://shop/items/?page=1\r\n\n  /items/1\nhttps://other\n/x';
    expect(urlsOf(typed)).toEqual({
      urls: [
        'http://shop/items/?page=1',
        'http://shop/items/1',
        'https://other',
        'https://other/x',
      ],
    });
  });
  it('are told by their line where they are none', () => {
    for (const [typed, wrong] of [
      ['', 'no address'],
      ['/items/1', 'line 1'],
      ['http://shop/\nshop/items', 'line 2'],
      ['http://shop/a b', 'line 1'],
      ['http:///x', 'line 1'],
      ['http://shop/\n'.repeat(1001), '1,001'],
    ] as const) {
      const listed = urlsOf(typed);
      expect('wrong' in listed ? listed.wrong : '', typed.slice(0, 40)).toContain(wrong);
    }
  });
});

it('says what was done', () => {
  expect(forgottenText({ forgotten: 1, soft: false })).toBe('1 answer forgotten.');
  expect(forgottenText({ forgotten: 3, soft: true })).toContain('only for where members fail');
  expect(forgottenText({ forgotten: 0, soft: false })).toContain('Nothing that is kept fits');
  expect(warmedText({ asked: 2, answered: 2 })).toBe('2 of 2 addresses answered well.');
  expect(warmedText({ asked: 2, answered: 1 })).toContain('what the others are answered');
  const news = { at_unix_ms: 1, route: 'all', new: 'app-v2', stage: 'going', share: 0.25, why: '' };
  expect(movedText(news)).toBe('app-v2 gets more as it does well on all, with 25 % of requests.');
});
