/** A statement on several lines with its keywords told apart. For reading, not for running. */

export interface Piece {
  text: string;
  kind: 'keyword' | 'parameter' | 'plain';
}

const CLAUSES = new Set([
  'select', 'from', 'where', 'order', 'group', 'having', 'limit', 'offset', 'union', 'except',
  'intersect', 'insert', 'update', 'delete', 'set', 'values', 'returning', 'inner', 'left', 'right',
  'full', 'cross', 'join', 'with',
]); // prettier-ignore

const KEYWORDS = new Set([
  ...CLAUSES, 'and', 'or', 'not', 'in', 'is', 'null', 'as', 'on', 'by', 'asc', 'desc', 'into',
  'outer', 'distinct', 'case', 'when', 'then', 'else', 'end', 'exists', 'between', 'like', 'ilike',
  'all', 'any', 'for', 'using', 'over', 'partition', 'begin', 'commit', 'rollback', 'count', 'sum',
  'true', 'false', 'fetch', 'first', 'next', 'rows', 'only', 'conflict', 'do', 'nothing',
]); // prettier-ignore

/** Words of statements that change the schema: elsewhere columns are called like that. */
const SCHEMA_WORDS = new Set([
  'create', 'drop', 'alter', 'unique', 'index', 'concurrently', 'table', 'if', 'include',
]); // prettier-ignore

const JOIN_WORDS = new Set(['inner', 'left', 'right', 'full', 'cross', 'outer']);
const TOKEN = /\s+|'(?:[^']|'')*'|"[^"]*"|`[^`]*`|[A-Za-z_][\w$]*|\$\d+|%s|[^\s]/g;
const COLUMN_WIDTH = 88;

/** Longer lists of columns are left out of tables: they hide what tells statements apart. */
const COLUMNS_MAX = 40;

/** The statement with a long list of selected columns left out. */
export function short(sql: string): string {
  let depth = 0;
  let begin = -1;
  for (const match of sql.matchAll(TOKEN)) {
    const word = match[0].toLowerCase();
    if (word === '(') depth += 1;
    if (word === ')') depth -= 1;
    if (begin === -1 && !/^\s/.test(word)) {
      if (word !== 'select') return sql;
      begin = match.index + word.length;
    }
    if (depth === 0 && word === 'from') {
      const long = match.index - begin > COLUMNS_MAX;
      return long ? `${sql.slice(0, begin)} … ${sql.slice(match.index)}` : sql;
    }
  }
  return sql;
}

export function formatted(sql: string): Piece[] {
  const schema = /^\s*(create|drop|alter)\b/i.test(sql);
  const pieces: Piece[] = [];
  let depth = 0;
  let column = 0;
  let previous = '';
  const put = (text: string, kind: Piece['kind'] = 'plain') => {
    const last = pieces.at(-1);
    if (last?.kind === kind && kind === 'plain') last.text += text;
    else pieces.push({ text, kind });
    column = text.includes('\n') ? text.length - text.lastIndexOf('\n') - 1 : column + text.length;
  };
  const newline = (indent: number) => put(`\n${'  '.repeat(indent)}`);
  for (const [token] of sql.trim().matchAll(TOKEN)) {
    if (/^\s/.test(token)) {
      if (column > 0 && !pieces.at(-1)?.text.endsWith(' ')) put(' ');
      continue;
    }
    const word = token.toLowerCase();
    const clause = CLAUSES.has(word) && !(word === 'join' && JOIN_WORDS.has(previous));
    const chained = previous === 'delete' || previous === 'for' || previous === 'distinct';
    const breaks =
      clause && !JOIN_WORDS.has(previous) && !chained && !(depth > 0 && word === 'set');
    if (pieces.length > 0 && breaks && (depth === 0 || word === 'select')) trimmedNewline(depth);
    else if (word === 'and' && depth === 0 && previous !== 'between') trimmedNewline(1);
    if (token === '(') depth += 1;
    if (token === ')') depth = Math.max(0, depth - 1);
    if (KEYWORDS.has(word) || (schema && depth === 0 && SCHEMA_WORDS.has(word)))
      put(token.toUpperCase(), 'keyword');
    else if (token === '?' || token === '%s' || /^\$\d/.test(token)) put(token, 'parameter');
    else put(token);
    if (token === ',' && depth === 0 && column > COLUMN_WIDTH) newline(2);
    previous = word;
  }
  return pieces;

  function trimmedNewline(indent: number) {
    const last = pieces.at(-1);
    if (last?.kind === 'plain') last.text = last.text.replace(/ +$/, '');
    newline(indent);
  }
}
