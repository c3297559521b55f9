/** What the ledger has, in words. */
import type { Ledger, LedgerEntry, LedgerKind, LedgerProofRow } from '../api/types';
import { digits, grouped, plural } from './format';

export const KINDS: { kind: LedgerKind; words: string; one: string }[] = [
  { kind: 'remedy', words: 'remedies', one: 'remedy' },
  { kind: 'proof', words: 'proofs', one: 'proof' },
  { kind: 'decision', words: 'decisions', one: 'decision' },
  { kind: 'run', words: 'runs', one: 'run' },
  { kind: 'note', words: 'notes on findings', one: 'note' },
];

/** States of remedies, in the order in which they go through them. */
export const REMEDY_STATES = ['proposed', 'rehearsed', 'applied', 'proven', 'reverted', 'failed'];

export function kindWords(kind: LedgerKind): string {
  return KINDS.find((known) => known.kind === kind)?.one ?? kind;
}

/** How much there is of each kind; kinds of which there is nothing are left out. */
export function countsText(ledger: Ledger): string {
  const parts = KINDS.flatMap(({ kind, words, one }) => {
    const count = ledger.kinds.find((known) => known.kind === kind)?.count ?? 0;
    return count === 0 ? [] : [plural(count, one, words)];
  });
  return parts.length === 0 ? 'nothing so far' : parts.join(', ');
}

/** What stands at the entry's side: the state of a remedy, the verdict of a proof. */
export function standsText(entry: LedgerEntry): string {
  return entry.remedy?.state ?? entry.proof?.verdict ?? kindWords(entry.kind);
}

/** A measure with its unit. */
export function measureText(value: number, unit: string): string {
  return unit === '' ? digits(value) : `${digits(value)} ${unit}`;
}

/** Where a relative change lies: `−94 % to −90 %`, or `−80 % or more`. */
export function intervalText({ low, high, at_least: atLeast }: LedgerProofRow): string {
  if (low != null && high != null) return `${signed(low)} to ${signed(high)}`;
  return atLeast == null ? '–' : `${signed(atLeast)} or more`;
}

export function signed(share: number): string {
  const size = Math.abs(share) * 100;
  const rounded = size >= 10 ? grouped(size) : digits(size, 2);
  if (rounded === '0') return '0 %';
  return `${share > 0 ? '+' : '−'}${rounded} %`;
}

/** A text in its paragraphs. */
export function paragraphs(text: string): string[] {
  return text.split(/\n\s*\n/).flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
}
