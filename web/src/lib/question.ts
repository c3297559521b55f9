/** Questions of the Explore page: from its address to the API, and answers to cells of tables and of CSV. */
import type { FigureUnit, KeyValue, TableAnswer } from '../api/types';
import { bytes, digits, duration, durationText, percent, rate, type Figure } from './format';
import { rangeSeconds, type Range } from './time';

export type Of = 'spans' | 'logs' | 'metrics';

/** What is asked unless the address says otherwise. */
export const DEFAULTS: Record<Of, { group: string; show: string; order: string }> = {
  spans: { group: 'service.name,name', show: 'count,rate,error_rate,p50,p95', order: '' },
  logs: { group: 'service.name,severity', show: 'count,rate', order: '' },
  metrics: { group: 'name,service.name', show: 'count', order: '' },
};

/** Filters to begin with. */
export const EXAMPLES: Record<Of, { words: string; filter: string }[]> = {
  spans: [
    { words: 'slow ones', filter: 'duration > 500ms' },
    { words: 'failed ones', filter: 'status = error' },
    { words: 'requests', filter: 'kind = server' },
    { words: 'statements', filter: 'statement exists' },
  ],
  logs: [
    { words: 'errors', filter: 'severity in (error, fatal)' },
    { words: 'within traces', filter: 'trace.id exists' },
  ],
  metrics: [{ words: 'of hosts', filter: 'name contains system.' }],
};

/** Lengths of a step, in seconds, as the API writes them. */
const STEPS: [number, string][] = [
  [10, '10s'],
  [30, '30s'],
  [60, '1m'],
  [300, '5m'],
  [900, '15m'],
  [3600, '1h'],
  [10_800, '3h'],
  [86_400, '1d'],
];

/** The shortest step of which a window has at most 90. */
export function stepFor(range: Range): string {
  const length = rangeSeconds(range);
  return STEPS.find(([step]) => length / step <= 90)?.[1] ?? '1d';
}

/** What a figure of a step is of, where it is a sum over it: ` a minute`, ` in 5 min`. */
export function perStep(name: string, stepSeconds: number): string {
  if (!/^(count|errors|sum\(.*\))$/.test(name)) return '';
  const known = { 1: 'a second', 60: 'a minute', 3600: 'an hour', 86_400: 'a day' }[stepSeconds];
  return ` ${known ?? `in ${durationText(stepSeconds * 1e6).replace(/\.0+ /, ' ')}`}`;
}

/** A figure as people read it. */
export function figure(value: number | null | undefined, unit: FigureUnit): Figure {
  if (value == null) return { value: '–', unit: '' };
  switch (unit) {
    case 'micros':
      return duration(value);
    case 'per-second':
      return rate(value);
    case 'share':
      return percent(value);
    case 'none':
      return { value: digits(value), unit: '' };
  }
}

export function figureText(value: number | null | undefined, unit: FigureUnit): string {
  const { value: text, unit: small } = figure(value, unit);
  return small === '' ? text : `${text} ${small}`;
}

interface Grouped {
  of: Of;
  range: Range;
  where: string;
  group: string;
  show: string;
  order: string;
}

/** What a question for groups asks the API for: its table, or a file of it. */
export function askOf({ of, range, where, group, show, order }: Grouped) {
  return { of, ...range, where, group, show, order, step: stepFor(range) };
}

/** A figure of a resource as people read it. */
export function resourceFigure(
  value: number,
  unit: 'share' | 'bytes' | 'bytes-per-second' | 'count' | 'per-second' | 'seconds',
): Figure {
  switch (unit) {
    case 'share':
      return percent(value);
    case 'bytes':
      return bytes(value);
    case 'bytes-per-second': {
      const of = bytes(value);
      return { value: of.value, unit: `${of.unit}/s` };
    }
    case 'per-second':
      return rate(value);
    case 'seconds':
      return duration(value * 1e6);
    case 'count':
      return { value: digits(value), unit: '' };
  }
}

/** The answer as CSV (RFC 4180), a line for each group, or for each group and step. */
export function csv(answer: TableAnswer): string {
  const stepped = answer.step_seconds != null;
  const heads = answer.columns.map((column) => `${column.name}${CSV_UNITS[column.unit]}`);
  const head = [...answer.group, ...(stepped ? ['time'] : []), ...heads];
  const lines = answer.rows.flatMap((row) => {
    const key = row.key.map((value) => value ?? '');
    if (!stepped) return [[...key, ...row.figures.map(plain)]];
    return row.steps.map((step) => [
      ...key,
      new Date(step.from_unix_ms).toISOString(),
      ...step.figures.map(plain),
    ]);
  });
  return csvOf(head, lines);
}

/** Rows as CSV. */
export function csvOf(head: string[], rows: (string | null)[][]): string {
  const line = (cells: (string | null)[]) => cells.map((cell) => quoted(cell ?? '')).join(',');
  return [head, ...rows].map(line).join('\r\n') + '\r\n';
}

const CSV_UNITS: Record<FigureUnit, string> = {
  micros: ' [µs]',
  'per-second': ' [1/s]',
  share: '',
  none: '',
};

function plain(value: number | null): string {
  return value === null ? '' : String(value);
}

/** Spreadsheets take what begins like a formula for one: such a text is made one again. */
function quoted(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Letters of a query that a saved view takes are 4,000; some of them are for the rest of the question. */
const LINKABLE_MAX = 3500;

/** Whether an address, and with it a saved view, can hold a text. */
export function linkable(text: string): boolean {
  return new URLSearchParams({ text }).toString().length <= LINKABLE_MAX;
}

/** A filter that rows with this value pass, or those without any. */
export function is(field: string, value: string | null | undefined): string {
  return value == null ? `not ${named(field)} exists` : `${named(field)} = ${literal(value)}`;
}

/** A filter that the requests of an endpoint pass. */
export function ofEndpoint({ service, operation }: { service: string; operation: string }): string {
  return joined(is('service.name', service), is('operation', operation));
}

/** A filter that a group's rows pass, joined to the one that was asked with. */
export function within(filter: string, group: string[], key: (string | null)[]): string {
  return joined(filter, group.map((field, place) => is(field, key[place])).join(' and '));
}

/** Longer values are not asked for: a question has 4,000 letters. */
const VALUE_MAX = 1000;

/** A filter that spans of a service pass which carry the same as one of them, or whose processes do. */
export function alike(
  service: string,
  of: 'attributes' | 'resource',
  { key, value }: KeyValue,
): string | undefined {
  const own = is('service.name', service);
  if (of === 'resource' && key === 'service.name') return own;
  // An empty text is kept as none.
  if (value === '' || value.length > VALUE_MAX) return undefined;
  return joined(own, is(`${of}.${key}`, value));
}

/** Two filters that both have to pass. */
export function joined(one: string, other: string): string {
  if (one.trim() === '' || other === '') return one.trim() || other;
  return `${/\bor\b/i.test(one) ? `(${one})` : one} and ${other}`;
}

/** A field as the grammar takes it: between backticks where it has signs or is called like a word of it. */
function named(field: string): string {
  return /^[\w.\-/]+$/.test(field) && !/^(and|or|not|in|exists|contains)$/i.test(field)
    ? field
    : `\`${field.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

export function literal(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
