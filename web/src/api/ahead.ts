/** Asks for what a link leads to while somebody is about to follow it: one question at a time, given up once they go on. */
import type { PointerEvent } from 'react';

import { show } from './kept';

/** So long a pointer rests on a link that is meant; one that only crosses it is faster. */
const REST_MS = 60;

/** So long the answer is kept up to date for somebody who does not follow the link after all. */
const HELD_MS = 5000;

interface Held {
  url: string;
  letGo: () => void;
}

let held: Held | undefined;

/** For a link to a page that begins with this question; nothing is asked for where data is to be saved. */
export function ahead(url: string | undefined) {
  if (url === undefined || savesData()) return {};
  return {
    onPointerEnter: (event: PointerEvent) => {
      // A finger is there only once it taps.
      if (event.pointerType !== 'touch') hold(url);
    },
    onPointerLeave: leave,
    onFocus: () => hold(url),
    onBlur: leave,
  };
}

function hold(url: string) {
  // A click on what is pointed at gives it the focus, too.
  if (held?.url === url) return;
  leave();
  let stop: (() => void) | undefined;
  const rest = setTimeout(() => {
    stop = show(url, true, () => undefined);
  }, REST_MS);
  const end = setTimeout(leave, HELD_MS);
  held = {
    url,
    letGo: () => {
      clearTimeout(rest);
      clearTimeout(end);
      stop?.();
    },
  };
}

/** A page that shows it by now goes on with it. */
function leave() {
  held?.letGo();
  held = undefined;
}

function savesData(): boolean {
  const { connection } = navigator as { connection?: { saveData?: boolean } };
  return connection?.saveData === true;
}
