/** A statement, formatted. */
import { formatted, short } from '../lib/sql';
import { Code } from './Copy';

export function Sql({ text, label = 'SQL' }: { text: string; label?: string }) {
  return (
    <Code text={text} label={label}>
      {formatted(text).map((piece, place) =>
        piece.kind === 'plain' ? (
          piece.text
        ) : (
          <span key={place} className={piece.kind}>
            {piece.text}
          </span>
        ),
      )}
    </Code>
  );
}

/** A statement on one line, for tables. */
export function SqlLine({ text }: { text: string }) {
  return formatted(short(text)).map((piece, place) =>
    piece.kind === 'keyword' ? (
      <span key={place} className="keyword">
        {piece.text}
      </span>
    ) : (
      piece.text.replace(/\s+/g, ' ')
    ),
  );
}
