/** Where we are: path and query are the state of every page, so that each view can be linked. */
import { useSyncExternalStore } from 'react';

const moved = new Set<() => void>();

export function navigate(to: string, how: 'push' | 'replace' = 'push') {
  if (how === 'push') history.pushState(null, '', to);
  else history.replaceState(null, '', to);
  moved.forEach((notify) => notify());
  if (how === 'push') scrollTo(0, 0);
}

export function usePathname(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

export function useQuery(): URLSearchParams {
  return new URLSearchParams(useSyncExternalStore(subscribe, () => location.search));
}

/** One parameter of the query, and how to change it without leaving the page. */
export function useParam(name: string): [string, (value: string) => void] {
  const value = useQuery().get(name) ?? '';
  return [value, (next) => setParams({ [name]: next })];
}

/** Changes parameters of the query; an empty value removes one. */
export function setParams(values: Record<string, string>, how: 'push' | 'replace' = 'replace') {
  navigate(withParams(values), how);
}

/** This page's address with other parameters; an empty value removes one. */
export function withParams(values: Record<string, string>): string {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value === '') query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  return `${location.pathname}${text === '' ? '' : `?${text}`}`;
}

/** The path of a page, keeping the stretch of time that is looked at, and its zone. */
export function to(pathname: string, query: Record<string, string | undefined> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) search.set(name, value);
  const here = new URLSearchParams(location.search);
  const timed = search.has('last') || search.has('from');
  for (const name of timed ? ['tz'] : ['last', 'from', 'to', 'tz']) {
    const value = here.get(name);
    if (value !== null && !search.has(name)) search.set(name, value);
  }
  const text = search.toString();
  return `${pathname}${text === '' ? '' : `?${text}`}`;
}

/** A click anywhere in a row opens it, unless it selects text or meets a link. */
export function openRow(target: EventTarget, href: string) {
  if ((target as Element).closest('a, button') !== null) return;
  if ((getSelection()?.toString() ?? '') !== '') return;
  navigate(href);
}

function subscribe(notify: () => void): () => void {
  moved.add(notify);
  addEventListener('popstate', notify);
  return () => {
    moved.delete(notify);
    removeEventListener('popstate', notify);
  };
}
