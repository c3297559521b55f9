/** The keys, on request. */
import { useEffect, useRef } from 'react';

import { PAGES } from './pages';

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
        <Key keys={['←', '→']} does="close and open a row of the waterfall" />
        <Key keys={['Esc']} does="close what is open" />
        <Key keys={['?']} does="this list" />
      </dl>
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
