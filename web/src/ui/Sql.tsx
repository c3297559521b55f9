/** A statement, formatted. */
import { formatted } from '../lib/sql';
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
