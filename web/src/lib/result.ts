/** The whole result of a run that was recorded. It may be large: it is held while it is shown, and not beyond. */
import { useEffect, useState } from 'react';

import type { Problem } from '../api/types';
import { readResult, type Result } from './checked';

export interface Answered {
  told?: Result | string;
  problem?: Problem;
}

/** Asks for the result of the run of this number; for none while there is no number. */
export function useResult(number: string | undefined): Answered {
  const [answer, setAnswer] = useState<Answered & { number?: string }>({});
  useEffect(() => {
    if (number === undefined) return;
    const stop = new AbortController();
    void ask(number, stop.signal).then((next) => {
      if (!stop.signal.aborted) setAnswer({ ...next, number });
    });
    return () => stop.abort();
  }, [number]);
  return number !== undefined && answer.number === number ? answer : {};
}

/** Where the result of a run is. */
export function resultUrl(number: string): string {
  return `/api/v1/runs/${encodeURIComponent(number)}/result`;
}

async function ask(number: string, signal: AbortSignal): Promise<Answered> {
  try {
    const response = await fetch(resultUrl(number), {
      headers: { accept: 'application/json' },
      signal,
    });
    if (!response.ok) return { problem: (await response.json()) as Problem };
    return { told: readResult(await response.text()) };
  } catch {
    return {
      problem: {
        type: 'urn:taut:offline',
        title: 'no answer',
        status: 0,
        detail: 'taut does not answer',
        hint: 'see whether `taut up` still runs, then load this page again',
      },
    };
  }
}
