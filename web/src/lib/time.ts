/**
 * Which stretch of time is looked at, and in which zone it is told: both in the address of every page, so that a link
 * shows the same to whoever opens it.
 */
import { useMemo } from 'react';

import { useQuery } from './route';

/** A stretch that ends now, or one from moment to moment in milliseconds since 1970; as the API takes it. */
export interface Range {
  last: string | undefined;
  from: string | undefined;
  to: string | undefined;
}

export const WINDOW_DEFAULT = '1h';

export const WINDOWS = [
  { last: '15m', name: 'last 15 min' },
  { last: '1h', name: 'last 1 h' },
  { last: '6h', name: 'last 6 h' },
  { last: '24h', name: 'last 24 h' },
  { last: '7d', name: 'last 7 days' },
  { last: '30d', name: 'last 30 days' },
];

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds of `15m`; an hour of what is not understood. */
export function seconds(last: string): number {
  const number = Number.parseInt(last, 10);
  return number * (UNITS[last.slice(-1)] ?? 0) || 3600;
}

/** The length of a step, or of a window: `30 s`, `5 min`, `1 h`, `7 days`. */
export function stepText(seconds: number): string {
  if (seconds < 120 && seconds % 60 !== 0) return `${Math.round(seconds)} s`;
  if (seconds < 7200 && seconds % 3600 !== 0) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

export function rangeOf(query: URLSearchParams): Range {
  const [from, to] = [query.get('from'), query.get('to')];
  const fixed = from !== null && to !== null && Number(from) < Number(to);
  if (fixed) return { last: undefined, from, to };
  return { last: query.get('last') ?? WINDOW_DEFAULT, from: undefined, to: undefined };
}

/** The stretch that the address names. */
export function useRange(): Range {
  const query = useQuery();
  const [last, from, to] = [query.get('last'), query.get('from'), query.get('to')];
  return useMemo(() => {
    const asked = new URLSearchParams();
    if (last !== null) asked.set('last', last);
    if (from !== null) asked.set('from', from);
    if (to !== null) asked.set('to', to);
    return rangeOf(asked);
  }, [last, from, to]);
}

export function rangeSeconds(range: Range): number {
  if (range.last !== undefined) return seconds(range.last);
  return Math.max(1, (Number(range.to) - Number(range.from)) / 1000);
}

/** Begin and end in milliseconds; one that ends now ends at `now`. */
export function rangeEnds(range: Range, now = Date.now()): [number, number] {
  if (range.last === undefined) return [Number(range.from), Number(range.to)];
  return [now - seconds(range.last) * 1000, now];
}

/** What of an address has to change so that it looks at a moment: nothing, or the hour around it. */
export function rangeAround(
  range: Range,
  unixMs: number,
  now = Date.now(),
): { from?: string; to?: string } {
  const [from, end] = rangeEnds(range, now);
  if (from <= unixMs && unixMs < end) return {};
  const at = Math.floor(unixMs);
  return { from: String(at - 1_800_000), to: String(at + 1_800_000) };
}

/** The parameters of the address that make it that stretch; those that are empty go. */
export function rangeParams(range: Partial<Range>): Record<string, string> {
  if (range.from !== undefined && range.to !== undefined) {
    return { last: '', from: range.from, to: range.to };
  }
  const last = range.last ?? WINDOW_DEFAULT;
  return { last: last === WINDOW_DEFAULT ? '' : last, from: '', to: '' };
}

/** What a window is compared with. */
export const COMPARED = [
  { name: 'previous', words: 'the time before', seconds: 0 },
  { name: 'day', words: 'the day before', seconds: 86_400 },
  { name: 'week', words: 'the week before', seconds: 7 * 86_400 },
] as const;

/** The window that a window is compared with, as the API takes it: another one of equal length, or any other. */
export function comparedWith(
  range: Range,
  name: string,
  now = Math.floor(Date.now() / 60_000) * 60_000,
): Range | undefined {
  const any = /^(\d+)-(\d+)$/.exec(name);
  if (any?.[1] !== undefined && any[2] !== undefined && Number(any[1]) < Number(any[2])) {
    return { last: undefined, from: any[1], to: any[2] };
  }
  const known = COMPARED.find((one) => one.name === name);
  if (known === undefined) return undefined;
  const [from, to] = rangeEnds(range, now);
  const back = known.seconds === 0 ? to - from : known.seconds * 1000;
  return { last: undefined, from: String(from - back), to: String(to - back) };
}

/** A window as answers tell it. */
interface Told {
  from_unix_ms: number;
  to_unix_ms: number;
}

/** A window that moves on, in steps of a tenth of it: for questions that need not be asked at each of its own steps. */
export function steady(now: Told, before: Told): Told {
  const moved =
    Math.abs(now.from_unix_ms - before.from_unix_ms) + Math.abs(now.to_unix_ms - before.to_unix_ms);
  return moved * 5 < now.to_unix_ms - now.from_unix_ms ? before : now;
}

/** The name under which an address compares a window with one that the API chose. */
export function comparedWindow(window: Told, before: Told): string {
  const length = (window.to_unix_ms - window.from_unix_ms) / 1000;
  const back = (window.from_unix_ms - before.from_unix_ms) / 1000;
  const known = COMPARED.find((one) => (one.seconds || length) === back);
  return known?.name ?? `${before.from_unix_ms}-${before.to_unix_ms}`;
}

/** What `<input type="datetime-local">` shows of a moment, in a zone. */
export function local(unixMs: number, zone: string | undefined): string {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(unixMs);
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? '00';
  return `${of('year')}-${of('month')}-${of('day')}T${of('hour')}:${of('minute')}`;
}

/** The moment that such a text names in a zone; none if it is no time. */
export function moment(text: string, zone: string | undefined): number | undefined {
  const told = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(text);
  if (told === null) return undefined;
  const [year, month, day, hour, minute] = told.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const asUtc = Date.UTC(year, month - 1, day, hour, minute);
  // How far the zone is off is known from how it tells that moment; twice, since it may change in between.
  let at = asUtc;
  for (let round = 0; round < 2; round += 1) {
    const [date, clock] = local(at, zone).split('T');
    at += asUtc - Date.parse(`${date ?? ''}T${clock ?? ''}:00Z`);
  }
  return Number.isNaN(at) ? undefined : at;
}

/** The zone of a name; undefined where there is none of that name, which leaves the browser's own. */
export function zoneOf(name: string | null): string | undefined {
  if (name === null || name === '') return undefined;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

/** The zones that are offered: the browser's own, UTC, and all others by name. */
export function zones(): string[] {
  return ['UTC', ...Intl.supportedValuesOf('timeZone').filter((name) => name !== 'UTC')];
}
