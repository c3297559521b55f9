/**
 * One connection that tells when what the pages show has changed. There is none while nobody looks: a browser has six
 * connections to a host for all its tabs, and the seventh page would wait for ever.
 */

/** `crowded`: the server has as many listeners as it takes. `closed`: it wants a token. */
export type Connection = 'connecting' | 'live' | 'lost' | 'crowded' | 'closed';

const EVENTS = '/api/v1/events';

/** How long after a refusal the server is asked again. */
const RETRY_MS = 5000;

let source: EventSource | undefined;
let begun = false;
let connection: Connection = 'connecting';
const listeners = new Set<() => void>();
const watchers = new Set<() => void>();

/** Calls `listener` after each change; the first call may come at once, and one comes when somebody looks again. */
export function onChange(listener: () => void): () => void {
  listeners.add(listener);
  begin();
  return () => listeners.delete(listener);
}

/** For `useSyncExternalStore`. */
export function watchConnection(watcher: () => void): () => void {
  watchers.add(watcher);
  begin();
  return () => watchers.delete(watcher);
}

export function currentConnection(): Connection {
  return connection;
}

function begin() {
  if (begun) return;
  begun = true;
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) close();
    else open();
  });
  open();
}

function open() {
  if (source !== undefined || document.hidden) return;
  const events = new EventSource(EVENTS);
  source = events;
  events.addEventListener('open', () => become('live'));
  events.addEventListener('change', () => {
    become('live');
    listeners.forEach((listener) => listener());
  });
  events.addEventListener('error', () => {
    // The browser connects again by itself unless the server refused; then we try again later.
    if (events.readyState === EventSource.CLOSED) void refused();
    else become('lost');
  });
}

function close() {
  source?.close();
  source = undefined;
}

async function refused() {
  close();
  setTimeout(open, RETRY_MS);
  const why = await refusal();
  if (source === undefined) become(why);
}

/** Why the server refuses to tell what changed: an `EventSource` does not know. */
async function refusal(): Promise<Connection> {
  const asked = new AbortController();
  try {
    const { status } = await fetch(EVENTS, { signal: asked.signal });
    if (status === 401) return 'closed';
    return status === 503 ? 'crowded' : 'lost';
  } catch {
    return 'lost';
  } finally {
    asked.abort();
  }
}

function become(next: Connection) {
  if (next === connection) return;
  connection = next;
  watchers.forEach((watcher) => watcher());
}
