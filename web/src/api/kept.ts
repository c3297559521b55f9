/** Answers, kept while they are shown and asked for again when something changed. */
import { onChange } from './live';
import { get, isLost, type Answer } from './request';

interface Entry {
  answer: Answer<unknown>;
  shown: Set<() => void>;
  /** The request that is under way. */
  asked: AbortController | undefined;
  again: boolean;
}

/** Answers that are kept after their page is left, so that going back shows it at once. */
const KEPT_MAX = 40;

const entries = new Map<string, Entry>();
export const WAITING: Answer<never> = { stale: true };

export function kept(url: string): Answer<unknown> {
  return entries.get(url)?.answer ?? WAITING;
}

/** Asks for a URL and tells of each answer; asks again on each change if `live`, else only for what was lost. */
export function show(url: string, live: boolean, notify: () => void): () => void {
  const entry = entries.get(url) ?? {
    answer: WAITING,
    shown: new Set(),
    asked: undefined,
    again: false,
  };
  entries.delete(url);
  entries.set(url, entry);
  forget();
  entry.shown.add(notify);
  ask(url, entry);
  const stop = onChange(() => {
    if (live || wasLost(entry.answer)) ask(url, entry);
  });
  return () => {
    stop();
    entry.shown.delete(notify);
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

/** What nobody shows any more is not waited for: the browser has few connections, and the server other work. */
function giveUp(entry: Entry) {
  if (entry.shown.size > 0) return;
  entry.asked?.abort();
  entry.asked = undefined;
  entry.again = false;
}

/** There is no answer for want of a connection, or only an older one. */
function wasLost(answer: Answer<unknown>): boolean {
  return isLost(answer.problem) || (answer.data !== undefined && answer.stale);
}

function forget() {
  for (const [url, entry] of entries) {
    if (entries.size <= KEPT_MAX) return;
    if (entry.shown.size === 0) entries.delete(url);
  }
}
