import { describe, expect, it } from 'vitest';

import type { Gateway } from '../../api/types';
import { answeredByCache, claimOf } from './claim';

function gateway(change: Partial<Gateway> = {}): Gateway {
  return {
    state: 'up',
    not_ready: [],
    requests_per_second: 12.34,
    in_flight: 0,
    decided: { retried: 0, hedged: 0, refused: [] },
    services: [{ name: 'app', balance: 'latency', members: [member()], threads: [] }],
    routes: [],
    cache: { entries: 0, bytes: 0, bytes_max: 1, evictions: 0, disk: null },
    canaries: [],
    news: [],
    news_not_kept: 0,
    capture: null,
    ...change,
  };
}

function member(healthy = true) {
  return {
    address: '127.0.0.1:1',
    weight: 1,
    zone: null,
    drained: false,
    added: false,
    healthy,
    left_alone: false,
    waiting: 0,
    in_flight: 0,
    requests: 0,
    failures: 0,
    trouble: null,
  };
}

describe('the claim', () => {
  it('says how much it answers while all is well', () => {
    expect(claimOf(gateway())).toEqual({ title: 'It answers 12.3 requests a second', level: '' });
  });
  it('says first what is wrong', () => {
    const why = ['`app` has nobody who can answer', 'less than 32 MiB of memory are left'];
    expect(claimOf(gateway({ state: 'down', not_ready: why }))).toEqual({
      title:
        'It is not ready: `app` has nobody who can answer; less than 32 MiB of memory are left',
      level: 'broken',
    });
    // An older gateway does not say why.
    expect(claimOf(gateway({ state: 'down' })).title).toBe('It is not ready');
    const services = [
      { name: 'app', balance: 'latency', members: [member(false), member()], threads: [] },
    ];
    expect(claimOf(gateway({ services })).title).toContain('1 of 2 members cannot answer');
    const threads = [
      { thread: 0, breaker: 'open', breaker_since_unix_ms: 1, in_flight: 0, in_flight_max: null },
    ];
    const open = [{ name: 'app', balance: 'latency', members: [member()], threads }];
    expect(claimOf(gateway({ services: open })).title).toContain('app fails');
  });
  it('says who has nobody left that takes requests, however well they are', () => {
    const away = [
      { ...member(), drained: true },
      { ...member(), weight: 0 },
    ];
    const services = [{ name: 'app', balance: 'latency', members: away, threads: [] }];
    expect(claimOf(gateway({ services }))).toEqual({
      title: 'Nobody takes requests of `app`: put a member back',
      level: 'broken',
    });
  });
});

it('counts what no member was asked for', () => {
  const cache = {
    hit: 5,
    stale: 1,
    revalidated: 1,
    disk: 0,
    coalesced: 2,
    shared: 1,
    miss: 4,
    bypass: 1,
    failed: 0,
    entries: 0,
    held_bytes: 0,
    not_kept: [],
    evictions: 0,
    sent_bytes: 0,
    age_seconds: 0,
    saved_seconds: 0,
  };
  expect(answeredByCache(cache)).toEqual({ without: 10, all: 15 });
});
