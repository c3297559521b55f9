/** Keys that work on every page: `/`, `g` and a letter, `j` and `k`, `t`, `?`, Ctrl-K, Escape. */
import { useEffect } from 'react';

import { PAGES } from '../ui/pages';
import { navigate, to } from './route';

/** How long after `g` a letter still belongs to it. */
const CHORD_MS = 1500;

/** When no `g` was pressed. Times are counted from the page's own begin, so that 0 would be a `g` just now. */
const NEVER = Number.NEGATIVE_INFINITY;

export function useKeys(open: (what: 'help' | 'palette') => void) {
  useEffect(() => {
    let chord = NEVER;
    const pressed = (event: KeyboardEvent) => {
      const held = event.ctrlKey || event.metaKey;
      if (held && !event.altKey && !event.shiftKey && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        if (document.querySelector('dialog[open]') === null) open('palette');
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const target = event.target as HTMLElement;
      if (event.key === 'Escape' && target.matches('input')) {
        target.blur();
        return;
      }
      if (target.matches('input, select, textarea, [contenteditable]')) return;
      if (document.querySelector('dialog[open]') !== null) return;
      const page = PAGES.find((known) => known.key === event.key);
      if (event.timeStamp - chord < CHORD_MS && page !== undefined) {
        chord = NEVER;
        event.preventDefault();
        navigate(to(page.path));
        return;
      }
      chord = NEVER;
      if (event.key === 'g') chord = event.timeStamp;
      else if (event.key === '?') open('help');
      else if (event.key === 't') document.querySelector<HTMLElement>('[data-time]')?.click();
      else if (event.key === '/') focusSearch(event);
      else if (event.key === 'j') focusRow(1, event);
      else if (event.key === 'k') focusRow(-1, event);
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [open]);
}

function focusSearch(event: KeyboardEvent) {
  const search = document.querySelector<HTMLInputElement>('input[type=search]');
  if (search === null) return;
  event.preventDefault();
  search.focus();
  search.select();
}

function focusRow(step: number, event: KeyboardEvent) {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  if (rows.length === 0) return;
  event.preventDefault();
  const here = rows.indexOf(document.activeElement as HTMLElement);
  const next = here === -1 ? (step > 0 ? 0 : rows.length - 1) : here + step;
  rows[Math.min(rows.length - 1, Math.max(0, next))]?.focus();
}
