/** What of a picture the address holds, so that whoever opens a link looks at the same: a stretch of it, rows that are open. */
import { useEffect, useMemo, useState, type Dispatch, type SetStateAction } from 'react';

import { setParams, useParam } from './route';

/** How long a state rests before the address tells it: browsers refuse more than a hundred changes in half a minute. */
const REST_MS = 300;

/** How long typing rests before it is looked for: that may be a question to the server, or 100,000 spans to go through. */
const TYPING_REST_MS = 150;

/** Places that are told: an address that is longer than a few hundred letters is cut by whatever it is pasted into. */
const PLACES_MAX = 100;

/** A stretch of a picture, in its own unit from its begin. */
export interface View {
  from: number;
  to: number;
}

/**
 * State that the address holds under a name, without a step for the back button; without a name it is the page's own.
 * `read` gets what the address says, which may be anything; `write` says nothing for what is shown anyway. Both have to
 * stay the same while what they hang on does. It is told once it rested for `restMs`.
 */
export function useHeld<T>(
  name: string | undefined,
  read: (text: string) => T,
  write: (value: T) => string,
  restMs = REST_MS,
): [T, Dispatch<SetStateAction<T>>] {
  const [told] = useParam(name ?? '');
  const text = name === undefined ? '' : told;
  const [value, setValue] = useState(() => read(text));
  const [seen, setSeen] = useState(text);
  const written = useMemo(() => write(value), [write, value]);
  // Somebody else changed the address: a link, or the back button.
  if (text !== seen) {
    setSeen(text);
    if (text !== written) setValue(() => read(text));
  }
  useEffect(() => {
    if (name === undefined || text === written) return;
    // What is shown may be of a page that was just left, while the next one is waited for.
    const here = location.pathname;
    const timer = setTimeout(() => {
      if (location.pathname === here) setParams({ [name]: written });
    }, restMs);
    return () => clearTimeout(timer);
  }, [name, text, written, restMs]);
  return [value, setValue];
}

/** A text that is typed, which the address holds once typing rests: what is looked for is what `useParam` says. */
export function useTyped(name: string): [string, (text: string) => void] {
  return useHeld(name, same, same, TYPING_REST_MS);
}

function same(text: string): string {
  return text;
}

/** A stretch as the address tells it: `1200-45000.5`. */
export function viewText(view: View): string {
  return `${figure(view.from)}-${figure(view.to)}`;
}

/** The stretch that the address tells, if it is one of a picture that is so long. */
export function readView(text: string, whole: number): View | undefined {
  const told = /^(\d{1,15}(?:\.\d{1,3})?)-(\d{1,15}(?:\.\d{1,3})?)$/.exec(text);
  if (told === null) return undefined;
  const [from, to] = [Number(told[1]), Math.min(whole, Number(told[2]))];
  return from < to ? { from, to } : undefined;
}

/** Thousandths are enough: what is smallest are nanoseconds, told as microseconds. */
function figure(value: number): string {
  return String(Math.max(0, Math.round(value * 1000) / 1000));
}

/** Places as the address tells them, the first hundred: `3.1f.k2`. */
export function placesText(places: Iterable<number>): string {
  const sorted = [...places].toSorted((one, other) => one - other).slice(0, PLACES_MAX);
  return sorted.map((place) => place.toString(36)).join('.');
}

/** The places that the address tells, of so many that there are. */
export function readPlaces(text: string, count: number): Set<number> {
  const told = text.slice(0, 8 * PLACES_MAX).split('.', PLACES_MAX);
  const places = told.filter((one) => /^[0-9a-z]{1,7}$/.test(one)).map((one) => parseInt(one, 36));
  return new Set(places.filter((place) => place < count));
}
