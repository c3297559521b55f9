/** Gives a table to the browser as a file. */
import { clock } from '../../lib/format';

export function download(what: string, text: string, at = Date.now()) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `taut-${what}-${clock(at).replace(/\W+/g, '-')}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
