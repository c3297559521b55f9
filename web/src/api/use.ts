/** Answers of the API, kept while they are shown and asked for again when something changed. */
import { useCallback, useState, useSyncExternalStore } from 'react';

import { onChange } from './live';
import type { Problem } from './types';

export interface Answer<T> {
  data?: T;
  problem?: Problem;
  /** The data belongs to an earlier question; the answer to this one is under way. */
  stale: boolean;
}

interface Entry {
  answer: Answer<unknown>;
  shown: Set<() => void>;
  asking: boolean;
  again: boolean;
}

/** Answers that are kept after their page is left, so that going back shows it at once. */
const KEPT_MAX = 40;

const entries = new Map<string, Entry>();
const WAITING: Answer<never> = { stale: true };

/** The answer to a GET of `url`; asked again on each change if `live`. */
export function useApi<T>(url: string | undefined, live = true): Answer<T> {
  const subscribe = useCallback(
    (notify: () => void) => (url === undefined ? () => undefined : show(url, live, notify)),
    [url, live],
  );
  const answer = useSyncExternalStore(subscribe, () =>
    url === undefined ? WAITING : (entries.get(url)?.answer ?? WAITING),
  ) as Answer<T>;
  // While a new question is under way, what was shown last stays.
  const [last, setLast] = useState<T | undefined>(answer.data);
  if (answer.data !== undefined && answer.data !== last) setLast(answer.data);
  if (answer.data === undefined && answer.problem === undefined && last !== undefined) {
    return { data: last, stale: true };
  }
  return answer;
}

function show(url: string, live: boolean, notify: () => void): () => void {
  const entry = entries.get(url) ?? {
    answer: WAITING,
    shown: new Set(),
    asking: false,
    again: false,
  };
  entries.delete(url);
  entries.set(url, entry);
  forget();
  entry.shown.add(notify);
  ask(url, entry);
  const stop = live ? onChange(() => ask(url, entry)) : () => undefined;
  return () => {
    stop();
    entry.shown.delete(notify);
  };
}

/** Asks again for what is shown of `url`, where no event tells that it changed. */
export function askAgain(url: string) {
  const entry = entries.get(url);
  if (entry !== undefined && entry.shown.size > 0) ask(url, entry);
}

function ask(url: string, entry: Entry) {
  if (entry.asking) {
    entry.again = true;
    return;
  }
  entry.asking = true;
  void get(url).then((answer) => {
    entry.asking = false;
    // A lost connection does not take away what is on the screen.
    const keep = answer.problem?.type === OFFLINE && entry.answer.data !== undefined;
    entry.answer = keep ? { ...entry.answer, stale: true } : answer;
    entry.shown.forEach((notify) => notify());
    if (entry.again) {
      entry.again = false;
      if (entry.shown.size > 0) ask(url, entry);
    }
  });
}

const OFFLINE = 'urn:taut:offline';

/** The answer to a POST of `body` as JSON. What the pages show changes by itself: the server tells them. */
export async function post<T>(url: string, body: unknown): Promise<Answer<T>> {
  const headers = { accept: 'application/json', 'content-type': 'application/json' };
  return (await answer(url, { method: 'POST', headers, body: JSON.stringify(body) })) as Answer<T>;
}

/** The answer to a DELETE. */
export async function remove<T>(url: string): Promise<Answer<T>> {
  const headers = { accept: 'application/json' };
  return (await answer(url, { method: 'DELETE', headers })) as Answer<T>;
}

function get(url: string): Promise<Answer<unknown>> {
  return answer(url, { headers: { accept: 'application/json' } });
}

async function answer(url: string, how: RequestInit): Promise<Answer<unknown>> {
  try {
    const response = await fetch(url, how);
    const body: unknown = await response.json();
    if (response.ok) return { data: body, stale: false };
    return { problem: body as Problem, stale: false };
  } catch {
    return {
      problem: {
        type: OFFLINE,
        title: 'no answer',
        status: 0,
        detail: 'taut does not answer',
        hint: 'see whether `taut up` still runs; this page goes on by itself once it does',
      },
      stale: false,
    };
  }
}

function forget() {
  for (const [url, entry] of entries) {
    if (entries.size <= KEPT_MAX) return;
    if (entry.shown.size === 0) entries.delete(url);
  }
}

/** A path of the API with its query; undefined and empty values are left out. */
export function path(base: string, query: Record<string, string | undefined> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(name, value);
  }
  const text = search.toString();
  return `/api/v1/${base}${text === '' ? '' : `?${text}`}`;
}
