/** What a finding costs a day: of the users' time, or of the database's where nobody is known to wait for it. */
import type { Finding } from '../api/types';

/** Only the database works in vain. */
export function ofDatabase({ impact }: Finding): boolean {
  return impact.user_hours_per_day <= 0 && impact.database_hours_per_day > 0;
}

/** In hours a day. */
export function wasted(finding: Finding): number {
  const { impact } = finding;
  return ofDatabase(finding) ? impact.database_hours_per_day : impact.user_hours_per_day;
}
