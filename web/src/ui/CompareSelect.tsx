/** What the window is compared with: the time before, the day or week before, or any other window of one's own. */
import { useState, type SubmitEvent } from 'react';

import type { Problem } from '../api/types';
import { clock, zone } from '../lib/format';
import { setParams, useQuery } from '../lib/route';
import { COMPARED, comparedWith, local, moment, rangeEnds, type Range } from '../lib/time';

interface Props {
  range: Range;
  problem: Problem | undefined;
  /** What is said where nothing is chosen. */
  first?: string;
}

export function CompareSelect({ range, problem, first = 'compare with nothing' }: Props) {
  const value = useQuery().get('compare') ?? '';
  const other = comparedWith(range, value);
  const [asking, setAsking] = useState(false);
  const own = other !== undefined && !COMPARED.some((known) => known.name === value);
  const changed = (next: string) => {
    setAsking(next === 'own');
    if (next !== 'own') setParams({ compare: next });
  };
  return (
    <>
      <label className="filter">
        <span className="hidden">Compare with</span>
        <select
          value={asking || own ? 'own' : value}
          onChange={(event) => changed(event.target.value)}
        >
          <option value="">{first}</option>
          {COMPARED.map((known) => (
            <option key={known.name} value={known.name}>
              compare with {known.words}
            </option>
          ))}
          <option value="own">compare with another time …</option>
        </select>
      </label>
      {(asking || own) && (
        <Own range={range} other={other} done={() => setAsking(false)} key={value} />
      )}
      {other !== undefined && (
        <span className="dim compared-with">
          {problem?.status === 404
            ? 'It was not requested then.'
            : `${clock(Number(other.from))} – ${clock(Number(other.to))}`}
        </span>
      )}
    </>
  );
}

interface OwnProps {
  range: Range;
  other: Range | undefined;
  done: () => void;
}

/** From when to when the other window is: as long as this one, unless its end is moved. */
function Own({ range, other, done }: OwnProps) {
  const [from, to] = rangeEnds(range);
  const first = other?.from === undefined ? from - 7 * 86_400_000 : Number(other.from);
  const last = other?.to === undefined ? first + (to - from) : Number(other.to);
  const [begin, setBegin] = useState(() => local(first, zone()));
  const [end, setEnd] = useState(() => local(last, zone()));
  const [wrong, setWrong] = useState(false);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const [at, until] = [begin, end].map((text) => moment(text, zone()));
    if (at === undefined || until === undefined || until <= at) {
      setWrong(true);
      return;
    }
    done();
    setParams({ compare: `${at}-${until}` });
  };
  return (
    <form className="filter own" onSubmit={submit}>
      <label>
        <span className="hidden">Begin of the time to compare with</span>
        <input
          type="datetime-local"
          required
          value={begin}
          onChange={(event) => {
            setEnd(shifted(begin, event.target.value, end));
            setBegin(event.target.value);
          }}
        />
      </label>
      <label>
        <span aria-hidden="true">– </span>
        <span className="hidden">End of the time to compare with</span>
        <input
          type="datetime-local"
          required
          value={end}
          onChange={(event) => setEnd(event.target.value)}
        />
      </label>
      <button type="submit" className="copy">
        Compare
      </button>
      {wrong && (
        <span className="broken" role="alert">
          It has to begin before it ends.
        </span>
      )}
    </form>
  );
}

/** The end, as long after the new begin as it was after the old one. */
function shifted(before: string, begin: string, end: string): string {
  const [old, now, until] = [before, begin, end].map((text) => moment(text, zone()));
  if (old === undefined || now === undefined || until === undefined) return end;
  return local(until + now - old, zone());
}
