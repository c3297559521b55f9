/** Runs that were recorded, in words. */
import type { LedgerEntry, RunKind, Runs } from '../api/types';
import { plural } from './format';
import { intervalText, measureText } from './ledger';

export const RUN_KINDS: { kind: RunKind; one: string; words: string }[] = [
  { kind: 'load', one: 'load', words: 'loads' },
  { kind: 'limit', one: 'search for a limit', words: 'searches for a limit' },
  { kind: 'replay', one: 'replay', words: 'replays' },
  { kind: 'comparison', one: 'comparison', words: 'comparisons' },
  { kind: 'check', one: 'check', words: 'checks' },
];

/** Figures that a list has room for, of those that a run keeps. */
const MAIN = ['p50', 'p95', 'p99', 'rate', 'held', 'broke', 'knee', 'compared', 'different'];

/** Of these any but none is bad. */
const BAD = ['different', 'broken'];

export function runKind(run: LedgerEntry): RunKind {
  return run.run?.of ?? 'comparison';
}

export function runKindWords(run: LedgerEntry): string {
  const kind = runKind(run);
  return RUN_KINDS.find((known) => known.kind === kind)?.one ?? kind;
}

/** How many there are of each kind; kinds of which there are none are left out. */
export function runCounts(runs: Runs): string {
  const parts = RUN_KINDS.flatMap(({ kind, one, words }) => {
    const count = runs.kinds.find((known) => known.kind === kind)?.count ?? 0;
    return count === 0 ? [] : [plural(count, one, words)];
  });
  return parts.join(', ');
}

/** What came of it, in a few words; empty where only figures tell. */
export function runVerdict(run: LedgerEntry): string {
  return run.proof?.verdict ?? run.run?.verdict ?? '';
}

/** Whether what came of it is not what was hoped for. */
export function isBad(run: LedgerEntry): boolean {
  if (run.proof != null) return run.proof.verdict === 'worse';
  if (runVerdict(run).startsWith('missed ')) return true;
  return (run.run?.figures ?? []).some((one) => BAD.includes(one.name) && one.value > 0);
}

/** The figures that matter most, in a line. */
export function runFigures(run: LedgerEntry): string {
  const decided = run.proof?.rows.find((row) => row.decides);
  if (decided !== undefined) {
    const { name, unit, before, after } = decided;
    return `${name} ${measureText(before, unit)} → ${measureText(after, unit)} (${intervalText(decided)})`;
  }
  return (run.run?.figures ?? [])
    .filter((one) => MAIN.includes(one.name))
    .map((one) => `${one.name} ${measureText(one.value, one.unit)}`)
    .join(', ');
}
