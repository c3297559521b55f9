/** JSON over several lines, as it was sent: figures are not read, so that none loses its last digits. */

/** What fits on a line stays on it. */
const LINE_MAX = 60;
/** Longer texts are left as they are. */
const LETTERS_MAX = 100_000;

/** An object or a list with a line for each member; any other text as it is. */
export function spread(text: string): string {
  if (text.length <= LINE_MAX || text.length > LETTERS_MAX || !isJson(text)) return text;
  let depth = 0;
  const line = () => `\n${'  '.repeat(depth)}`;
  // Texts, signs, and what stands between them.
  const parts = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g) ?? [];
  return parts
    .map((part, place) => {
      switch (part) {
        case '{':
        case '[':
          if (isEnd(parts[place + 1])) return part;
          depth += 1;
          return part + line();
        case '}':
        case ']':
          if (isBegin(parts[place - 1])) return part;
          depth -= 1;
          return line() + part;
        case ',':
          return part + line();
        case ':':
          return ': ';
        default:
          return part;
      }
    })
    .join('');
}

function isJson(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isBegin(part: string | undefined): boolean {
  return part === '{' || part === '[';
}

function isEnd(part: string | undefined): boolean {
  return part === '}' || part === ']';
}
