/** Gives a table to the browser as a file. */
import { clock } from '../../lib/format';

export function download(what: string, text: string, at = Date.now()) {
  save(
    `taut-${what}-${clock(at).replace(/\W+/g, '-')}.csv`,
    new Blob([text], { type: 'text/csv' }),
  );
}

/** Gives a file to the browser under its name. */
export function save(name: string, file: Blob) {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
