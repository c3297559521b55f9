/** What pages ask of the API. */
import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';

import { kept, show, WAITING } from './kept';
import type { Answer } from './request';

export { askAgain } from './kept';
export { post, postForFile, remove, type Answer } from './request';

/** The answer to a GET of `url`; asked again on each change if `live`. */
export function useApi<T>(url: string | undefined, live = true): Answer<T> {
  const subscribe = useCallback(
    (notify: () => void) => (url === undefined ? () => undefined : show(url, live, notify)),
    [url, live],
  );
  const answer = useSyncExternalStore(subscribe, () =>
    url === undefined ? WAITING : kept(url),
  ) as Answer<T>;
  // While a new question is under way, what was shown last stays.
  const [last, setLast] = useState<T | undefined>(answer.data);
  if (answer.data !== undefined && answer.data !== last) setLast(answer.data);
  if (answer.data === undefined && answer.problem === undefined && last !== undefined) {
    return { data: last, stale: true, other: true };
  }
  return answer;
}

/** Asks at once for what a part of the page shows later, so that it does not wait for one answer after the other. */
export function useAlongside(url: string | undefined, live = true) {
  useEffect(() => (url === undefined ? undefined : show(url, live, () => undefined)), [url, live]);
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
