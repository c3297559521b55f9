/** Text that may be broken after the slashes of paths and the commas of lists, before in the middle of a word. */
import { Fragment } from 'react';

export function Breaks({ text }: { text: string }) {
  return text.split(/(?<=[/,])(?=[^/,\s])/).map((part, place) => (
    <Fragment key={place}>
      {place > 0 && <wbr />}
      {part}
    </Fragment>
  ));
}
