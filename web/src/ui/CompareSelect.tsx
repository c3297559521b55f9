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

/** The other window begins at a moment of one's own and is as long. */
function Own({ range, other, done }: OwnProps) {
  const [from, to] = rangeEnds(range);
  const begin = other?.from === undefined ? from - 7 * 86_400_000 : Number(other.from);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = new FormData(event.currentTarget).get('begin');
    const at = typeof text === 'string' ? moment(text, zone()) : undefined;
    if (at === undefined) return;
    done();
    setParams({ compare: `${at}-${at + (to - from)}` });
  };
  return (
    <form className="filter own" onSubmit={submit}>
      <label>
        <span className="hidden">Begin of the time to compare with</span>
        <input type="datetime-local" name="begin" required defaultValue={local(begin, zone())} />
      </label>
      <button type="submit" className="copy">
        Compare
      </button>
    </form>
  );
}
