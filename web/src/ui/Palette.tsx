/** One field that leads anywhere: pages, endpoints, services, findings, traces by id. Ctrl-K or Cmd-K opens it. */
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';

import { path, useApi } from '../api/use';
import type { Findings, Operations } from '../api/types';
import { percent } from '../lib/format';
import { wastedText } from '../lib/impact';
import { offered, traceId, type Command } from '../lib/palette';
import { navigate, setParams, to } from '../lib/route';
import { toggleTheme } from '../lib/theme';
import { rangeParams, useRange, WINDOWS } from '../lib/time';
import { PAGES } from './pages';

export function Palette({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState('');
  const [here, setHere] = useState(0);
  useEffect(() => dialog.current?.showModal(), []);
  const known = useCommands();
  const id = traceId(typed);
  const found = offered(known, typed);
  const shown = id === undefined ? found : [toTrace(id), ...found];
  const place = Math.min(here, Math.max(0, shown.length - 1));
  const run = (command: Command | undefined) => {
    if (command === undefined) return;
    close();
    command.run();
  };
  const pressed = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setHere((place + step + shown.length) % Math.max(1, shown.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      run(shown[place]);
    }
  };
  return (
    <dialog ref={dialog} className="palette" onClose={close} aria-label="Go to">
      <input
        type="text"
        role="combobox"
        aria-label="Go to"
        aria-expanded={shown.length > 0}
        aria-controls="palette"
        aria-activedescendant={shown.length > 0 ? `palette-${place}` : undefined}
        autoComplete="off"
        spellCheck={false}
        maxLength={200}
        placeholder="Page, endpoint, service, finding or trace id"
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          setHere(0);
        }}
        onKeyDown={pressed}
      />
      <ul id="palette" role="listbox" aria-label="Places">
        {shown.map((command, number) => (
          <li
            key={`${command.kind} ${command.name} ${command.detail} ${number}`}
            id={`palette-${number}`}
            role="option"
            aria-selected={number === place}
            onPointerMove={() => setHere(number)}
            onClick={() => run(command)}
          >
            <span className="kind">{command.kind}</span>
            <span className="name">{command.name}</span>
            <span className="dim">{command.detail}</span>
          </li>
        ))}
      </ul>
      {shown.length === 0 && (
        <p className="dim">Nothing is called that. Paste the id of a trace, or type less.</p>
      )}
    </dialog>
  );
}

function toTrace(id: string): Command {
  return {
    kind: 'trace',
    name: id,
    detail: 'open it',
    run: () => navigate(to(`/traces/${id}`)),
  };
}

function useCommands(): Command[] {
  const range = useRange();
  const { data: operations } = useApi<Operations>(path('operations', { ...range }), false);
  const { data: findings } = useApi<Findings>(path('findings'), false);
  return useMemo(() => {
    const go = (kind: string, name: string, detail: string, href: string): Command => ({
      kind,
      name,
      detail,
      run: () => navigate(href),
    });
    const act = (name: string, run: () => void): Command => ({ kind: 'do', name, detail: '', run });
    const share = (of: number) => {
      const { value, unit } = percent(of);
      return `${value} ${unit} of all time`;
    };
    return [
      ...PAGES.map((page) => go('page', page.name, `g ${page.key}`, to(page.path))),
      go('page', 'Compare two traces', 'before and after', to('/compare')),
      go(
        'page',
        'Open a profile',
        'pstats, pprof, cpuprofile, perf, speedscope, collapsed stacks',
        to('/profile'),
      ),
      go('page', 'Open a trace from a file', 'OTLP, Jaeger, Zipkin', to('/traces/file')),
      go(
        'page',
        'Compare two stretches of time',
        'is it better, and how surely',
        to('/runs', { compare: 'previous' }),
      ),
      go('page', 'The board report', 'before and after, for people who decide', to('/board')),
      go('page', 'Read a plan', 'what EXPLAIN says', to('/plan')),
      ...(operations?.services ?? []).map((service) =>
        go('service', service, 'its endpoints', to('/endpoints', { service })),
      ),
      ...(operations?.services ?? []).map((service) =>
        go('service', service, 'its neighbours on the map', to('/services', { focus: service })),
      ),
      ...(operations?.operations ?? []).map((one) =>
        go(
          'endpoint',
          one.operation,
          `${one.service}, ${share(one.share)}`,
          to('/endpoint', { service: one.service, operation: one.operation }),
        ),
      ),
      ...(findings?.findings ?? []).map((one) =>
        go('finding', one.claim, `${one.operation}, ${wastedText(one)}`, to(`/findings/${one.id}`)),
      ),
      ...WINDOWS.map((known) =>
        act(`Show the ${known.name}`, () => setParams(rangeParams({ last: known.last }))),
      ),
      act('Tell times in UTC', () => setParams({ tz: 'UTC' })),
      act('Tell times in this browser’s zone', () => setParams({ tz: '' })),
      act('Dark or light', toggleTheme),
    ];
  }, [operations, findings]);
}
