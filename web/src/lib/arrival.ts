/** Coming to a page: its heading is the title of the tab, and the keyboard goes on from its begin. */
import { useEffect, useRef, type RefObject } from 'react';

/** Letters of a heading in a title: claims may be long, and tabs are narrow. */
const HEADING_MAX = 100;

/** `GET /orders/ · Endpoints · taut`; of a page whose heading is not there yet, its name. */
export function title(heading: string, page: string | undefined): string {
  const words = heading.replace(/\s+/g, ' ').trim();
  const cut = words.length > HEADING_MAX ? `${words.slice(0, HEADING_MAX).trimEnd()}…` : words;
  const parts = [cut, page === cut ? '' : (page ?? ''), 'taut'];
  return parts.filter((part) => part !== '').join(' · ');
}

/**
 * For what every page stands in: `place` is another one where another page begins, `page` what its kind is called.
 * Without this the focus would be lost with the link that led here.
 */
export function useArrival(
  main: RefObject<HTMLElement | null>,
  place: string,
  page: string | undefined,
) {
  const was = useRef(place);
  useEffect(() => {
    const came = was.current !== place;
    was.current = place;
    // A page may have a field that it begins with.
    const inside = main.current?.contains(document.activeElement) === true;
    if (came && !inside) main.current?.focus({ preventScroll: true });
  }, [main, place]);
  useEffect(() => {
    const shown = main.current;
    if (shown === null) return;
    const tell = () => {
      const next = title(shown.querySelector('h1')?.textContent ?? '', page);
      if (document.title !== next) document.title = next;
    };
    tell();
    // The heading comes with the answer, and a claim in it may change.
    const seen = new MutationObserver(tell);
    seen.observe(shown, { childList: true, subtree: true, characterData: true });
    return () => seen.disconnect();
  }, [main, page]);
}
