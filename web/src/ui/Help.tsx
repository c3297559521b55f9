/** The keys, on request. */
import { useEffect, useRef } from 'react';

import { PAGES } from './pages';

/** Keys of what has the focus. */
const OF_PICTURES: { where: string; keys: [keys: string[], does: string][] }[] = [
  {
    where: 'Waterfall',
    keys: [
      [['↑', '↓'], 'row before, next row'],
      [['←', '→'], 'close and open a row, with Shift a level of rows'],
      [['[', ']'], 'close and open all rows'],
      [['Enter'], 'all that a span carries'],
      [['n', 'N'], 'next span that was found, and back'],
      [['+', '-', '0'], 'look closer, further, at all of it'],
    ],
  },
  {
    where: 'Flame graph',
    keys: [
      [['←', '→', '↑', '↓'], 'box beside, caller, longest call'],
      [['Enter'], 'fill the width with a box'],
      [['Space'], 'all that a span carries'],
      [['n', 'N'], 'next box that was found, and back'],
      [['+', '-', '0'], 'look closer, further, at all of it'],
    ],
  },
  {
    where: 'Heatmap',
    keys: [
      [['Space'], 'draw a box'],
      [['←', '→', '↑', '↓'], 'move it, with Shift resize it'],
      [['Esc'], 'take it away'],
    ],
  },
];

export function Help({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl className="keys">
        <Key keys={['Ctrl K']} does="go to a page, endpoint, service, finding or trace" />
        <Key keys={['/']} does="search" />
        <Key keys={['t']} does="choose the time" />
        <Key keys={['j']} does="next row" />
        <Key keys={['k']} does="row before" />
        <Key keys={['Enter']} does="open the row" />
        {PAGES.map((page) => (
          <Key key={page.key} keys={['g', page.key]} does={page.name.toLowerCase()} />
        ))}
        <Key keys={['Esc']} does="close what is open" />
        <Key keys={['?']} does="this list" />
      </dl>
      {OF_PICTURES.map(({ where, keys }) => (
        <section key={where}>
          <h3>{where}</h3>
          <dl className="keys">
            {keys.map(([key, does]) => (
              <Key key={does} keys={key} does={does} />
            ))}
          </dl>
        </section>
      ))}
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}

function Key({ keys, does }: { keys: string[]; does: string }) {
  return (
    <div>
      <dt>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{does}</dd>
    </div>
  );
}
