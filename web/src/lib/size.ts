/** The width of an element, so that charts are drawn in true pixels. */
import { useCallback, useState } from 'react';

export function useWidth(initial = 600): [(element: Element | null) => void, number] {
  const [width, setWidth] = useState(initial);
  const measure = useCallback((element: Element | null) => {
    if (element === null) return;
    const observer = new ResizeObserver((entries) => {
      const box = entries[0]?.contentRect;
      if (box !== undefined && box.width > 0) setWidth(Math.floor(box.width));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [measure, width];
}
