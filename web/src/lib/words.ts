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
