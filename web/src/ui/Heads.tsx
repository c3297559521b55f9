/** The heads of a table: words, and the class of their column, which says how it is set and when it goes. */
import type { ReactNode } from 'react';

export function Heads({ columns }: { columns: [words: ReactNode, className?: string][] }) {
  return (
    <thead>
      <tr>
        {columns.map(([words, className], place) => (
          <th key={place} scope="col" className={className}>
            {words}
          </th>
        ))}
      </tr>
    </thead>
  );
}
