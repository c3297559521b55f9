/** What surrounds every page: name, pages, whether it is live, dark or light. */
import { useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from 'react';

import { currentConnection, watchConnection } from '../api/live';
import { useKeys } from '../lib/keys';
import { to } from '../lib/route';
import { intoLine } from '../lib/sideways';
import { toggleTheme, useTheme } from '../lib/theme';
import { Help } from './Help';
import { Link } from './Link';
import { PAGES } from './pages';
import { Palette } from './Palette';
import { TimePicker } from './TimePicker';

const MAC = /Mac|iPhone|iPad/.test(navigator.userAgent);

export function Frame({ pathname, children }: { pathname: string; children: ReactNode }) {
  const [open, setOpen] = useState<'help' | 'palette'>();
  useKeys(setOpen);
  useEffect(() => {
    document.title = title(pathname);
  }, [pathname]);
  const pages = useRef<HTMLElement>(null);
  useEffect(() => intoLine(pages.current?.querySelector('[aria-current]') ?? null), [pathname]);
  return (
    <>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <header className="frame">
        <Link to={to('/')} className="name" aria-label="taut, overview">
          taut
        </Link>
        <nav aria-label="Pages" ref={pages}>
          {PAGES.map((page) => (
            <Link
              key={page.path}
              to={to(page.path)}
              aria-current={page.sections.includes(section(pathname)) ? 'page' : undefined}
            >
              {page.name}
            </Link>
          ))}
        </nav>
        <TimePicker />
        <button
          type="button"
          className="go-to"
          onClick={() => setOpen('palette')}
          title="Go to (Ctrl-K)"
        >
          <span>Go to</span> <kbd>{MAC ? '⌘' : 'Ctrl'} K</kbd>
        </button>
        <Pulse />
        <button type="button" className="quiet" onClick={() => setOpen('help')} title="Keys (?)">
          <span aria-hidden="true">?</span>
          <span className="hidden">Show the keys</span>
        </button>
        <ThemeButton />
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      {open === 'help' && <Help close={() => setOpen(undefined)} />}
      {open === 'palette' && <Palette close={() => setOpen(undefined)} />}
    </>
  );
}

function Pulse() {
  const connection = useSyncExternalStore(watchConnection, currentConnection);
  const words = { connecting: 'connecting', live: 'live', lost: 'no answer, trying again' };
  return (
    <span className={`pulse ${connection}`} role="status">
      <span>{words[connection]}</span>
    </span>
  );
}

function ThemeButton() {
  const theme = useTheme();
  const other = theme === 'dark' ? 'light' : 'dark';
  return (
    <button type="button" className="quiet" onClick={toggleTheme} title={`Make it ${other}`}>
      <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="5.2" fill="none" stroke="currentColor" strokeWidth="1.4" />
        <path d="M8 2.8a5.2 5.2 0 0 1 0 10.4z" fill="currentColor" />
      </svg>
      <span className="hidden">Make it {other}</span>
    </button>
  );
}

function section(pathname: string): string {
  return pathname.split('/')[1] ?? '';
}

function title(pathname: string): string {
  const page = PAGES.find((known) => known.sections.includes(section(pathname)));
  return page === undefined ? 'taut' : `${page.name} · taut`;
}
