import { describe, expect, it } from 'vitest';

import type { Loss } from '../../api/types';
import { claimOf, roomLeft } from './claim';

const flow = (received: number, refused: number, dropped: number) => ({
  unix_ms: 0,
  received,
  kept: received - refused - dropped,
  refused,
  dropped,
});

const loss = (gone: boolean, lately: number): Loss => ({
  reason: 'x',
  gone,
  unit: 'requests',
  words: '',
  hint: '',
  since_start: 9,
  lately,
});

function check(lately: [number, number, number], losses: Loss[], title: string, level: string) {
  const claim = claimOf({
    lately: flow(...lately),
    since_start: flow(lately[0] + (losses.length > 0 ? 10 : 0), 0, 0),
    losses,
    lately_minutes: 5,
  });
  expect(claim).toEqual({ title, level });
}

describe('the claim', () => {
  it('says what is lost before what is refused', () => {
    check([9, 2, 3], [], '3 spans were lost in the last 5 minutes', 'broken');
    check([9, 0, 0], [loss(true, 1)], 'Something was lost in the last 5 minutes', 'broken');
    check([9, 2, 0], [], 'Senders had to try again in the last 5 minutes', 'over');
    check([9, 0, 0], [loss(false, 1)], 'Senders had to try again in the last 5 minutes', 'over');
  });

  it('is calm about what has passed', () => {
    check([9, 0, 0], [loss(true, 0)], 'Everything is kept now; something was lost before', '');
    check([9, 0, 0], [], 'Every span that came is kept', '');
    check([0, 0, 0], [], 'No spans have come since it started', '');
  });
});

describe('room', () => {
  it('is short when the disk is nearly full, or smaller than what the store may take', () => {
    expect(roomLeft({ bytes: 0, bytes_max: 1, free_bytes: 5e8 })).toMatch(/^Only 500 MB are free/);
    expect(roomLeft({ bytes: 1e9, bytes_max: 10e9, free_bytes: 2e9 })).toMatch(/grow by 9.* GB/);
    expect(roomLeft({ bytes: 9e9, bytes_max: 10e9, free_bytes: 2e9 })).toBeUndefined();
    expect(roomLeft({ bytes: 0, bytes_max: 1 })).toBeUndefined();
  });
});
