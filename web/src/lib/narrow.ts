/** Whether the page is as narrow as a phone held upright. */
import { useSyncExternalStore } from 'react';

const narrow = matchMedia('(max-width: 640px)');

export function useNarrow(): boolean {
  return useSyncExternalStore(
    (notify) => {
      narrow.addEventListener('change', notify);
      return () => narrow.removeEventListener('change', notify);
    },
    () => narrow.matches,
  );
}
