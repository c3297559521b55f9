/** Views of one page, kept in its address; one stop for Tab, arrows go from one to the next. */
import type { KeyboardEvent, ReactNode } from 'react';

import { setParams } from '../lib/route';
import { intoLine } from '../lib/sideways';

interface Props {
  label: string;
  tabs: { name: string; words: string }[];
  tab: string;
  /** The tab that is shown unless the address says otherwise. */
  first: string;
  /** Class of what the tab shows. */
  panel?: string;
  children: ReactNode;
}

export function Tabs({ label, tabs, tab, first, panel, children }: Props) {
  const here = Math.max(
    0,
    tabs.findIndex(({ name }) => name === tab),
  );
  const show = (name: string) => setParams({ tab: name === first ? '' : name });
  const pressed = (event: KeyboardEvent<HTMLElement>) => {
    const next = tabs[nextOf(event.key, here, tabs.length)];
    if (next === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    show(next.name);
    event.currentTarget.querySelector<HTMLElement>(`#tab-${next.name}`)?.focus();
  };
  return (
    <>
      <div className="tabs" role="tablist" aria-label={label} onKeyDown={pressed}>
        {tabs.map(({ name, words }, place) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${name}`}
            aria-selected={tab === name}
            aria-controls={`panel-${name}`}
            tabIndex={place === here ? 0 : -1}
            onClick={() => show(name)}
            ref={tab === name ? intoLine : undefined}
          >
            {words}
          </button>
        ))}
      </div>
      <div
        id={`panel-${tab}`}
        role="tabpanel"
        aria-labelledby={`tab-${tab}`}
        className={panel ?? ''}
      >
        {children}
      </div>
    </>
  );
}

/** The place of the tab that a key leads to; -1 for none. */
function nextOf(key: string, here: number, count: number): number {
  switch (key) {
    case 'ArrowLeft':
      return (here + count - 1) % count;
    case 'ArrowRight':
      return (here + 1) % count;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return -1;
  }
}
