/** What fades at the end of a line, in pixels: `frame.css`, `trace.css`. */
const FADES = 34;

/** Brings an element into view within the line that surrounds it, without moving the page. */
export function intoLine(element: Element | null) {
  const line = element?.parentElement;
  if (element == null || line == null) return;
  const [around, own] = [line.getBoundingClientRect(), element.getBoundingClientRect()];
  if (own.left >= around.left && own.right <= around.right - FADES) return;
  line.scrollLeft += own.left - around.left - (around.width - own.width) / 2;
}
