/** Answers, kept while they are shown and asked for again when something changed. */
import { onChange } from './live';
import { get, isLost, type Answer } from './request';

interface Entry {
  answer: Answer<unknown>;
  shown: Set<() => void>;
  /** How many of those that show it ask again on each change. */
  live: number;
  /** The request that is under way. */
  asked: AbortController | undefined;
  /** When it was asked last, on the page's own clock. */
  askedMs: number;
  again: boolean;
}

/** Answers that are kept after their page is left, so that going back shows it at once. */
const KEPT_MAX = 40;

/** So long after its question an answer that is shown is new enough for whoever shows it as well. */
const NEW_MS = 10_000;

/** What is known from before is told to be older once its new answer takes so long: most are there sooner. */
const OLDER_MS = 40;

const entries = new Map<string, Entry>();
export const WAITING: Answer<never> = { stale: true };

export function kept(url: string): Answer<unknown> {
  return entries.get(url)?.answer ?? WAITING;
}

/**
 * Asks for a URL and tells of each answer; asks again on each change if `live`, else only for what was lost. What is known
 * from before is there at once, and is stale where the answer takes long.
 */
export function show(url: string, live: boolean, notify: () => void): () => void {
  const entry = entries.get(url) ?? {
    answer: WAITING,
    shown: new Set(),
    live: 0,
    asked: undefined,
    askedMs: 0,
    again: false,
  };
  entries.delete(url);
  entries.set(url, entry);
  forget();
  if (entry.asked !== undefined) {
    // What changed since it was asked was told to nobody.
    if (live && entry.live === 0) entry.again = true;
  } else if (!isNew(entry, live)) {
    ask(url, entry);
    const { asked } = entry;
    setTimeout(() => {
      if (entry.asked === asked) tellOlder(entry);
    }, OLDER_MS);
  }
  entry.shown.add(notify);
  if (live) entry.live += 1;
  const stop = onChange(() => {
    if (live || wasLost(entry)) ask(url, entry);
  });
  return () => {
    stop();
    entry.shown.delete(notify);
    if (live) entry.live -= 1;
    // Whatever comes next on the screen may show it as well.
    setTimeout(() => giveUp(entry));
  };
}

/** Asks again for what is shown of `url`, where no event tells that it changed and somebody looks. */
export function askAgain(url: string) {
  const entry = entries.get(url);
  if (entry !== undefined && entry.shown.size > 0 && !document.hidden) ask(url, entry);
}

function ask(url: string, entry: Entry) {
  if (entry.asked !== undefined) {
    entry.again = true;
    return;
  }
  const asked = new AbortController();
  entry.asked = asked;
  entry.askedMs = performance.now();
  void get(url, asked.signal).then((answer) => {
    if (asked.signal.aborted) return;
    entry.asked = undefined;
    // A lost connection does not take away what is on the screen.
    const keep = isLost(answer.problem) && entry.answer.data !== undefined;
    entry.answer = keep ? { ...entry.answer, stale: true } : answer;
    entry.shown.forEach((notify) => notify());
    if (entry.again) {
      entry.again = false;
      if (entry.shown.size > 0) ask(url, entry);
    }
  });
}

function tellOlder(entry: Entry) {
  if (entry.asked === undefined || entry.answer.data === undefined || entry.answer.stale) return;
  entry.answer = { ...entry.answer, stale: true };
  entry.shown.forEach((notify) => notify());
}

/** What nobody shows any more is not waited for: the browser has few connections, and the server other work. */
function giveUp(entry: Entry) {
  if (entry.shown.size > 0) return;
  entry.asked?.abort();
  entry.asked = undefined;
  entry.again = false;
}

/** It is shown already, and kept up to date; or it came just now, and that will do. */
function isNew({ answer, shown, live: kept, askedMs }: Entry, live: boolean): boolean {
  if (shown.size === 0 || answer.data === undefined || answer.stale) return false;
  return kept > 0 || (!live && performance.now() - askedMs < NEW_MS);
}

/** There is no answer for want of a connection, or only an older one, and none is under way. */
function wasLost({ answer, asked }: Entry): boolean {
  if (asked !== undefined) return false;
  return isLost(answer.problem) || (answer.data !== undefined && answer.stale);
}

function forget() {
  for (const [url, entry] of entries) {
    if (entries.size <= KEPT_MAX) return;
    if (entry.shown.size === 0) entries.delete(url);
  }
}
