/** What the command palette offers for what was typed: an order by how well words meet, without a library. */

export interface Command {
  /** What kind of thing it is: `page`, `endpoint`. */
  kind: string;
  name: string;
  /** What tells it from others of the same name. */
  detail: string;
  run: () => void;
}

/** Commands that are offered: as many as fit without scrolling. */
export const OFFERED_MAX = 12;

/** A text that is the id of a trace, or may be. */
export function traceId(text: string): string | undefined {
  const id = text.trim().toLowerCase().replaceAll('-', '');
  return /^[0-9a-f]{12,32}$/.test(id) ? id : undefined;
}

/** Those that have every word that was typed, the best first. */
export function offered(commands: Command[], typed: string): Command[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const scored = commands.flatMap((command, place) => {
    const score = words.length === 0 ? 0 : scoreOf(command, words);
    return score === undefined ? [] : [{ command, score, place }];
  });
  scored.sort((one, other) => other.score - one.score || one.place - other.place);
  return scored.slice(0, OFFERED_MAX).map(({ command }) => command);
}

/** Undefined where a word is nowhere; more for the begin of a name, then of one of its words, then for anywhere. */
function scoreOf(command: Command, words: string[]): number | undefined {
  const name = command.name.toLowerCase();
  const all = `${name} ${command.detail} ${command.kind}`.toLowerCase();
  let score = 0;
  for (const word of words) {
    const at = name.indexOf(word);
    if (at === 0) score += 8;
    else if (at > 0) score += /\w/.test(name.charAt(at - 1)) ? 3 : 5;
    else if (all.includes(word)) score += 1;
    else return undefined;
  }
  // Of two that fit, the shorter name fits better.
  return score + 1 / (1 + name.length);
}
