/** One connection that tells when what the pages show has changed. */

export type Connection = 'connecting' | 'live' | 'lost';

let source: EventSource | undefined;
let connection: Connection = 'connecting';
const listeners = new Set<() => void>();
const watchers = new Set<() => void>();

/** Calls `listener` after each change; the first call may come at once. */
export function onChange(listener: () => void): () => void {
  listeners.add(listener);
  source ??= open();
  return () => listeners.delete(listener);
}

/** For `useSyncExternalStore`. */
export function watchConnection(watcher: () => void): () => void {
  watchers.add(watcher);
  source ??= open();
  return () => watchers.delete(watcher);
}

export function currentConnection(): Connection {
  return connection;
}

function open(): EventSource {
  const events = new EventSource('/api/v1/events');
  events.addEventListener('open', () => become('live'));
  events.addEventListener('change', () => {
    become('live');
    listeners.forEach((listener) => listener());
  });
  events.addEventListener('error', () => {
    become('lost');
    // The browser reconnects by itself unless the server refused; then we try again later.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => (source = open()), 5000);
  });
  return events;
}

function become(next: Connection) {
  if (next === connection) return;
  connection = next;
  watchers.forEach((watcher) => watcher());
}
