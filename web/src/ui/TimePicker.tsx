/** Which stretch of time is looked at, and in which zone it is told; in the frame of every page. */
import { useRef, useState, type SubmitEvent } from 'react';

import { clock, full } from '../lib/format';
import { setParams, useQuery, withParams } from '../lib/route';
import {
  local,
  moment,
  rangeEnds,
  rangeParams,
  useRange,
  WINDOWS,
  zoneOf,
  zones,
  type Range,
} from '../lib/time';
import { CopyButton } from './Copy';
import { isTimed } from './pages';

/** What stands there on a page that shows the same whatever time is chosen. */
const ANY = 'any time';

export function TimePicker({ pathname }: { pathname: string }) {
  const range = useRange();
  const query = useQuery();
  const zone = zoneOf(query.get('tz'));
  const timed = isTimed(pathname, query);
  const words = timed ? rangeWords(range) : ANY;
  const popover = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const choose = (values: Record<string, string>) => {
    popover.current?.hidePopover();
    setParams(values);
  };
  return (
    <div className="time">
      <button
        type="button"
        className={timed ? 'time-button' : 'time-button dim'}
        popoverTarget="time"
        title={zone === undefined ? words : `${words}, ${zone}`}
        data-time
      >
        <span className="hidden">Stretch of time: </span>
        {words}
        {zone !== undefined && <small> {short(zone)}</small>}
        <span aria-hidden="true"> ▾</span>
      </button>
      {timed && <OnPaper range={range} />}
      <div
        ref={popover}
        id="time"
        popover="auto"
        className="time-popover"
        role="dialog"
        aria-label="Stretch of time"
        onToggle={(event) => setOpen(event.newState === 'open')}
      >
        {open && timed && <Choices range={range} zone={zone} choose={choose} />}
        {open && !timed && (
          <p className="timeless">
            This page shows the same whatever time is chosen. For others that is:{' '}
            {rangeWords(range)}.
          </p>
        )}
        {open && <Zone zone={zone} choose={choose} />}
      </div>
    </div>
  );
}

/** On paper "the last hour" says nothing: from when to when, with the day. */
function OnPaper({ range }: { range: Range }) {
  const [from, to] = rangeEnds(range);
  return (
    <span className="on-paper" aria-hidden="true">
      {full(from)} – {full(to)}
    </span>
  );
}

type Choose = (values: Record<string, string>) => void;

interface ChoicesProps {
  range: Range;
  zone: string | undefined;
  choose: Choose;
}

function Choices({ range, zone, choose }: ChoicesProps) {
  const [from, to] = rangeEnds(range);
  const [wrong, setWrong] = useState(false);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const at = (name: string) => {
      const text = form.get(name);
      return typeof text === 'string' ? moment(text, zone) : undefined;
    };
    const [begin, end] = [at('from'), at('to')];
    if (begin === undefined || end === undefined || begin >= end) setWrong(true);
    else choose(rangeParams({ from: String(begin), to: String(end) }));
  };
  return (
    <>
      <ul className="presets">
        {WINDOWS.map((known) => (
          <li key={known.last}>
            <button
              type="button"
              aria-pressed={range.last === known.last}
              onClick={() => choose(rangeParams({ last: known.last }))}
            >
              {known.name}
            </button>
          </li>
        ))}
      </ul>
      <form onSubmit={submit}>
        <label>
          <span>from</span>
          <input type="datetime-local" name="from" required defaultValue={local(from, zone)} />
        </label>
        <label>
          <span>to</span>
          <input type="datetime-local" name="to" required defaultValue={local(to, zone)} />
        </label>
        {wrong && (
          <p className="broken" role="alert">
            It has to begin before it ends.
          </p>
        )}
        <button type="submit">Show this time</button>
      </form>
      <p className="pinned">
        <CopyButton what="Copy a link to this moment" text={pinned(range)} />
      </p>
    </>
  );
}

function Zone({ zone, choose }: { zone: string | undefined; choose: Choose }) {
  return (
    <label>
      <span>zone</span>
      <select value={zone ?? ''} onChange={(event) => choose({ tz: event.target.value })}>
        <option value="">this browser’s ({own()})</option>
        {zones().map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

/** The address of this page with begin and end in it, so that it shows the same tomorrow. */
function pinned(range: Range): string {
  const [from, to] = rangeEnds(range).map((at) => String(Math.round(at)));
  return new URL(withParams(rangeParams({ from, to })), location.href).href;
}

/** `last 1 h`, or from when to when. */
function rangeWords(range: Range): string {
  if (range.last !== undefined) {
    return WINDOWS.find((known) => known.last === range.last)?.name ?? `last ${range.last}`;
  }
  return `${clock(Number(range.from))} – ${clock(Number(range.to))}`;
}

function short(zone: string): string {
  return (zone.split('/').at(-1) ?? zone).replaceAll('_', ' ');
}

function own(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}
