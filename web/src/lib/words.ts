/** Names of things in the words that every page uses. */
import type { Breakdown, Kind, Level } from '../api/types';

export const KINDS: { kind: Kind; name: string; of: (breakdown: Breakdown) => number }[] = [
  { kind: 'own', name: 'own code', of: (breakdown) => breakdown.own_micros },
  { kind: 'database', name: 'database', of: (breakdown) => breakdown.database_micros },
  { kind: 'cache', name: 'cache', of: (breakdown) => breakdown.cache_micros },
  { kind: 'http', name: 'HTTP', of: (breakdown) => breakdown.http_micros },
  { kind: 'queue', name: 'queue', of: (breakdown) => breakdown.queue_micros },
];

export const LEVELS: Level[] = ['critical', 'high', 'medium', 'low'];

const PROOFS: Record<string, string> = {
  'query-count': 'Count the queries of the same request: they must fall as shown above.',
  replay: 'Replay recorded requests: the answers must be equal byte by byte, and come sooner.',
  'critical-path': 'Look at the critical path of a new trace: these calls must be gone from it.',
  simulation: 'Simulate it on recorded traffic.',
  load: 'Put the same load on it: it must be served with less.',
  'what-if': 'Ask the database for the plan that it would use.',
  rehearsal: 'Run the statement both ways on a copy: same rows, less cost.',
  'before-after': 'Compare the same hours before and after: the interval must lie below zero.',
  bytes: 'Compare the bytes of the answers.',
  'fault-injection': 'Make the dependency fail, and watch the callers.',
};

export function proofText(name: string): string {
  return PROOFS[name] ?? name;
}
