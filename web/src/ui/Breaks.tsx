/** Text that may be broken after the slashes of paths, the commas of lists and the dots of hosts, before in the middle of a word. */
import { Fragment } from 'react';

export function Breaks({ text }: { text: string }) {
  return text.split(/(?<=[/,])(?=[^/,\s])|(?<=[a-z]\.)(?=[a-z])/i).map((part, place) => (
    <Fragment key={place}>
      {place > 0 && <wbr />}
      {part}
    </Fragment>
  ));
}
