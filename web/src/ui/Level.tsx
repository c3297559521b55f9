/** How bad a finding is: a word, and a mark whose fill says the same without colour. */
import type { Level as LevelName } from '../api/types';

export function Level({ level }: { level: LevelName }) {
  return (
    <span className={`level ${level}`}>
      <i aria-hidden="true" />
      {level}
    </span>
  );
}
