/** Views of one page, kept in its address. */
import type { ReactNode } from 'react';

import { setParams } from '../lib/route';

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
  return (
    <>
      <div className="tabs" role="tablist" aria-label={label}>
        {tabs.map(({ name, words }) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${name}`}
            aria-selected={tab === name}
            aria-controls={`panel-${name}`}
            onClick={() => setParams({ tab: name === first ? '' : name })}
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
