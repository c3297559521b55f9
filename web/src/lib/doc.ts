/** The manual's pages of detectors: Markdown with three headings, read without a parser for all of it. */

export interface Section {
  title: string;
  text: string;
}

/** The parts below each heading, in order; what stands before the first has an empty title. */
export function sections(doc: string): Section[] {
  const parts: Section[] = [{ title: '', text: '' }];
  let fenced = false;
  for (const line of doc.split('\n')) {
    if (line.startsWith('```')) fenced = !fenced;
    const heading = fenced ? null : /^#{1,6}\s+(.*)$/.exec(line);
    if (heading?.[1] !== undefined) parts.push({ title: heading[1], text: '' });
    else {
      const last = parts.at(-1);
      if (last !== undefined) last.text += `${line}\n`;
    }
  }
  return parts
    .map((part) => ({ title: part.title, text: part.text.trim() }))
    .filter((part) => part.title !== '' || part.text !== '');
}

/** The first paragraph below the heading that says why the fault hurts. */
export function why(doc: string): string {
  const part = sections(doc).find((section) => /^why/i.test(section.title));
  return plain(part?.text.split(/\n\s*\n/)[0] ?? '');
}

/** A paragraph without its marks. */
export function plain(text: string): string {
  return text
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/(^|[^\w*])([*_]{1,2})(\S|\S.*?\S)\2(?![\w*])/gs, '$1$3')
    .replace(/`/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}
