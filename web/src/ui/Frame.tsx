/** What surrounds every page: name, pages, whether it is live, dark or light. */
import { useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from 'react';

import { ahead } from '../api/ahead';
import { currentConnection, watchConnection, type Connection } from '../api/live';
import { useArrival } from '../lib/arrival';
import { useKeys } from '../lib/keys';
import { to } from '../lib/route';
import { intoLine } from '../lib/sideways';
import { toggleTheme, useTheme } from '../lib/theme';
import { useRange } from '../lib/time';
import { Help } from './Help';
import { Link } from './Link';
import { firstQuestion, PAGES, sectionOf } from './pages';
import { Palette } from './Palette';
import { TimePicker } from './TimePicker';

const MAC = /Mac|iPhone|iPad/.test(navigator.userAgent);

interface FrameProps {
  pathname: string;
  /** What is looked at: another one is another page. */
  place: string;
  children: ReactNode;
}

export function Frame({ pathname, place, children }: FrameProps) {
  const [open, setOpen] = useState<'help' | 'palette'>();
  const main = useRef<HTMLElement>(null);
  const range = useRange();
  const here = PAGES.find((page) => page.sections.includes(sectionOf(pathname)));
  useKeys(setOpen);
  useArrival(main, place, here?.name);
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
              aria-current={page === here ? 'page' : undefined}
              {...ahead(firstQuestion(page, range))}
            >
              {page.name}
            </Link>
          ))}
        </nav>
        <TimePicker pathname={pathname} />
        <button
          type="button"
          className="go-to"
          onClick={() => setOpen('palette')}
          title="Go to (Ctrl-K)"
        >
          <Glass />
          <span>Go to</span> <kbd>{MAC ? '⌘' : 'Ctrl'} K</kbd>
        </button>
        <Pulse />
        <button type="button" className="quiet" onClick={() => setOpen('help')} title="Keys (?)">
          <span aria-hidden="true">?</span>
          <span className="hidden">Show the keys</span>
        </button>
        <ThemeButton />
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {children}
      </main>
      {open === 'help' && <Help close={() => setOpen(undefined)} />}
      {open === 'palette' && <Palette close={() => setOpen(undefined)} />}
    </>
  );
}

function Glass() {
  return (
    <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
      <circle cx="6" cy="6" r="4.2" fill="none" stroke="currentColor" strokeWidth="1.4" />
      <path d="M9.2 9.2l3.6 3.6" stroke="currentColor" strokeWidth="1.4" strokeLinecap="round" />
    </svg>
  );
}

const PULSE: Record<Connection, { words: string; sign: string }> = {
  connecting: { words: 'connecting', sign: '' },
  live: { words: 'live', sign: 'live' },
  lost: { words: 'no answer, trying again', sign: 'lost' },
  crowded: { words: 'too many look: reload', sign: 'lost' },
  closed: { words: 'a token is wanted: reload', sign: 'lost' },
};

function Pulse() {
  const { words, sign } = PULSE[useSyncExternalStore(watchConnection, currentConnection)];
  return (
    <span className={`pulse ${sign}`} role="status" title={words}>
      <span>{words}</span>
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
