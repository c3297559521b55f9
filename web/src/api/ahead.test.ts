import type { PointerEvent } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { ahead } from './ahead';

const shown = new Set<string>();
const asked: string[] = [];
vi.mock('./kept', () => ({
  show: (url: string) => {
    asked.push(url);
    shown.add(url);
    return () => shown.delete(url);
  },
}));

beforeEach(() => {
  asked.length = 0;
  vi.useFakeTimers();
  vi.stubGlobal('navigator', {});
});

afterEach(() => {
  ahead('/end').onBlur?.();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const by = (pointerType: string) => ({ pointerType }) as PointerEvent;

test('a link that the pointer rests on is asked for, one that it crosses is not', () => {
  const [first, second] = [ahead('/first'), ahead('/second')];
  first.onPointerEnter?.(by('mouse'));
  vi.advanceTimersByTime(30);
  first.onPointerLeave?.();
  second.onPointerEnter?.(by('mouse'));
  vi.advanceTimersByTime(100);
  expect(asked).toEqual(['/second']);
  second.onPointerLeave?.();
  expect([...shown]).toEqual([]);
});

test('at most one is asked for at a time, and the click that gives the focus does not ask anew', () => {
  const [first, second] = [ahead('/first'), ahead('/second')];
  first.onPointerEnter?.(by('mouse'));
  vi.advanceTimersByTime(100);
  first.onFocus?.();
  vi.advanceTimersByTime(100);
  expect(asked).toEqual(['/first']);
  second.onFocus?.();
  vi.advanceTimersByTime(100);
  expect([...shown]).toEqual(['/second']);
});

test('it is let go after a while', () => {
  ahead('/first').onFocus?.();
  vi.advanceTimersByTime(6000);
  expect([asked, [...shown]]).toEqual([['/first'], []]);
});

test('a finger, a page without a question and who saves data ask for nothing', () => {
  ahead('/first').onPointerEnter?.(by('touch'));
  vi.advanceTimersByTime(100);
  expect(ahead(undefined)).toEqual({});
  vi.stubGlobal('navigator', { connection: { saveData: true } });
  expect(ahead('/first')).toEqual({});
  expect(asked).toEqual([]);
});
