/** A table that is sorted by one of its figures, largest first; the address holds by which. */
import type { ReactNode } from 'react';

import { plural } from '../lib/format';
import { setParams, useParam } from '../lib/route';

/** Rows that are drawn: more than anybody reads. */
export const ROWS_MAX = 500;

export interface SortColumn<Key extends string> {
  key: Key;
  words: string;
  className: string;
}

/** A column by which nothing can be sorted. */
export interface PlainColumn {
  words: ReactNode;
  className: string;
  title?: string;
}

type Column<Key extends string> = SortColumn<Key> | PlainColumn;

/** The column by which is sorted; the first unless the address says otherwise. */
export function useSort<Key extends string>(columns: Column<Key>[], first: Key): Key {
  const [sort] = useParam('sort');
  return columns.flatMap((one) => ('key' in one && one.key === sort ? [one.key] : []))[0] ?? first;
}

interface HeadsProps<Key extends string> {
  columns: Column<Key>[];
  by: Key;
  /** By which is sorted unless somebody asks for another. */
  first: Key;
}

/** The heads of the columns, each of which sorts by itself where it can. */
export function SortHeads<Key extends string>({ columns, by, first }: HeadsProps<Key>) {
  return columns.map((column, place) =>
    'key' in column ? (
      <SortHead key={column.key} column={column} by={by} first={first} />
    ) : (
      <th key={place} scope="col" className={column.className} title={column.title}>
        {column.words}
      </th>
    ),
  );
}

interface HeadProps<Key extends string> {
  column: SortColumn<Key>;
  by: Key;
  first: Key;
}

function SortHead<Key extends string>({ column, by, first }: HeadProps<Key>) {
  const { key, words, className } = column;
  return (
    <th scope="col" className={className} aria-sort={by === key ? 'descending' : 'none'}>
      <button
        type="button"
        className="sort"
        onClick={() => setParams({ sort: key === first ? '' : key })}
      >
        {words}
        <span aria-hidden="true">{by === key ? ' ▾' : ''}</span>
      </button>
    </th>
  );
}

/** What is said below the rows: that there are none, or more. */
export function SortRest({ count, what, of = what }: { count: number; what: string; of?: string }) {
  if (count === 0) return <p className="nothing">No {of} is called like that.</p>;
  if (count <= ROWS_MAX) return null;
  return <p className="dim">{plural(count - ROWS_MAX, `more ${what}`)} below these.</p>;
}
