/** The board report: what is on its page, and the same as Markdown. */
import type { Board, BoardFigure, BoardRow, BoardSpent, LedgerEntry } from '../api/types';
import { digits, durationText, full, grouped, hoursPerDay, percent, plural } from './format';
import { measureText, paragraphs, signed } from './ledger';

/** A line of the table of what all requests took. */
export interface Total {
  name: string;
  before: string;
  after: string;
  change: string;
}

/** What is told of the ledger, the newest first. */
export interface Told {
  proven: LedgerEntry[];
  applied: LedgerEntry[];
  /** What was taken back, or failed. */
  undone: LedgerEntry[];
  decisions: LedgerEntry[];
  runs: LedgerEntry[];
}

/** Entries that are told of each kind: a report that nobody reads to its end decides nothing. */
const TOLD_MAX = 50;

export function toldOf(entries: LedgerEntry[]): Told {
  const remedies = (...states: string[]) =>
    entries
      .filter((entry) => entry.remedy != null && states.includes(entry.remedy.state))
      .slice(0, TOLD_MAX);
  const kind = (name: string) => entries.filter((entry) => entry.kind === name);
  return {
    proven: remedies('proven'),
    applied: remedies('applied'),
    undone: remedies('reverted', 'failed'),
    decisions: kind('decision').slice(0, TOLD_MAX),
    runs: kind('run').slice(0, TOLD_MAX),
  };
}

/** What was reached, in a sentence. */
export function boardClaim(board: Board): string {
  const sure = board.rows.filter((row) => row.name === 'p95' && row.sure === true);
  const fell = sure.filter((row) => row.after.value < row.before.value).length;
  const { proven, applied, reverted, failed } = board.remedies;
  const failures = failed === 0 ? '' : `, ${grouped(failed)} failed`;
  const remedies = `${plural(proven, 'remedy', 'remedies')} proven, ${grouped(applied)} applied and not proven yet, ${grouped(reverted)} taken back${failures}`;
  if (board.rows.length === 0) return `${remedies}.`;
  return `p95 fell at ${plural(fell, 'operation')} and rose at ${grouped(sure.length - fell)}, each beyond chance; ${remedies}.`;
}

/** What the figures stand on. */
export function basis(board: Board): string[] {
  const side = (name: string, spent: BoardSpent, of: Board['before']) =>
    `${name}: ${plural(spent.requests, 'request')}, ${full(of.from_unix_ms)} to ${full(of.to_unix_ms)}`;
  return [
    side('Before', board.spent_before, board.before),
    side('After', board.spent_after, board.after),
    ...(board.cut
      ? ['The store keeps only so many requests: what is older than these is not known.']
      : []),
    'Operations that both have, those first that took the most time. Intervals hold with 95 %; where there is none, there were too few requests.',
    ...(board.money == null
      ? []
      : [
          'Money is what is paid for the database and the servers, by how long a request keeps each busy, for as many requests as before: nothing is saved until something smaller is paid for.',
        ]),
  ];
}

/** What all requests took, by the day. */
export function totals(board: Board): Total[] {
  const days = (of: Board['before']) => (of.to_unix_ms - of.from_unix_ms) / 86_400_000;
  const [was, now] = [days(board.before), days(board.after)];
  const { spent_before: old, spent_after: fresh } = board;
  if (old.requests === 0 && fresh.requests === 0) return [];
  const line = (
    name: string,
    of: (spent: BoardSpent, days: number) => number,
    text: (value: number) => string,
  ): Total => {
    const [before, after] = [of(old, was), of(fresh, now)];
    // Nothing is known of a side that has no length.
    const told = (value: number, length: number) => (length > 0 ? text(value) : '–');
    const change = was > 0 && now > 0 ? changeText(before, after) : '–';
    return { name, before: told(before, was), after: told(after, now), change };
  };
  const hours = (value: number) => {
    const { value: told, unit } = hoursPerDay(value);
    return `${told} ${unit}`;
  };
  const share = (value: number) => {
    const { value: told, unit } = percent(value);
    return `${told} ${unit}`;
  };
  const each = (part: number, spent: BoardSpent) => part / Math.max(1, spent.requests);
  return [
    line(
      'requests a day',
      (spent, length) => spent.requests / length,
      (value) => digits(value),
    ),
    line('users wait', (spent, length) => spent.users_micros / 3.6e9 / length, hours),
    line('databases work', (spent, length) => spent.database_micros / 3.6e9 / length, hours),
    line('a request takes', (spent) => each(spent.users_micros, spent), durationText),
    line(
      'queries per request',
      (spent) => each(spent.statements, spent),
      (value) => digits(value),
    ),
    line('failed', (spent) => each(spent.failed, spent), share),
    ...money(board),
  ];
}

/** What of the prices that are set as many requests as before take. */
function money(board: Board): Total[] {
  if (board.money == null) return [];
  const { before, after } = board.money;
  const text = (value: number) => `${board.open.currency} ${digits(value)} a month`;
  const change = changeText(before, after);
  return [
    { name: 'as many requests as before cost', before: text(before), after: text(after), change },
  ];
}

export function changeText(before: number, after: number): string {
  return before > 0 ? signed(after / before - 1) : '–';
}

/** A figure as it is read. */
export function figureText(row: BoardRow, value: number): string {
  switch (row.unit) {
    case 'micros':
      return durationText(value);
    case 'count':
      return digits(value);
    case 'share': {
      const { value: told, unit } = percent(value);
      return `${told} ${unit}`;
    }
  }
}

/** What a figure stands on: its interval, if it has one, and its requests. */
export function standsOn(row: BoardRow, figure: BoardFigure): string {
  const count = `n = ${grouped(figure.requests)}`;
  if (figure.low == null || figure.high == null) return count;
  return `${figureText(row, figure.low)} to ${figureText(row, figure.high)}, ${count}`;
}

/** Whether a change is more than chance. */
export function sureText(row: BoardRow): string {
  if (row.sure == null) return row.unit === 'micros' && row.before.low == null ? 'no interval' : '';
  return row.sure ? 'sure' : 'may be chance';
}

/** What findings that are open still cost. */
export function openText(board: Board): string {
  const { user_hours_per_day: users, database_hours_per_day: database } = board.open;
  const hours = (value: number) => {
    const { value: told, unit } = hoursPerDay(value);
    return `${told} ${unit}`;
  };
  const money =
    board.open.money_per_month == null
      ? ''
      : `, about ${board.open.currency} ${digits(board.open.money_per_month)} a month`;
  return `What is still open costs your users ${hours(users)} and the database ${hours(database)}${money}.`;
}

/** What a remedy was measured to do, and when; nothing if it was not. */
export function measuredText(remedy: LedgerEntry): string | undefined {
  const measured = remedy.remedy?.measured;
  if (measured == null) return undefined;
  const { before, after } = measured;
  const compared =
    before == null || after == null
      ? ''
      : `; ${plural(before, 'request')} before, ${grouped(after)} after`;
  return `${measured.claim}${compared} (${dayText(measured.unix_ms)})`;
}

/** `2026-01-31`, in the zone in which moments are told. */
export function dayText(unixMs: number): string {
  return full(unixMs).slice(0, 10);
}

export function remedyText(entry: LedgerEntry): string {
  return `${entry.title} (${entry.remedy?.by_hand === true ? 'by hand' : 'by Taut'})`;
}

/** What was run, and what came of it. */
export function runText(entry: LedgerEntry): string {
  const verdict = entry.run?.verdict ?? '';
  return verdict === '' ? entry.title : `${entry.title}: ${verdict}`;
}

export function figuresText(entry: LedgerEntry): string {
  return (entry.run?.figures ?? [])
    .map((one) => `${one.name} ${measureText(one.value, one.unit)}`)
    .join(', ');
}

/** The report as Markdown. */
export function boardMarkdown(title: string, board: Board, told: Told): string {
  const parts = [`# ${cell(title)}`, cell(boardClaim(board))];
  parts.push(
    basis(board)
      .map((line) => `- ${cell(line)}`)
      .join('\n'),
    cell(openText(board)),
  );
  const all = totals(board);
  if (all.length > 0) {
    const lines = all.map((one) => row([one.name, one.before, one.after, one.change]));
    parts.push('## In total', table(['', 'before', 'after', 'change'], '|---|--:|--:|--:|', lines));
  }
  if (board.rows.length > 0) {
    const lines = board.rows.map((one) =>
      row([
        one.operation,
        one.name,
        `${figureText(one, one.before.value)} (${standsOn(one, one.before)})`,
        `${figureText(one, one.after.value)} (${standsOn(one, one.after)})`,
        changeText(one.before.value, one.after.value),
        sureText(one),
      ]),
    );
    const heads = ['operation', 'metric', 'before', 'after', 'change', ''];
    parts.push('## By operation', table(heads, '|---|---|--:|--:|--:|---|', lines));
  }
  const { proven, applied, reverted, failed } = board.remedies;
  parts.push(...remedies(headed('What was proven', told.proven, proven), told.proven));
  parts.push(
    ...remedies(headed('Applied, and not proven yet', told.applied, applied), told.applied),
  );
  const undone = told.undone.map((one) => `- ${cell(remedyText(one))}: ${cell(why(one))}`);
  const heading = headed('What did not work, and was taken back', told.undone, reverted + failed);
  parts.push(`## ${heading}`, undone.join('\n') || 'Nothing.');
  if (told.decisions.length > 0) parts.push('## Decisions');
  for (const one of told.decisions) {
    const by = one.by === '' ? '' : `, ${cell(one.by)}`;
    parts.push(`### ${cell(one.title)}`, `${dayText(one.unix_ms)}${by}`);
    parts.push(...paragraphs(one.text).map(cell));
  }
  if (told.runs.length > 0) {
    const lines = told.runs.map((one) =>
      row([
        dayText(one.unix_ms),
        runText(one),
        grouped(one.run?.requests ?? 0),
        grouped(one.run?.failed ?? 0),
        figuresText(one),
      ]),
    );
    const heads = ['when', 'what', 'requests', 'failed', 'figures'];
    parts.push('## Runs', table(heads, '|---|---|--:|--:|---|', lines));
  }
  return `${parts.join('\n\n')}\n`;
}

/** A heading that tells where not all is told. */
export function headed(heading: string, entries: LedgerEntry[], all: number): string {
  return entries.length < all
    ? `${heading} (the newest ${grouped(entries.length)} of ${grouped(all)})`
    : heading;
}

export function why(undone: LedgerEntry): string {
  const reason = undone.remedy?.reason ?? '';
  return reason === '' ? 'no reason was noted' : reason;
}

function remedies(heading: string, entries: LedgerEntry[]): string[] {
  if (entries.length === 0) return [];
  const lines = entries.map((one) => {
    const measured = measuredText(one);
    const proven = measured === undefined ? '' : `. ${cell(measured)}`;
    const sql = (one.remedy?.apply ?? []).map((text) => `\n  - \`${text.replaceAll('`', "'")}\``);
    return `- ${cell(remedyText(one))}${proven}${sql.join('')}`;
  });
  return [`## ${heading}`, lines.join('\n')];
}

function table(heads: string[], rule: string, lines: string[]): string {
  return [row(heads), rule, ...lines].join('\n');
}

function row(cells: string[]): string {
  return `| ${cells.map(cell).join(' | ')} |`;
}

/** Text that is no Markdown, in one line: what others wrote must not become a heading, a cell or a tag. */
function cell(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_[\]|#<>]/g, (letter) => (letter === '<' ? '&lt;' : `\\${letter}`));
}
