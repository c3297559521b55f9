/** What stands above a flame graph: how it is coloured, and what is searched for. All of it is in the address. */
import type { ReactNode } from 'react';

import { plural } from '../lib/format';
import { useTyped } from '../lib/held';
import { useParam } from '../lib/route';

interface Props {
  colours: { name: string; words: string }[];
  /** How many boxes the search found, and what they come to. */
  found?: { count: number; share: string } | undefined;
  search: string;
  children?: ReactNode;
}

export function FlameBar({ colours, found, search, children }: Props) {
  const [colour, setColour] = useParam('colour');
  const [text, setText] = useTyped('find');
  return (
    <div className="flame-bar">
      {colours.length > 1 && (
        <label className="filter">
          <span>colour by </span>
          <select
            value={colour || colours[0]?.name}
            onChange={(event) =>
              setColour(event.target.value === colours[0]?.name ? '' : event.target.value)
            }
          >
            {colours.map(({ name, words }) => (
              <option key={name} value={name}>
                {words}
              </option>
            ))}
          </select>
        </label>
      )}
      {children}
      <label className="filter search">
        <span className="hidden">{search}</span>
        <input
          type="search"
          placeholder={`/ ${search}`}
          maxLength={200}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      {text !== '' && found !== undefined && (
        <span className="dim" role="status">
          {plural(found.count, 'box', 'boxes')}, {found.share}
        </span>
      )}
    </div>
  );
}
