/** The waterfall: only the rows in view are in the document, their bars on one canvas, so that 100,000 stay quick. */
import {
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type RefObject,
} from 'react';
import { flushSync } from 'react-dom';

import type { Trace } from '../../api/types';
import { find, nextFound, type Found } from '../../lib/find';
import { tickText } from '../../lib/format';
import { readView, useHeld, useTyped, viewText, type View } from '../../lib/held';
import type { Marks } from '../../lib/marks';
import { useNarrow } from '../../lib/narrow';
import { useParam } from '../../lib/route';
import { ticks } from '../../lib/scale';
import {
  closedAtFirst,
  openedFor,
  openedText,
  placeOf,
  readOpened,
  rows,
  type Opened,
  type Row,
} from '../../lib/waterfall';
import { Bars } from './Bars';
import { FindBar } from './FindBar';
import { Levels, levelsBy } from './Levels';
import { MiniMap } from './MiniMap';
import { RowView } from './RowView';

/** On a phone the bar stands below the name. */
const HEIGHTS = { wide: 26, narrow: 46 };
/** Rows beyond the edges, so that a quick scroll shows no blank. */
const OVERSCAN = 12;

interface Props {
  trace: Trace;
  marks: Marks;
  selected: number;
  select: (node: number) => void;
}

export function Waterfall({ trace, marks, selected, select }: Props) {
  const whole = Math.max(trace.duration_micros, 0.001);
  const [opened, setOpened] = useOpened(trace, selected);
  const [view, setView] = useView(whole);
  const all = useMemo(() => rows(trace, opened), [trace, opened]);
  const [typed, setTyped] = useTyped('find');
  const [wanted] = useParam('find');
  const found = useMemo(() => find(trace, wanted), [trace, wanted]);
  const [active, setActive] = useState(() =>
    Math.max(
      0,
      all.findIndex((row) => shows(row, selected)),
    ),
  );
  const narrow = useNarrow();
  const rowHeight = narrow ? HEIGHTS.narrow : HEIGHTS.wide;
  const scroller = useRef<HTMLDivElement>(null);
  const first = useRef(active);
  const moved = useRef(false);
  const [range, setRange] = useState({ top: 0, height: 800 });

  const measure = useCallback(() => {
    const element = scroller.current;
    if (element !== null) setRange({ top: element.scrollTop, height: element.clientHeight });
  }, []);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [measure]);
  // A span that the address names is scrolled to within the waterfall, the page stays at its top.
  useEffect(() => {
    if (scroller.current !== null) scroller.current.scrollTop = (first.current - 3) * rowHeight;
  }, [rowHeight]);
  useEffect(() => {
    if (moved.current)
      document.getElementById(`row-${active}`)?.scrollIntoView({ block: 'nearest' });
    moved.current = false;
  }, [active]);

  const toggle = useCallback(
    (place: number) => {
      const row = all[place];
      if (row !== undefined) setOpened((before) => toggled(before, row));
    },
    [all, setOpened],
  );
  const choose = useCallback(
    (place: number) => {
      const row = all[place];
      if (row === undefined) return;
      setActive(place);
      if (row.type === 'span') select(row.node);
      else toggle(place);
    },
    [all, select, toggle],
  );
  useZoom(scroller, narrow, whole, setView);
  const from = Math.max(0, Math.floor(range.top / rowHeight) - OVERSCAN);
  const until = Math.min(all.length, Math.ceil((range.top + range.height) / rowHeight) + OVERSCAN);
  const places = Array.from({ length: Math.max(0, until - from) }, (_, offset) => from + offset);
  // The active row is always there, so that it can be named and scrolled to.
  if (active < all.length && (active < from || active >= until)) places.push(active);
  const here = nodeOf(all[active]);
  const at = useMemo(() => found.nodes.indexOf(here), [found, here]);
  const goToFound = (step: 1 | -1) => {
    const node = nextFound(found.nodes, here, step);
    if (node === undefined) return;
    const next = openedFor(trace, opened, node);
    setOpened(next);
    setActive(rows(trace, next).findIndex((row) => shows(row, node)));
    moved.current = true;
  };
  const change = (next: Opened) => {
    const row = all[active];
    setOpened(next);
    // What was active stays so, or what hides it now.
    const node = row?.type === 'fold' ? row.members[0] : row?.node;
    setActive(placeOf(rows(trace, next), trace, node ?? 0));
    moved.current = true;
  };
  const pressed = (event: KeyboardEvent) => {
    // Those are the browser's: Ctrl and + make the page larger.
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'n' || event.key === 'N') {
      goToFound(event.key === 'n' ? 1 : -1);
      event.preventDefault();
      return;
    }
    const levels = levelsBy(event, trace, all, opened);
    if (levels !== undefined) {
      change(levels);
      event.preventDefault();
      return;
    }
    const step = stepOf(event.key, Math.max(1, Math.floor(range.height / rowHeight) - 2));
    const row = all[active];
    if (step !== undefined) setActive(Math.min(all.length - 1, Math.max(0, active + step)));
    else if (event.key === 'Enter' || event.key === ' ') choose(active);
    else if (event.key === 'ArrowRight' && row?.open === false) toggle(active);
    else if (event.key === 'ArrowLeft' && row?.open === true) toggle(active);
    else if (event.key === 'ArrowLeft' && row !== undefined) setActive(parentOf(all, active));
    else if (event.key === '+' || event.key === '=') setView(zoomed(view, ZOOM_STEP, 0.5, whole));
    else if (event.key === '-') setView(zoomed(view, 1 / ZOOM_STEP, 0.5, whole));
    else if (event.key === '0') setView({ from: 0, to: whole });
    else return;
    moved.current = step !== undefined || event.key.startsWith('Arrow');
    event.preventDefault();
  };
  return (
    <div className="waterfall">
      <div className="waterfall-bar">
        <FindBar text={typed} look={setTyped} count={found.nodes.length} at={at} go={goToFound} />
        <Levels trace={trace} all={all} opened={opened} change={change} />
      </div>
      <MiniMap trace={trace} view={view} change={setView} />
      <Axis view={view} count={narrow ? 3 : 5} />
      <div
        ref={scroller}
        className="scroller"
        role="treegrid"
        aria-label="spans of the trace"
        aria-rowcount={all.length}
        aria-activedescendant={all.length > 0 ? `row-${active}` : undefined}
        tabIndex={0}
        // In the same frame as the rows move, so that bars and names never part.
        onScroll={() => flushSync(measure)}
        onKeyDown={pressed}
      >
        <Bars
          trace={trace}
          marks={marks}
          rows={all}
          from={from}
          until={until}
          top={range.top}
          height={Math.min(range.height, all.length * rowHeight)}
          rowHeight={rowHeight}
          narrow={narrow}
          view={view}
        />
        <div role="rowgroup" style={{ height: all.length * rowHeight }}>
          {places.map((place) => {
            const row = all[place];
            if (row === undefined) return null;
            return (
              <RowView
                key={row.type === 'span' ? `s${row.node}` : `f${row.fold}`}
                trace={trace}
                row={row}
                place={place}
                top={place * rowHeight}
                active={place === active}
                selected={row.type === 'span' && row.node === selected}
                found={foundIn(row, found)}
                toggle={toggle}
                choose={choose}
              />
            );
          })}
        </div>
      </div>
      <p className="how dim">
        The thick edge below a bar is time that the answer waited for; hatched is the span’s own.
        {marks.spans.size > 0 &&
          ' A tip over a bar is an event or a log record, a long one tells of an error.'}{' '}
        Drag over the map, or turn the wheel with Ctrl held, to look closer.
      </p>
    </div>
  );
}

/** The rows that are open, as the address has them; the one that is selected is to be seen. */
function useOpened(trace: Trace, selected: number) {
  const first = useMemo(() => closedAtFirst(trace), [trace]);
  const read = (text: string): Opened => {
    const told = readOpened(text, trace, first);
    return selected >= 0 && trace.nodes[selected]?.parent != null
      ? openedFor(trace, told, selected)
      : told;
  };
  const write = useCallback((opened: Opened) => openedText(opened, trace, first), [trace, first]);
  return useHeld('rows', read, write);
}

/** The stretch of the trace that is shown, as the address has it. */
function useView(whole: number) {
  const read = (text: string): View => readView(text, whole) ?? { from: 0, to: whole };
  const write = useCallback(
    (view: View) => (view.from <= 0 && view.to >= whole ? '' : viewText(view)),
    [whole],
  );
  return useHeld('view', read, write);
}

const ZOOM_STEP = 1.25;

/** Turning the wheel with Ctrl held zooms about the pointer; React listens to wheels passively, which would scroll too. */
function useZoom(
  scroller: RefObject<HTMLDivElement | null>,
  narrow: boolean,
  whole: number,
  change: (next: (before: View) => View) => void,
) {
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const turned = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const left = narrow ? 0 : box.width * 0.38;
      const wide = Math.max(1, box.width - left - (narrow ? 0 : 84));
      const share = Math.min(1, Math.max(0, (event.clientX - box.left - left) / wide));
      const factor = event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP;
      change((before) => zoomed(before, factor, share, whole));
    };
    element.addEventListener('wheel', turned, { passive: false });
    return () => element.removeEventListener('wheel', turned);
  }, [scroller, narrow, whole, change]);
}

function zoomed(view: View, factor: number, share: number, whole: number): View {
  const length = Math.min(whole, Math.max(whole * 1e-7, (view.to - view.from) / factor));
  const centre = view.from + share * (view.to - view.from);
  const from = Math.min(Math.max(0, centre - share * length), whole - length);
  return { from, to: from + length };
}

function Axis({ view, count }: { view: View; count: number }) {
  const length = view.to - view.from;
  return (
    <div className="time-axis" aria-hidden="true">
      <div>
        {ticks(length, count)
          .filter((tick) => tick < length * 0.93)
          .map((tick) => (
            <span key={tick} style={{ left: `${(tick / length) * 100}%` }}>
              {tickText(view.from + tick)}
            </span>
          ))}
      </div>
    </div>
  );
}

function shows(row: Row, node: number): boolean {
  return row.type === 'span' && row.node === node;
}

/** The span of a row; of a fold the place before its first member. */
function nodeOf(row: Row | undefined): number {
  if (row?.type === 'fold') return (row.members[0] ?? 0) - 0.5;
  return row?.node ?? -1;
}

/** Whether a row is what is looked for, or hides it. */
function foundIn(row: Row, found: Found): 'is' | 'within' | undefined {
  if (row.type === 'fold') return !row.open && found.folds.has(row.fold) ? 'within' : undefined;
  if (found.is.has(row.node)) return 'is';
  return row.open === false && found.above.has(row.node) ? 'within' : undefined;
}

function toggled(before: Opened, row: Row): Opened {
  const flip = (set: ReadonlySet<number>, value: number) => {
    const next = new Set(set);
    if (!next.delete(value)) next.add(value);
    return next;
  };
  if (row.type === 'fold') return { ...before, folds: flip(before.folds, row.fold) };
  return row.open === undefined ? before : { ...before, closed: flip(before.closed, row.node) };
}

function stepOf(key: string, page: number): number | undefined {
  switch (key) {
    case 'ArrowDown':
    case 'j':
      return 1;
    case 'ArrowUp':
    case 'k':
      return -1;
    case 'PageDown':
      return page;
    case 'PageUp':
      return -page;
    case 'Home':
      return -Infinity;
    case 'End':
      return Infinity;
    default:
      return undefined;
  }
}

function parentOf(all: Row[], place: number): number {
  const depth = all[place]?.depth ?? 0;
  for (let above = place - 1; above >= 0; above -= 1) {
    if ((all[above]?.depth ?? 0) < depth) return above;
  }
  return place;
}
