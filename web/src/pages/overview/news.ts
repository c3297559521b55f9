/** Which findings are news: those first seen since a moment, apart from what stands in the list above already. */
import type { Finding } from '../../api/types';

export interface News {
  /** New ones among the first, which are listed above. */
  above: number;
  /** The other new ones. */
  others: Finding[];
}

/** Of findings in their order, the first of which are `listed` already. */
export function news(findings: Finding[], sinceUnixMs: number, listed: number): News {
  const isNew = (one: Finding) => one.first_seen_unix_ms >= sinceUnixMs;
  return {
    above: findings.slice(0, listed).filter(isNew).length,
    others: findings.slice(listed).filter(isNew),
  };
}
