/** Looks for spans in the waterfall: how many there are, and from one to the next, opening what hides them. */
import { grouped, plural } from '../../lib/format';

interface Props {
  text: string;
  look: (text: string) => void;
  count: number;
  /** Which of them the active row is, from 0; -1 for none. */
  at: number;
  go: (step: 1 | -1) => void;
}

export function FindBar({ text, look, count, at, go }: Props) {
  return (
    <div className="flame-bar" role="search" aria-label="Find spans">
      <label className="filter search">
        <span className="hidden">name or service of a span</span>
        <input
          type="search"
          placeholder="/ name or service of a span"
          maxLength={200}
          value={text}
          onChange={(event) => look(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return;
            event.preventDefault();
            go(event.shiftKey ? -1 : 1);
          }}
        />
      </label>
      {text.trim() !== '' && (
        <>
          <span className="dim" role="status">
            {at === -1 ? plural(count, 'span') : `${grouped(at + 1)} of ${plural(count, 'span')}`}
          </span>
          <button type="button" className="copy" disabled={count === 0} onClick={() => go(-1)}>
            Before
          </button>
          <button type="button" className="copy" disabled={count === 0} onClick={() => go(1)}>
            Next
          </button>
        </>
      )}
    </div>
  );
}
