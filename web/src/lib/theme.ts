/** Dark or light: the system's choice until the reader makes one. */
import { useSyncExternalStore } from 'react';

export type Theme = 'dark' | 'light';

const changed = new Set<() => void>();
const system = matchMedia('(prefers-color-scheme: dark)');

export function useTheme(): Theme {
  return useSyncExternalStore((notify) => {
    changed.add(notify);
    system.addEventListener('change', notify);
    return () => {
      changed.delete(notify);
      system.removeEventListener('change', notify);
    };
  }, current);
}

export function toggleTheme() {
  const next: Theme = current() === 'dark' ? 'light' : 'dark';
  document.documentElement.dataset['theme'] = next;
  try {
    localStorage.setItem('taut-theme', next);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  changed.forEach((notify) => notify());
}

function current(): Theme {
  const chosen = document.documentElement.dataset['theme'];
  if (chosen === 'dark' || chosen === 'light') return chosen;
  return system.matches ? 'dark' : 'light';
}
